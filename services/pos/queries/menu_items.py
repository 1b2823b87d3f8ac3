"""Items of the menu, modifiers and taxes."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import any_, bindparam
from sqlalchemy.dialects.postgresql import ARRAY

from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.pos.models import MenuCategory, MenuItem, Modifier, ModifierGroup, TaxCategory
from services.pos.queries.filters import LIMIT, OFFSET, contains, is_or_any, mine

NO_ITEM = "No MenuItem matches the given query."

_IDS: Any = bindparam("ids", type_=ARRAY(sa.Uuid))
_FILTERS = (
    mine(MenuItem.restaurant_id),
    is_or_any(MenuItem.category_id, "category_id", sa.Uuid),
    is_or_any(MenuItem.is_active, "is_active", sa.Boolean),
    contains("search", MenuItem.name),
)
_COUNT = Query(sa.select(sa.func.count()).select_from(MenuItem).where(*_FILTERS))
_COLUMNS = sa.select(
    MenuItem.id,
    MenuItem.restaurant_id,
    MenuItem.category_id,
    MenuItem.tax_category_id,
    MenuItem.name,
    MenuItem.description,
    MenuItem.price,
    MenuItem.is_active,
    MenuItem.is_available,
    MenuItem.image_key,
    MenuItem.allergens,
    MenuItem.modifier_group_ids,
    MenuItem.external_provider,
    MenuItem.external_id,
    sa.cast(MenuItem.external_metadata, sa.Text).label("external_metadata"),
    MenuItem.created_at,
    MenuItem.updated_at,
    MenuCategory.name.label("category_name"),
    MenuCategory.description.label("category_description"),
    MenuCategory.is_active.label("category_is_active"),
    MenuCategory.display_order.label("category_display_order"),
    MenuCategory.external_provider.label("category_external_provider"),
    MenuCategory.external_id.label("category_external_id"),
    MenuCategory.created_at.label("category_created_at"),
    MenuCategory.updated_at.label("category_updated_at"),
).outerjoin(MenuCategory, MenuCategory.id == MenuItem.category_id)
_ROWS = Query(_COLUMNS.where(*_FILTERS).order_by(MenuItem.name).limit(LIMIT).offset(OFFSET))
_ONE = Query(_COLUMNS.where(mine(MenuItem.restaurant_id), MenuItem.id == bindparam("id", type_=sa.Uuid)))
_IMAGE = Query(sa.select(MenuItem.image_key).where(MenuItem.id == bindparam("id", type_=sa.Uuid)))
_GROUP_FILTER = mine(ModifierGroup.restaurant_id)
_GROUP_COUNT = Query(sa.select(sa.func.count()).select_from(ModifierGroup).where(_GROUP_FILTER))
_GROUPS = Query(
    sa.select(ModifierGroup.id, ModifierGroup.name, ModifierGroup.minimum, ModifierGroup.maximum)
    .where(_GROUP_FILTER)
    .order_by(ModifierGroup.name)
    .limit(LIMIT)
    .offset(OFFSET)
)
_MODIFIERS = Query(
    sa.select(Modifier.id, Modifier.group_id, Modifier.name, Modifier.price, Modifier.is_active)
    .where(mine(Modifier.restaurant_id), Modifier.group_id == any_(_IDS))
    .order_by(Modifier.group_id, Modifier.position)
)
_TAX_COUNT = Query(sa.select(sa.func.count()).select_from(TaxCategory).where(mine(TaxCategory.restaurant_id)))
_TAXES = Query(
    sa.select(TaxCategory.id, TaxCategory.name, TaxCategory.rate, TaxCategory.is_inclusive, TaxCategory.is_default)
    .where(mine(TaxCategory.restaurant_id))
    .order_by(TaxCategory.name)
    .limit(LIMIT)
    .offset(OFFSET)
)
_OWN_TAX = sa.orm.aliased(TaxCategory)
_DEFAULT_TAX = sa.orm.aliased(TaxCategory)
SOLD = Query(
    sa.select(
        MenuItem.id,
        MenuItem.name,
        MenuItem.category_id,
        MenuItem.price,
        MenuItem.is_active,
        MenuItem.is_available,
        MenuItem.modifier_group_ids,
        sa.func.coalesce(_OWN_TAX.rate, _DEFAULT_TAX.rate, 0).label("tax_rate"),
        sa.func.coalesce(_OWN_TAX.is_inclusive, _DEFAULT_TAX.is_inclusive, sa.false()).label("tax_inclusive"),
    )
    .outerjoin(_OWN_TAX, _OWN_TAX.id == MenuItem.tax_category_id)
    .outerjoin(
        _DEFAULT_TAX,
        sa.and_(_DEFAULT_TAX.restaurant_id == MenuItem.restaurant_id, _DEFAULT_TAX.is_default),
    )
    .where(mine(MenuItem.restaurant_id), MenuItem.id == any_(_IDS))
)
_GROUPS_BY_ID = Query(
    sa.select(ModifierGroup.id, ModifierGroup.name, ModifierGroup.minimum, ModifierGroup.maximum).where(
        _GROUP_FILTER, ModifierGroup.id == any_(_IDS)
    )
)

_DESCRIBED = Query(
    sa.select(MenuItem.id, MenuItem.description, MenuItem.external_id).where(
        mine(MenuItem.restaurant_id), MenuItem.id == any_(_IDS)
    )
)


async def page_of_items(
    reader: Reader,
    restaurant_id: UUID,
    page: Page,
    *,
    category_id: UUID | None,
    search: str | None,
    is_active: bool | None,
) -> tuple[int, list[Any]]:
    """How many items match, and those of one page, by name. Raises NotFound beyond the end."""
    return await read_page(
        reader,
        _COUNT,
        _ROWS,
        page,
        restaurant_id=restaurant_id,
        category_id=category_id,
        search=search,
        is_active=is_active,
    )


async def item(reading: Reading, restaurant_id: UUID, item_id: UUID) -> Any:
    """One item with its category. Raises NotFound."""
    row = await reading.first(_ONE, restaurant_id=restaurant_id, id=item_id)
    if row is None:
        raise NotFound(NO_ITEM)
    return row


async def image_key(reading: Reading, item_id: UUID) -> str | None:
    """Where an item's picture is kept, whatever restaurant it belongs to."""
    key: str | None = await reading.scalar(_IMAGE, id=item_id)
    return key


async def page_of_groups(reader: Reader, restaurant_id: UUID, page: Page) -> tuple[int, list[Any], list[Any]]:
    """How many groups there are, those of one page by name, and the modifiers in them."""
    count, groups = await read_page(reader, _GROUP_COUNT, _GROUPS, page, restaurant_id=restaurant_id)
    return count, groups, await modifiers_of(reader, restaurant_id, [group.id for group in groups])


async def modifiers_of(reading: Reading, restaurant_id: UUID, group_ids: Collection[UUID]) -> list[Any]:
    """The modifiers of groups, in their order."""
    return list(await reading.all(_MODIFIERS, restaurant_id=restaurant_id, ids=list(group_ids)))


async def groups_by_id(
    reading: Reading, restaurant_id: UUID, group_ids: Collection[UUID]
) -> tuple[dict[UUID, Any], Sequence[Any]]:
    """The groups of these ids that the restaurant has, and the modifiers in them, in their order."""
    parameters = {"restaurant_id": restaurant_id, "ids": list(group_ids)}
    groups, modifiers = await reading.batch((_GROUPS_BY_ID, parameters), (_MODIFIERS, parameters))
    return {row.id: row for row in groups}, modifiers


async def page_of_taxes(reader: Reader, restaurant_id: UUID, page: Page) -> tuple[int, list[Any]]:
    """How many tax categories there are, and those of one page, by name."""
    return await read_page(reader, _TAX_COUNT, _TAXES, page, restaurant_id=restaurant_id)


async def sold(reading: Reading, restaurant_id: UUID, item_ids: Collection[UUID]) -> dict[UUID, Any]:
    """The items of these ids that the menu has, with what taking an order needs of each."""
    rows = await reading.all(SOLD, restaurant_id=restaurant_id, ids=list(item_ids))
    return {row.id: row for row in rows}


async def described(reading: Reading, restaurant_id: UUID, item_ids: Collection[UUID]) -> dict[UUID, Any]:
    """What the menu says of items, by id, and the codes that a till system knows them by."""
    rows = await reading.all(_DESCRIBED, restaurant_id=restaurant_id, ids=list(item_ids))
    return {row.id: row for row in rows}
