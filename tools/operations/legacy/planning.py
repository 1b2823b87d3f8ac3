"""The categories of tasks and the shifts, as scheduling keeps them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from mizan.scheduling.events.v1 import events_pb2 as facts
from servicekit.db import SessionReader
from servicekit.errors import Invalid
from services.scheduling import events
from services.scheduling.commands import task_categories
from services.scheduling.commands.shifts import PLAIN, week_for
from services.scheduling.domain.clock import DEFAULT_BREAK_MINUTES
from services.scheduling.domain.planning import DEFAULT_ROLE, role_code
from services.scheduling.models import Shift, ShiftPerson, TaskCategory
from tools.operations.legacy.source import Owner, Part, Row
from tools.operations.legacy.steps import Step

MOST_BREAK = timedelta(days=1)
# Their names there, and here where those differ.
KEPT = {name: name for name in (*PLAIN, "is_confirmed", "color", "created_at", "updated_at")} | {
    "created_by_id": "created_by",
    "last_modified_by_id": "last_modified_by",
}
REMINDED = ("shift_reminded_at", "clock_in_reminded_at", "checklist_reminded_at", "clock_out_reminded_at")


async def take_category(session: AsyncSession, row: Row) -> None:
    """A category. Raises Invalid."""
    values = {name: row.get(name) for name in ("id", "name", "description", "color")}
    await task_categories.create_category(session, row["restaurant_id"], values)


async def take_shift(session: AsyncSession, row: Row) -> None:
    """A shift with its people, in a week that counts as published when it was and is over.

    Other services hear of it as of a draft, so that nobody is told of work that is done. Raises Invalid for a shift
    without times, and NotFound for somebody who is not in the restaurant.
    """
    restaurant_id, now = row["restaurant_id"], datetime.now(UTC)
    start, end = _times(row)
    people = await _people(session, restaurant_id, row)
    zone = await refdata.time_zone(SessionReader(session), restaurant_id)
    day = start.astimezone(zone).date()
    week = await week_for(session, restaurant_id, day)
    is_past = week.week_start + timedelta(days=7) <= now.astimezone(zone).date()
    if row["is_published"] and is_past and not week.is_published:
        week.is_published = True
        week.version += 1
    pause = row.get("break_duration")
    shift = Shift(
        id=row["id"],
        restaurant_id=restaurant_id,
        schedule_id=week.id,
        shift_date=day,
        starts_at=start,
        ends_at=end,
        break_minutes=DEFAULT_BREAK_MINUTES if pause is None else pause // timedelta(minutes=1),
        role=role_code(row.get("role")) or DEFAULT_ROLE,
        version=1,
        **{ours: row[theirs] for theirs, ours in KEPT.items() if row.get(theirs) is not None},
        **(dict.fromkeys(REMINDED, end) if end <= now else {}),
    )
    session.add(shift)
    await session.flush()
    session.add_all(
        ShiftPerson(
            shift_id=shift.id,
            user_id=person,
            restaurant_id=restaurant_id,
            place=place,
            period=shift.period,
            occupies=shift.occupies,
        )
        for place, person in enumerate(people)
    )
    await session.flush()
    about = events.shift_facts(shift, people, is_published=False)
    events.shift_changed(session, facts.ShiftCreated(shift=about))


def _times(row: Row) -> tuple[datetime, datetime]:
    """When a shift began and ended; one that ended before it began went past midnight."""
    start: Any = row.get("start_time")
    end: Any = row.get("end_time")
    if start is None or end is None:
        raise Invalid.field("start_time" if start is None else "end_time", "It says no time.")
    if end < start:
        end += timedelta(days=1)
    if not start < end <= start + timedelta(days=1):
        raise Invalid.field("end_time", "It lasts no time, or longer than a day.")
    pause = row.get("break_duration")
    if pause is not None and not timedelta() <= pause <= MOST_BREAK:
        raise Invalid.field("break_duration", "This duration is out of range.")
    return start, end


async def _people(session: AsyncSession, restaurant_id: UUID, row: Row) -> list[UUID]:
    named = [row["staff_id"]] if row.get("staff_id") else []
    people = list(dict.fromkeys([*named, *(member["user_id"] for member in row["members"])]))
    for person in people:
        await refdata.member(SessionReader(session), restaurant_id, person)
    return people


STEPS = (
    Step("scheduling", ("task_categories", "scheduling_taskcategory"), TaskCategory.id, take_category),
    Step(
        "scheduling",
        ("assigned_shifts", "scheduling_assignedshift"),
        Shift.id,
        take_shift,
        owner=Owner(
            ("weekly_schedules", "scheduling_weeklyschedule"), "schedule_id", ("restaurant_id", "is_published")
        ),
        parts=(
            Part(
                "members",
                ("assigned_shifts_staff_members", "scheduling_assignedshift_staff_members"),
                "assignedshift_id",
            ),
        ),
    ),
)
