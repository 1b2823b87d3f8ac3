"""What the formats of `FieldRules` mean: each function takes a text, answers its canonical form or raises ValueError.

The message of the ValueError is what the caller reads.
"""

import ipaddress
import re
import zoneinfo
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import email_validator
from babel.numbers import list_currencies
from pydantic import JsonValue, ValidationInfo
from pydantic_core import PydanticOmit

from mizan.options.v1 import options_pb2

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d\d:\d\d(:\d\d)?")
MAX_EMAIL_LENGTH = 254
MAX_DECIMAL_DIGITS = 30


def uuid(text: str) -> str:
    """A UUID in lower-case hyphenated form."""
    if not _UUID.fullmatch(text):
        raise ValueError("Must be a valid UUID.")
    return text.lower()


def email(text: str) -> str:
    """An e-mail address, its domain in lower case; whether it can be delivered to is not asked."""
    if len(text) > MAX_EMAIL_LENGTH:
        raise ValueError("Enter a valid email address.")
    try:
        return email_validator.validate_email(text, check_deliverability=False, test_environment=True).normalized
    except email_validator.EmailNotValidError as error:
        raise ValueError("Enter a valid email address.") from error


def day(text: str) -> str:
    """YYYY-MM-DD."""
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise ValueError("Date has wrong format. Use YYYY-MM-DD.")


def time_of_day(text: str) -> str:
    """HH:MM:SS."""
    try:
        if _TIME.fullmatch(text):
            return time.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise ValueError("Time has wrong format. Use HH:MM or HH:MM:SS.")


def uri(text: str) -> str:
    """An absolute http or https address."""
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("Enter a valid URL.")
    return text


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def time_zone(text: str) -> str:
    """An IANA zone."""
    if text not in _time_zones():
        raise ValueError("Not a known time zone.")
    return text


@cache
def _currencies() -> frozenset[str]:
    return frozenset(list_currencies())


def currency(text: str) -> str:
    """An ISO 4217 code."""
    if text not in _currencies():
        raise ValueError("Not a known currency.")
    return text


def ip_address(text: str) -> str:
    """An IPv4 or IPv6 address."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise ValueError("Enter a valid IPv4 or IPv6 address.") from error


def moment(value: Any, info: ValidationInfo) -> datetime:
    """An instant in UTC from RFC 3339 text; without an offset it is read in the zone that validation is told."""
    try:
        parsed = datetime.fromisoformat(value)
        if parsed.tzinfo is None:
            parsed = parsed.replace(tzinfo=zoneinfo.ZoneInfo(info.context or "UTC"))
        return parsed.astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError("Datetime has wrong format. Use YYYY-MM-DDThh:mm:ss with an offset or Z.") from error


def decimal(scale: int, minimum: float | None, maximum: float | None) -> Callable[[Any], str]:
    """A function from a text or number to a decimal text of the scale, within the bounds.

    A text must not have more digits behind the point than the scale; a JSON number is rounded to it, since what a
    binary fraction looks like is not the sender's choice.
    """
    step = Decimal(1).scaleb(-scale)
    low = None if minimum is None else Decimal(str(minimum))
    high = None if maximum is None else Decimal(str(maximum))

    def check(value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError("A valid number is required.")
        try:
            number = Decimal(str(value).strip())
            rounded = number.quantize(step, ROUND_HALF_UP)
        except InvalidOperation as error:
            raise ValueError("A valid number is required.") from error
        if not number.is_finite() or len(rounded.as_tuple().digits) > MAX_DECIMAL_DIGITS:
            raise ValueError("A valid number is required.")
        if not isinstance(value, float) and rounded != number:
            raise ValueError(f"Ensure that there are no more than {scale} decimal places.")
        if low is not None and number < low:
            raise ValueError(f"Ensure this value is greater than or equal to {low.normalize():f}.")
        if high is not None and number > high:
            raise ValueError(f"Ensure this value is less than or equal to {high.normalize():f}.")
        return format(rounded, "f")

    return check


def upper(value: Any) -> Any:
    """A text in upper case; anything else as it is."""
    return value.upper() if isinstance(value, str) else value


def not_blank(value: Any) -> Any:
    """The value, unless it is an empty or blank text, which then was never sent. Raises PydanticOmit."""
    if isinstance(value, str) and not value.strip():
        raise PydanticOmit
    return value


# Format -> (check, JSON Schema keywords).
FORMATS: dict[int, tuple[Callable[[str], str], dict[str, JsonValue]]] = {
    options_pb2.FORMAT_UUID: (uuid, {"format": "uuid"}),
    options_pb2.FORMAT_EMAIL: (email, {"format": "email", "maxLength": MAX_EMAIL_LENGTH}),
    options_pb2.FORMAT_DATE: (day, {"format": "date"}),
    options_pb2.FORMAT_TIME: (time_of_day, {"pattern": r"^\d{2}:\d{2}(:\d{2})?$"}),
    options_pb2.FORMAT_URI: (uri, {"format": "uri"}),
    options_pb2.FORMAT_TIME_ZONE: (time_zone, {"examples": ["Africa/Casablanca"]}),
    options_pb2.FORMAT_CURRENCY: (currency, {"examples": ["MAD"]}),
    options_pb2.FORMAT_IP: (ip_address, {}),
}
