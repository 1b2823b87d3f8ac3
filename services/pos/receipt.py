"""A guest's receipt as HTML and as PDF, in English, French or Arabic."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import fontpkg_ibm_plex_sans_arabic  # type: ignore[import-untyped]  # ships no types
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.pos.domain.money import unit_of
from services.pos.queries.orders import WholeOrder

RIGHT_TO_LEFT: Final = frozenset({"ar"})
WIDTH_MM: Final = 80
_FONT_FILES: Final = Path(fontpkg_ibm_plex_sans_arabic.ROOT) / "files"
_HTML: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEXTS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "receipt": "Receipt",
        "table": "Table",
        "subtotal": "Subtotal",
        "discount": "Discount",
        "service": "Service",
        "tax": "Tax",
        "included": "of which tax",
        "total": "Total",
        "tip": "Tip",
        "change": "Change",
        "refunded": "Refunded",
        "due": "To be paid",
        "CASH": "Cash",
        "CARD": "Card",
        "DIGITAL_WALLET": "Digital wallet",
        "BANK_TRANSFER": "Bank transfer",
        "CHECK": "Cheque",
        "CREDIT": "Credit",
    },
    "fr": {
        "receipt": "Reçu",
        "table": "Table",
        "subtotal": "Sous-total",
        "discount": "Remise",
        "service": "Service",
        "tax": "Taxe",
        "included": "dont taxe",
        "total": "Total",
        "tip": "Pourboire",
        "change": "Monnaie rendue",
        "refunded": "Remboursé",
        "due": "À payer",
        "CASH": "Espèces",
        "CARD": "Carte",
        "DIGITAL_WALLET": "Portefeuille électronique",
        "BANK_TRANSFER": "Virement",
        "CHECK": "Chèque",
        "CREDIT": "Crédit",
    },
    "ar": {
        "receipt": "إيصال",
        "table": "طاولة",
        "subtotal": "المجموع الفرعي",
        "discount": "خصم",
        "service": "خدمة",
        "tax": "ضريبة",
        "included": "منها ضريبة",
        "total": "المجموع",
        "tip": "إكرامية",
        "change": "الباقي",
        "refunded": "مسترد",
        "due": "المطلوب",
        "CASH": "نقدا",
        "CARD": "بطاقة",
        "DIGITAL_WALLET": "محفظة رقمية",
        "BANK_TRANSFER": "تحويل بنكي",
        "CHECK": "شيك",
        "CREDIT": "آجل",
    },
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a receipt; `details` are modifiers."""

    quantity: int
    name: str
    amount: str
    details: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sum:
    """One amount under the lines."""

    name: str
    amount: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What stands on a receipt, ready to be set."""

    language: str
    restaurant: str
    number: str
    moment: str
    table: str
    lines: list[Line]
    sums: list[Sum]

    @property
    def texts(self) -> dict[str, str]:
        """The words of its language."""
        return _TEXTS[self.language]


def receipt_of(whole: WholeOrder, restaurant: str, zone: ZoneInfo, language: str) -> Receipt:
    """The receipt of an order, in English for languages that there are no words for."""
    row = whole.row
    language = language if language in _TEXTS else "en"
    moment: datetime = row.completion_time or row.order_time
    return Receipt(
        language=language,
        restaurant=restaurant,
        number=row.order_number,
        moment=f"{moment.astimezone(zone):%Y-%m-%d %H:%M}",
        table=str(row.table_number or ""),
        lines=[
            Line(
                line.quantity,
                line.name,
                _plain(line.total_price, row.currency),
                [modifier["name"] for modifier in line.modifiers],
            )
            for line in whole.lines
            if line.status != "CANCELLED"
        ],
        sums=_sums(row, whole.payments, _TEXTS[language]),
    )


def html(receipt: Receipt) -> bytes:
    """The receipt as a page."""
    text = _HTML.get_template("receipt.html.jinja").render(
        language=receipt.language,
        direction="rtl" if receipt.language in RIGHT_TO_LEFT else "ltr",
        texts=receipt.texts,
        restaurant=receipt.restaurant,
        number=receipt.number,
        moment=receipt.moment,
        table=receipt.table,
        lines=receipt.lines,
        sums=receipt.sums,
    )
    return text.encode()


def pdf(receipt: Receipt) -> bytes:
    """The receipt on a roll of paper; takes some tens of milliseconds of processor time, so it belongs on a thread."""
    # The PDF library takes a second of processor time to import, which starting the service need not wait for.
    from fpdf import FPDF

    rows = sum(1 + len(line.details) for line in receipt.lines) + len(receipt.sums)
    sheet = FPDF(unit="mm", format=(WIDTH_MM, 50 + 6 * rows))
    sheet.set_auto_page_break(auto=False)
    sheet.set_margin(4)
    for style, weight in (("", "Regular"), ("B", "Bold")):
        sheet.add_font("plex", style, _FONT_FILES / f"IBMPlexSansArabic-{weight}.ttf")
    sheet.set_text_shaping(True)
    sheet.add_page()
    sheet.set_font("plex", "B", 14)
    sheet.multi_cell(0, 7, receipt.restaurant, align="C", new_x="LMARGIN", new_y="NEXT")
    sheet.set_font("plex", "", 9)
    place = f"{receipt.texts['table']} {receipt.table}" if receipt.table else ""
    for text in filter(None, (receipt.number, receipt.moment, place)):
        sheet.cell(0, 5, text, align="C", new_x="LMARGIN", new_y="NEXT")
    sheet.ln(3)
    rtl = receipt.language in RIGHT_TO_LEFT
    for line in receipt.lines:
        _row(sheet, f"{line.quantity} × {line.name}", line.amount, rtl=rtl)
        for detail in line.details:
            _row(sheet, f"  {detail}", "", rtl=rtl)
    sheet.ln(2)
    for amount in receipt.sums:
        sheet.set_font("plex", "B" if amount.strong else "", 11 if amount.strong else 9)
        _row(sheet, amount.name, amount.amount, rtl=rtl)
    return bytes(sheet.output())


def _row(sheet: Any, name: str, amount: str, *, rtl: bool) -> None:
    width = sheet.epw
    cells = [(name, width * 0.68, "R" if rtl else "L"), (amount, width * 0.32, "L" if rtl else "R")]
    if rtl:
        cells.reverse()
    for text, cell_width, align in cells:
        shown = text
        while len(shown) > 1 and sheet.get_string_width(shown) > cell_width - 2:
            shown = shown[:-2] + "…"
        sheet.cell(cell_width, 6, shown, align=align)
    sheet.ln(6)


def _sums(row: Any, payments: Sequence[Any], texts: dict[str, str]) -> list[Sum]:
    def amount(value: Decimal) -> str:
        return _plain(value, row.currency)

    sums = [Sum(texts["subtotal"], amount(row.subtotal))]
    if row.discount_amount:
        sums.append(Sum(texts["discount"], f"-{amount(row.discount_amount)}"))
    if row.service_charge:
        sums.append(Sum(texts["service"], amount(row.service_charge)))
    if row.tax_amount != row.tax_included:
        sums.append(Sum(texts["tax"], amount(row.tax_amount - row.tax_included)))
    sums.append(Sum(f"{texts['total']} {row.currency}", amount(row.total_amount), strong=True))
    if row.tax_included:
        sums.append(Sum(texts["included"], amount(row.tax_included)))
    for payment in payments:
        sums.append(Sum(texts[payment.payment_method], amount(payment.amount_paid)))
        for name, value in (
            ("change", payment.change_given),
            ("tip", payment.tip_amount),
            ("refunded", payment.refund_amount + payment.tip_refund_amount),
        ):
            if value:
                sums.append(Sum(texts[name], amount(value)))
    if row.status not in ("COMPLETED", "CANCELLED") and row.total_amount > row.amount_paid:
        sums.append(Sum(texts["due"], amount(row.total_amount - row.amount_paid), strong=True))
    return sums


def _plain(value: Decimal, currency: str) -> str:
    return f"{value.quantize(unit_of(currency)):f}"
