"""Processes and their tasks."""

from collections import defaultdict
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import ARRAY

import refdata
from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.scheduling.models import Process, ProcessTask

NO_PROCESS = "No Process matches the given query."
NO_TASK = "No ProcessTask matches the given query."
_RESTAURANT = bindparam("restaurant_id", type_=sa.Uuid)
_IDS = bindparam("ids", type_=ARRAY(sa.Uuid))


def _optional(name: str, kind: Any) -> sa.BindParameter[Any]:
    return bindparam(name, None, type_=kind)


_STATUS, _ACTIVE = _optional("status", sa.Text), sa.cast(_optional("is_active", sa.Boolean), sa.Boolean)
_PROCESS, _PERSON = _optional("process", sa.Uuid), _optional("assigned_to", sa.Uuid)
_DAY = _optional("due_date", sa.Date)
_FROM, _TO = _optional("due_start", sa.Date), _optional("due_end", sa.Date)
_PROCESSES = sa.select(*Process.__table__.columns)
_CHOSEN = sa.and_(
    Process.restaurant_id == _RESTAURANT,
    sa.or_(_STATUS.is_(None), Process.status == _STATUS),
    sa.or_(_ACTIVE.is_(None), Process.is_active == _ACTIVE),
)
_COUNT = Query(sa.select(sa.func.count()).select_from(Process).where(_CHOSEN))
_ROWS = Query(
    _PROCESSES.where(_CHOSEN)
    .order_by(Process.created_at.desc(), Process.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_ONE = Query(_PROCESSES.where(Process.restaurant_id == _RESTAURANT, Process.id == bindparam("id", type_=sa.Uuid)))
_TASKS = sa.select(*ProcessTask.__table__.columns, refdata.FULL_NAME.label("assigned_to_name")).outerjoin(
    refdata.staff_ref, refdata.is_staff(ProcessTask.restaurant_id, ProcessTask.assigned_to)
)
_OF_PROCESSES = Query(
    _TASKS.where(ProcessTask.restaurant_id == _RESTAURANT, ProcessTask.process_id == sa.any_(_IDS)).order_by(
        ProcessTask.due_date, ProcessTask.created_at, ProcessTask.id
    )
)
_WANTED = sa.and_(
    ProcessTask.restaurant_id == _RESTAURANT,
    sa.or_(_STATUS.is_(None), ProcessTask.status == _STATUS),
    sa.or_(_PROCESS.is_(None), ProcessTask.process_id == _PROCESS),
    sa.or_(_PERSON.is_(None), ProcessTask.assigned_to == _PERSON),
    sa.or_(_DAY.is_(None), ProcessTask.due_date == _DAY),
    sa.or_(_FROM.is_(None), ProcessTask.due_date >= _FROM),
    sa.or_(_TO.is_(None), ProcessTask.due_date <= _TO),
)
_TASK_COUNT = Query(sa.select(sa.func.count()).select_from(ProcessTask).where(_WANTED))
_TASK_ROWS = Query(
    _TASKS.where(_WANTED)
    .order_by(ProcessTask.due_date, ProcessTask.created_at, ProcessTask.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_TASK = Query(_TASKS.where(ProcessTask.restaurant_id == _RESTAURANT, ProcessTask.id == bindparam("id", type_=sa.Uuid)))

Whole = tuple[Any, list[Any]]
"""A process and its tasks."""


async def page_of_processes(reader: Reader, restaurant_id: UUID, page: Page, **chosen: Any) -> tuple[int, list[Whole]]:
    """How many processes there are, and those of one page, newest first. Raises NotFound beyond the end."""
    count, rows = await read_page(reader, _COUNT, _ROWS, page, restaurant_id=restaurant_id, **chosen)
    tasks: defaultdict[UUID, list[Any]] = defaultdict(list)
    for task in await reader.all(_OF_PROCESSES, restaurant_id=restaurant_id, ids=[row.id for row in rows]):
        tasks[task.process_id].append(task)
    return count, [(row, tasks[row.id]) for row in rows]


async def one_process(reading: Reading, restaurant_id: UUID, process_id: UUID) -> Whole:
    """A process with its tasks. Raises NotFound."""
    rows, tasks = await reading.batch(
        (_ONE, {"restaurant_id": restaurant_id, "id": process_id}),
        (_OF_PROCESSES, {"restaurant_id": restaurant_id, "ids": [process_id]}),
    )
    if not rows:
        raise NotFound(NO_PROCESS)
    return rows[0], list(tasks)


async def page_of_tasks(reader: Reader, restaurant_id: UUID, page: Page, **chosen: Any) -> tuple[int, list[Any]]:
    """How many tasks of processes there are, and those of one page. Raises NotFound beyond the end."""
    return await read_page(reader, _TASK_COUNT, _TASK_ROWS, page, restaurant_id=restaurant_id, **chosen)


async def one_task(reading: Reading, restaurant_id: UUID, task_id: UUID) -> Any:
    """A task of a process. Raises NotFound."""
    row = await reading.first(_TASK, restaurant_id=restaurant_id, id=task_id)
    if row is None:
        raise NotFound(NO_TASK)
    return row
