"""A person's record as a PDF, in English, French or Arabic.

The library shapes letters and orders scripts itself; what is left to do here for a language that is written from right
to left is to set texts and columns from that side.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import fontpkg_ibm_plex_sans_arabic  # type: ignore[import-untyped]  # ships no types
import orjson
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace

from services.identity.domain import roles

FONT: Final = "plex"
_FONT_FILES: Final = Path(fontpkg_ibm_plex_sans_arabic.ROOT) / "files"
_GREY: Final = (95, 99, 104)
_SHADE: Final = (236, 239, 241)
RIGHT_TO_LEFT: Final = frozenset({"ar"})
LEFT_TO_RIGHT_MARK: Final = "\u200e"
"""Keeps the parts of a date in their order after Arabic letters."""

_TEXTS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "title": "Staff report",
        "made": "As of",
        "person": "Person",
        "email": "E-mail",
        "phone": "Phone",
        "role": "Role",
        "department": "Department",
        "position": "Position",
        "hired": "Hired on",
        "born": "Date of birth",
        "pay": "Pay",
        "HOURLY": "per hour",
        "MONTHLY": "per month",
        "emergency": "Emergency contact",
        "skills": "Skills",
        "certifications": "Certifications",
        "notes": "Notes",
        "documents": "Documents",
        "document": "Document",
        "uploaded": "Uploaded",
        "expires": "Expires",
        "expired": "expired",
        "performance": "Performance",
        "measure": "Measure",
        "times": "Records",
        "average": "Average",
        "latest": "Latest",
        "on": "On",
        "requests": "Requests",
        "PENDING": "Pending",
        "APPROVED": "Approved",
        "REJECTED": "Rejected",
        "ESCALATED": "Escalated",
        "CLOSED": "Closed",
        "none": "None",
        "page": "Page",
    },
    "fr": {
        "title": "Fiche du personnel",
        "made": "Au",
        "person": "Personne",
        "email": "E-mail",
        "phone": "Téléphone",
        "role": "Rôle",
        "department": "Service",
        "position": "Poste",
        "hired": "Embauche",
        "born": "Date de naissance",
        "pay": "Rémunération",
        "HOURLY": "par heure",
        "MONTHLY": "par mois",
        "emergency": "Contact d’urgence",
        "skills": "Compétences",
        "certifications": "Certifications",
        "notes": "Remarques",
        "documents": "Documents",
        "document": "Document",
        "uploaded": "Ajouté",
        "expires": "Expire",
        "expired": "expiré",
        "performance": "Performance",
        "measure": "Mesure",
        "times": "Relevés",
        "average": "Moyenne",
        "latest": "Dernier",
        "on": "Le",
        "requests": "Demandes",
        "PENDING": "En attente",
        "APPROVED": "Approuvées",
        "REJECTED": "Refusées",
        "ESCALATED": "Transmises",
        "CLOSED": "Closes",
        "none": "Aucun",
        "page": "Page",
    },
    "ar": {
        "title": "تقرير الموظف",
        "made": "بتاريخ",
        "person": "الشخص",
        "email": "البريد الإلكتروني",
        "phone": "الهاتف",
        "role": "الدور",
        "department": "القسم",
        "position": "المنصب",
        "hired": "تاريخ التوظيف",
        "born": "تاريخ الميلاد",
        "pay": "الأجر",
        "HOURLY": "في الساعة",
        "MONTHLY": "في الشهر",
        "emergency": "جهة اتصال الطوارئ",
        "skills": "المهارات",
        "certifications": "الشهادات",
        "notes": "ملاحظات",
        "documents": "الوثائق",
        "document": "الوثيقة",
        "uploaded": "تاريخ الإضافة",
        "expires": "تاريخ الانتهاء",
        "expired": "منتهية",
        "performance": "الأداء",
        "measure": "المؤشر",
        "times": "عدد القياسات",
        "average": "المتوسط",
        "latest": "الأحدث",
        "on": "في",
        "requests": "الطلبات",
        "PENDING": "قيد الانتظار",
        "APPROVED": "مقبولة",
        "REJECTED": "مرفوضة",
        "ESCALATED": "محالة",
        "CLOSED": "مغلقة",
        "none": "لا شيء",
        "page": "صفحة",
    },
}


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a person."""

    person: Any
    documents: Sequence[Any]
    metrics: Sequence[Any]
    """Figures, the newest day first."""
    request_counts: Mapping[str, int]
    today: date


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of one kind."""

    metric_type: str
    count: int
    average: float
    latest: float
    measured_on: date


def summaries(metrics: Iterable[Any]) -> list[Summary]:
    """The figures by kind, in the order of the kinds' names; of each the newest comes first in `metrics`."""
    kinds: dict[str, list[Any]] = {}
    for metric in metrics:
        kinds.setdefault(metric.metric_type, []).append(metric)
    return [
        Summary(
            kind,
            len(figures),
            sum(figure.value for figure in figures) / len(figures),
            figures[0].value,
            figures[0].measured_on,
        )
        for kind, figures in sorted(kinds.items())
    ]


def render(record: Record, language: str) -> bytes:
    """The PDF; takes some tens of milliseconds of processor time, so it belongs on a thread."""
    texts = _TEXTS.get(language, _TEXTS["en"])
    sheet = _Sheet(texts, right_to_left=language in RIGHT_TO_LEFT)
    person = record.person
    name = f"{person.first_name} {person.last_name}".strip() or person.email
    sheet.set_title(f"{texts['title']}: {name}")
    made = f"{texts['made']} {LEFT_TO_RIGHT_MARK}{record.today.isoformat()}"
    sheet.heading(name, f"{texts['title']} · {person.restaurant_name or ''} · {made}")
    sheet.pairs(_facts(record, texts))
    sheet.section(texts["documents"])
    sheet.rows(
        (texts["document"], texts["uploaded"], texts["expires"]),
        [
            (paper.title, paper.uploaded_at.date().isoformat(), _expiry(paper.expires_on, record.today, texts))
            for paper in record.documents
        ],
    )
    sheet.section(texts["performance"])
    sheet.rows(
        (texts["measure"], texts["times"], texts["average"], texts["latest"], texts["on"]),
        [
            (
                found.metric_type,
                str(found.count),
                f"{found.average:.2f}",
                f"{found.latest:g}",
                found.measured_on.isoformat(),
            )
            for found in summaries(record.metrics)
        ],
    )
    sheet.section(texts["requests"])
    states = ("PENDING", "ESCALATED", "APPROVED", "REJECTED", "CLOSED")
    sheet.rows([texts[state] for state in states], [[str(record.request_counts.get(state, 0)) for state in states]])
    return bytes(sheet.output())


def _facts(record: Record, texts: Mapping[str, str]) -> list[tuple[str, str]]:
    person = record.person
    recorded = person.p_user_id is not None
    emergency = " ".join(filter(None, (person.p_emergency_contact_name, person.p_emergency_contact_phone)))
    pay = f"{person.p_hourly_rate} {person.currency} {texts[person.p_salary_type]}" if recorded else ""
    found = [
        ("role", roles.label(person.role)),
        ("email", person.email),
        ("phone", person.phone),
        ("department", person.p_department),
        ("position", person.position),
        ("hired", person.p_join_date.isoformat() if person.p_join_date else ""),
        ("born", person.date_of_birth.isoformat() if person.date_of_birth else ""),
        ("pay", pay),
        ("emergency", emergency),
        ("skills", _listed(person.skills)),
        ("certifications", _listed(person.certifications)),
        ("notes", person.p_notes),
    ]
    return [(texts[key], value) for key, value in found if value]


def _listed(text: str | None) -> str:
    """A JSON list of texts or objects as one line."""
    items = orjson.loads(text) if text else []
    return ", ".join(
        " ".join(str(part) for part in item.values()) if isinstance(item, dict) else str(item) for item in items
    )


def _expiry(expires_on: date | None, today: date, texts: Mapping[str, str]) -> str:
    if expires_on is None:
        return "–"
    return expires_on.isoformat() if expires_on >= today else f"{expires_on.isoformat()} ({texts['expired']})"


class _Sheet(FPDF):
    """An A4 page with the report's letters and distances, set from the side where its language begins."""

    def __init__(self, texts: Mapping[str, str], *, right_to_left: bool) -> None:
        super().__init__(format="A4")
        self._texts = texts
        self._right_to_left = right_to_left
        self._side = "R" if right_to_left else "L"
        self.add_font(FONT, "", _FONT_FILES / "IBMPlexSansArabic-Regular.ttf")
        self.add_font(FONT, "B", _FONT_FILES / "IBMPlexSansArabic-Bold.ttf")
        self.set_text_shaping(True)
        self.set_margin(18)
        self.set_auto_page_break(True, margin=18)
        self.add_page()

    def footer(self) -> None:
        """The page's number."""
        self.set_y(-14)
        self._letters(8, colour=_GREY)
        self.cell(0, 6, f"{self._texts['page']} {self.page_no()}", align="C")

    def heading(self, name: str, under: str) -> None:
        """The person's name over a line of small print."""
        self._letters(20, bold=True)
        self._line(10, name)
        self._letters(9, colour=_GREY)
        self._line(6, under)
        self.ln(4)

    def section(self, title: str) -> None:
        """The title of what follows."""
        self.ln(5)
        self._letters(13, bold=True)
        self._line(9, title)

    def pairs(self, facts: Iterable[tuple[str, str]]) -> None:
        """Facts with their names."""
        self._table([(name, value) for name, value in facts], widths=(1, 3), headings=False)

    def rows(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table, or a word that there is nothing."""
        if not rows:
            self._letters(10, colour=_GREY)
            self._line(7, self._texts["none"])
            return
        widths = (3, *[1.4] * (len(headings) - 1)) if len(rows) > 1 or len(headings) < 5 else tuple([1] * len(headings))
        self._table([headings, *rows], widths=widths, headings=True)

    def _table(self, rows: Sequence[Sequence[str]], *, widths: Sequence[float], headings: bool) -> None:
        self._letters(10)
        with self.table(
            col_widths=self._ordered(widths),
            text_align=[self._side] * len(widths),
            borders_layout="HORIZONTAL_LINES",
            first_row_as_headings=headings,
            headings_style=FontFace(emphasis="BOLD", fill_color=_SHADE),
            line_height=6,
            padding=1,
        ) as table:
            for cells in rows:
                row = table.row()
                for cell in self._ordered(cells):
                    row.cell(cell)

    def _ordered(self, cells: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(reversed(cells)) if self._right_to_left else tuple(cells)

    def _line(self, height: float, text: str) -> None:
        self.multi_cell(0, height, text, align=self._side, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _letters(self, size: float, *, bold: bool = False, colour: tuple[int, int, int] = (0, 0, 0)) -> None:
        self.set_font(FONT, "B" if bold else "", size)
        self.set_text_color(*colour)
