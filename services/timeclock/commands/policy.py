"""Changing what the clock goes by."""

from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from refdata import restaurant_ref
from servicekit import jobs
from servicekit.errors import AlreadyExists, Forbidden, Invalid, NotFound
from services.timeclock.domain.days import LATEST_START
from services.timeclock.models import ClockSettings, Holiday, Wage

BEGINNING: Final = date(2000, 1, 1)
"""From when on a wage holds before which none is known."""

TAKE_OVER_WAGES: Final = jobs.Task("timeclock.take_over_wages")
"""Asks what the people of one restaurant earn."""


async def change_settings(session: AsyncSession, restaurant_id: UUID, changes: Mapping[str, Any]) -> None:
    """Changes the rules of the clock. Raises Invalid for a day that begins in the afternoon."""
    if changes.get("day_starts_at", time(0)) > LATEST_START:
        raise Invalid.field("day_starts_at", f"A business day begins at {LATEST_START:%H:%M} at the latest.")
    statement = insert(ClockSettings).values(restaurant_id=restaurant_id, **changes)
    await session.execute(
        statement.on_conflict_do_update(index_elements=["restaurant_id"], set_={**changes, "updated_at": sa.func.now()})
    )


async def create_holiday(
    session: AsyncSession, restaurant_id: UUID, day: date, name: str, multiplier: Decimal
) -> Holiday:
    """Makes a day a holiday. Raises AlreadyExists when it is one."""
    holiday = Holiday(id=uuid4(), restaurant_id=restaurant_id, day=day, name=name, multiplier=multiplier)
    made = await session.scalar(
        insert(Holiday)
        .values(id=holiday.id, restaurant_id=restaurant_id, day=day, name=name, multiplier=multiplier)
        .on_conflict_do_nothing(index_elements=["restaurant_id", "day"])
        .returning(Holiday.id)
    )
    if made is None:
        raise AlreadyExists(f"{day.isoformat()} is a holiday already.", fields={"date": "This is a holiday already."})
    return holiday


async def delete_holiday(session: AsyncSession, restaurant_id: UUID, holiday_id: UUID) -> None:
    """Makes a holiday an ordinary day. Raises NotFound."""
    gone = await session.scalar(
        sa.delete(Holiday).where(Holiday.restaurant_id == restaurant_id, Holiday.id == holiday_id).returning(Holiday.id)
    )
    if gone is None:
        raise NotFound("No Holiday matches the given query.")


async def set_wage(
    session: AsyncSession, restaurant_id: UUID, staff_id: UUID, day: date, rate: Decimal, author_id: UUID
) -> Any:
    """Says what somebody earns from a day on. Raises Forbidden for oneself."""
    if staff_id == author_id:
        raise Forbidden("Somebody else must set your own wage.", code="own_wage")
    statement = insert(Wage).values(
        id=uuid4(),
        restaurant_id=restaurant_id,
        staff_id=staff_id,
        effective_from=day,
        hourly_rate=rate,
        set_by=author_id,
    )
    return (
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=["restaurant_id", "staff_id", "effective_from"],
                set_={"hourly_rate": rate, "set_by": author_id, "created_at": sa.func.now()},
            ).returning(Wage.id, Wage.staff_id, Wage.effective_from, Wage.hourly_rate, Wage.created_at)
        )
    ).one()


async def take_over_wages(
    session: AsyncSession, restaurant_id: UUID, rates: Mapping[UUID, Decimal], today: date
) -> int:
    """Takes over what people's profiles say they earn; the number of steps that are new.

    The first rate that is known holds from the beginning, another one from today. Whose wage somebody has set here is
    left alone.
    """
    newest = {
        row.staff_id: row
        for row in await session.scalars(
            sa.select(Wage).where(Wage.restaurant_id == restaurant_id).order_by(Wage.effective_from)
        )
    }
    taken = 0
    for staff_id, rate in rates.items():
        known = newest.get(staff_id)
        if known is not None and (known.set_by is not None or known.hourly_rate == rate):
            continue
        step = insert(Wage).values(
            id=uuid4(),
            restaurant_id=restaurant_id,
            staff_id=staff_id,
            effective_from=BEGINNING if known is None else today,
            hourly_rate=rate,
        )
        await session.execute(
            step.on_conflict_do_update(
                index_elements=["restaurant_id", "staff_id", "effective_from"],
                set_={"hourly_rate": rate, "created_at": sa.func.now()},
                where=Wage.set_by.is_(None),
            )
        )
        taken += 1
    return taken


async def have_wages_taken_over(session: AsyncSession, restaurant_id: UUID | None = None) -> int:
    """Has the wages of a restaurant taken over, or of all; of how many."""
    tenants = [restaurant_id] if restaurant_id is not None else await session.scalars(sa.select(restaurant_ref.c.id))
    asked = 0
    for tenant in tenants:
        await jobs.defer(session, TAKE_OVER_WAGES, once=f"wages of {tenant}", restaurant_id=str(tenant))
        asked += 1
    return asked
