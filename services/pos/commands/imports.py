"""Taking over what a till system has: its menu into ours, its orders as they are."""

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.pos import events
from services.pos.commands.pricing import Terms
from services.pos.domain import money
from services.pos.domain.provider import (
    CATALOG_ITEM,
    ORDER,
    ForeignCategory,
    ForeignItem,
    ForeignOrder,
    MenuPage,
    free_name,
)
from services.pos.models import ExternalObject, MenuCategory, MenuItem

_KEEP = insert(ExternalObject)
_REPLACED = (
    "payload",
    "changed_at",
    "state",
    "occurred_at",
    "business_date",
    "currency",
    "total",
    "tips",
    "lines",
)
_UPSERT = _KEEP.on_conflict_do_update(
    index_elements=["restaurant_id", "provider", "object_type", "object_id"],
    set_={**{name: _KEEP.excluded[name] for name in _REPLACED}, "updated_at": sa.func.now()},
    where=_KEEP.excluded.changed_at >= ExternalObject.changed_at,
)


async def take_menu(
    session: AsyncSession, restaurant_id: UUID, provider: str, page: MenuPage, unit: Decimal, now: datetime
) -> None:
    """Brings our menu up to a page of the provider's; what is the same already is left alone.

    A thing of the same name that belongs to no provider becomes the provider's; one whose name another one has gets a
    number behind it.
    """
    sections = await _take_categories(session, restaurant_id, provider, page.categories)
    await _take_items(session, restaurant_id, provider, page.items, sections, unit)
    rows: list[dict[str, Any]] = [
        {
            "id": uuid4(),
            "restaurant_id": restaurant_id,
            "provider": provider,
            "object_type": CATALOG_ITEM,
            "object_id": item.external_id,
            "payload": {
                "name": item.name,
                "price": str(item.price),
                "category_id": item.category_id,
                "is_active": item.is_active,
            },
            "changed_at": now,
            "lines": [],
            **dict.fromkeys(("state", "occurred_at", "business_date", "currency", "total", "tips")),
        }
        for item in page.items
    ]
    if rows:
        await session.execute(_UPSERT, rows)


async def end_menu(session: AsyncSession, restaurant_id: UUID, provider: str, seen: Collection[str]) -> int:
    """Takes off the menu what the provider has no more; how many that were."""
    gone = await session.scalars(
        sa.select(MenuItem)
        .where(
            MenuItem.restaurant_id == restaurant_id,
            MenuItem.external_provider == provider,
            MenuItem.is_active,
            MenuItem.external_id.not_in(list(seen)),
        )
        .order_by(MenuItem.id)
        .with_for_update()
    )
    items = gone.all()
    for item in items:
        item.is_active = False
        item.version += 1
    await session.flush()
    for item in items:
        events.menu_item_changed(session, item)
    return len(items)


async def take_orders(
    session: AsyncSession, restaurant_id: UUID, provider: str, orders: Sequence[ForeignOrder], terms: Terms
) -> None:
    """Keeps orders as the provider describes them; an older description never replaces a newer one."""
    latest: dict[str, ForeignOrder] = {}
    for order in orders:
        known = latest.get(order.external_id)
        if known is None or order.changed_at >= known.changed_at:
            latest[order.external_id] = order
    # In one order everywhere, so that two runs over the same orders do not lock each other out.
    rows = [_order_row(restaurant_id, provider, latest[key], terms) for key in sorted(latest)]
    if rows:
        await session.execute(_UPSERT, rows)


def _order_row(restaurant_id: UUID, provider: str, order: ForeignOrder, terms: Terms) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "restaurant_id": restaurant_id,
        "provider": provider,
        "object_type": ORDER,
        "object_id": order.external_id,
        "payload": order.payload,
        "changed_at": order.changed_at,
        "state": order.state,
        "occurred_at": order.ordered_at,
        "business_date": terms.day_of(order.ordered_at),
        "currency": order.currency,
        "total": order.total,
        "tips": order.tips,
        "lines": [{"name": name, "quantity": quantity} for name, quantity in order.lines],
    }


async def _take_categories(
    session: AsyncSession, restaurant_id: UUID, provider: str, categories: Sequence[ForeignCategory]
) -> dict[str, UUID]:
    """The sections by the provider's ids: those that the page brings, and those that were there."""
    held = await session.scalars(
        sa.select(MenuCategory)
        .where(MenuCategory.restaurant_id == restaurant_id)
        .order_by(MenuCategory.id)
        .with_for_update()
    )
    ours = held.all()
    known = {one.external_id: one for one in ours if one.external_provider == provider and one.external_id}
    named = {one.name: one for one in ours}
    added = []
    for foreign in categories:
        name = _plain(foreign.name) or foreign.external_id
        one = known.get(foreign.external_id)
        if one is None and name in named and named[name].external_id is None:
            one = named[name]
            one.external_provider, one.external_id = provider, foreign.external_id
            one.version += 1
        if one is None:
            one = MenuCategory(
                id=uuid4(),
                restaurant_id=restaurant_id,
                name=free_name(name, named.__contains__, 100),
                is_active=foreign.is_active,
                display_order=0,
                external_provider=provider,
                external_id=foreign.external_id,
                version=1,
            )
            session.add(one)
            added.append(one)
        elif one.is_active != foreign.is_active:
            one.is_active = foreign.is_active
            one.version += 1
        known[foreign.external_id], named[one.name] = one, one
    await session.flush()
    for one in added:
        events.menu_category_created(session, one)
    return {external_id: one.id for external_id, one in known.items()}


async def _take_items(
    session: AsyncSession,
    restaurant_id: UUID,
    provider: str,
    items: Sequence[ForeignItem],
    sections: dict[str, UUID],
    unit: Decimal,
) -> None:
    if not items:
        return
    held = await session.scalars(
        sa.select(MenuItem).where(MenuItem.restaurant_id == restaurant_id).order_by(MenuItem.id).with_for_update()
    )
    ours = held.all()
    known = {one.external_id: one for one in ours if one.external_provider == provider and one.external_id}
    named = {one.name: one for one in ours}
    changed = []
    for foreign in items:
        name = _plain(foreign.name)[:255] or foreign.external_id
        one = known.get(foreign.external_id)
        if one is None and name in named and named[name].external_id is None:
            one = named[name]
        values: dict[str, Any] = {
            "price": money.rounded(foreign.price, unit),
            "description": foreign.description,
            "is_active": foreign.is_active,
            "category_id": sections.get(foreign.category_id or ""),
            "external_provider": provider,
            "external_id": foreign.external_id,
        }
        if one is None:
            one = MenuItem(
                id=uuid4(),
                restaurant_id=restaurant_id,
                name=free_name(name, named.__contains__),
                is_available=True,
                version=1,
                **values,
            )
            session.add(one)
            changed.append(one)
        else:
            if one.name != name and name not in named:
                del named[one.name]
                values["name"] = name
            if any(getattr(one, column) != value for column, value in values.items()):
                for column, value in values.items():
                    setattr(one, column, value)
                one.version += 1
                changed.append(one)
        known[foreign.external_id], named[one.name] = one, one
    await session.flush()
    for one in changed:
        events.menu_item_changed(session, one)


def _plain(name: str) -> str:
    return " ".join(name.split())
