"""What is known of people who could do tasks: when they work, what they have to do, and what they did lately."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

import refdata
from labour import Period
from servicekit.db import Query, Reading
from servicekit.errors import NotFound
from servicekit.zones import local_instant
from services.scheduling.domain.conflicts import AVAILABILITY, TIME_OFF, Booking, find_conflicts
from services.scheduling.domain.task_assignment import Candidate
from services.scheduling.models import Shift, ShiftTask
from services.scheduling.queries.shift_tasks import NO_TASK
from services.scheduling.queries.situations import Situations, situations

LATELY = timedelta(days=30)
OFF_THE_FLOOR = ("SUPER_ADMIN", "OWNER", "ADMIN")
"""Whoever has one of these roles is given tasks only of the shifts that they work."""

_RESTAURANT = bindparam("restaurant_id", type_=sa.Uuid)
_TASKS = Query(
    sa.select(
        ShiftTask.id,
        ShiftTask.status,
        ShiftTask.priority,
        ShiftTask.due_date,
        ShiftTask.due_at,
        ShiftTask.estimated_minutes,
        ShiftTask.category_id,
        ShiftTask.template_id,
        ShiftTask.shift_id,
        ShiftTask.assigned_to,
        Shift.role,
        Shift.starts_at,
        Shift.ends_at,
        Shift.shift_date,
    )
    .outerjoin(Shift, Shift.id == ShiftTask.shift_id)
    .where(ShiftTask.restaurant_id == _RESTAURANT, ShiftTask.id == sa.any_(bindparam("ids", type_=ARRAY(sa.Uuid))))
)
_LOADS = Query(
    text(
        """SELECT s.user_id, s.role, btrim(coalesce(s.first_name, '') || ' ' || coalesce(s.last_name, '')) AS name,
            count(w.person) AS tasks, count(w.person) FILTER (WHERE w.priority IN ('HIGH', 'URGENT')) AS pressing,
            coalesce(sum(array_position(ARRAY['LOW', 'MEDIUM', 'HIGH', 'URGENT'], w.priority)), 0) AS weight
        FROM staff_ref s LEFT JOIN (
            SELECT assigned_to AS person, CAST(priority AS text) AS priority FROM shift_tasks
            WHERE restaurant_id = CAST(:restaurant_id AS uuid) AND status IN ('TODO', 'IN_PROGRESS')
            UNION ALL
            SELECT unnest(assigned_to), CAST(priority AS text) FROM tasks
            WHERE restaurant_id = CAST(:restaurant_id AS uuid) AND status IN ('TODO', 'IN_PROGRESS')
        ) w ON w.person = s.user_id
        WHERE s.restaurant_id = CAST(:restaurant_id AS uuid) AND s.is_active
        GROUP BY s.user_id, s.role, name ORDER BY name, s.user_id"""
    )
)
_DONE = Query(
    sa.select(
        sa.func.coalesce(ShiftTask.completed_by, ShiftTask.assigned_to).label("person"),
        ShiftTask.category_id,
        ShiftTask.template_id,
        sa.func.count().label("tasks"),
    )
    .where(
        ShiftTask.restaurant_id == _RESTAURANT,
        ShiftTask.status == "COMPLETED",
        ShiftTask.completed_at >= bindparam("since", type_=sa.DateTime(timezone=True)),
        sa.or_(ShiftTask.category_id.is_not(None), ShiftTask.template_id.is_not(None)),
    )
    .group_by(sa.text("1"), ShiftTask.category_id, ShiftTask.template_id)
)


@dataclass
class Staff:
    """Everybody who could do a task, with what they have to do and what they did lately."""

    loads: Sequence[Any]
    done: Sequence[Any]
    given: Counter[UUID]
    """Tasks that were given to people since the loads were read."""


async def staff_of(reading: Reading, restaurant_id: UUID, now: datetime) -> Staff:
    """The active people of a restaurant, and the work that they have and did."""
    loads, done = await reading.batch(
        (_LOADS, {"restaurant_id": restaurant_id}), (_DONE, {"restaurant_id": restaurant_id, "since": now - LATELY})
    )
    return Staff(list(loads), list(done), Counter())


async def loads_of(reading: Reading, restaurant_id: UUID) -> Sequence[Any]:
    """The open tasks of each active person: how many, how many pressing ones, and their weight, LOW 1 to URGENT 4."""
    return await reading.all(_LOADS, restaurant_id=restaurant_id)


async def tasks_to_assign(reading: Reading, restaurant_id: UUID, ids: Collection[UUID]) -> dict[UUID, Any]:
    """Tasks of shifts with when and as what they are to be done. Raises NotFound for one that is not there."""
    rows = await reading.all(_TASKS, restaurant_id=restaurant_id, ids=list(ids))
    found = {row.id: row for row in rows}
    if len(found) < len(set(ids)):
        raise NotFound(NO_TASK)
    return found


class Rota:
    """Who works when, read once for each day that is asked about."""

    def __init__(self, reading: Reading, restaurant_id: UUID, people: list[UUID], zone: ZoneInfo) -> None:
        self._reading = reading
        self._restaurant_id = restaurant_id
        self._people = people
        self._zone = zone
        self._days: dict[date, Situations] = {}

    async def candidates(self, task: Any, staff: Staff) -> list[Candidate]:
        """Everybody who could be thought of for a task, with what matters of them."""
        period = self._period(task)
        known = await self._on(self._day(period)) if period is not None else None
        found = []
        for person in staff.loads:
            presence = self._presence(task, period, known, person.user_id)
            if person.role in OFF_THE_FLOOR and not presence.get("works_then"):
                continue
            found.append(
                Candidate(
                    person.user_id,
                    person.name,
                    person.role,
                    open_tasks=person.tasks + staff.given[person.user_id] - (task.assigned_to == person.user_id),
                    done_alike=sum(
                        row.tasks for row in staff.done if row.person == person.user_id and _alike(row, task)
                    ),
                    **presence,
                )
            )
        return found

    def _presence(self, task: Any, period: Period | None, known: Situations | None, person: UUID) -> dict[str, Any]:
        if period is None or known is None:
            return {}
        situation = known.of(person)
        there = [booking for booking in situation.shifts if booking.period.overlaps(period)]
        against = [
            {finding.type for finding in find_conflicts(Booking(booking.id, booking.period), situation)}
            for booking in there
        ]
        return {
            "is_on_shift": any(booking.id == task.shift_id for booking in there if task.shift_id is not None),
            "works_then": bool(there),
            "is_away": bool(there) and all(TIME_OFF in types for types in against),
            "is_reluctant": bool(there) and all(AVAILABILITY in types for types in against),
        }

    def _period(self, task: Any) -> Period | None:
        """When a task is to be done: during its shift, before its time, or on its day."""
        if task.starts_at is not None:
            return Period(task.starts_at, task.ends_at)
        if task.due_at is not None:
            return Period(task.due_at - timedelta(minutes=max(task.estimated_minutes or 0, 1)), task.due_at)
        if task.due_date is not None:
            begins = local_instant(task.due_date, time(), self._zone)
            return Period(begins, local_instant(task.due_date + timedelta(days=1), time(), self._zone))
        return None

    def _day(self, period: Period) -> date:
        return period.start.astimezone(self._zone).date()

    async def _on(self, day: date) -> Situations:
        if day not in self._days:
            self._days[day] = await situations(self._reading, self._restaurant_id, self._people, day, day)
        return self._days[day]


async def rota_of(reading: Reading, restaurant_id: UUID, staff: Staff) -> Rota:
    """Who of a restaurant's people works when."""
    zone = await refdata.time_zone(reading, restaurant_id)
    return Rota(reading, restaurant_id, [person.user_id for person in staff.loads], zone)


def due_day(task: Any, zone: ZoneInfo) -> date | None:
    """The day on which a task is due, or on which its shift is."""
    due: date | None = task.due_at.astimezone(zone).date() if task.due_at is not None else task.due_date
    return due or task.shift_date


def _alike(row: Any, task: Any) -> bool:
    same_template = task.template_id is not None and row.template_id == task.template_id
    return same_template or (task.category_id is not None and row.category_id == task.category_id)
