"""Gives tasks of shifts to whom they fit best."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from servicekit.db import Reading, SessionReader
from servicekit.errors import Invalid
from servicekit.identity import Principal
from services.scheduling.commands.shift_tasks import locked, reassign
from services.scheduling.commands.task_checkpoints import ensure_open
from services.scheduling.domain.task_assignment import Recommendation, recommend, urgency
from services.scheduling.queries import task_assignment as queries

NOBODY = "Nobody suitable is at work then."


@dataclass(frozen=True, slots=True)
class Given:
    """A task with whom it was given to; to nobody when nobody suits."""

    task_id: UUID
    choice: Recommendation | None


async def recommendations(reading: Reading, restaurant_id: UUID, task_id: UUID, now: datetime) -> list[Recommendation]:
    """Who could do a task, the best first. Raises NotFound."""
    tasks = await queries.tasks_to_assign(reading, restaurant_id, [task_id])
    staff = await queries.staff_of(reading, restaurant_id, now)
    rota = await queries.rota_of(reading, restaurant_id, staff)
    return recommend(await rota.candidates(tasks[task_id], staff), tasks[task_id].role)


async def assign_best(session: AsyncSession, principal: Principal, task_id: UUID, now: datetime) -> Recommendation:
    """Gives a task to whom it fits best. Raises NotFound, Invalid when nobody suits, Conflict once it is over."""
    (given,) = await assign_all(session, principal, [task_id], now)
    if given.choice is None:
        raise Invalid(NOBODY, code="nobody_suitable")
    return given.choice


async def assign_all(
    session: AsyncSession, principal: Principal, task_ids: Sequence[UUID], now: datetime
) -> list[Given]:
    """Gives several tasks, the most urgent first, each counting towards the next person's load.

    Raises NotFound for one that is not there and Conflict for one that is over; then none is given.
    """
    reading, tenant = SessionReader(session), principal.tenant
    # In one order, so that two who give the same tasks at once do not wait for each other.
    for task_id in sorted(set(task_ids)):
        ensure_open(await locked(session, principal, task_id))
    tasks = await queries.tasks_to_assign(reading, tenant, task_ids)
    staff = await queries.staff_of(reading, tenant, now)
    rota = await queries.rota_of(reading, tenant, staff)
    zone = await refdata.time_zone(reading, tenant)
    today = now.astimezone(zone).date()

    def rank(task: Any) -> tuple[int, UUID]:
        return -urgency(task.priority, queries.due_day(task, zone), today), task.id

    given = []
    for task in sorted(tasks.values(), key=rank):
        best = next(iter(recommend(await rota.candidates(task, staff), task.role)), None)
        if best is not None:
            person = best.candidate.user_id
            if task.assigned_to != person:
                staff.given[person] += 1
                if task.assigned_to is not None:
                    staff.given[task.assigned_to] -= 1
                await reassign(session, principal, task.id, person)
        given.append(Given(task.id, best))
    return given
