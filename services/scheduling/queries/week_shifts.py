"""The shifts of whole weeks with everything that is shown of them, in one round trip.

A week has a hundred shifts and more, so its rows come as its message takes them: ids and days as texts, and people,
tasks and templates chosen by the week and not by ids that would have to be read first.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased

import refdata
from servicekit.db import Query
from services.scheduling.models import Shift, ShiftPerson, ShiftTask, TaskTemplate, WeeklySchedule
from services.scheduling.queries import shift_tasks, task_templates
from services.scheduling.queries.shifts import Planned

_RESTAURANT = bindparam("restaurant_id", type_=sa.Uuid)
_COLUMNS = (
    sa.cast(Shift.id, sa.Text).label("id"),
    sa.cast(Shift.schedule_id, sa.Text).label("schedule_id"),
    sa.cast(Shift.shift_date, sa.Text).label("shift_date"),
    Shift.starts_at,
    Shift.ends_at,
    Shift.break_minutes,
    Shift.role,
    Shift.status,
    Shift.notes,
    Shift.is_confirmed,
    Shift.color,
    sa.cast(Shift.required_skills, sa.Text).label("required_skills"),
    sa.cast(Shift.required_certifications, sa.Text).label("required_certifications"),
    sa.cast(Shift.equipment_needed, sa.Text).label("equipment_needed"),
    Shift.preparation_instructions,
    Shift.workspace_location,
    Shift.department,
    Shift.is_recurring,
    sa.cast(Shift.recurrence_group_id, sa.Text).label("recurrence_group_id"),
    # Most have none, and null costs nothing to read.
    sa.func.nullif(Shift.task_templates, sa.literal_column("'{}'")).label("task_templates"),
    Shift.notified_at,
    sa.func.nullif(Shift.notified_channels, sa.literal_column("'{}'")).label("notified_channels"),
    Shift.version,
    Shift.created_at,
    Shift.updated_at,
    refdata.ZONE,
)


def _queries(of_weeks: sa.ColumnElement[bool]) -> tuple[Query, Query, Query, Query]:
    """Shifts, their people, their tasks and their templates, for the weeks that a condition on shifts chooses."""
    chosen = sa.and_(Shift.restaurant_id == _RESTAURANT, of_weeks)
    shifts = (
        sa.select(*_COLUMNS)
        .outerjoin(refdata.restaurant_ref, refdata.restaurant_ref.c.id == Shift.restaurant_id)
        .where(chosen)
        .order_by(Shift.shift_date, Shift.starts_at, Shift.id)
    )
    people = (
        sa.select(
            sa.cast(ShiftPerson.shift_id, sa.Text).label("shift_id"),
            sa.cast(ShiftPerson.user_id, sa.Text).label("user_id"),
            refdata.staff_ref.c.first_name,
            refdata.staff_ref.c.last_name,
            refdata.staff_ref.c.email,
        )
        .join(Shift, Shift.id == ShiftPerson.shift_id)
        .outerjoin(refdata.staff_ref, refdata.is_staff(ShiftPerson.restaurant_id, ShiftPerson.user_id))
        .where(chosen)
        .order_by(ShiftPerson.place, ShiftPerson.user_id)
    )
    tasks = shift_tasks.tasks_where(ShiftTask.shift_id.in_(sa.select(Shift.id).where(chosen)))
    templates = task_templates.templates_where(
        TaskTemplate.id.in_(sa.select(sa.func.unnest(Shift.task_templates)).where(chosen))
    )
    return Query(shifts), Query(people), tasks, templates


_BY_ID = Shift.schedule_id == sa.any_(bindparam("weeks", type_=ARRAY(sa.Uuid)))
_BY_START = (
    Shift.schedule_id
    == sa.select(WeeklySchedule.id)
    .where(
        WeeklySchedule.restaurant_id == _RESTAURANT,
        WeeklySchedule.week_start == bindparam("week_start", type_=sa.Date),
    )
    .scalar_subquery()
)
_ANYBODY = aliased(ShiftPerson)
_OWN = sa.exists().where(_ANYBODY.shift_id == Shift.id, _ANYBODY.user_id == bindparam("staff_id", type_=sa.Uuid))
_OF_WEEKS, _OF_WEEK_FROM = _queries(_BY_ID), _queries(_BY_START)
# Not one statement for both: PostgreSQL would plan it anew each time, for longer than it runs.
_OWN_OF_WEEKS = _queries(sa.and_(_BY_ID, _OWN))

Bound = list[tuple[Query, dict[str, Any]]]
"""Queries with their parameters, for a batch; what they bring is for `planned`."""


def of_weeks(restaurant_id: UUID, weeks: list[UUID], staff_id: UUID | None = None) -> Bound:
    """The shifts of weeks, or one person's."""
    parameters = {"restaurant_id": restaurant_id, "weeks": weeks}
    if staff_id is None:
        return [(query, parameters) for query in _OF_WEEKS]
    return [(query, {**parameters, "staff_id": staff_id}) for query in _OWN_OF_WEEKS]


def of_week_from(restaurant_id: UUID, week_start: date) -> Bound:
    """The shifts of the week that begins on a day."""
    return [(query, {"restaurant_id": restaurant_id, "week_start": week_start}) for query in _OF_WEEK_FROM]


def planned(
    shifts: Sequence[Any], people: Sequence[Any], tasks: Sequence[Any], templates: Sequence[Any]
) -> list[Planned]:
    """The rows of one batch put together, by day and start."""
    people_of: defaultdict[str, list[Any]] = defaultdict(list)
    for person in people:
        people_of[person.shift_id].append(person)
    tasks_of: defaultdict[str, list[Any]] = defaultdict(list)
    for task in tasks:
        tasks_of[str(task.shift_id)].append(task)
    known = {template.id: template for template in templates}
    return [
        Planned(
            row,
            people_of.get(row.id, []),
            tasks_of.get(row.id, []),
            [known[template] for template in row.task_templates or () if template in known],
        )
        for row in shifts
    ]
