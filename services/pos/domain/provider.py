"""Menus and orders of other people's till systems, in words that all of them share."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

NAMES: Final = {"SQUARE": "Square", "TOAST": "Toast", "CLOVER": "Clover"}
NONE: Final = "NONE"
OPEN: Final = "OPEN"
COMPLETED: Final = "COMPLETED"
CANCELLED: Final = "CANCELLED"
ORDER: Final = "order"
CATALOG_ITEM: Final = "catalog_item"

OVERLAP: Final = timedelta(minutes=10)
"""How far a run looks back behind the last one: clocks differ, and changes become visible late."""


@dataclass(frozen=True, slots=True)
class ForeignCategory:
    """A section of the menu at the provider."""

    external_id: str
    name: str
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class ForeignItem:
    """Something that is sold at the provider; the price is in the restaurant's currency."""

    external_id: str
    name: str
    price: Decimal
    category_id: str | None = None
    description: str | None = None
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class MenuPage:
    """A part of a menu; the cursor of the next, or None after the last."""

    categories: tuple[ForeignCategory, ...]
    items: tuple[ForeignItem, ...]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class ForeignOrder:
    """An order as its provider describes it now; `payload` is its own description."""

    external_id: str
    state: str
    ordered_at: datetime
    changed_at: datetime
    currency: str
    total: Decimal
    tips: Decimal
    # Name and quantity.
    lines: tuple[tuple[str, int], ...]
    payload: dict[str, Any]
    location_id: str | None = None


@dataclass(frozen=True, slots=True)
class OrderPage:
    """Some of the orders of a range of time; the cursor of the next, or None after the last."""

    orders: tuple[ForeignOrder, ...]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """Whom credentials belong to at the provider."""

    merchant_id: str
    location_id: str | None
    name: str


@dataclass(frozen=True, slots=True)
class Hint:
    """What an event says has changed at a merchant; how it stands now is asked of the provider."""

    event_id: str
    merchant_id: str
    type: str
    # order, payment, menu, revoked, or nothing that matters.
    about: str = ""
    object_id: str = ""


class NotAnEvent(ValueError):
    """A body that is not what the provider sends."""


def sum_lines(lines: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """The lines with those of one name together, in the order of their first appearance."""
    counted: dict[str, int] = {}
    for name, quantity in lines:
        counted[name] = counted.get(name, 0) + quantity
    return tuple(counted.items())


def free_name(name: str, is_taken: Callable[[str], bool], longest: int = 255) -> str:
    """The name, or with the first number behind it that makes it one that nothing else has."""
    wanted, number = name[:longest], 1
    while is_taken(wanted):
        number += 1
        suffix = f" ({number})"
        wanted = name[: longest - len(suffix)] + suffix
    return wanted


def window(complete_until: datetime | None, now: datetime, first_look: timedelta) -> tuple[datetime, datetime]:
    """The changes that an incremental run takes over: since the last one, or of a while when there was none."""
    return (now - first_look if complete_until is None else complete_until - OVERLAP), now


def complete_after(complete_until: datetime | None, changed_from: datetime, changed_until: datetime) -> datetime | None:
    """Until when everything is taken over once a run is through; one that leaves a gap changes nothing."""
    if complete_until is None:
        return changed_until
    return max(complete_until, changed_until) if changed_from <= complete_until else complete_until


def same_location(connected: str | None, order: str | None) -> bool:
    """Whether an order belongs to a restaurant's location; providers without locations name none."""
    return connected is None or order is None or connected == order


def distinct(values: Iterable[str], known: Collection[str] = ()) -> list[str]:
    """The values once each, in their order, without those that are known."""
    return [value for value in dict.fromkeys(values) if value and value not in known]
