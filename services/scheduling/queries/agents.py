"""What agents look up."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

import refdata
from servicekit.db import Query, Reading
from servicekit.errors import NotFound
from services.scheduling.models import ChecklistExecution, Shift, ShiftPerson, TaskTemplate
from services.scheduling.queries.checklists import NO_EXECUTION

_RESTAURANT = bindparam("restaurant_id", type_=sa.Uuid)
_STAFF = Query(
    sa.select(refdata.staff_ref)
    .where(refdata.staff_ref.c.restaurant_id == _RESTAURANT, refdata.staff_ref.c.is_active)
    .order_by(refdata.staff_ref.c.first_name, refdata.staff_ref.c.last_name, refdata.staff_ref.c.user_id)
)
_WHOSE = Query(
    sa.select(ChecklistExecution.restaurant_id, ChecklistExecution.assigned_to).where(
        ChecklistExecution.id == bindparam("id", type_=sa.Uuid)
    )
)
_WHERE = Query(sa.select(Shift.restaurant_id).where(Shift.id == bindparam("id", type_=sa.Uuid)))
_NEXT_SHIFT = Query(
    sa.select(Shift.id)
    .join(ShiftPerson, ShiftPerson.shift_id == Shift.id)
    .where(
        Shift.restaurant_id == _RESTAURANT,
        ShiftPerson.user_id == bindparam("user_id", type_=sa.Uuid),
        Shift.ends_at > bindparam("now", type_=sa.DateTime(timezone=True)),
        Shift.occupies,
    )
    .order_by(Shift.starts_at, Shift.id)
    .limit(1)
)
_TEMPLATES = Query(
    sa.select(
        TaskTemplate.id, TaskTemplate.name, TaskTemplate.description, TaskTemplate.template_type, TaskTemplate.tasks
    )
    .where(TaskTemplate.restaurant_id == _RESTAURANT, TaskTemplate.is_active)
    .order_by(TaskTemplate.name, TaskTemplate.id)
    .limit(500)
)


async def active_staff(reading: Reading, restaurant_id: UUID) -> Sequence[Any]:
    """The people who work in a restaurant, by name."""
    return await reading.all(_STAFF, restaurant_id=restaurant_id)


async def whose_execution(reading: Reading, execution_id: UUID) -> Any:
    """The restaurant and the person of a checklist; `reading` sees every restaurant. Raises NotFound."""
    row = await reading.first(_WHOSE, id=execution_id)
    if row is None:
        raise NotFound(NO_EXECUTION)
    return row


async def restaurant_of_shift(reading: Reading, shift_id: UUID) -> UUID | None:
    """Where a shift is worked; `reading` sees every restaurant."""
    row = await reading.first(_WHERE, id=shift_id)
    return row.restaurant_id if row is not None else None


async def next_shift(reading: Reading, restaurant_id: UUID, user_id: UUID, now: datetime) -> UUID | None:
    """Somebody's shift that goes on or comes next."""
    row = await reading.first(_NEXT_SHIFT, restaurant_id=restaurant_id, user_id=user_id, now=now)
    return row.id if row is not None else None


async def task_templates(reading: Reading, restaurant_id: UUID) -> Sequence[Any]:
    """The templates of tasks that are in use, by name."""
    return await reading.all(_TEMPLATES, restaurant_id=restaurant_id)
