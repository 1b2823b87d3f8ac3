"""Items of the menu, their modifiers and taxes."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit import jobs
from servicekit.db import SessionReader
from servicekit.errors import Conflict, Invalid, NotFound
from servicekit.text import tidy_name
from services.pos import events
from services.pos.commands.pricing import check_amount, terms_of
from services.pos.domain import money
from services.pos.domain.menu_category import external_problem
from services.pos.models import MenuCategory, MenuItem, Modifier, ModifierGroup, OrderLine, TaxCategory
from services.pos.queries.menu_items import NO_ITEM

RECLAIM = jobs.Task("file.reclaim")
"""Removes a picture from the storage unless an item shows it."""

NAME_TAKEN = "A menu item with this name already exists."
EXTERNAL_TAKEN = "This item of the provider is in the menu already."
NO_GROUP = "No ModifierGroup matches the given query."
NO_TAX = "No TaxCategory matches the given query."

_INSERT = insert(MenuItem).on_conflict_do_nothing().returning(MenuItem)


async def create_item(session: AsyncSession, restaurant_id: UUID, values: Mapping[str, Any]) -> MenuItem:
    """A new item. Raises Invalid for a name or external id that the menu has, NotFound for a foreign category."""
    if problem := external_problem(values.get("external_provider"), values.get("external_id")):
        raise Invalid.field(*problem)
    row = {**await _checked(session, restaurant_id, values), "restaurant_id": restaurant_id}
    item = (await session.scalars(_INSERT, [row])).one_or_none()
    if item is None:
        taken = sa.select(MenuItem.id).where(MenuItem.restaurant_id == restaurant_id, MenuItem.name == row["name"])
        if await session.scalar(taken) is not None:
            raise Invalid.field("name", NAME_TAKEN, code="name_taken")
        raise Invalid.field("external_id", EXTERNAL_TAKEN, code="external_id_taken")
    events.menu_item_changed(session, item)
    return item


async def change_item(session: AsyncSession, restaurant_id: UUID, item_id: UUID, changes: Mapping[str, Any]) -> None:
    """Changes an item. Raises NotFound, and Invalid for a name that another item has."""
    item = await _held(session, restaurant_id, item_id)
    former = item.image_key
    for name, value in (await _checked(session, restaurant_id, changes)).items():
        setattr(item, name, value)
    item.version += 1
    try:
        await session.flush()
    except IntegrityError as error:
        raise Invalid.field("name", NAME_TAKEN, code="name_taken") from error
    if former is not None and former != item.image_key:
        await jobs.defer(session, RECLAIM, key=former)
    events.menu_item_changed(session, item)


async def delete_item(session: AsyncSession, restaurant_id: UUID, item_id: UUID) -> None:
    """Removes an item. Raises NotFound, and Conflict for one that was ever ordered."""
    item = await _held(session, restaurant_id, item_id)
    if await session.scalar(sa.select(OrderLine.id).where(OrderLine.menu_item_id == item_id).limit(1)) is not None:
        raise Conflict("This item was ordered before: make it inactive instead.", code="item_ordered")
    await session.delete(item)
    item.version += 1
    events.menu_item_deleted(session, item)
    try:
        await session.flush()
    except IntegrityError as error:
        raise Conflict("This item was ordered before: make it inactive instead.", code="item_ordered") from error
    if item.image_key is not None:
        await jobs.defer(session, RECLAIM, key=item.image_key)


async def set_availability(session: AsyncSession, restaurant_id: UUID, item_id: UUID, available: bool) -> None:
    """Says that an item has run out or is back; saying it again changes nothing. Raises NotFound."""
    item = await _held(session, restaurant_id, item_id)
    if item.is_available == available:
        if not available:
            # Now people say so too: the stock does not bring it back by itself any more.
            item.is_out_of_stock = False
            await session.flush()
        return
    item.is_available, item.is_out_of_stock = available, False
    item.version += 1
    await session.flush()
    events.menu_item_availability(session, item)


async def put_group(
    session: AsyncSession,
    restaurant_id: UUID,
    group_id: UUID | None,
    name: str,
    minimum: int,
    maximum: int | None,
    modifiers: Sequence[Mapping[str, Any]],
) -> UUID:
    """Adds or replaces a group with its modifiers, and returns its id.

    Raises NotFound for an unknown group or modifier, and Invalid for a taken name or limits that cannot be met.
    """
    name = tidy_name(name)
    limit = len(modifiers) if maximum is None else maximum
    if minimum > limit or minimum > len(modifiers):
        raise Invalid.field("minimum", "No more can be asked for than can be chosen.", code="modifier_limits")
    if group_id is None:
        group = ModifierGroup(id=uuid4(), restaurant_id=restaurant_id, name=name, minimum=minimum, maximum=limit)
        session.add(group)
    else:
        group = await _held_group(session, restaurant_id, group_id)
        group.name, group.minimum, group.maximum = name, minimum, limit
    try:
        await session.flush()
    except IntegrityError as error:
        raise Invalid.field("name", "A modifier group with this name already exists.", code="name_taken") from error
    kept = await session.scalars(sa.select(Modifier).where(Modifier.group_id == group.id))
    known = {modifier.id: modifier for modifier in kept}
    unit = (await terms_of(SessionReader(session), restaurant_id)).unit
    for position, given in enumerate(modifiers):
        price = check_amount("modifiers", given.get("price", money.ZERO), unit)
        row = {"name": tidy_name(given["name"]), "price": price, "is_active": given.get("is_active", True)}
        if "id" in given:
            modifier = known.pop(given["id"], None)
            if modifier is None:
                raise NotFound("No Modifier matches the given query.")
            for column, value in row.items():
                setattr(modifier, column, value)
            modifier.position = position
        else:
            session.add(Modifier(id=uuid4(), restaurant_id=restaurant_id, group_id=group.id, position=position, **row))
    for gone in known.values():
        await session.delete(gone)
    await session.flush()
    return group.id


async def delete_group(session: AsyncSession, restaurant_id: UUID, group_id: UUID) -> None:
    """Removes a group from the menu and from its items. Raises NotFound."""
    group = await _held_group(session, restaurant_id, group_id)
    await session.execute(
        sa.update(MenuItem)
        .where(MenuItem.restaurant_id == restaurant_id, MenuItem.modifier_group_ids.contains([group_id]))
        .values(modifier_group_ids=sa.func.array_remove(MenuItem.modifier_group_ids, group_id))
    )
    await session.delete(group)
    await session.flush()


async def create_tax(session: AsyncSession, restaurant_id: UUID, values: Mapping[str, Any]) -> TaxCategory:
    """A new tax category; a default one takes the place of the former. Raises Invalid for a taken name."""
    await _only_default(session, restaurant_id, values)
    name = tidy_name(values["name"])
    tax = TaxCategory(
        id=uuid4(),
        restaurant_id=restaurant_id,
        name=name,
        rate=values["rate"],
        is_inclusive=values.get("is_inclusive", False),
        is_default=values.get("is_default", False),
    )
    session.add(tax)
    return await _flushed(session, tax)


async def change_tax(
    session: AsyncSession, restaurant_id: UUID, tax_id: UUID, changes: Mapping[str, Any]
) -> TaxCategory:
    """Changes a tax category. Raises NotFound, and Invalid for a taken name."""
    tax = await _held_tax(session, restaurant_id, tax_id)
    await _only_default(session, restaurant_id, changes)
    for name, value in changes.items():
        setattr(tax, name, tidy_name(value) if name == "name" else value)
    return await _flushed(session, tax)


async def delete_tax(session: AsyncSession, restaurant_id: UUID, tax_id: UUID) -> None:
    """Removes a tax category; its items fall back to the default. Raises NotFound."""
    await session.delete(await _held_tax(session, restaurant_id, tax_id))
    await session.flush()


async def _flushed(session: AsyncSession, tax: TaxCategory) -> TaxCategory:
    try:
        await session.flush()
    except IntegrityError as error:
        raise Invalid.field("name", "A tax category with this name already exists.", code="name_taken") from error
    return tax


async def _only_default(session: AsyncSession, restaurant_id: UUID, values: Mapping[str, Any]) -> None:
    if values.get("is_default"):
        await session.execute(
            sa.update(TaxCategory)
            .where(TaxCategory.restaurant_id == restaurant_id, TaxCategory.is_default)
            .values(is_default=False)
        )


async def _checked(session: AsyncSession, restaurant_id: UUID, values: Mapping[str, Any]) -> dict[str, Any]:
    row = {
        name: values[name]
        for name in (
            "id",
            "description",
            "is_active",
            "image_key",
            "external_provider",
            "external_id",
            "external_metadata",
            "allergens",
        )
        if name in values
    }
    if "external_metadata" in row and not isinstance(row["external_metadata"], dict):
        raise Invalid.field("external_metadata", "Must be an object.")
    if "name" in values:
        row["name"] = tidy_name(values["name"])
    if "price" in values:
        unit = (await terms_of(SessionReader(session), restaurant_id)).unit
        row["price"] = check_amount("price", values["price"], unit)
    for name, model, missing in (
        ("category", MenuCategory, "No MenuCategory matches the given query."),
        ("tax_category", TaxCategory, NO_TAX),
    ):
        if name in values:
            if values[name] is not None:
                await _ensure_all(session, model, restaurant_id, [values[name]], missing)
            row[f"{name}_id"] = values[name]
    if "modifier_groups" in values:
        groups = list(dict.fromkeys(values["modifier_groups"]))
        await _ensure_all(session, ModifierGroup, restaurant_id, groups, NO_GROUP)
        row["modifier_group_ids"] = groups
    return row


async def _ensure_all(
    session: AsyncSession, model: Any, restaurant_id: UUID, ids: Collection[UUID], missing: str
) -> None:
    if not ids:
        return
    found = await session.scalar(
        sa.select(sa.func.count()).select_from(model).where(model.restaurant_id == restaurant_id, model.id.in_(ids))
    )
    if found != len(ids):
        raise NotFound(missing)


async def _held(session: AsyncSession, restaurant_id: UUID, item_id: UUID) -> MenuItem:
    item = await session.scalar(
        sa.select(MenuItem).where(MenuItem.id == item_id, MenuItem.restaurant_id == restaurant_id).with_for_update()
    )
    if item is None:
        raise NotFound(NO_ITEM)
    return item


async def _held_group(session: AsyncSession, restaurant_id: UUID, group_id: UUID) -> ModifierGroup:
    group = await session.scalar(
        sa.select(ModifierGroup)
        .where(ModifierGroup.id == group_id, ModifierGroup.restaurant_id == restaurant_id)
        .with_for_update()
    )
    if group is None:
        raise NotFound(NO_GROUP)
    return group


async def _held_tax(session: AsyncSession, restaurant_id: UUID, tax_id: UUID) -> TaxCategory:
    tax = await session.scalar(
        sa.select(TaxCategory)
        .where(TaxCategory.id == tax_id, TaxCategory.restaurant_id == restaurant_id)
        .with_for_update()
    )
    if tax is None:
        raise NotFound(NO_TAX)
    return tax
