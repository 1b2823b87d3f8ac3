"""How Clover describes menus, orders and events."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from services.pos.domain.money import ZERO, unit_of
from services.pos.domain.provider import (
    CANCELLED,
    COMPLETED,
    OPEN,
    ForeignCategory,
    ForeignItem,
    ForeignOrder,
    Hint,
    NotAnEvent,
    sum_lines,
)

_ABOUT: Final = {"O": "order", "P": "payment", "I": "menu", "IC": "menu"}
_UNITS_OF_QUANTITY: Final = 1000


def categories_of(elements: Sequence[Mapping[str, Any]]) -> tuple[ForeignCategory, ...]:
    """The categories of a page."""
    return tuple(ForeignCategory(one["id"], one["name"], not one.get("deleted", False)) for one in elements)


def items_of(elements: Sequence[Mapping[str, Any]], currency: str) -> tuple[ForeignItem, ...]:
    """The items of a page."""
    return tuple(
        ForeignItem(
            external_id=one["id"],
            name=one["name"],
            price=Decimal(one.get("price") or 0) * unit_of(currency),
            category_id=next((category["id"] for category in _elements(one, "categories")), None),
            is_active=not (one.get("hidden", False) or one.get("deleted", False)),
        )
        for one in elements
    )


def order_of(order: Mapping[str, Any], currency: str) -> ForeignOrder:
    """One order; Clover lists each unit as a line of its own."""
    unit = unit_of(order.get("currency") or currency)
    paid = [payment for payment in _elements(order, "payments") if payment.get("result", "SUCCESS") == "SUCCESS"]
    is_paid = order.get("paymentState") == "PAID" or order.get("state") == "locked"
    return ForeignOrder(
        external_id=order["id"],
        state=COMPLETED if is_paid else OPEN,
        ordered_at=_instant(order["createdTime"]),
        changed_at=_instant(order["modifiedTime"]),
        currency=order.get("currency") or currency,
        total=Decimal(order.get("total") or 0) * unit,
        tips=sum((Decimal(payment.get("tipAmount") or 0) for payment in paid), ZERO) * unit,
        lines=sum_lines(
            (line.get("name") or "", _quantity(line))
            for line in _elements(order, "lineItems")
            if not line.get("refunded")
        ),
        payload=dict(order),
    )


def deleted(order_id: str, at: datetime, currency: str) -> ForeignOrder:
    """An order that is there no more."""
    payload = {"id": order_id, "deleted": True}
    return ForeignOrder(order_id, CANCELLED, at, at, currency, ZERO, ZERO, (), payload)


def hints_of(body: Any) -> list[Hint]:
    """What the events of a body are about. Raises NotAnEvent."""
    try:
        return list(_hints(body["merchants"]))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise NotAnEvent("no events of Clover's") from error


def _hints(merchants: Mapping[str, Any]) -> Iterator[Hint]:
    for merchant_id, events in merchants.items():
        for event in events:
            letter, colon, object_id = str(event["objectId"]).partition(":")
            if not colon:
                raise ValueError("an object without a kind")
            # Clover numbers no events: the same change of the same thing at the same time is the same event.
            named = f"{merchant_id}|{event['objectId']}|{event['type']}|{event['ts']}"
            yield Hint(
                event_id=hashlib.sha256(named.encode()).hexdigest(),
                merchant_id=str(merchant_id),
                type=f"{letter}.{event['type']}",
                about=_ABOUT.get(letter, ""),
                object_id=object_id,
            )


def _quantity(line: Mapping[str, Any]) -> int:
    units = line.get("unitQty")
    return 1 if units is None else max(1, round(Decimal(units) / _UNITS_OF_QUANTITY))


def _elements(parent: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    elements: Sequence[Mapping[str, Any]] = (parent.get(name) or {}).get("elements") or []
    return elements


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
