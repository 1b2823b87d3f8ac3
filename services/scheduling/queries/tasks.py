"""Tasks that stand alone."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased

import refdata
from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.scheduling.models import Task, TaskCategory, TaskTemplate

NO_TASK = "No Task matches the given query."
_RESTAURANT = bindparam("restaurant_id", type_=sa.Uuid)
_IDS = bindparam("ids", type_=ARRAY(sa.Uuid))
_child = aliased(Task)


def _optional(name: str, kind: Any) -> sa.BindParameter[Any]:
    return bindparam(name, None, type_=kind)


_URGENCY = sa.case(
    (Task.priority == "URGENT", 0), (Task.priority == "HIGH", 1), (Task.priority == "MEDIUM", 2), else_=3
)
_STATUS, _PRIORITY = _optional("status", sa.Text), _optional("priority", sa.Text)
_PERSON, _PARENT = _optional("assigned_to", sa.Uuid), _optional("parent_id", sa.Uuid)
_OWN = _optional("own", sa.Uuid)
_FROM, _TO = _optional("start_date", sa.Date), _optional("end_date", sa.Date)
_CHOSEN = sa.and_(
    Task.restaurant_id == _RESTAURANT,
    sa.or_(_STATUS.is_(None), Task.status == _STATUS),
    sa.or_(_PRIORITY.is_(None), Task.priority == _PRIORITY),
    sa.or_(_PERSON.is_(None), sa.any_(Task.assigned_to) == _PERSON),
    sa.or_(_OWN.is_(None), sa.any_(Task.assigned_to) == _OWN),
    sa.or_(sa.and_(_PARENT.is_(None), Task.parent_id.is_(None)), Task.parent_id == _PARENT),
    sa.or_(_FROM.is_(None), Task.due_date >= _FROM),
    sa.or_(_TO.is_(None), Task.due_date <= _TO),
)
_TASKS = (
    sa.select(
        *Task.__table__.columns,
        TaskCategory.name.label("category_name"),
        TaskCategory.description.label("category_description"),
        TaskCategory.color.label("category_color"),
        TaskCategory.created_at.label("category_created_at"),
        TaskTemplate.name.label("template_name"),
        TaskTemplate.description.label("template_description"),
        TaskTemplate.details.label("template_details"),
        sa.select(sa.func.count()).where(_child.parent_id == Task.id).scalar_subquery().label("subtasks_count"),
    )
    .outerjoin(TaskCategory, TaskCategory.id == Task.category_id)
    .outerjoin(TaskTemplate, TaskTemplate.id == Task.template_id)
)
_COUNT = Query(sa.select(sa.func.count()).select_from(Task).where(_CHOSEN))
_ROWS = Query(
    _TASKS.where(_CHOSEN)
    .order_by(Task.due_date, Task.due_time, _URGENCY, Task.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_BY_IDS = Query(
    _TASKS.where(Task.restaurant_id == _RESTAURANT, Task.id == sa.any_(_IDS)).order_by(Task.created_at, Task.id)
)
_PEOPLE = Query(
    sa.select(
        refdata.staff_ref.c.user_id,
        refdata.staff_ref.c.first_name,
        refdata.staff_ref.c.last_name,
        refdata.staff_ref.c.email,
        refdata.staff_ref.c.role,
        refdata.staff_ref.c.phone,
    ).where(refdata.staff_ref.c.restaurant_id == _RESTAURANT, refdata.staff_ref.c.user_id == sa.any_(_IDS))
)

People = dict[UUID, Any]


async def page_of_tasks(
    reader: Reader, restaurant_id: UUID, page: Page, **chosen: Any
) -> tuple[int, list[Any], People]:
    """How many tasks there are, those of one page by the day they are due, and their people."""
    count, rows = await read_page(reader, _COUNT, _ROWS, page, restaurant_id=restaurant_id, **chosen)
    return count, rows, await _people(reader, restaurant_id, rows)


async def tasks_by_ids(reading: Reading, restaurant_id: UUID, ids: list[UUID]) -> tuple[list[Any], People]:
    """Several tasks and who does them."""
    rows = list(await reading.all(_BY_IDS, restaurant_id=restaurant_id, ids=ids))
    return rows, await _people(reading, restaurant_id, rows)


async def one_task(reading: Reading, restaurant_id: UUID, task_id: UUID) -> tuple[Any, People]:
    """A task and who does it. Raises NotFound."""
    rows, people = await tasks_by_ids(reading, restaurant_id, [task_id])
    if not rows:
        raise NotFound(NO_TASK)
    return rows[0], people


async def people_by_ids(reading: Reading, restaurant_id: UUID, ids: Iterable[UUID]) -> People:
    """Those of several people who are known here."""
    return {row.user_id: row for row in await reading.all(_PEOPLE, restaurant_id=restaurant_id, ids=list(ids))}


async def _people(reading: Reading, restaurant_id: UUID, rows: list[Any]) -> People:
    return await people_by_ids(reading, restaurant_id, sorted({person for row in rows for person in row.assigned_to}))
