"""Shifts with their people, tasks and templates, at a fixed number of statements."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import ARRAY

import refdata
from servicekit.db import Query, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page
from services.scheduling.domain.bidding import OPEN_STATES
from services.scheduling.models import Shift, ShiftPerson
from services.scheduling.queries import shift_tasks, task_templates

NO_SHIFT = "No AssignedShift matches the given query."
MOST_SHIFTS = 5000
"""How many shifts are read at once, of whatever is read without pages."""

_IDS = bindparam("ids", type_=ARRAY(sa.Uuid))
_RESTAURANT = bindparam("restaurant_id", type_=sa.Uuid)
_MINE = Shift.restaurant_id == _RESTAURANT

COLUMNS = (
    Shift.id,
    Shift.restaurant_id,
    Shift.schedule_id,
    Shift.shift_date,
    Shift.starts_at,
    Shift.ends_at,
    Shift.break_minutes,
    Shift.role,
    Shift.status,
    Shift.notes,
    Shift.is_confirmed,
    Shift.color,
    # As texts: a calendar passes them on unread.
    sa.cast(Shift.required_skills, sa.Text).label("required_skills"),
    sa.cast(Shift.required_certifications, sa.Text).label("required_certifications"),
    sa.cast(Shift.equipment_needed, sa.Text).label("equipment_needed"),
    Shift.preparation_instructions,
    Shift.workspace_location,
    Shift.department,
    Shift.is_recurring,
    Shift.recurrence_group_id,
    Shift.bidding_deadline,
    Shift.task_templates,
    Shift.notified_at,
    Shift.notified_channels,
    sa.cast(Shift.details, sa.Text).label("details"),
    Shift.created_by,
    Shift.last_modified_by,
    Shift.version,
    Shift.created_at,
    Shift.updated_at,
)


def _optional(name: str, kind: Any) -> sa.BindParameter[Any]:
    return bindparam(name, None, type_=kind)


_STAFF = _optional("staff_id", sa.Uuid)
_SCHEDULES = _optional("schedules", ARRAY(sa.Uuid))
_FROM, _TO, _STATUS = _optional("date_from", sa.Date), _optional("date_to", sa.Date), _optional("status", sa.Text)
_SEARCH, _OPEN_AT = _optional("search", sa.Text), _optional("open_at", sa.DateTime(timezone=True))


def _holds(text: Any) -> Any:
    return sa.func.strpos(sa.func.lower(text), sa.func.lower(_SEARCH)) > 0


_CHOSEN = sa.and_(
    _MINE,
    sa.or_(
        _SEARCH.is_(None),
        _holds(Shift.notes),
        _holds(Shift.preparation_instructions),
        sa.exists().where(
            ShiftPerson.shift_id == Shift.id,
            refdata.is_staff(ShiftPerson.restaurant_id, ShiftPerson.user_id),
            _holds(refdata.FULL_NAME),
        ),
    ),
    sa.or_(
        _OPEN_AT.is_(None),
        sa.and_(
            sa.or_(*(Shift.status == state for state in OPEN_STATES)),
            Shift.starts_at > _OPEN_AT,
            sa.or_(Shift.bidding_deadline.is_(None), Shift.bidding_deadline > _OPEN_AT),
            ~sa.exists().where(ShiftPerson.shift_id == Shift.id),
        ),
    ),
    sa.or_(_SCHEDULES.is_(None), Shift.schedule_id == sa.any_(_SCHEDULES)),
    sa.or_(_FROM.is_(None), Shift.shift_date >= _FROM),
    sa.or_(_TO.is_(None), Shift.shift_date <= _TO),
    sa.or_(_STATUS.is_(None), Shift.status == _STATUS),
    sa.or_(
        _STAFF.is_(None),
        sa.exists().where(ShiftPerson.shift_id == Shift.id, ShiftPerson.user_id == _STAFF),
    ),
)
_COUNT = Query(sa.select(sa.func.count()).select_from(Shift).where(_CHOSEN))
_SHIFTS = sa.select(*COLUMNS, refdata.ZONE).outerjoin(
    refdata.restaurant_ref, refdata.restaurant_ref.c.id == Shift.restaurant_id
)
_ROWS = Query(
    _SHIFTS.where(_CHOSEN)
    .order_by(Shift.shift_date, Shift.starts_at, Shift.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_BY_IDS = Query(_SHIFTS.where(_MINE, Shift.id == sa.any_(_IDS)))
_BY_ID = Query(_SHIFTS.where(_MINE, Shift.id == bindparam("id", type_=sa.Uuid)))
_PEOPLE = Query(
    sa.select(
        ShiftPerson.shift_id,
        ShiftPerson.user_id,
        refdata.staff_ref.c.first_name,
        refdata.staff_ref.c.last_name,
        refdata.staff_ref.c.email,
    )
    .outerjoin(refdata.staff_ref, refdata.is_staff(ShiftPerson.restaurant_id, ShiftPerson.user_id))
    .where(ShiftPerson.restaurant_id == _RESTAURANT, ShiftPerson.shift_id == sa.any_(_IDS))
    .order_by(ShiftPerson.place, ShiftPerson.user_id)
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which shifts are wanted; what is None does not narrow."""

    schedules: list[UUID] | None = None
    staff_id: UUID | None = None
    date_from: date | None = None
    date_to: date | None = None
    status: str | None = None
    search: str | None = None
    open_at: datetime | None = None
    """The moment at which they can be bid for."""

    def parameters(self, restaurant_id: UUID) -> dict[str, Any]:
        """The parameters of the list's queries."""
        return {
            "restaurant_id": restaurant_id,
            "schedules": self.schedules,
            "staff_id": self.staff_id,
            "date_from": self.date_from,
            "date_to": self.date_to,
            "status": self.status,
            "search": self.search,
            "open_at": self.open_at,
        }


@dataclass(slots=True)
class Planned:
    """A shift with what belongs to it."""

    row: Any
    people: list[Any] = field(default_factory=list)
    tasks: list[Any] = field(default_factory=list)
    templates: list[Any] = field(default_factory=list)


async def page_of_shifts(
    reading: Reading, restaurant_id: UUID, chosen: Filter, page: Page, *, details: bool = True
) -> tuple[int, list[Planned]]:
    """How many shifts there are, and those of one page, by day and start. Raises NotFound beyond the end."""
    parameters = chosen.parameters(restaurant_id)
    counted, rows = await reading.batch(
        (_COUNT, parameters), (_ROWS, {**parameters, "limit": page.limit, "offset": page.offset})
    )
    total = int(counted[0][0])
    page.check(total)
    return total, await with_details(reading, restaurant_id, rows, details=details)


async def all_shifts(reading: Reading, restaurant_id: UUID, chosen: Filter, *, details: bool = True) -> list[Planned]:
    """Every shift that is wanted, by day and start; for what is bounded, such as a week."""
    rows = await reading.all(_ROWS, **chosen.parameters(restaurant_id), limit=MOST_SHIFTS, offset=0)
    return await with_details(reading, restaurant_id, rows, details=details)


async def one_shift(reading: Reading, restaurant_id: UUID, shift_id: UUID) -> Planned:
    """A shift. Raises NotFound."""
    row = await reading.first(_BY_ID, restaurant_id=restaurant_id, id=shift_id)
    if row is None:
        raise NotFound(NO_SHIFT)
    return (await with_details(reading, restaurant_id, [row]))[0]


async def shifts_by_ids(reading: Reading, restaurant_id: UUID, ids: list[UUID]) -> dict[UUID, Planned]:
    """Several shifts by their ids."""
    rows = await reading.all(_BY_IDS, restaurant_id=restaurant_id, ids=ids)
    return {planned.row.id: planned for planned in await with_details(reading, restaurant_id, rows)}


async def with_details(
    reading: Reading, restaurant_id: UUID, rows: Sequence[Any], *, details: bool = True
) -> list[Planned]:
    """Shifts with their people, and with their tasks and templates where `details` asks for them; one round trip."""
    if not rows:
        return []
    ids = [row.id for row in rows]
    wanted: list[tuple[Query, dict[str, Any]]] = [(_PEOPLE, {"restaurant_id": restaurant_id, "ids": ids})]
    if details:
        template_ids = sorted({template for row in rows for template in row.task_templates})
        wanted.append((shift_tasks.OF_SHIFTS, {"restaurant_id": restaurant_id, "ids": ids}))
        wanted.append((task_templates.BY_IDS, {"restaurant_id": restaurant_id, "ids": template_ids}))
    people, *more = await reading.batch(*wanted)
    by_shift: defaultdict[UUID, list[Any]] = defaultdict(list)
    for person in people:
        by_shift[person.shift_id].append(person)
    tasks: defaultdict[UUID, list[Any]] = defaultdict(list)
    templates: dict[UUID, Any] = {}
    if details:
        for task in more[0]:
            tasks[task.shift_id].append(task)
        templates = {template.id: template for template in more[1]}
    return [
        Planned(
            row,
            by_shift[row.id],
            tasks[row.id],
            [templates[template] for template in row.task_templates if template in templates],
        )
        for row in rows
    ]
