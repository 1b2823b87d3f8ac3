"""What a restaurant's bills are made by, and what ordered items cost at this moment."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from refdata.queries import DEFAULT_TIME_ZONE
from servicekit.db import Query, Reading
from servicekit.errors import Conflict, Invalid, NotFound
from servicekit.zones import day_of
from services.pos.domain import money
from services.pos.queries import menu_items
from services.pos.queries import orders as order_queries

DEFAULT_CURRENCY = "MAD"
NO_MENU_ITEM = "Menu item not found"


@dataclass(frozen=True, slots=True)
class Terms:
    """The restaurant's currency, zone, turn of the day and service charge in percent."""

    currency: str
    zone: ZoneInfo
    day_starts_at: time
    service_rate: Decimal
    name: str

    @property
    def unit(self) -> Decimal:
        """The smallest amount of the currency."""
        return money.unit_of(self.currency)

    def day_of(self, instant: datetime) -> date:
        """The business day of an instant."""
        return day_of(instant, self.zone, self.day_starts_at)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A line as it is ordered."""

    menu_item_id: UUID
    quantity: int = 1
    modifiers: tuple[UUID, ...] = ()
    instructions: str | None = None


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line with what the menu says of it now."""

    wanted: Wanted
    item: Any
    unit_price: Decimal
    total_price: Decimal
    # [{id, name, price}]
    modifiers: list[object] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a new order takes over from around it."""

    bill: Terms
    table_number: int | None
    server_name: str


async def terms_of(reading: Reading, restaurant_id: UUID) -> Terms:
    """How a restaurant makes its bills; the platform's defaults while its first event is still under way."""
    return _terms(await order_queries.terms(reading, restaurant_id))


def _terms(row: Any) -> Terms:
    return Terms(
        currency=row.currency or DEFAULT_CURRENCY,
        zone=ZoneInfo(row.timezone) if row.timezone else DEFAULT_TIME_ZONE,
        day_starts_at=row.day_starts_at or time(0),
        service_rate=row.service_charge_rate or money.ZERO,
        name=row.name or "",
    )


def check_amount(field_name: str, amount: Decimal, unit: Decimal) -> Decimal:
    """The amount, when it can be paid in the currency. Raises Invalid for more digits than the currency has."""
    if not money.is_whole(amount, unit):
        raise Invalid.field(field_name, "The currency has no amount this small.", code="too_precise")
    return amount


async def price_lines(reading: Reading, restaurant_id: UUID, wanted: Sequence[Wanted]) -> list[PricedLine]:
    """The lines at the menu's present prices.

    Raises NotFound for an item that the menu does not have, Conflict for one that is not sold now, and Invalid where
    the chosen modifiers are not those that the item offers, or too many or too few.
    """
    if not wanted:
        return []
    items = await menu_items.sold(reading, restaurant_id, {line.menu_item_id for line in wanted})
    return await _price(reading, restaurant_id, wanted, items)


async def price_with_terms(
    reading: Reading,
    restaurant_id: UUID,
    wanted: Sequence[Wanted],
    server_id: UUID,
    table_id: UUID | None,
    beside: tuple[Query, dict[str, Any]],
) -> tuple[Surroundings, list[PricedLine], Sequence[Any]]:
    """As `price_lines`, with what else a new order takes over and the rows of a query `beside`.

    One round trip, and another where there are modifiers.
    """
    ids = list({line.menu_item_id for line in wanted})
    (around,), sold, rows = await reading.batch(
        (order_queries.SURROUNDINGS, {"restaurant_id": restaurant_id, "table_id": table_id, "server_id": server_id}),
        (menu_items.SOLD, {"restaurant_id": restaurant_id, "ids": ids}),
        beside,
    )
    lines = await _price(reading, restaurant_id, wanted, {row.id: row for row in sold})
    return Surroundings(_terms(around), around.table_number, around.server_name or ""), lines, rows


async def _price(
    reading: Reading, restaurant_id: UUID, wanted: Sequence[Wanted], items: Mapping[UUID, Any]
) -> list[PricedLine]:
    for line in wanted:
        item = items.get(line.menu_item_id)
        if item is None:
            raise NotFound(NO_MENU_ITEM, code="menu_item_not_found")
        if not (item.is_active and item.is_available):
            raise Conflict(f"{item.name} is not available.", code="item_unavailable")
    group_ids = {group for item in items.values() for group in item.modifier_group_ids}
    if not group_ids and any(line.modifiers for line in wanted):
        raise Invalid.field("modifiers", "This item offers no such modifier.", code="unknown_modifier")
    groups: dict[UUID, Any] = {}
    choices: dict[UUID, dict[UUID, Any]] = defaultdict(dict)
    if group_ids:
        groups, modifiers = await menu_items.groups_by_id(reading, restaurant_id, group_ids)
        for modifier in modifiers:
            if modifier.is_active:
                choices[modifier.group_id][modifier.id] = modifier
    return [_priced(line, items[line.menu_item_id], groups, choices) for line in wanted]


def _priced(wanted: Wanted, item: Any, groups: dict[UUID, Any], choices: dict[UUID, dict[UUID, Any]]) -> PricedLine:
    offered = {
        modifier.id: modifier for group in item.modifier_group_ids for modifier in choices.get(group, {}).values()
    }
    chosen = []
    for modifier_id in wanted.modifiers:
        if modifier_id not in offered:
            raise Invalid.field("modifiers", "This item offers no such modifier.", code="unknown_modifier")
        chosen.append(offered[modifier_id])
    counted = Counter(modifier.group_id for modifier in chosen)
    for group_id in item.modifier_group_ids:
        group = groups.get(group_id)
        if group is not None and not group.minimum <= counted[group_id] <= group.maximum:
            raise Invalid.field(
                "modifiers",
                f"{group.name}: choose from {group.minimum} to {group.maximum}.",
                code="modifier_limits",
            )
    unit_price = item.price + sum((modifier.price for modifier in chosen), money.ZERO)
    described: list[object] = [
        {"id": str(modifier.id), "name": modifier.name, "price": str(modifier.price)} for modifier in chosen
    ]
    return PricedLine(wanted, item, unit_price, unit_price * wanted.quantity, described)
