"""Runs of the optimizer: begun, cancelled, kept and applied."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from labour import Period
from servicekit import jobs
from servicekit.db import SessionReader
from servicekit.errors import Conflict, Invalid, NotFound
from servicekit.jobs import Task
from services.scheduling.commands import shifts as shift_commands
from services.scheduling.commands import templates
from services.scheduling.domain.conflicts import Booking, Finding, Situation, find_conflicts
from services.scheduling.domain.planning import color_of
from services.scheduling.domain.roster import Proposal, booking_of
from services.scheduling.models import RosterRun, Shift, ShiftPerson
from services.scheduling.models.roster import WAITING
from services.scheduling.models.shift import DEFAULT_COLOR
from services.scheduling.queries import rosters as queries
from services.scheduling.queries.situations import situations
from services.scheduling.queries.templates import one_template

SOLVE: Final = Task("scheduling.solve", max_attempts=3, timeout=240)
"""One run of the optimizer; a run that was interrupted begins again."""

SIX_DAYS: Final = timedelta(days=6)
FURTHEST: Final = timedelta(weeks=520)
"""Weeks further away than this are neither planned nor forecast."""
_BEGIN = insert(RosterRun).on_conflict_do_nothing().returning(RosterRun)


@dataclass(slots=True)
class Applied:
    """What putting a draft into its week came to; `created` are new shifts, by the place of their change."""

    created: dict[int, UUID] = field(default_factory=dict)
    changed: int = 0
    skipped: list[Finding] = field(default_factory=list)


def require_near(monday: date, today: date) -> None:
    """Raises Invalid for a week so far away that nothing can be expected of it, and working towards it takes long."""
    if abs(monday - today) > FURTHEST:
        raise Invalid.field("week_start", "Name a week within ten years of today.", code="too_far_away")


async def start(
    session: AsyncSession,
    restaurant_id: UUID,
    monday: date,
    wanted: Mapping[str, Any],
    *,
    actor: UUID | None,
    now: datetime,
    request_key: str | None = None,
) -> RosterRun:
    """A new run, or the one that the same request began before.

    Raises Conflict while another plans the week, NotFound without its template, and Invalid when there is nobody to
    plan or the week is over.
    """
    reading = SessionReader(session)
    require_near(monday, now.date())
    if monday + timedelta(days=8) < now.date():
        raise Invalid.field("week_start", "This week is over.", code="week_over")
    asked = queries.Wanted.of(wanted)
    await queries.staff(reading, restaurant_id, asked.department)
    if asked.template_id is not None:
        await one_template(reading, restaurant_id, asked.template_id)
    row = {
        "restaurant_id": restaurant_id,
        "week_start": monday,
        "wanted": dict(wanted),
        "request_key": request_key,
        "created_by": actor,
    }
    run = (await session.scalars(_BEGIN, [row])).one_or_none()
    if run is None:
        return await _in_the_way(session, restaurant_id, monday, request_key)
    await jobs.defer(session, SOLVE, run_id=str(run.id))
    return run


async def _in_the_way(session: AsyncSession, restaurant_id: UUID, monday: date, request_key: str | None) -> RosterRun:
    mine = RosterRun.restaurant_id == restaurant_id
    if request_key is not None:
        same = await session.scalar(sa.select(RosterRun).where(mine, RosterRun.request_key == request_key))
        if same is not None:
            return same
    other = await session.scalar(
        sa.select(RosterRun.id).where(mine, RosterRun.week_start == monday, RosterRun.state.in_(WAITING))
    )
    extra = {"run_id": str(other)} if other is not None else {}
    raise Conflict("This week is being planned already.", code="roster_running", extra=extra)


async def locked(session: AsyncSession, restaurant_id: UUID, run_id: UUID) -> RosterRun:
    """A run, held against others. Raises NotFound."""
    run = await session.scalar(
        sa.select(RosterRun).where(RosterRun.id == run_id, RosterRun.restaurant_id == restaurant_id).with_for_update()
    )
    if run is None:
        raise NotFound(queries.NO_RUN)
    return run


async def cancel(session: AsyncSession, restaurant_id: UUID, run_id: UUID, now: datetime) -> RosterRun:
    """Ends a run: one that waits at once, one that is at work as soon as it notices. Raises NotFound or Conflict."""
    run = await locked(session, restaurant_id, run_id)
    if run.state == "CANCELLED" or run.cancel_asked:
        return run
    if run.state not in WAITING:
        raise Conflict("The run is over already.", code="roster_over", extra={"state": run.state})
    run.cancel_asked = True
    if run.state == "QUEUED":
        run.state, run.finished_at = "CANCELLED", now
    run.version += 1
    await session.flush()
    return run


async def apply(
    session: AsyncSession, run: RosterRun, *, actor: UUID | None, now: datetime, skip_conflicts: bool
) -> Applied:
    """Puts a draft into its week. Raises Conflict unless it is a draft, and when something stands against it now.

    With `skip_conflicts`, what something stands against is left out instead.
    """
    if run.state != "DRAFT" or run.result is None:
        raise Conflict("Only a draft can be applied.", code="no_draft", extra={"state": run.state})
    changes = [proposal_from(change) for change in run.result["changes"]]
    gone = await _hold(session, run.restaurant_id, changes)
    people = {person for change in changes for person in change.people}
    known = await situations(
        SessionReader(session), run.restaurant_id, people, run.week_start, run.week_start + SIX_DAYS
    )
    possible, found = screened(changes, {person: known.of(person) for person in people}, gone=gone)
    if found and not skip_conflicts:
        raise Conflict(
            "The plan changed since the draft was made.",
            code="draft_outdated",
            extra={"conflicts": [shift_commands.as_json(finding) for finding in found]},
        )
    applied = Applied(skipped=found)
    week = await shift_commands.week_for(session, run.restaurant_id, run.week_start)
    plans: list[tuple[Shift, list[UUID]]] = []
    moved: list[tuple[Shift, list[UUID], list[UUID]]] = []
    for place, change in enumerate(changes):
        if place not in possible:
            continue
        if change.shift_id is None:
            shift = _draft(run, week.id, change, actor)
            plans.append((shift, list(change.people)))
            applied.created[place] = shift.id
        else:
            shift, before = await shift_commands.locked(session, run.restaurant_id, change.shift_id)
            moved.append((shift, before, list(change.people)))
    # Two people may swap shifts at the same time: everybody leaves before anybody comes.
    await session.execute(sa.delete(ShiftPerson).where(ShiftPerson.shift_id.in_([shift.id for shift, _, _ in moved])))
    for shift, before, people_after in moved:
        await shift_commands.replan(session, shift, before, people_after, week, actor)
    applied.changed = len(moved)
    if plans:
        await shift_commands.write_many(session, plans, week)
    template_id = queries.Wanted.of(run.wanted).template_id
    if template_id is not None:
        await templates.count_use(session, run.restaurant_id, template_id)
    run.state, run.applied_at = "APPLIED", now
    run.version += 1
    await session.flush()
    return applied


async def _hold(session: AsyncSession, restaurant_id: UUID, changes: Sequence[Proposal]) -> set[UUID]:
    """Locks the shifts that get other people; which of them are not any more as the draft knew them."""
    ids = sorted(change.shift_id for change in changes if change.shift_id is not None)
    if not ids:
        return set()
    rows = await session.scalars(
        sa.select(Shift)
        .where(Shift.restaurant_id == restaurant_id, Shift.id.in_(ids))
        .order_by(Shift.id)
        .with_for_update()
    )
    there = {shift.id: Period(shift.starts_at, shift.ends_at) for shift in rows if shift.status == "SCHEDULED"}
    on_shift: dict[UUID, set[UUID]] = {shift_id: set() for shift_id in ids}
    for row in await session.execute(
        sa.select(ShiftPerson.shift_id, ShiftPerson.user_id).where(ShiftPerson.shift_id.in_(ids))
    ):
        on_shift[row.shift_id].add(row.user_id)
    return {
        change.shift_id
        for change in changes
        if change.shift_id is not None
        and (there.get(change.shift_id) != change.period or on_shift[change.shift_id] != set(change.before))
    }


def screened(
    changes: Sequence[Proposal], known: Mapping[UUID, Situation], *, gone: set[UUID] | None = None
) -> tuple[set[int], list[Finding]]:
    """Which changes can be made together, by their places, and what the conflict engine says against the others.

    What would take a shift from somebody is weighed first, so that the one who loses it can have another; `gone` are
    shifts that are not any more as the draft knew them.
    """
    moving = {
        change.shift_id for change in changes if change.shift_id is not None and change.shift_id not in (gone or ())
    }
    booked: dict[UUID, list[Booking]] = {
        person: [booking for booking in situation.shifts if booking.id not in moving]
        for person, situation in known.items()
    }
    possible: set[int] = set()
    found: list[Finding] = []
    order = sorted(range(len(changes)), key=lambda place: changes[place].shift_id is None)
    for place in order:
        change = changes[place]
        if change.shift_id is not None and gone and change.shift_id in gone:
            found += [
                Finding("OVERLAP", "The shift was changed meanwhile.", person, shift_id=change.shift_id)
                for person in change.people or change.before
            ]
            continue
        wanted = booking_of(change)
        against = [
            finding
            for person in change.people
            for finding in find_conflicts(wanted, replace(known[person], shifts=booked[person]))
        ]
        if against:
            found += against
            if change.shift_id is not None:
                # It stays with whom it has, whose time it goes on taking up.
                for person in change.before:
                    booked.setdefault(person, []).append(replace(wanted, people=frozenset(change.before)))
            continue
        possible.add(place)
        for person in change.people:
            booked[person].append(wanted)
    return possible, found


def applied_json(applied: Applied) -> dict[str, Any]:
    """What applying a draft came to, as its run keeps it."""
    return {
        "created": {str(place): str(shift_id) for place, shift_id in applied.created.items()},
        "changed": applied.changed,
        "skipped": [shift_commands.as_json(finding) for finding in applied.skipped],
    }


def change_json(change: Proposal) -> dict[str, Any]:
    """A change as a run keeps it."""
    return {
        "action": "ADD" if change.shift_id is None else "REASSIGN",
        "shift_id": None if change.shift_id is None else str(change.shift_id),
        "role": change.role,
        "date": change.day.isoformat(),
        "starts_at": change.period.start.isoformat(),
        "ends_at": change.period.end.isoformat(),
        "break_minutes": change.break_minutes,
        "staff": [str(person) for person in change.people],
        "previous_staff": [str(person) for person in change.before],
    }


def proposal_from(kept: Mapping[str, Any]) -> Proposal:
    """A change from how a run keeps it."""
    return Proposal(
        UUID(kept["shift_id"]) if kept["shift_id"] else None,
        kept["role"],
        date.fromisoformat(kept["date"]),
        Period(datetime.fromisoformat(kept["starts_at"]), datetime.fromisoformat(kept["ends_at"])),
        kept["break_minutes"],
        tuple(UUID(person) for person in kept["staff"]),
        tuple(UUID(person) for person in kept["previous_staff"]),
    )


def _draft(run: RosterRun, week_id: UUID, change: Proposal, actor: UUID | None) -> Shift:
    return Shift(
        id=uuid4(),
        restaurant_id=run.restaurant_id,
        schedule_id=week_id,
        shift_date=change.day,
        starts_at=change.period.start,
        ends_at=change.period.end,
        break_minutes=change.break_minutes,
        role=change.role,
        color=color_of(change.people[0]) if change.people else DEFAULT_COLOR,
        status="SCHEDULED",
        task_templates=[],
        created_by=actor,
        last_modified_by=actor,
    )
