"""Tasks that stand alone."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.orm import aliased

import refdata
from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import MAX_PAGE_SIZE, Page, read_page
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
# Whose it is is asked in the one way that the index of people answers.
_IS_MINE = Task.assigned_to.contains(array([_OWN]))
_FROM, _TO = _optional("start_date", sa.Date), _optional("end_date", sa.Date)
_CHOSEN = sa.and_(
    Task.restaurant_id == _RESTAURANT,
    sa.or_(_STATUS.is_(None), Task.status == _STATUS),
    sa.or_(_PRIORITY.is_(None), Task.priority == _PRIORITY),
    sa.or_(_PERSON.is_(None), Task.assigned_to.contains(array([_PERSON]))),
    sa.or_(_OWN.is_(None), _IS_MINE),
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
_OPEN = sa.or_(Task.status == "TODO", Task.status == "IN_PROGRESS")
_LATE = sa.and_(
    _OPEN,
    sa.or_(
        Task.due_time < bindparam("now", type_=sa.DateTime(timezone=True)),
        sa.and_(Task.due_time.is_(None), Task.due_date < bindparam("today", type_=sa.Date)),
    ),
)
_OVERDUE = sa.and_(Task.restaurant_id == _RESTAURANT, _LATE, sa.or_(_OWN.is_(None), _IS_MINE))
_OVERDUE_COUNT = Query(sa.select(sa.func.count()).select_from(Task).where(_OVERDUE))
_OVERDUE_ROWS = Query(
    _TASKS.where(_OVERDUE)
    .order_by(Task.due_date, Task.due_time, _URGENCY, Task.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_MINE_OPEN = sa.and_(Task.restaurant_id == _RESTAURANT, _OPEN, _IS_MINE)
_ACTIVE_COUNT = Query(
    sa.select(
        sa.func.count().label("total"), sa.func.count().filter(Task.status == "IN_PROGRESS").label("begun")
    ).where(_MINE_OPEN)
)
_ACTIVE_ROWS = Query(
    _TASKS.where(_MINE_OPEN).order_by(Task.due_date, Task.due_time, _URGENCY, Task.id).limit(MAX_PAGE_SIZE)
)
_FIGURES = Query(
    sa.select(
        sa.func.count().label("total"),
        sa.func.count().filter(Task.status == "COMPLETED").label("completed"),
        sa.func.count().filter(Task.status == "CANCELLED").label("cancelled"),
        sa.func.count().filter(_LATE).label("overdue"),
    ).where(
        Task.restaurant_id == _RESTAURANT,
        _IS_MINE,
        Task.created_at >= bindparam("since", type_=sa.DateTime(timezone=True)),
        Task.created_at < bindparam("until", type_=sa.DateTime(timezone=True)),
    )
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


async def page_of_overdue(
    reader: Reader, restaurant_id: UUID, page: Page, now: datetime, today: date, own: UUID | None
) -> tuple[int, list[Any], People]:
    """How many open tasks are overdue, those of one page, the longest first, and their people."""
    given: dict[str, Any] = {"restaurant_id": restaurant_id, "now": now, "today": today, "own": own}
    count, rows = await read_page(reader, _OVERDUE_COUNT, _OVERDUE_ROWS, page, **given)
    return count, rows, await _people(reader, restaurant_id, rows)


async def active_of(reader: Reader, restaurant_id: UUID, own: UUID) -> tuple[Any, list[Any], People]:
    """How many open tasks somebody has and has begun, the tasks, and their people."""
    given = {"restaurant_id": restaurant_id, "own": own}
    counts, rows = await reader.batch((_ACTIVE_COUNT, given), (_ACTIVE_ROWS, given))
    return counts[0], list(rows), await _people(reader, restaurant_id, list(rows))


async def figures_of(
    reader: Reader, restaurant_id: UUID, own: UUID, period: tuple[datetime, datetime], now: datetime, today: date
) -> Any:
    """How many tasks of somebody that were made in a period there are, and what became of them."""
    since, until = period
    return await reader.first(
        _FIGURES, restaurant_id=restaurant_id, own=own, since=since, until=until, now=now, today=today
    )


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
