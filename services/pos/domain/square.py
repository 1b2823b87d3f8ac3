"""How Square describes menus, orders and events."""

from collections.abc import Iterator, Mapping
from datetime import datetime
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
    MenuPage,
    NotAnEvent,
    OrderPage,
    sum_lines,
)

_STATES: Final = {"COMPLETED": COMPLETED, "CANCELED": CANCELLED}
_PLAIN: Final = ("", "regular", "default")


def money_of(amount: Mapping[str, Any] | None) -> Decimal:
    """An amount of minor units; nothing for none."""
    return ZERO if not amount else Decimal(amount.get("amount") or 0) * unit_of(amount.get("currency") or "USD")


def menu_page(answer: Mapping[str, Any]) -> MenuPage:
    """A page of the catalogue: each variation of an item is something that is sold."""
    objects = answer.get("objects") or []
    categories = tuple(
        ForeignCategory(one["id"], one["category_data"]["name"], not one.get("is_deleted", False))
        for one in objects
        if one["type"] == "CATEGORY"
    )
    items = tuple(item for one in objects if one["type"] == "ITEM" for item in _variations(one))
    return MenuPage(categories, items, answer.get("cursor") or None)


def _variations(item: Mapping[str, Any]) -> Iterator[ForeignItem]:
    data = item["item_data"]
    category = data.get("category_id") or next((one["id"] for one in data.get("categories") or []), None)
    for variation in data.get("variations") or []:
        about = variation["item_variation_data"]
        name = (about.get("name") or "").strip()
        yield ForeignItem(
            external_id=variation["id"],
            name=data["name"] if name.lower() in _PLAIN else f"{data['name']} ({name})",
            price=money_of(about.get("price_money")),
            category_id=category,
            description=data.get("description"),
            is_active=not (item.get("is_deleted", False) or variation.get("is_deleted", False)),
        )


def order_page(answer: Mapping[str, Any]) -> OrderPage:
    """A page of a search for orders."""
    return OrderPage(tuple(order_of(one) for one in answer.get("orders") or []), answer.get("cursor") or None)


def order_of(order: Mapping[str, Any]) -> ForeignOrder:
    """One order."""
    total = order.get("total_money") or {}
    return ForeignOrder(
        external_id=order["id"],
        state=_STATES.get(order.get("state", ""), OPEN),
        ordered_at=datetime.fromisoformat(order["created_at"]),
        changed_at=datetime.fromisoformat(order["updated_at"]),
        currency=total.get("currency") or "USD",
        total=money_of(total),
        tips=money_of(order.get("total_tip_money")),
        lines=sum_lines(
            (line.get("name") or "", round(Decimal(line.get("quantity") or 0)))
            for line in order.get("line_items") or []
        ),
        payload=dict(order),
        location_id=order.get("location_id"),
    )


def hint_of(event: Any) -> Hint:
    """What an event is about. Raises NotAnEvent."""
    try:
        kind, data = str(event["type"]), event.get("data") or {}
        hint = {
            "event_id": str(event["event_id"]),
            "merchant_id": str(event["merchant_id"]),
            "type": kind,
        }
        if kind.startswith("order."):
            return Hint(**hint, about="order", object_id=str(data["id"]))
        if kind.startswith(("payment.", "refund.")):
            wrapped = data["object"]
            about = next(iter(wrapped.values())) if len(wrapped) == 1 else wrapped
            return Hint(**hint, about="order", object_id=str(about.get("order_id") or ""))
    except (KeyError, TypeError, AttributeError) as error:
        raise NotAnEvent("no event of Square's") from error
    if kind.startswith("catalog."):
        return Hint(**hint, about="menu")
    return Hint(**hint, about="revoked" if kind == "oauth.authorization.revoked" else "")
