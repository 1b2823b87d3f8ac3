"""Runs of the optimizer, and everything that a week to be planned is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import bindparam

import refdata
from labour import Period, Policy, policy_on
from servicekit.db import Query, Reader, Reading
from servicekit.errors import Invalid, NotFound
from servicekit.paging import Page, read_page
from services.scheduling.domain.conflicts import Window
from services.scheduling.domain.planning import usual_hours
from services.scheduling.domain.roster import Existing, Week, Worker
from services.scheduling.domain.staffing import (
    MANAGERS,
    QUARTER,
    Slot,
    break_of,
    canonical,
    in_department,
    scaled,
    staffing,
    without_planned,
)
from services.scheduling.models import Availability, RosterRun
from services.scheduling.queries.sales import expected_sales
from services.scheduling.queries.shifts import Filter, Planned, all_shifts
from services.scheduling.queries.situations import situations
from services.scheduling.queries.templates import template_shifts
from services.scheduling.rostering.forecast import LEVELS, demand
from services.scheduling.rostering.model import DAY, IntervalDemand

NO_RUN: Final = "No roster run matches the given query."
SIX_DAYS: Final = timedelta(days=6)

_RESTAURANT = bindparam("restaurant_id", type_=sa.Uuid)
_WEEK = bindparam("week_start", None, type_=sa.Date)
_HEAVY = ("result",)
_SUMMARY = [column for column in RosterRun.__table__.columns if column.name not in _HEAVY]
_CHOSEN = sa.and_(RosterRun.restaurant_id == _RESTAURANT, sa.or_(_WEEK.is_(None), RosterRun.week_start == _WEEK))
_COUNT = Query(sa.select(sa.func.count()).select_from(RosterRun).where(_CHOSEN))
_ROWS = Query(
    sa.select(*_SUMMARY)
    .where(_CHOSEN)
    .order_by(RosterRun.created_at.desc(), RosterRun.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_ONE = Query(
    sa.select(*RosterRun.__table__.columns).where(
        RosterRun.restaurant_id == _RESTAURANT, RosterRun.id == bindparam("id", type_=sa.Uuid)
    )
)
_STATE = Query(
    sa.select(RosterRun.state).where(
        RosterRun.restaurant_id == _RESTAURANT, RosterRun.id == bindparam("id", type_=sa.Uuid)
    )
)
_STAFF = Query(
    sa.select(refdata.staff_ref.c.user_id, refdata.staff_ref.c.role)
    .where(refdata.staff_ref.c.restaurant_id == _RESTAURANT, refdata.staff_ref.c.is_active)
    .order_by(refdata.staff_ref.c.user_id)
)
_NAMES = Query(
    sa.select(refdata.staff_ref.c.user_id, refdata.FULL_NAME.label("name")).where(
        refdata.staff_ref.c.restaurant_id == _RESTAURANT
    )
)
_SAID = Query(
    sa.select(
        Availability.staff_id,
        Availability.availability_type,
        Availability.day_of_week,
        Availability.start_time,
        Availability.end_time,
        Availability.preferred_hours_per_week,
        Availability.max_consecutive_days,
        Availability.recurrence_end_date,
    )
    .where(Availability.restaurant_id == _RESTAURANT, Availability.status == "APPROVED")
    .order_by(Availability.updated_at, Availability.id)
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for, as a run keeps it."""

    department: str = ""
    template_id: UUID | None = None
    budget: int | None = None
    level: str | None = None
    seconds: float = 20.0
    rearrange: bool = False
    apply: bool = False
    keep_open: bool = False
    """Shifts for which there is nobody are planned without anybody."""
    demand: tuple[dict[str, Any], ...] = ()

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "Wanted":
        """From the run's row."""
        template = kept.get("template_id")
        return cls(
            department=kept.get("department") or "",
            template_id=UUID(template) if template else None,
            budget=kept.get("budget"),
            level=kept.get("demand_level"),
            seconds=float(kept.get("seconds") or 20.0),
            rearrange=bool(kept.get("rearrange")),
            apply=bool(kept.get("apply")),
            keep_open=bool(kept.get("keep_open")),
            demand=tuple(kept.get("demand") or ()),
        )


@dataclass(frozen=True, slots=True)
class Plannable:
    """A week to be planned, and where its demand came from."""

    week: Week
    basis: dict[str, Any]


async def page_of_runs(
    reader: Reader, restaurant_id: UUID, page: Page, week_start: date | None
) -> tuple[int, list[Any]]:
    """How many runs there are, and those of one page without their drafts, newest first. Raises NotFound."""
    return await read_page(reader, _COUNT, _ROWS, page, restaurant_id=restaurant_id, week_start=week_start)


async def one_run(reading: Reading, restaurant_id: UUID, run_id: UUID) -> Any:
    """A run with its draft. Raises NotFound."""
    row = await reading.first(_ONE, restaurant_id=restaurant_id, id=run_id)
    if row is None:
        raise NotFound(NO_RUN)
    return row


async def state_of(reading: Reading, restaurant_id: UUID, run_id: UUID) -> str | None:
    """A run's state; None when there is no such run."""
    state = await reading.scalar(_STATE, restaurant_id=restaurant_id, id=run_id)
    return None if state is None else str(state)


async def names(reading: Reading, restaurant_id: UUID) -> dict[UUID, str]:
    """Everybody's full name, of those who have left too."""
    return {row.user_id: row.name for row in await reading.all(_NAMES, restaurant_id=restaurant_id)}


def policy_of(restaurant: Any | None, day: date, zone: ZoneInfo) -> Policy:
    """What a restaurant goes by on a day; by its place's rules while its first event is still under way."""
    return policy_on(
        day,
        zone.key,
        max_weekly_hours=restaurant.max_weekly_hours if restaurant is not None else None,
        min_rest_hours=restaurant.min_rest_hours if restaurant is not None else None,
    )


async def active_roles(reading: Reading, restaurant_id: UUID) -> list[str]:
    """The role of every active person."""
    return [str(row.role) for row in await reading.all(_STAFF, restaurant_id=restaurant_id)]


async def staff(reading: Reading, restaurant_id: UUID, department: str = "") -> list[Any]:
    """Ids and roles of the active people of a department. Raises Invalid when there is nobody."""
    rows = await reading.all(_STAFF, restaurant_id=restaurant_id)
    found = [row for row in rows if in_department(row.role, department)]
    if not found:
        raise Invalid("There is nobody to plan.", code="no_staff")
    return found


async def plannable(
    reading: Reading,
    restaurant_id: UUID,
    monday: date,
    wanted: Wanted,
    now: datetime,
    wages: Mapping[UUID, int],
) -> Plannable:
    """Everything that is known of a week. Raises Invalid when nobody is there, NotFound when its template is not."""
    people = await staff(reading, restaurant_id, wanted.department)
    ids = [row.user_id for row in people]
    known = await situations(reading, restaurant_id, ids, monday, monday + SIX_DAYS)
    shifts = await all_shifts(
        reading, restaurant_id, Filter(date_from=monday, date_to=monday + SIX_DAYS), details=False
    )
    said = await reading.all(_SAID, restaurant_id=restaurant_id)
    everybody = set(ids)
    existing = tuple(
        _existing(shift, everybody, wanted, now) for shift in shifts if shift.row.status not in ("CANCELLED", "NO_SHOW")
    )
    by_person = {person: known.of(person) for person in ids}
    first = by_person[ids[0]]
    week = Week(
        monday=monday,
        zone=known.zone,
        policy=first.policy,
        now=now,
        workers=tuple(_worker(row, wages, said) for row in people),
        situations=by_person,
        existing=tuple(shift for shift in existing if in_department(shift.role, wanted.department)),
        closed=frozenset(day for day, _ in first.holidays),
        budget=wanted.budget,
    )
    slots, intervals, basis = await _demand(reading, restaurant_id, week, people, wanted)
    return Plannable(replace(week, slots=slots, intervals=intervals), basis)


def _existing(shift: Planned, everybody: set[UUID], wanted: Wanted, now: datetime) -> Existing:
    row = shift.row
    people = tuple(person.user_id for person in shift.people)
    may_change = row.status == "SCHEDULED" and row.starts_at > now and not row.workspace_location
    return Existing(
        row.id,
        row.role,
        Period(row.starts_at, row.ends_at),
        row.break_minutes,
        people,
        free=may_change and (not people or (wanted.rearrange and everybody.issuperset(people))),
    )


def _worker(row: Any, wages: Mapping[UUID, int], said: Any) -> Worker:
    own = [entry for entry in said if entry.staff_id == row.user_id]
    hours = [entry.preferred_hours_per_week for entry in own if entry.preferred_hours_per_week]
    runs = [entry.max_consecutive_days for entry in own if entry.max_consecutive_days]
    return Worker(
        row.user_id,
        row.role,
        wage=wages.get(row.user_id, 0),
        wanted_minutes=hours[-1] * 60 if hours else None,
        max_run=min(runs) if runs else None,
        likes=tuple(
            Window(entry.day_of_week, True, entry.start_time, entry.end_time, entry.recurrence_end_date)
            for entry in own
            if entry.availability_type == "PREFERRED" and entry.day_of_week is not None
        ),
    )


Demanded = tuple[tuple[Slot, ...], tuple[IntervalDemand, ...], dict[str, Any]]


async def _demand(reading: Reading, restaurant_id: UUID, week: Week, people: list[Any], wanted: Wanted) -> Demanded:
    """Who is needed when: as asked for, else as the template says, else as the sales to be expected ask for."""
    level = wanted.level or "MEDIUM"
    there = [(shift.role, *week.minutes(shift.period)) for shift in week.existing if shift.people or not shift.free]
    if wanted.demand:
        asked = [entry for entry in wanted.demand if in_department(entry["role"], wanted.department)]
        slots = tuple(_slot(entry, level) for entry in asked if entry["is_shift"])
        intervals = tuple(need for entry in asked if not entry["is_shift"] for need in _intervals(entry, level))
        return slots, without_planned(intervals, there), {"source": "request", "level": level}
    if wanted.template_id is not None:
        rows = await template_shifts(reading, restaurant_id, wanted.template_id)
        slots = tuple(_of_template(row, level) for row in rows if in_department(row.role, wanted.department))
        return slots, (), {"source": "template", "level": level}
    restaurant = await refdata.restaurant(reading, restaurant_id)
    today = week.now.astimezone(week.zone).date()
    expected = await expected_sales(reading, restaurant_id, restaurant, week.monday, today)
    roles = [row.role for row in people if row.role not in MANAGERS]
    needs = staffing(expected.forecast, roles, week.policy.weekly_limit, sold=expected.sold, planned=expected.planned)
    basis = {
        "source": "forecast" if expected.forecast.error is not None else "profile",
        "method": expected.forecast.method.value,
        "error": expected.forecast.error,
        "days_of_history": expected.days,
        "level": level,
    }
    return (), without_planned(demand(expected.forecast, needs, level=LEVELS[level]), there), basis


def _of_template(row: Any, level: str) -> Slot:
    usual = usual_hours(row.role)
    start, minutes = _span(row.start_time or usual[0], row.end_time or usual[1])
    return Slot(row.role, row.day_of_week, start, minutes, scaled(row.required_staff, level), break_of(minutes))


def _slot(entry: Mapping[str, Any], level: str) -> Slot:
    start, minutes = _span(time.fromisoformat(entry["start_time"]), time.fromisoformat(entry["end_time"]))
    return Slot(
        entry["role"], entry["day_of_week"], start, minutes, scaled(entry["required_staff"], level), break_of(minutes)
    )


def _intervals(entry: Mapping[str, Any], level: str) -> list[IntervalDemand]:
    start, minutes = _span(time.fromisoformat(entry["start_time"]), time.fromisoformat(entry["end_time"]))
    need, begin = scaled(entry["required_staff"], level), entry["day_of_week"] * DAY
    return [
        IntervalDemand(canonical(entry["role"]), begin + minute, QUARTER, need)
        for minute in range(start // QUARTER * QUARTER, start + minutes, QUARTER)
    ]


def _span(start: time, end: time) -> tuple[int, int]:
    """Start and length in minutes; an end that is not after the start lies on the next day."""
    begins, ends = start.hour * 60 + start.minute, end.hour * 60 + end.minute
    return begins, ends - begins if ends > begins else ends + DAY - begins
