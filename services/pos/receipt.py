"""A guest's receipt as HTML and as PDF, in English, French or Arabic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import fontpkg_ibm_plex_sans_arabic  # type: ignore[import-untyped]  # ships no types
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.pos.domain.money import unit_of
from services.pos.queries.orders import WholeOrder

RIGHT_TO_LEFT: Final = frozenset({"ar"})
_MARGIN_MM: Final = 4
# A pixel of 1/96 inch in points, and the millimetres that a line of such letters takes.
_POINTS: Final = 0.75
_LINE_MM: Final = 0.5
_SMALL: Final = 12
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
    """One line of a receipt; `details` are what it is and what one costs, where those are shown, and modifiers."""

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
class Style:
    """How receipts look, as a restaurant decides; widths in millimetres, sizes in pixels of 1/96 inch."""

    header_text: str | None = None
    footer_text: str | None = None
    show_item_codes: bool = False
    show_item_descriptions: bool = True
    show_unit_prices: bool = False
    show_discount_details: bool = True
    show_tax_breakdown: bool = True
    paper_width: int = 80
    font_size_items: int = 12
    font_size_total: int = 14

    @property
    def describes_items(self) -> bool:
        """Whether more is shown of an item than its name."""
        return self.show_item_codes or self.show_item_descriptions


@dataclass(frozen=True, slots=True)
class Receipt:
    """What stands on a receipt, ready to be set."""

    style: Style
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


def receipt_of(
    whole: WholeOrder, restaurant: str, zone: ZoneInfo, language: str, style: Style, items: Mapping[UUID, Any]
) -> Receipt:
    """The receipt of an order, in English for languages that there are no words for.

    `items` are those of the menu whose codes and descriptions are shown.
    """
    row = whole.row
    language = language if language in _TEXTS else "en"
    moment: datetime = row.completion_time or row.order_time
    return Receipt(
        style=style,
        language=language,
        restaurant=restaurant,
        number=row.order_number,
        moment=f"{moment.astimezone(zone):%Y-%m-%d %H:%M}",
        table=str(row.table_number or ""),
        lines=[
            Line(
                line.quantity,
                _named(line, items, style),
                _plain(line.total_price, row.currency),
                [
                    *_described(line, items, style),
                    *_each(line, row.currency, style),
                    *(modifier["name"] for modifier in line.modifiers),
                ],
            )
            for line in whole.lines
            if line.status != "CANCELLED"
        ],
        sums=_sums(row, whole.payments, _TEXTS[language], style),
    )


def html(receipt: Receipt) -> bytes:
    """The receipt as a page."""
    text = _HTML.get_template("receipt.html.jinja").render(
        style=receipt.style,
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

    style, sizes = receipt.style, (receipt.style.font_size_items, receipt.style.font_size_total)
    sheet = FPDF(unit="mm")
    sheet.set_auto_page_break(auto=False)
    sheet.set_margin(_MARGIN_MM)
    for face, weight in (("", "Regular"), ("B", "Bold")):
        sheet.add_font("plex", face, _FONT_FILES / f"IBMPlexSansArabic-{weight}.ttf")
    sheet.set_text_shaping(True)
    sheet.set_font("plex", "", _SMALL * _POINTS)
    rows = sum(1 + len(line.details) for line in receipt.lines) + len(receipt.sums)
    words = sum(_height(sheet, text, style.paper_width) for text in (style.header_text, style.footer_text))
    sheet.add_page(format=(style.paper_width, 50 + words + rows * max(sizes) * _LINE_MM))
    sheet.set_font("plex", "B", 14)
    sheet.multi_cell(0, 7, receipt.restaurant, align="C", new_x="LMARGIN", new_y="NEXT")
    sheet.set_font("plex", "", _SMALL * _POINTS)
    place = f"{receipt.texts['table']} {receipt.table}" if receipt.table else ""
    for text in filter(None, (style.header_text, receipt.number, receipt.moment, place)):
        sheet.multi_cell(0, 5, text, align="C", new_x="LMARGIN", new_y="NEXT")
    sheet.ln(3)
    rtl = receipt.language in RIGHT_TO_LEFT
    for line in receipt.lines:
        _row(sheet, f"{line.quantity} × {line.name}", line.amount, style.font_size_items, rtl=rtl)
        for detail in line.details:
            _row(sheet, f"  {detail}", "", style.font_size_items, rtl=rtl)
    sheet.ln(2)
    for amount in receipt.sums:
        size = style.font_size_total if amount.strong else style.font_size_items
        _row(sheet, amount.name, amount.amount, size, rtl=rtl, strong=amount.strong)
    if style.footer_text:
        sheet.ln(3)
        sheet.set_font("plex", "", _SMALL * _POINTS)
        sheet.multi_cell(0, 5, style.footer_text, align="C", new_x="LMARGIN", new_y="NEXT")
    return bytes(sheet.output())


def _height(sheet: Any, text: str | None, width: int) -> float:
    """At least the height of a text of several lines, wherever words make it break."""
    room = width - 2 * _MARGIN_MM
    return 5.0 * sum(1 + int(1.5 * sheet.get_string_width(line) / room) for line in (text or "").splitlines())


def _row(sheet: Any, name: str, amount: str, size: int, *, rtl: bool, strong: bool = False) -> None:
    sheet.set_font("plex", "B" if strong else "", size * _POINTS)
    width, height = sheet.epw, size * _LINE_MM
    cells = [(name, width * 0.68, "R" if rtl else "L"), (amount, width * 0.32, "L" if rtl else "R")]
    if rtl:
        cells.reverse()
    for text, cell_width, align in cells:
        shown = text
        while len(shown) > 1 and sheet.get_string_width(shown) > cell_width - 2:
            shown = shown[:-2] + "…"
        sheet.cell(cell_width, height, shown, align=align)
    sheet.ln(height)


def _named(line: Any, items: Mapping[UUID, Any], style: Style) -> str:
    """What was ordered, behind the code that the till system knows it by, where that is shown."""
    item = items.get(line.menu_item_id)
    code = item.external_id if style.show_item_codes and item is not None else None
    return f"{code} {line.name}" if code else line.name


def _described(line: Any, items: Mapping[UUID, Any], style: Style) -> list[str]:
    """The first line of what the menu says of it now, where that is shown."""
    item = items.get(line.menu_item_id)
    text = (item.description or "").strip() if style.show_item_descriptions and item is not None else ""
    return text.splitlines()[:1]


def _each(line: Any, currency: str, style: Style) -> list[str]:
    """What one of several costs, where that is shown."""
    is_shown = style.show_unit_prices and line.quantity > 1
    return [f"{line.quantity} × {_plain(line.unit_price, currency)}"] if is_shown else []


def _sums(row: Any, payments: Sequence[Any], texts: dict[str, str], style: Style) -> list[Sum]:
    def amount(value: Decimal) -> str:
        return _plain(value, row.currency)

    sums = [Sum(texts["subtotal"], amount(row.subtotal))]
    if row.discount_amount:
        reason = f" ({row.discount_reason})" if style.show_discount_details and row.discount_reason else ""
        sums.append(Sum(texts["discount"] + reason, f"-{amount(row.discount_amount)}"))
    if row.service_charge:
        sums.append(Sum(texts["service"], amount(row.service_charge)))
    if row.tax_amount != row.tax_included:
        sums.append(Sum(texts["tax"], amount(row.tax_amount - row.tax_included)))
    sums.append(Sum(f"{texts['total']} {row.currency}", amount(row.total_amount), strong=True))
    if row.tax_included and style.show_tax_breakdown:
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
