"""What people write over WhatsApp, and what they mean by it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

LONGEST_TEXT: Final = 4000

IDLE: Final = "idle"
AWAITING_LOCATION: Final = "awaiting_clock_in_location"
IN_CHECKLIST: Final = "in_checklist"
FOLLOWUP: Final = "checklist_followup"
HELP_TEXT: Final = "checklist_help_text"
DELAY_ETA: Final = "checklist_delay_eta"
AWAITING_PHOTO: Final = "awaiting_task_photo"
AWAITING_FEEDBACK: Final = "awaiting_feedback"
INCIDENT_TEXT: Final = "awaiting_incident_text"
INCIDENT_TYPE: Final = "awaiting_incident_clarification"
REQUEST_TEXT: Final = "awaiting_request_text"

TAKES_ANY_TEXT: Final = frozenset({HELP_TEXT, INCIDENT_TEXT, INCIDENT_TYPE, REQUEST_TEXT})
"""States in which a text is an answer, whatever else it might mean; only cancelling is not."""

INCIDENT_TYPES: Final = ("Safety", "Maintenance", "HR", "Service", "Other")


@dataclass(frozen=True, slots=True)
class Said:
    """One message: a text, a button or row that was chosen, a place, a picture, or something that is none of these."""

    text: str = ""
    choice: str = ""
    place: tuple[float, float] | None = None
    picture: str = ""
    """The id of a picture; its caption is the text."""
    is_voice: bool = False
    flow: Mapping[str, Any] | None = None


def read(message: Mapping[str, Any]) -> Said:
    """A message as WhatsApp delivers it; what is malformed says nothing."""
    part = message.get(str(message.get("type")))
    content: Mapping[str, Any] = part if isinstance(part, Mapping) else {}
    match message.get("type"):
        case "text":
            return Said(text=_text(content.get("body")))
        case "interactive":
            return _interactive(content)
        case "button":
            # The quick reply of a template: its payload, or else what stands on it.
            return Said(choice=_text(content.get("payload")), text=_text(content.get("text")))
        case "location":
            return Said(place=_place(content))
        case "image":
            return Said(picture=_text(content.get("id")), text=_text(content.get("caption")))
        case "audio" | "voice":
            return Said(is_voice=True)
    return Said()


def _interactive(content: Mapping[str, Any]) -> Said:
    for kind in ("button_reply", "list_reply"):
        reply = content.get(kind)
        if isinstance(reply, Mapping):
            return Said(choice=_text(reply.get("id")))
    reply = content.get("nfm_reply")
    if isinstance(reply, Mapping):
        flow = _json_object(reply.get("response_json"))
        return Said(flow=flow)
    return Said()


def _json_object(text: Any) -> Mapping[str, Any]:
    if isinstance(text, Mapping):
        return text
    try:
        found = json.loads(text) if isinstance(text, str) else {}
    except json.JSONDecodeError:
        return {}
    return found if isinstance(found, Mapping) else {}


def _place(content: Mapping[str, Any]) -> tuple[float, float] | None:
    try:
        latitude, longitude = float(content["latitude"]), float(content["longitude"])
    except (KeyError, TypeError, ValueError):
        return None
    return (latitude, longitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None


def _text(value: Any) -> str:
    return value.strip()[:LONGEST_TEXT].replace("\x00", "") if isinstance(value, str) else ""


_COMMANDS: Final[dict[str, tuple[str, ...]]] = {
    "help": ("hi", "hello", "menu", "help", "salut", "bonjour", "aide", "مرحبا", "السلام عليكم", "مساعدة"),
    "clock_in": ("clock in", "clock-in", "clockin", "clock_in_now", "pointer", "arrivée", "حضور", "تسجيل الحضور"),
    "clock_out": ("clock out", "clock-out", "clockout", "clock_out_now", "sortie", "départ", "انصراف"),
    "report": ("report", "incident", "issue", "signaler", "بلاغ", "حادث"),
    "accept": ("accept", "accept invite", "accept invitation", "accepter", "j'accepte", "قبول", "أقبل"),
    "tasks": ("tasks", "my tasks", "tâches", "mes tâches", "مهام", "مهامي"),
    "checklist": ("checklist", "checklists", "liste", "قائمة"),
    "request": ("request", "demande", "طلب"),
    "cancel": ("cancel", "stop", "annuler", "إلغاء"),
}
_BY_WORDS: Final = {words: command for command, spellings in _COMMANDS.items() for words in spellings}
COMPLETE: Final = re.compile(r"(?:complete|terminer|إنجاز)\s+(\d{1,2})")


def command_of(said: Said) -> str:
    """The command that a message is; empty for another one."""
    words = " ".join((said.choice or said.text).lower().strip(" .!?؟").split())
    return _BY_WORDS.get(words, "")


_TYPES: Final[dict[str, tuple[str, ...]]] = {
    "Safety": (
        *("injury", "injured", "hurt", "slip", "fall", "fell", "bleed", "burn", "fire", "unsafe", "hazard", "accident"),
        *("safety", "blessé", "blessure", "chute", "brûlure", "feu", "incendie", "danger", "sécurité"),
        *("إصابة", "جرح", "حريق", "سقوط", "حرق", "خطر", "السلامة"),
    ),
    "Maintenance": (
        *("broken", "leak", "maintenance", "machine", "equipment", "fridge", "freezer", "oven", "gas", "water"),
        *("cassé", "cassée", "fuite", "panne", "frigo", "four", "gaz", "eau"),
        *("معطل", "مكسور", "تسرب", "ثلاجة", "فرن", "غاز", "الصيانة"),
    ),
    "HR": (
        *("harassment", "abuse", "discrimination", "fight", "threat", "hr"),
        *("harcèlement", "abus", "bagarre", "menace", "تحرش", "شجار", "تهديد"),
    ),
    "Service": (
        *("customer", "guest", "complaint", "service", "refund"),
        *("client", "cliente", "plainte", "remboursement", "زبون", "شكوى"),
    ),
}
_SEVERITIES: Final[dict[str, tuple[str, ...]]] = {
    "CRITICAL": (
        *("critical", "life threatening", "fire", "gas leak", "explosion", "incendie", "fuite de gaz"),
        *("حريق", "تسرب غاز", "انفجار"),
    ),
    "HIGH": (
        *("injury", "injured", "bleeding", "severe", "danger", "urgent", "emergency"),
        *("blessé", "blessure", "grave", "urgence", "إصابة", "نزيف", "خطير", "عاجل"),
    ),
    "LOW": ("minor", "small", "low risk", "mineur", "petit", "بسيط"),
}


def incident_type(text: str) -> str:
    """What kind of incident a text speaks of; empty where it does not say."""
    return _first(text, _TYPES)


def incident_severity(text: str) -> str:
    """How bad it is, by the words of the text."""
    return _first(text, _SEVERITIES) or "MEDIUM"


def _first(text: str, words: Mapping[str, tuple[str, ...]]) -> str:
    lowered = text.lower()
    for name, candidates in words.items():
        if any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", lowered) for word in candidates):
            return name
    return ""


_YESTERDAY: Final = ("yesterday", "hier", "أمس", "البارحة")
_CLOCK: Final = re.compile(r"(?<!\d)([01]?\d|2[0-3])(?::|h)([0-5]\d)(?!\d)|(?<!\d)(1[0-2]|0?[1-9])\s?(am|pm)(?!\w)")


def incident_time(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """When it happened: yesterday, or at a time of day that has passed, where the text says so; otherwise now."""
    lowered = text.lower()
    local = now.astimezone(zone)
    day = local.date()
    is_yesterday = any(re.search(rf"(?<!\w){word}(?!\w)", lowered) for word in _YESTERDAY)
    if is_yesterday:
        day -= timedelta(days=1)
    found = _CLOCK.search(lowered)
    if found is None:
        return (now - timedelta(days=1)) if is_yesterday else now
    if found[1] is not None:
        moment = time(int(found[1]), int(found[2]))
    else:
        moment = time(int(found[3]) % 12 + (12 if found[4] == "pm" else 0))
    told = datetime.combine(day, moment, zone).astimezone(UTC)
    return told if told <= now else told - timedelta(days=1)


def number_in(text: str) -> str | None:
    """The number that a text consists of, with a point; None for another text."""
    digits = text.translate(str.maketrans("٠١٢٣٤٥٦٧٨٩٫", "0123456789.")).replace(",", ".").strip()
    found = re.match(r"[+-]?\d{1,8}(?:\.\d{1,2})?(?=\D*$)", digits)
    return found[0] if found else None
