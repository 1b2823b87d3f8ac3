"""WhatsApp's own rules: numbers, the day in which texts may be sent, templates, what a webhook holds."""

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

WINDOW: Final = timedelta(hours=24)
WINDOW_MARGIN: Final = timedelta(minutes=2)
"""Texts stop a little earlier, as a message is under way for a while."""

LONGEST_TEXT: Final = 4096
LONGEST_PARAMETER: Final = 900
"""A template's body may hold 1,024 characters in all."""

LANGUAGE_CODES: Final = {"en": "en_US", "fr": "fr_FR", "ar": "ar"}
FALLBACK_LANGUAGE: Final = "en_US"

_SIGNATURE: Final = re.compile(r"sha256=[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class TemplateUse:
    """An approved template and the words that fill its body, in their order."""

    name: str
    words: tuple[str, ...] = ()


NOTICE: Final = TemplateUse("mizan_notice", ("title", "message"))
"""Says anything: a bold title and a text."""

INVITATION: Final = TemplateUse("onboarding_invite_v1", ("brand", "first_name", "link", "support"))
LOCATION_REQUEST: Final = TemplateUse("clock_in_location_request")
INVITATION_ACCEPTED: Final = TemplateUse("accepted_invite_confirmation", ("first_name",))

TEMPLATES: Final[dict[str, TemplateUse]] = {
    "shift_assigned": TemplateUse(
        "staff_weekly_schedule", ("first_name", "restaurant", "date", "start", "end", "role")
    ),
    "shift_reminder": TemplateUse("clock_in_reminder", ("first_name", "time_left", "restaurant", "shift", "duration")),
    "clock_in_reminder": TemplateUse("staff_clock_in", ("first_name", "start", "time_left", "restaurant")),
    "clock_out_reminder": TemplateUse("clock_out_reminder"),
}
"""The templates of the texts that have one of their own; the others use the notice."""


def phone_digits(phone: str | None, country_code: str) -> str | None:
    """The number as WhatsApp takes it: digits with country code; None for what cannot be one.

    Leading zeros go. Between 10 and 15 digits are taken for a whole number; 9 get the country code in front.
    """
    digits = re.sub(r"\D", "", phone or "").lstrip("0")
    if 10 <= len(digits) <= 15:
        return digits
    if len(digits) == 9 and country_code:
        return country_code + digits
    return None


def may_write_freely(last_inbound_at: datetime | None, now: datetime) -> bool:
    """Whether texts may be sent: the person wrote within a day."""
    return last_inbound_at is not None and now < last_inbound_at + WINDOW - WINDOW_MARGIN


def parameter(text: Any) -> str:
    """A word as a template takes it: in one line, without runs of spaces, not empty."""
    line = " ".join(str(text).split())
    if len(line) > LONGEST_PARAMETER:
        line = line[: LONGEST_PARAMETER - 1].rstrip() + "…"
    return line or "–"


def body_of(words: Sequence[Any]) -> list[dict[str, Any]]:
    """A template's components for these words."""
    if not words:
        return []
    return [{"type": "body", "parameters": [{"type": "text", "text": parameter(word)} for word in words]}]


def is_signed(payload: bytes, signature: str, secret: str) -> bool:
    """Whether a webhook's body was signed with the app's secret; never without one."""
    if not secret or _SIGNATURE.fullmatch(signature) is None:
        return False
    expected = hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"sha256={expected}", signature)


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message that somebody wrote, as WhatsApp delivered it."""

    id: str
    phone: str
    message: Mapping[str, Any]
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """What WhatsApp reports of a message that was sent."""

    provider_id: str
    state: str
    at: datetime
    reference: str
    """What was sent along with the message: the delivery's id."""
    error: str


_REPORTED: Final = {"sent": "SENT", "delivered": "DELIVERED", "read": "READ", "played": "READ", "failed": "FAILED"}


def read_webhook(content: Any, sender_id: str, now: datetime) -> tuple[list[Inbound], list[Report]]:
    """The messages and reports in a webhook's body for one of our numbers; what is malformed is passed over."""
    inbound: list[Inbound] = []
    reports: list[Report] = []
    for value in _values(content):
        metadata = value.get("metadata")
        number = metadata.get("phone_number_id") if isinstance(metadata, Mapping) else None
        if sender_id and isinstance(number, str) and number != sender_id:
            continue
        inbound += [found for one in _objects(value.get("messages")) if (found := _inbound(one, now))]
        reports += [told for one in _objects(value.get("statuses")) if (told := _report(one, now))]
    return inbound, reports


def _values(content: Any) -> Iterator[Mapping[str, Any]]:
    for entry in _objects(content.get("entry") if isinstance(content, Mapping) else None):
        for change in _objects(entry.get("changes")):
            value = change.get("value")
            if isinstance(value, Mapping):
                yield value


def _objects(items: Any) -> Iterator[Mapping[str, Any]]:
    for item in items if isinstance(items, list) else ():
        if isinstance(item, Mapping):
            yield item


def _inbound(message: Mapping[str, Any], now: datetime) -> Inbound | None:
    message_id, sender = message.get("id"), message.get("from")
    if not isinstance(message_id, str) or not 0 < len(message_id) <= 255 or not isinstance(sender, str):
        return None
    digits = re.sub(r"\D", "", sender)
    if not 6 <= len(digits) <= 15:
        return None
    return Inbound(message_id, digits, message, _moment(message.get("timestamp"), now))


def _report(status: Mapping[str, Any], now: datetime) -> Report | None:
    provider_id, state = status.get("id"), _REPORTED.get(str(status.get("status")))
    if not isinstance(provider_id, str) or not 0 < len(provider_id) <= 255 or state is None:
        return None
    reference = status.get("biz_opaque_callback_data")
    errors = list(_objects(status.get("errors")))
    return Report(
        provider_id,
        state,
        _moment(status.get("timestamp"), now),
        reference if isinstance(reference, str) else "",
        f"WhatsApp {errors[0].get('code')}"[:100] if errors else "",
    )


def _moment(seconds: Any, now: datetime) -> datetime:
    try:
        moment = datetime.fromtimestamp(int(seconds), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return now
    return min(moment, now)
