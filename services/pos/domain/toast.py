"""How Toast describes menus, orders and events."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.pos.domain.money import ZERO
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
    sum_lines,
)


def menu_page(answer: Mapping[str, Any]) -> MenuPage:
    """The whole menu: groups are categories, in whatever depth."""
    groups = [group for menu in answer.get("menus") or [] for group in _groups(menu)]
    items: dict[str, ForeignItem] = {}
    for group in groups:
        for item in group.get("menuItems") or []:
            items.setdefault(
                item["guid"],
                ForeignItem(
                    external_id=item["guid"],
                    name=item["name"],
                    price=_amount(item.get("price")),
                    category_id=group["guid"],
                    description=item.get("description"),
                ),
            )
    categories = {group["guid"]: ForeignCategory(group["guid"], group["name"]) for group in groups}
    return MenuPage(tuple(categories.values()), tuple(items.values()))


def _groups(parent: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for group in parent.get("menuGroups") or []:
        yield group
        yield from _groups(group)


def orders_of(answer: Sequence[Mapping[str, Any]], currency: str) -> tuple[ForeignOrder, ...]:
    """The orders of a page."""
    return tuple(order_of(one, currency) for one in answer)


def order_of(order: Mapping[str, Any], currency: str) -> ForeignOrder:
    """One order: the sum of its checks that stand."""
    checks = [check for check in order.get("checks") or [] if not (check.get("voided") or check.get("deleted"))]
    payments = [
        payment
        for check in checks
        for payment in check.get("payments") or []
        if payment.get("paymentStatus") not in ("VOIDED", "CANCELLED", "DENIED")
    ]
    gone = order.get("voided") or order.get("deleted")
    return ForeignOrder(
        external_id=order["guid"],
        state=CANCELLED if gone else COMPLETED if order.get("closedDate") else OPEN,
        ordered_at=instant(order["openedDate"]),
        changed_at=instant(order["modifiedDate"]),
        currency=currency,
        total=sum((_amount(check.get("totalAmount")) for check in checks), ZERO),
        tips=sum((_amount(payment.get("tipAmount")) for payment in payments), ZERO),
        lines=sum_lines(
            (line.get("displayName") or "", round(_amount(line.get("quantity"))))
            for check in checks
            for line in check.get("selections") or []
            if not line.get("voided")
        ),
        payload=dict(order),
    )


def hint_of(event: Any, restaurant_guid: str) -> Hint:
    """What an event is about; the header names the restaurant where the event does not. Raises NotAnEvent."""
    try:
        details = event.get("details") or {}
        category, kind = str(event["eventCategory"]), str(event["eventType"])
        merchant = str(details.get("restaurantGuid") or restaurant_guid)
        hint = {"event_id": str(event["guid"]), "merchant_id": merchant, "type": kind}
        text = f"{category} {kind}".lower()
        if "order" in text or "payment" in text:
            order = details.get("order") or {}
            guid = order.get("guid") or details.get("orderGuid") or details.get("guid") or ""
            return Hint(**hint, about="order", object_id=str(guid))
    except (KeyError, TypeError, AttributeError) as error:
        raise NotAnEvent("no event of Toast's") from error
    return Hint(**hint, about="menu" if "menu" in text else "")


def instant(text: str) -> datetime:
    """An instant such as 2026-11-22T10:00:00.000+0000. Raises ValueError for another text."""
    return datetime.fromisoformat(text)


def _amount(number: float | int | str | None) -> Decimal:
    # The shortest text of a float is the number that was sent.
    return ZERO if number is None else Decimal(str(number))
