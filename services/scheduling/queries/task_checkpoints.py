"""What was noted while tasks were worked on."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import ARRAY

import refdata
from servicekit.db import Query, Reading
from services.scheduling.models import ShiftTask, Task, TaskCheckpoint

_RESTAURANT = bindparam("restaurant_id", type_=sa.Uuid)
_IDS = bindparam("ids", type_=ARRAY(sa.Uuid))


def _of(task: Any) -> Query:
    """The notes of several tasks, first things first."""
    return Query(
        sa.select(*TaskCheckpoint.__table__.columns, refdata.FULL_NAME.label("noted_by_name"))
        .select_from(TaskCheckpoint)
        .outerjoin(refdata.staff_ref, refdata.is_staff(TaskCheckpoint.restaurant_id, TaskCheckpoint.noted_by))
        .where(TaskCheckpoint.restaurant_id == _RESTAURANT, task == sa.any_(_IDS))
        .order_by(TaskCheckpoint.created_at, TaskCheckpoint.id)
    )


_OF_TASKS, _OF_SHIFT_TASKS = _of(TaskCheckpoint.task_id), _of(TaskCheckpoint.shift_task_id)
_ONE = Query(
    sa.select(
        *TaskCheckpoint.__table__.columns, Task.assigned_to.label("task_people"), ShiftTask.id.label("shift_task")
    )
    .select_from(TaskCheckpoint)
    .outerjoin(Task, Task.id == TaskCheckpoint.task_id)
    .outerjoin(ShiftTask, ShiftTask.id == TaskCheckpoint.shift_task_id)
    .where(TaskCheckpoint.id == bindparam("id", type_=sa.Uuid), sa.or_(Task.id.is_not(None), ShiftTask.id.is_not(None)))
)

Noted = Mapping[UUID, Sequence[Any]]


async def of_tasks(reading: Reading, restaurant_id: UUID, ids: list[UUID]) -> Noted:
    """What was noted about several tasks that stand alone, by task."""
    return _by_task(await reading.all(_OF_TASKS, restaurant_id=restaurant_id, ids=ids), "task_id")


async def of_shift_tasks(reading: Reading, restaurant_id: UUID, ids: list[UUID]) -> Noted:
    """What was noted about several tasks of shifts, by task."""
    return _by_task(await reading.all(_OF_SHIFT_TASKS, restaurant_id=restaurant_id, ids=ids), "shift_task_id")


async def one_checkpoint(reading: Reading, checkpoint_id: UUID) -> Any | None:
    """A note, with the people of the task that stands alone, or the id of its shift's; None when it is not there."""
    return await reading.first(_ONE, id=checkpoint_id)


def _by_task(rows: Sequence[Any], name: str) -> Noted:
    found: defaultdict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        found[getattr(row, name)].append(row)
    return found
