"""Checklists that can be worked through, with their steps."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import ARRAY

import refdata
from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page
from services.scheduling.models import ChecklistExecution, ChecklistStep, ChecklistTemplate, Shift, ShiftPerson
from services.scheduling.models.task import TaskTemplate

NO_TEMPLATE = "No ChecklistTemplate matches the given query."
_RESTAURANT = bindparam("restaurant_id", type_=sa.Uuid)
_IDS = bindparam("ids", type_=ARRAY(sa.Uuid))
_MINE = ChecklistTemplate.restaurant_id == _RESTAURANT
_COLUMNS = tuple(ChecklistTemplate.__table__.columns)
ORDERS = {
    "name": (ChecklistTemplate.name, ChecklistTemplate.id),
    "-name": (ChecklistTemplate.name.desc(), ChecklistTemplate.id),
    "created_at": (ChecklistTemplate.created_at, ChecklistTemplate.id),
    "-created_at": (ChecklistTemplate.created_at.desc(), ChecklistTemplate.id),
    "updated_at": (ChecklistTemplate.updated_at, ChecklistTemplate.id),
    "-updated_at": (ChecklistTemplate.updated_at.desc(), ChecklistTemplate.id),
}


def _optional(name: str, kind: Any) -> sa.BindParameter[Any]:
    return bindparam(name, None, type_=kind)


_CATEGORY, _ACTIVE = _optional("category", sa.Text), _optional("is_active", sa.Boolean)
_SEARCH = _optional("search", sa.Text)
_CHOSEN = sa.and_(
    _MINE,
    sa.or_(_CATEGORY.is_(None), ChecklistTemplate.category == _CATEGORY),
    ChecklistTemplate.is_active == sa.func.coalesce(_ACTIVE, ChecklistTemplate.is_active),
    sa.or_(
        _SEARCH.is_(None),
        sa.func.strpos(sa.func.lower(ChecklistTemplate.name), sa.func.lower(_SEARCH)) > 0,
        sa.func.strpos(sa.func.lower(ChecklistTemplate.description), sa.func.lower(_SEARCH)) > 0,
    ),
)
_COUNT = Query(sa.select(sa.func.count()).select_from(ChecklistTemplate).where(_CHOSEN))
_ROWS = {
    name: Query(
        sa.select(*_COLUMNS)
        .where(_CHOSEN)
        .order_by(*order)
        .limit(bindparam("limit", type_=sa.Integer))
        .offset(bindparam("offset", type_=sa.Integer))
    )
    for name, order in ORDERS.items()
}
BY_IDS = Query(sa.select(*_COLUMNS).where(_MINE, ChecklistTemplate.id == sa.any_(_IDS)))
STEPS = Query(
    sa.select(*ChecklistStep.__table__.columns)
    .where(ChecklistStep.restaurant_id == _RESTAURANT, ChecklistStep.template_id == sa.any_(_IDS))
    .order_by(ChecklistStep.place)
)
PEOPLE = Query(
    sa.select(
        refdata.staff_ref.c.user_id,
        refdata.staff_ref.c.restaurant_id,
        refdata.staff_ref.c.first_name,
        refdata.staff_ref.c.last_name,
        refdata.staff_ref.c.email,
        refdata.staff_ref.c.phone,
        refdata.staff_ref.c.role,
    ).where(refdata.staff_ref.c.restaurant_id == _RESTAURANT, refdata.staff_ref.c.user_id == sa.any_(_IDS))
)
_SHIFT_OF_DAY = Query(
    sa.select(Shift.id, Shift.shift_date, Shift.starts_at, Shift.ends_at, Shift.task_templates)
    .join(ShiftPerson, ShiftPerson.shift_id == Shift.id)
    .where(
        Shift.restaurant_id == _RESTAURANT,
        ShiftPerson.user_id == bindparam("user_id", type_=sa.Uuid),
        Shift.shift_date == bindparam("day", type_=sa.Date),
        sa.or_(*(Shift.status == word for word in ("SCHEDULED", "CONFIRMED", "IN_PROGRESS"))),
    )
    # The one that goes on or comes next; of those that are over, the last.
    .order_by((Shift.ends_at > bindparam("now", type_=sa.DateTime(timezone=True))).desc(), Shift.starts_at, Shift.id)
    .limit(1)
)
_LINKED = Query(
    sa.select(*_COLUMNS)
    .where(_MINE, ChecklistTemplate.is_active, ChecklistTemplate.task_template_id == sa.any_(_IDS))
    .order_by(ChecklistTemplate.name, ChecklistTemplate.id)
)
_OF_TYPE = Query(
    sa.select(*_COLUMNS)
    .where(
        _MINE,
        ChecklistTemplate.is_active,
        ChecklistTemplate.category.in_(
            sa.select(TaskTemplate.template_type).where(
                TaskTemplate.restaurant_id == _RESTAURANT, TaskTemplate.id == sa.any_(_IDS)
            )
        ),
    )
    .order_by(ChecklistTemplate.name, ChecklistTemplate.id)
)
_ANY = Query(
    sa.select(*_COLUMNS)
    .where(_MINE, ChecklistTemplate.is_active)
    .order_by(ChecklistTemplate.name, ChecklistTemplate.id)
    .limit(1)
)
_CHECKS = Query(
    sa.select(ChecklistTemplate.task_template_id, ChecklistTemplate.id)
    .where(_MINE, ChecklistTemplate.is_active, ChecklistTemplate.task_template_id == sa.any_(_IDS))
    .order_by(ChecklistTemplate.name.desc(), ChecklistTemplate.id)
)
_WORKED = Query(
    sa.select(
        ChecklistExecution.id,
        ChecklistExecution.template_id,
        ChecklistExecution.shift_id,
        ChecklistExecution.status,
        ChecklistExecution.progress,
    ).where(
        ChecklistExecution.restaurant_id == _RESTAURANT,
        ChecklistExecution.assigned_to == bindparam("user_id", type_=sa.Uuid),
        ChecklistExecution.shift_id == sa.any_(_IDS),
    )
)
_USAGE = Query(
    sa.select(
        sa.func.count().label("total"),
        sa.func.count().filter(ChecklistExecution.status == "COMPLETED").label("completed"),
        sa.func.count().filter(ChecklistExecution.status == "IN_PROGRESS").label("in_progress"),
        sa.func.avg(sa.func.extract("epoch", ChecklistExecution.completed_at - ChecklistExecution.started_at)).label(
            "seconds"
        ),
    ).where(
        ChecklistExecution.restaurant_id == _RESTAURANT,
        ChecklistExecution.template_id == bindparam("template_id", type_=sa.Uuid),
    )
)


@dataclass(slots=True)
class Listed:
    """A checklist with its steps and who wrote it."""

    row: Any
    steps: list[Any] = field(default_factory=list)
    author: Any | None = None


async def page_of_templates(
    reader: Reader, restaurant_id: UUID, page: Page, ordering: str = "-created_at", **chosen: Any
) -> tuple[int, list[Listed]]:
    """How many checklists there are, and those of one page. Raises NotFound beyond the end."""
    parameters = {"restaurant_id": restaurant_id, **chosen}
    counted, rows = await reader.batch(
        (_COUNT, parameters),
        (_ROWS.get(ordering, _ROWS["-created_at"]), {**parameters, "limit": page.limit, "offset": page.offset}),
    )
    total = int(counted[0][0])
    page.check(total)
    return total, await with_steps(reader, restaurant_id, rows)


async def one_template(reading: Reading, restaurant_id: UUID, template_id: UUID) -> Listed:
    """A checklist with its steps. Raises NotFound."""
    rows = await reading.all(BY_IDS, restaurant_id=restaurant_id, ids=[template_id])
    if not rows:
        raise NotFound(NO_TEMPLATE)
    return (await with_steps(reading, restaurant_id, rows))[0]


async def with_steps(reading: Reading, restaurant_id: UUID, rows: Sequence[Any]) -> list[Listed]:
    """Checklists with their steps and authors, in one round trip."""
    if not rows:
        return []
    steps, people = await reading.batch(
        (STEPS, {"restaurant_id": restaurant_id, "ids": [row.id for row in rows]}),
        (PEOPLE, {"restaurant_id": restaurant_id, "ids": sorted({row.created_by for row in rows if row.created_by})}),
    )
    by_template: defaultdict[UUID, list[Any]] = defaultdict(list)
    for step in steps:
        by_template[step.template_id].append(step)
    authors = {person.user_id: person for person in people}
    return [Listed(row, by_template[row.id], authors.get(row.created_by)) for row in rows]


async def shift_of_day(reading: Reading, restaurant_id: UUID, user_id: UUID, day: date, now: Any) -> Any | None:
    """Somebody's shift of a day: the one that goes on or comes next, else the last one."""
    return await reading.first(_SHIFT_OF_DAY, restaurant_id=restaurant_id, user_id=user_id, day=day, now=now)


async def of_shift(reading: Reading, restaurant_id: UUID, task_templates: Sequence[UUID]) -> list[Listed]:
    """The checklists that go with a shift's templates of tasks: linked to them, else of their types."""
    if not task_templates:
        return []
    ids = list(task_templates)
    linked, of_type = await reading.batch(
        (_LINKED, {"restaurant_id": restaurant_id, "ids": ids}),
        (_OF_TYPE, {"restaurant_id": restaurant_id, "ids": ids}),
    )
    return await with_steps(reading, restaurant_id, linked or of_type)


async def any_template(reading: Reading, restaurant_id: UUID) -> list[Listed]:
    """The first active checklist by name, for somebody whose shift has none of its own."""
    return await with_steps(reading, restaurant_id, await reading.all(_ANY, restaurant_id=restaurant_id))


async def checks_of(
    reading: Reading, restaurant_id: UUID, task_templates: Sequence[UUID], shifts: Sequence[UUID], user_id: UUID
) -> tuple[dict[UUID, UUID], dict[tuple[UUID, UUID], Any]]:
    """The checklist of each template of tasks, and what somebody has answered by checklist and shift."""
    checks, worked = await reading.batch(
        (_CHECKS, {"restaurant_id": restaurant_id, "ids": list(task_templates)}),
        (_WORKED, {"restaurant_id": restaurant_id, "ids": list(shifts), "user_id": user_id}),
    )
    return (
        {row.task_template_id: row.id for row in checks},
        {(row.template_id, row.shift_id): row for row in worked},
    )


async def usage(reader: Reader, restaurant_id: UUID, template_id: UUID) -> Any:
    """How often a checklist was worked through."""
    return await reader.first(_USAGE, restaurant_id=restaurant_id, template_id=template_id)
