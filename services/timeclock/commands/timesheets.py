"""Timesheets: opened, reckoned, vouched for, approved and paid."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.timeclock.events.v1 import events_pb2 as facts
from servicekit.db import SessionReader
from servicekit.errors import Conflict, Forbidden, Invalid, NotFound
from servicekit.zones import beginning_of
from services.timeclock import events
from services.timeclock.commands import log
from services.timeclock.domain import timesheets as rules
from services.timeclock.domain.attendance import pair
from services.timeclock.domain.days import week_begins
from services.timeclock.domain.pay import (
    ADJUSTMENT,
    OVERTIME,
    Line,
    Terms,
    Work,
    difference,
    hours_of,
    lines_of,
    manual_work,
    work_of,
)
from services.timeclock.domain.sessions import OPEN
from services.timeclock.models import Timesheet, TimesheetEntry, TimesheetLine
from services.timeclock.queries.policy import Planned, rules_of, shifts_between, terms_of, wages_of
from services.timeclock.queries.sessions import sessions_of_days

NO_TIMESHEET: Final = "No Timesheet matches the given query."
ADJUSTED_FOR: Final = timedelta(days=120)
"""How long after its end a locked timesheet may still be settled by a later one."""
_WEEK: Final = timedelta(days=7)
_DAY: Final = timedelta(days=1)


async def create(
    session: AsyncSession,
    restaurant_id: UUID,
    staff_id: UUID,
    first: date,
    last: date,
    *,
    rate: Decimal | None = None,
    notes: str | None = None,
) -> Timesheet:
    """Opens a timesheet and reckons it. Raises Invalid for a period that is none or overlaps another timesheet's."""
    refuse_period(first, last)
    await log.lock_person(session, restaurant_id, staff_id)
    await refuse_overlap(session, restaurant_id, staff_id, first, last, None)
    timesheet = Timesheet(
        id=uuid4(),
        restaurant_id=restaurant_id,
        staff_id=staff_id,
        start_date=first,
        end_date=last,
        status=rules.DRAFT,
        hourly_rate=rate,
        notes=notes,
        policy={},
        version=1,
    )
    session.add(timesheet)
    await session.flush()
    await reckon(session, timesheet)
    return timesheet


async def generate(session: AsyncSession, restaurant_id: UUID, first: date, last: date) -> list[Timesheet]:
    """Opens a timesheet of a period for everybody who worked in it and has none that overlaps."""
    refuse_period(first, last)
    worked = await sessions_of_days(SessionReader(session), restaurant_id, first, last)
    taken = set(
        await session.scalars(
            sa.select(Timesheet.staff_id).where(
                Timesheet.restaurant_id == restaurant_id, Timesheet.start_date <= last, Timesheet.end_date >= first
            )
        )
    )
    people = sorted({row.staff_id for _, row in worked} - taken)
    return [await create(session, restaurant_id, person, first, last) for person in people]


async def locked_for_change(session: AsyncSession, restaurant_id: UUID, timesheet_id: UUID) -> Timesheet:
    """A timesheet, held until the transaction ends. Raises NotFound."""
    found = await session.scalar(
        sa.select(Timesheet)
        .where(Timesheet.restaurant_id == restaurant_id, Timesheet.id == timesheet_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound(NO_TIMESHEET)
    return found


async def change(session: AsyncSession, timesheet: Timesheet, changes: dict[str, Any]) -> None:
    """Changes a timesheet that is not handed in, and reckons it again. Raises Invalid."""
    _refuse_unless_editable(timesheet)
    first, last = changes.get("start_date", timesheet.start_date), changes.get("end_date", timesheet.end_date)
    staff_id = changes.get("staff", timesheet.staff_id)
    refuse_period(first, last)
    await log.lock_person(session, timesheet.restaurant_id, staff_id)
    await refuse_overlap(session, timesheet.restaurant_id, staff_id, first, last, timesheet.id)
    if (staff_id, first, last) != (timesheet.staff_id, timesheet.start_date, timesheet.end_date):
        # Hours that were entered by hand are of shifts that may no longer belong here.
        await session.execute(sa.delete(TimesheetEntry).where(TimesheetEntry.timesheet_id == timesheet.id))
    timesheet.start_date, timesheet.end_date, timesheet.staff_id = first, last, staff_id
    if "hourly_rate" in changes:
        timesheet.hourly_rate = changes["hourly_rate"]
    if "notes" in changes:
        timesheet.notes = changes["notes"]
    await recalculate(session, timesheet)


async def recalculate(session: AsyncSession, timesheet: Timesheet) -> None:
    """Reckons a timesheet again; a rejected one becomes a draft. Raises Invalid for one that is locked."""
    if timesheet.status in rules.LOCKED:
        raise Invalid(f"A timesheet with status {timesheet.status} does not change any more.", code="wrong_status")
    if timesheet.status == rules.REJECTED:
        timesheet.status = rules.DRAFT
        timesheet.submitted_at = None
    timesheet.version += 1
    await reckon(session, timesheet)


async def delete(session: AsyncSession, timesheet: Timesheet) -> None:
    """Removes a timesheet that is not handed in. Raises Invalid."""
    _refuse_unless_editable(timesheet)
    await session.delete(timesheet)
    await session.flush()


async def take_step(session: AsyncSession, timesheet: Timesheet, step: str, actor: UUID, now: datetime) -> None:
    """Submits, approves, rejects or marks as paid. Raises Invalid from another status, Forbidden and Conflict."""
    if refusal := rules.refusal_of_step(step, timesheet.status):
        raise Invalid(refusal, code="wrong_status")
    if step == "approve":
        await _approve(session, timesheet, actor, now)
    if step == "submit":
        await reckon(session, timesheet)
        timesheet.submitted_at = now
    elif step == "mark_paid":
        timesheet.paid_at = now
    timesheet.status = rules.STEPS[step][1]
    timesheet.version += 1
    await session.flush()
    events.timesheet_stepped(session, _fact(step, events.timesheet_facts(timesheet), actor))


def _fact(step: str, about: facts.TimesheetFacts, actor: UUID) -> events.TimesheetEvent:
    if step == "submit":
        return facts.TimesheetSubmitted(timesheet=about)
    if step == "approve":
        return facts.TimesheetApproved(timesheet=about, approved_by=str(actor))
    if step == "reject":
        return facts.TimesheetRejected(timesheet=about, rejected_by=str(actor))
    return facts.TimesheetPaid(timesheet=about)


async def _approve(session: AsyncSession, timesheet: Timesheet, actor: UUID, now: datetime) -> None:
    if actor == timesheet.staff_id:
        raise Forbidden("Somebody else must approve your own hours.", code="own_timesheet")
    before = (timesheet.total_seconds, timesheet.total_earnings)
    await reckon(session, timesheet)
    if timesheet.needs_review:
        raise Conflict(
            f"{timesheet.needs_review} session(s) of the period have to be looked at first.",
            code="needs_review",
            extra={"needs_review": timesheet.needs_review},
        )
    if (timesheet.total_seconds, timesheet.total_earnings) != before:
        raise Conflict(
            "The hours have changed since they were submitted. Recalculate and look at them again.",
            code="timesheet_changed",
            extra={"total_hours": str(hours_of(timesheet.total_seconds))},
        )
    timesheet.approved_at = now
    timesheet.approved_by = actor


async def reckon(session: AsyncSession, timesheet: Timesheet) -> None:
    """Reckons the lines and sums of a timesheet from the sessions, wages and rules that hold now."""
    reading = SessionReader(session)
    tenant, person = timesheet.restaurant_id, timesheet.staff_id
    terms = await terms_of(reading, tenant)
    wages = await wages_of(reading, tenant, person, timesheet.hourly_rate)
    ledger = _Ledger(session, tenant, person)
    manual = await ledger.manual_hours(timesheet.id)
    works, shifts, doubtful = await ledger.works(timesheet.start_date, timesheet.end_date, terms, manual)
    lines = lines_of(works, terms, wages, timesheet.start_date, timesheet.end_date)
    settled = await ledger.adjustments(timesheet)
    await ledger.replace_lines(timesheet, [*lines, *settled])
    await ledger.replace_entries(timesheet, lines)
    timesheet.total_seconds = sum(line.seconds for line in (*lines, *settled))
    timesheet.overtime_seconds = sum(line.seconds for line in lines if line.kind in OVERTIME)
    timesheet.regular_seconds = sum(line.seconds for line in lines) - timesheet.overtime_seconds
    timesheet.adjustment_seconds = sum(line.seconds for line in settled)
    timesheet.scheduled_seconds = int(sum(one.shift.planned.total_seconds() for one in shifts))
    timesheet.total_earnings = sum((line.amount for line in (*lines, *settled)), Decimal(0))
    timesheet.shown_rate = wages.on(timesheet.end_date)
    timesheet.needs_review = doubtful
    timesheet.policy = terms.as_json()
    await session.flush()


class _Ledger:
    """One person's time, as timesheets reckon with it."""

    def __init__(self, session: AsyncSession, restaurant_id: UUID, staff_id: UUID) -> None:
        self._session = session
        self._tenant = restaurant_id
        self._person = staff_id

    async def manual_hours(self, timesheet_id: UUID) -> dict[UUID, Decimal]:
        """Hours that were entered by hand, by shift."""
        rows = await self._session.execute(
            sa.select(TimesheetEntry.shift_id, TimesheetEntry.hours_worked).where(
                TimesheetEntry.timesheet_id == timesheet_id, TimesheetEntry.is_manual
            )
        )
        return {row.shift_id: row.hours_worked for row in rows}

    async def works(
        self, first: date, last: date, terms: Terms, manual: dict[UUID, Decimal]
    ) -> tuple[list[Work], list[Planned], int]:
        """What was worked in the weeks that a period touches, the shifts planned in it, and how many of its sessions
        wait for somebody to look at them or are not over."""
        reading = SessionReader(self._session)
        since = week_begins(first, terms.week_starts_on)
        until = week_begins(last, terms.week_starts_on) + _WEEK - _DAY
        found = [one for one, _ in await sessions_of_days(reading, self._tenant, since, until, self._person)]
        begin, end = _around(since, until, terms.zone)
        planned = await shifts_between(reading, self._tenant, begin, end, self._person)
        clock = await rules_of(reading, self._tenant)
        day_of = {plan.shift.id: clock.business_date(plan.shift.starts_at) for plan in planned}
        works: list[Work] = []
        doubtful = 0
        for shift_id, of_shift in pair([plan.shift for plan in planned], found).items():
            if shift_id in manual:
                continue
            for one in of_shift:
                if first <= one.business_date <= last and (one.needs_review or one.status == OPEN):
                    doubtful += 1
                works.append(work_of(one, terms, shift_id))
        works += [
            manual_work(day_of[plan.shift.id], plan.shift.starts_at, manual[plan.shift.id], plan.shift.id)
            for plan in planned
            if plan.shift.id in manual
        ]
        within = [plan for plan in planned if first <= day_of[plan.shift.id] <= last]
        return works, within, doubtful

    async def adjustments(self, timesheet: Timesheet) -> list[Line]:
        """What locked timesheets of the person would be paid more or less by now, beyond what is settled already."""
        locked = await self._session.scalars(
            sa.select(Timesheet)
            .where(
                Timesheet.restaurant_id == self._tenant,
                Timesheet.staff_id == self._person,
                Timesheet.status.in_(rules.LOCKED),
                Timesheet.id != timesheet.id,
                Timesheet.end_date < timesheet.start_date,
                Timesheet.end_date >= timesheet.start_date - ADJUSTED_FOR,
            )
            .order_by(Timesheet.start_date)
        )
        settled = []
        for one in locked.all():
            if not one.policy:
                # It was reckoned elsewhere, by rules that are not ours.
                continue
            terms = Terms.of_json(one.policy)
            wages = await wages_of(SessionReader(self._session), self._tenant, self._person, one.hourly_rate)
            works, _, _ = await self.works(one.start_date, one.end_date, terms, await self.manual_hours(one.id))
            now = lines_of(works, terms, wages, one.start_date, one.end_date)
            before = await self._paid_for(one.id, timesheet.id)
            line = difference(before, now, one.id, timesheet.start_date)
            if line is not None:
                settled.append(line)
        return settled

    async def _paid_for(self, locked_id: UUID, but_not: UUID) -> list[Line]:
        """The lines of a locked timesheet, and those by which others have settled it."""
        own = sa.and_(TimesheetLine.timesheet_id == locked_id, TimesheetLine.kind != ADJUSTMENT)
        others = sa.and_(TimesheetLine.adjusts_id == locked_id, TimesheetLine.timesheet_id != but_not)
        rows = await self._session.scalars(sa.select(TimesheetLine).where(sa.or_(own, others)))
        return [
            Line(
                business_date=row.business_date,
                kind=row.kind,
                seconds=row.seconds,
                rate=row.rate,
                multiplier=row.multiplier,
                rule=row.rule,
                settled=row.amount,
            )
            for row in rows
        ]

    async def replace_lines(self, timesheet: Timesheet, lines: Sequence[Line]) -> None:
        """Writes the lines of a timesheet that is not locked."""
        await self._session.execute(sa.delete(TimesheetLine).where(TimesheetLine.timesheet_id == timesheet.id))
        if lines:
            await self._session.execute(
                sa.insert(TimesheetLine),
                [
                    {
                        "timesheet_id": timesheet.id,
                        "number": number,
                        "restaurant_id": timesheet.restaurant_id,
                        "business_date": line.business_date,
                        "kind": line.kind,
                        "begins_at": line.begins_at,
                        "ends_at": line.ends_at,
                        "seconds": line.seconds,
                        "rate": line.rate,
                        "multiplier": line.multiplier,
                        "amount": line.amount,
                        "session_id": line.session_id,
                        "out_punch_id": line.out_punch_id,
                        "shift_id": line.shift_id,
                        "rule": line.rule,
                        "adjusts_id": line.adjusts_id,
                    }
                    for number, line in enumerate(lines, start=1)
                ],
            )

    async def replace_entries(self, timesheet: Timesheet, lines: Iterable[Line]) -> None:
        """Writes the worked hours by shift; those that were entered by hand stay."""
        seconds: defaultdict[UUID, int] = defaultdict(int)
        for line in lines:
            if line.shift_id is not None:
                seconds[line.shift_id] += line.seconds
        kept = {
            row.shift_id: row
            for row in await self._session.scalars(
                sa.select(TimesheetEntry).where(TimesheetEntry.timesheet_id == timesheet.id)
            )
        }
        for shift_id, worked in seconds.items():
            known = kept.pop(shift_id, None)
            if known is None and hours_of(worked) > 0:
                self._session.add(
                    TimesheetEntry(
                        id=uuid4(),
                        restaurant_id=timesheet.restaurant_id,
                        timesheet_id=timesheet.id,
                        shift_id=shift_id,
                        hours_worked=hours_of(worked),
                        is_manual=False,
                    )
                )
            elif known is not None and not known.is_manual and hours_of(worked) > 0:
                known.hours_worked = hours_of(worked)
        for row in kept.values():
            if not row.is_manual:
                await self._session.delete(row)
        await self._session.flush()


def _around(first: date, last: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Instants that enclose a range of business days, whenever those begin."""
    return (
        beginning_of(first, zone),
        beginning_of(last + 2 * _DAY, zone),
    )


def refuse_period(first: date, last: date) -> None:
    """Raises Invalid for a period that is none."""
    if problem := rules.problem_with_period(first, last):
        raise Invalid.field("end_date", problem)


def _refuse_unless_editable(timesheet: Timesheet) -> None:
    if timesheet.status not in rules.EDITABLE:
        raise Invalid(f"A timesheet with status {timesheet.status} cannot be changed.", code="wrong_status")


async def refuse_overlap(
    session: AsyncSession, restaurant_id: UUID, staff_id: UUID, first: date, last: date, own: UUID | None
) -> None:
    """Raises Invalid for a period of which another timesheet of the person covers a day."""
    statement = sa.select(Timesheet.start_date, Timesheet.end_date).where(
        Timesheet.restaurant_id == restaurant_id,
        Timesheet.staff_id == staff_id,
        Timesheet.start_date <= last,
        Timesheet.end_date >= first,
    )
    if own is not None:
        statement = statement.where(Timesheet.id != own)
    taken = (await session.execute(statement.limit(1))).first()
    if taken is not None:
        text = f"There is a timesheet from {taken.start_date} to {taken.end_date}: no hour is paid twice."
        raise Invalid(text, code="overlaps", fields={"start_date": text})
