"""Tasks of shifts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import ARRAY

import refdata
from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.scheduling.models import ShiftPerson, ShiftTask, TaskCategory, TaskTemplate

NO_TASK = "No ShiftTask matches the given query."
_RESTAURANT = bindparam("restaurant_id", type_=sa.Uuid)
_assignee, _author = refdata.staff_ref.alias("assignee"), refdata.staff_ref.alias("author")


def _name(person: Any) -> Any:
    return sa.func.trim(sa.func.coalesce(person.c.first_name, "") + " " + sa.func.coalesce(person.c.last_name, ""))


_URGENCY = sa.case(
    (ShiftTask.priority == "URGENT", 0), (ShiftTask.priority == "HIGH", 1), (ShiftTask.priority == "MEDIUM", 2), else_=3
)
_TASKS = (
    sa.select(
        *ShiftTask.__table__.columns,
        _name(_assignee).label("assignee_name"),
        _assignee.c.first_name.label("assignee_first"),
        _assignee.c.last_name.label("assignee_last"),
        _assignee.c.email.label("assignee_email"),
        _name(_author).label("author_name"),
        TaskCategory.name.label("category_name"),
        TaskCategory.description.label("category_description"),
        TaskCategory.color.label("category_color"),
        TaskCategory.created_at.label("category_created_at"),
        TaskTemplate.name.label("template_name"),
        TaskTemplate.description.label("template_description"),
    )
    .outerjoin(TaskCategory, TaskCategory.id == ShiftTask.category_id)
    .outerjoin(TaskTemplate, TaskTemplate.id == ShiftTask.template_id)
    .outerjoin(
        _assignee,
        sa.and_(_assignee.c.restaurant_id == ShiftTask.restaurant_id, _assignee.c.user_id == ShiftTask.assigned_to),
    )
    .outerjoin(
        _author,
        sa.and_(_author.c.restaurant_id == ShiftTask.restaurant_id, _author.c.user_id == ShiftTask.created_by),
    )
)


def tasks_where(chosen: sa.ColumnElement[bool]) -> Query:
    """A query for the tasks of a restaurant's shifts that a condition chooses, subtasks too."""
    return Query(
        _TASKS.where(ShiftTask.restaurant_id == _RESTAURANT, chosen).order_by(
            _URGENCY, ShiftTask.created_at, ShiftTask.id
        )
    )


OF_SHIFTS = tasks_where(ShiftTask.shift_id == sa.any_(bindparam("ids", type_=ARRAY(sa.Uuid))))
"""The tasks of several shifts, subtasks too."""


def _optional(name: str, kind: Any) -> sa.BindParameter[Any]:
    return bindparam(name, None, type_=kind)


_ASSIGNED, _SHIFT = _optional("assigned_to", sa.Uuid), _optional("shift_id", sa.Uuid)
_STATUS, _PRIORITY = _optional("status", sa.Text), _optional("priority", sa.Text)
_OWN = _optional("own", sa.Uuid)
_KIND, _SEARCH = _optional("kind", sa.Text), _optional("search", sa.Text)
_OF_SHIFTS, _OF_SAFETY = _optional("of_shifts", sa.Boolean), _optional("of_safety", sa.Boolean)
_DUE_FROM = _optional("due_from", sa.DateTime(timezone=True))
_DUE_TO = _optional("due_to", sa.DateTime(timezone=True))
DONE_BY = sa.or_(
    ShiftTask.assigned_to == _OWN,
    sa.and_(
        ShiftTask.assigned_to.is_(None),
        sa.exists().where(ShiftPerson.shift_id == ShiftTask.shift_id, ShiftPerson.user_id == _OWN),
    ),
)
"""The tasks of one person, `own`: also those of their shifts that nobody has."""

_MAY_SEE = sa.or_(_OWN.is_(None), DONE_BY)
_CHOSEN = sa.and_(
    ShiftTask.restaurant_id == _RESTAURANT,
    _MAY_SEE,
    sa.or_(_ASSIGNED.is_(None), ShiftTask.assigned_to == _ASSIGNED),
    sa.or_(_SHIFT.is_(None), ShiftTask.shift_id == _SHIFT),
    sa.or_(_STATUS.is_(None), ShiftTask.status == _STATUS),
    sa.or_(_PRIORITY.is_(None), ShiftTask.priority == _PRIORITY),
    sa.or_(_KIND.is_(None), ShiftTask.kind == _KIND),
    sa.or_(_OF_SHIFTS.is_not(sa.true()), ShiftTask.shift_id.is_not(None)),
    sa.or_(_OF_SAFETY.is_not(sa.true()), ShiftTask.kind.is_not(None)),
    sa.or_(_DUE_FROM.is_(None), ShiftTask.due_at >= _DUE_FROM),
    sa.or_(_DUE_TO.is_(None), ShiftTask.due_at < _DUE_TO),
    sa.or_(
        _SEARCH.is_(None),
        sa.func.strpos(sa.func.lower(ShiftTask.title), sa.func.lower(_SEARCH)) > 0,
        sa.func.strpos(sa.func.lower(ShiftTask.description), sa.func.lower(_SEARCH)) > 0,
    ),
)
_COUNT = Query(sa.select(sa.func.count()).select_from(ShiftTask).where(_CHOSEN, ShiftTask.parent_id.is_(None)))
_ROWS = Query(
    _TASKS.where(_CHOSEN, ShiftTask.parent_id.is_(None))
    .order_by(_URGENCY, ShiftTask.created_at, ShiftTask.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_CHILDREN = Query(
    _TASKS.where(
        ShiftTask.restaurant_id == _RESTAURANT, ShiftTask.parent_id == sa.any_(bindparam("ids", type_=ARRAY(sa.Uuid)))
    ).order_by(ShiftTask.created_at, ShiftTask.id)
)
_ONE = Query(
    _TASKS.where(ShiftTask.restaurant_id == _RESTAURANT, _MAY_SEE, ShiftTask.id == bindparam("id", type_=sa.Uuid))
)
_BY_IDS = tasks_where(ShiftTask.id == sa.any_(bindparam("ids", type_=ARRAY(sa.Uuid))))
_STATISTICS = Query(
    sa.select(
        ShiftTask.status,
        ShiftTask.priority,
        sa.func.count().label("tasks"),
        sa.func.count()
        .filter(ShiftTask.completed_at >= bindparam("since", type_=sa.DateTime(timezone=True)))
        .label("recent"),
    )
    .where(_CHOSEN)
    .group_by(ShiftTask.status, ShiftTask.priority)
)


@dataclass(frozen=True, slots=True)
class Assignee:
    """Who has a task, as messages name people."""

    user_id: UUID
    first_name: str | None
    last_name: str | None
    email: str | None


async def page_of_tasks(
    reader: Reader, restaurant_id: UUID, page: Page, **chosen: Any
) -> tuple[int, list[Any], list[Any]]:
    """How many top-level tasks there are, those of one page, and their subtasks. Raises NotFound beyond the end."""
    count, rows = await read_page(reader, _COUNT, _ROWS, page, restaurant_id=restaurant_id, **chosen)
    return count, rows, await subtasks(reader, restaurant_id, [row.id for row in rows]) if rows else []


async def subtasks(reading: Reading, restaurant_id: UUID, ids: list[UUID]) -> list[Any]:
    """The tasks under several tasks."""
    return list(await reading.all(_CHILDREN, restaurant_id=restaurant_id, ids=ids))


async def one_task(reading: Reading, restaurant_id: UUID, task_id: UUID, own: UUID | None = None) -> Any:
    """A task; with `own`, one that this person does. Raises NotFound."""
    row = await reading.first(_ONE, restaurant_id=restaurant_id, id=task_id, own=own)
    if row is None:
        raise NotFound(NO_TASK)
    return row


async def tasks_by_ids(reading: Reading, restaurant_id: UUID, ids: list[UUID]) -> list[Any]:
    """Several tasks, subtasks too."""
    return list(await reading.all(_BY_IDS, restaurant_id=restaurant_id, ids=ids))


async def statistics(reader: Reader, restaurant_id: UUID, since: datetime, **chosen: Any) -> list[Any]:
    """How many tasks there are by status and priority, and how many were completed since an instant."""
    return list(await reader.all(_STATISTICS, restaurant_id=restaurant_id, since=since, **chosen))
