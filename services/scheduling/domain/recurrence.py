"""What comes back, and when: rules of RFC 5545 over whole days."""

from datetime import date, datetime, time, timedelta
from typing import Any, Final

from dateutil.rrule import rrulestr

from servicekit.errors import Invalid

OF_FREQUENCY: Final = {
    "DAILY": "FREQ=DAILY",
    "WEEKLY": "FREQ=WEEKLY;BYDAY=MO",
    "MONTHLY": "FREQ=MONTHLY;BYMONTHDAY=1",
    "QUARTERLY": "FREQ=YEARLY;BYMONTH=1,4,7,10;BYMONTHDAY=1",
    "ANNUALLY": "FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1",
}
"""When templates come back that name a frequency and no rule of their own."""

LOOK_BACK: Final = timedelta(days=7)
"""How late something is still made that could not be made on its day."""

_FREQUENCIES: Final = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY"})
_PARTS: Final = {
    # A rule that no day can keep is found out quickly: days of the month go with months and years only.
    "DAILY": {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTH", "WKST"},
    "WEEKLY": {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTH", "WKST"},
    "MONTHLY": {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTH", "BYMONTHDAY", "WKST"},
    "YEARLY": {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTH", "BYMONTHDAY", "WKST"},
}
_WHEN: Final = date(2024, 1, 1)


def rule_of(text: str, field: str = "recurrence") -> str:
    """A rule as it is kept, such as FREQ=WEEKLY;BYDAY=MO,TH. Raises Invalid for what is none, or comes on no day."""
    rule = text.strip().upper().removeprefix("RRULE:")
    parts = dict(part.partition("=")[::2] for part in rule.split(";") if part)
    frequency = parts.get("FREQ", "")
    if frequency not in _FREQUENCIES or not parts.keys() <= _PARTS[frequency]:
        raise Invalid.field(
            field, "Use a rule of RFC 5545 over days, such as FREQ=WEEKLY;BYDAY=MO.", code="invalid_rule"
        )
    kept = ";".join(f"{name}={value}" for name, value in parts.items())
    try:
        if int(parts.get("INTERVAL", "1")) < 1:
            raise ValueError("a rule that never moves on")
        first = next(iter(_parsed(kept, _WHEN)), None)
    except (ValueError, TypeError, OverflowError) as error:
        raise Invalid.field(field, "This is no rule of RFC 5545.", code="invalid_rule") from error
    if first is None and "UNTIL" not in parts:
        raise Invalid.field(field, "This rule comes on no day.", code="invalid_rule")
    return kept


def days(rule: str, start: date, first: date, last: date) -> list[date]:
    """The days between two, the last one included, on which a rule that begins on a day comes."""
    found = _parsed(rule, start).between(_at_midnight(first), _at_midnight(last), inc=True)
    return [moment.date() for moment in found]


def due_day(rule: str, start: date, today: date) -> date | None:
    """The last day up to today on which something was to be made, unless that is too long ago to make up for."""
    found = days(rule, start, max(start, today - LOOK_BACK), today)
    return found[-1] if found else None


def _parsed(rule: str, start: date) -> Any:
    """The library's rule. Instants have no zone in it: a day is a day wherever it is."""
    parts = dict(part.partition("=")[::2] for part in rule.split(";"))
    if "UNTIL" in parts:
        parts["UNTIL"] = parts["UNTIL"][:8] + "T000000"
    plain = ";".join(f"{name}={value}" for name, value in parts.items())
    return rrulestr(plain, dtstart=_at_midnight(start), cache=False)


def _at_midnight(day: date) -> datetime:
    return datetime.combine(day, time())
