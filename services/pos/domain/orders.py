"""How orders, their lines and the kitchen's tickets may change."""

import re
from collections.abc import Iterable
from datetime import date
from typing import Final

FINAL: Final = frozenset({"COMPLETED", "CANCELLED"})

_STEPS: Final[dict[str, frozenset[str]]] = {
    "PENDING": frozenset({"CONFIRMED", "PREPARING", "READY", "SERVED", "COMPLETED", "CANCELLED"}),
    "CONFIRMED": frozenset({"PREPARING", "READY", "SERVED", "COMPLETED", "CANCELLED"}),
    "PREPARING": frozenset({"READY", "SERVED", "COMPLETED", "CANCELLED"}),
    "READY": frozenset({"PREPARING", "SERVED", "COMPLETED", "CANCELLED"}),
    "SERVED": frozenset({"COMPLETED"}),
    "COMPLETED": frozenset(),
    "CANCELLED": frozenset(),
}
_LINE_STEPS: Final[dict[str, frozenset[str]]] = {
    "PENDING": frozenset({"PREPARING", "READY", "SERVED"}),
    "PREPARING": frozenset({"PENDING", "READY", "SERVED"}),
    "READY": frozenset({"PREPARING", "SERVED"}),
    "SERVED": frozenset(),
    "CANCELLED": frozenset(),
}
_TICKET_STEPS: Final[dict[str, frozenset[str]]] = {
    "NEW": frozenset({"PREPARING", "READY", "CANCELLED"}),
    "PREPARING": frozenset({"READY", "CANCELLED"}),
    "READY": frozenset({"PREPARING", "CANCELLED"}),
    "CANCELLED": frozenset(),
}
_TYPES: Final = {"TAKEAWAY": "TAKEOUT"}
_PHONE: Final = re.compile(r"\+?[0-9]{10,15}")


def may_become(status: str, wanted: str) -> bool:
    """Whether an order of one status may take another; staying as it is, is no step."""
    return wanted in _STEPS[status]


def line_may_become(status: str, wanted: str) -> bool:
    """Whether a line of one status may take another."""
    return wanted in _LINE_STEPS[status]


def ticket_may_become(status: str, wanted: str) -> bool:
    """Whether a ticket of one status may take another."""
    return wanted in _TICKET_STEPS[status]


def status_of_lines(status: str, lines: Iterable[str]) -> str:
    """The status of an open order that follows from those of its lines; SERVED and final ones stay as they are."""
    if status in FINAL or status == "SERVED":
        return status
    standing = [line for line in lines if line != "CANCELLED"]
    if not standing:
        return status
    if all(line in ("READY", "SERVED") for line in standing):
        return "SERVED" if all(line == "SERVED" for line in standing) else "READY"
    if status == "READY" or any(line != "PENDING" for line in standing):
        return "PREPARING"
    return status


def order_type(text: str) -> str:
    """The type under which an order is kept."""
    return _TYPES.get(text, text)


def order_number(day: date, sequence: int) -> str:
    """The number under which people speak of an order."""
    return f"ORD-{day:%Y%m%d}-{sequence:04}"


def phone_of(text: str) -> str | None:
    """A phone number without spaces, dashes, dots and brackets, or None when it is none."""
    plain = re.sub(r"[\s\-.()]", "", text)
    return plain if _PHONE.fullmatch(plain) else None
