"""A person's record as a PDF, in English, French or Arabic.

The library shapes letters and orders scripts itself; what is left to do here for a language that is written from right
to left is to set texts and columns from that side.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import orjson

from services.identity.domain import roles

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
    # The PDF library takes a second of processor time to import, which starting the service need not wait for.
    from services.identity.sheet import Sheet

    texts = _TEXTS.get(language, _TEXTS["en"])
    sheet = Sheet(texts, right_to_left=language in RIGHT_TO_LEFT)
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
