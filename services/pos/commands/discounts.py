"""Discount codes, and how a restaurant makes its bills."""

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.db import SessionReader
from servicekit.errors import Invalid, NotFound
from services.pos.commands.pricing import Terms, check_amount, terms_of
from services.pos.domain import money
from services.pos.models import BillSettings, Discount
from services.pos.queries.discounts import NO_DISCOUNT

CODE_TAKEN = "A discount with this code already exists."
LATEST_START = time(12)
_AMOUNTS = ("min_order_amount", "max_discount_amount")


async def create(session: AsyncSession, restaurant_id: UUID, values: Mapping[str, Any], now: datetime) -> Discount:
    """A new code. Raises Invalid for one that the restaurant has, and for limits that make no sense."""
    discount = Discount(
        id=uuid4(),
        restaurant_id=restaurant_id,
        **{"valid_from": now, "min_order_amount": money.ZERO, "is_active": True, "usage_count": 0, **values},
    )
    await _check(session, discount)
    session.add(discount)
    try:
        await session.flush()
    except IntegrityError as error:
        raise Invalid.field("discount_code", CODE_TAKEN, code="code_taken") from error
    return discount


async def change(session: AsyncSession, restaurant_id: UUID, discount_id: UUID, changes: Mapping[str, Any]) -> Discount:
    """Changes a code. Raises NotFound, and Invalid for limits that make no sense or are passed already."""
    discount = await _held(session, restaurant_id, discount_id)
    for name, value in changes.items():
        setattr(discount, name, value)
    await _check(session, discount)
    await session.flush()
    return discount


async def delete(session: AsyncSession, restaurant_id: UUID, discount_id: UUID) -> None:
    """Removes a code. Raises NotFound."""
    await session.delete(await _held(session, restaurant_id, discount_id))
    await session.flush()


async def change_bills(session: AsyncSession, restaurant_id: UUID, changes: Mapping[str, Any]) -> Terms:
    """Changes how bills are made from now on. Raises Invalid for days that would begin in the afternoon."""
    if changes.get("day_starts_at", time(0)) > LATEST_START:
        raise Invalid.field("day_starts_at", "A business day begins at 12:00 at the latest.")
    if changes:
        await session.execute(
            insert(BillSettings)
            .values(restaurant_id=restaurant_id, **changes)
            .on_conflict_do_update(
                index_elements=[BillSettings.restaurant_id], set_={**changes, "updated_at": sa.func.now()}
            )
        )
    return await terms_of(SessionReader(session), restaurant_id)


async def _check(session: AsyncSession, discount: Discount) -> None:
    unit = (await terms_of(SessionReader(session), discount.restaurant_id)).unit
    for name in _AMOUNTS:
        if getattr(discount, name) is not None:
            check_amount(name, getattr(discount, name), unit)
    if discount.discount_value <= 0:
        raise Invalid.field("discount_value", "Must be more than 0.")
    if discount.discount_type == "PERCENTAGE" and discount.discount_value > 100:
        raise Invalid.field("discount_value", "A percentage is at most 100.")
    if discount.discount_type == "FIXED_AMOUNT":
        check_amount("discount_value", discount.discount_value, unit)
    if discount.valid_until is not None and discount.valid_until <= discount.valid_from:
        raise Invalid.field("non_field_errors", "valid_until must be after valid_from.")
    if discount.max_usage is not None and discount.max_usage < discount.usage_count:
        raise Invalid.field("max_usage", f"It was used {discount.usage_count} times already.")


async def _held(session: AsyncSession, restaurant_id: UUID, discount_id: UUID) -> Discount:
    discount = await session.scalar(
        sa.select(Discount).where(Discount.id == discount_id, Discount.restaurant_id == restaurant_id).with_for_update()
    )
    if discount is None:
        raise NotFound(NO_DISCOUNT)
    return discount
