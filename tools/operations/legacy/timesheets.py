"""The timesheets of the past with the hours by shift, as timeclock keeps them."""

from decimal import ROUND_HALF_UP, Decimal

from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from servicekit.db import SessionReader
from servicekit.errors import Invalid
from services.timeclock.commands import log
from services.timeclock.commands.timesheets import refuse_overlap, refuse_period
from services.timeclock.domain import timesheets as rules
from services.timeclock.domain.pay import MANUAL, ONE, SECONDS_PER_HOUR
from services.timeclock.models import Timesheet, TimesheetEntry, TimesheetLine
from tools.operations.legacy.source import Part, Row
from tools.operations.legacy.steps import Step

STATUSES = (rules.DRAFT, rules.SUBMITTED, rules.APPROVED, rules.PAID, rules.REJECTED)
KEPT = (
    "id",
    "restaurant_id",
    "staff_id",
    "start_date",
    "end_date",
    "status",
    "total_earnings",
    "notes",
    "submitted_at",
    "approved_at",
    "paid_at",
    "created_at",
    "updated_at",
)


async def take_timesheet(session: AsyncSession, row: Row) -> None:
    """A timesheet with the sums that were on it, as one line of hours entered by hand.

    It has no policy, so no later timesheet settles what our rules would have paid for it. Nobody is told. Raises
    Invalid for a period that is none or overlaps another, and NotFound for somebody who is not in the restaurant.
    """
    restaurant_id, staff_id = row["restaurant_id"], row["staff_id"]
    if row["status"] not in STATUSES:
        raise Invalid.field("status", f"{row['status']} is no status of a timesheet.")
    for name in ("total_hours", "total_earnings", "hourly_rate"):
        if row[name] < 0:
            raise Invalid.field(name, "Must not be less than 0.")
    await refdata.member(SessionReader(session), restaurant_id, staff_id)
    refuse_period(row["start_date"], row["end_date"])
    await log.lock_person(session, restaurant_id, staff_id)
    await refuse_overlap(session, restaurant_id, staff_id, row["start_date"], row["end_date"], None)
    seconds = _seconds(row["total_hours"])
    session.add(
        Timesheet(
            hourly_rate=row["hourly_rate"] or None,
            shown_rate=row["hourly_rate"],
            total_seconds=seconds,
            regular_seconds=seconds,
            approved_by=row.get("approved_by_id"),
            policy={},
            version=1,
            **{name: row[name] for name in KEPT if row.get(name) is not None},
        )
    )
    await session.flush()
    if seconds or row["total_earnings"]:
        session.add(
            TimesheetLine(
                timesheet_id=row["id"],
                number=1,
                restaurant_id=restaurant_id,
                business_date=row["end_date"],
                kind=MANUAL,
                seconds=seconds,
                rate=row["hourly_rate"],
                multiplier=ONE,
                amount=row["total_earnings"],
                rule="Taken over as it was",
            )
        )
    session.add_all(_entry(row, entry) for entry in row["entries"])


def _entry(timesheet: Row, row: Row) -> TimesheetEntry:
    """The hours of a shift. Raises Invalid for none."""
    if row["hours_worked"] <= 0:
        raise Invalid.field("entries", f"Of the shift {row['shift_id']} no hours were worked.")
    return TimesheetEntry(
        id=row["id"],
        restaurant_id=timesheet["restaurant_id"],
        timesheet_id=timesheet["id"],
        shift_id=row["shift_id"],
        hours_worked=row["hours_worked"],
        notes=row.get("notes") or None,
        is_manual=True,
        **({"created_at": row["created_at"]} if row.get("created_at") else {}),
    )


def _seconds(hours: Decimal) -> int:
    return int((hours * SECONDS_PER_HOUR).to_integral_value(ROUND_HALF_UP))


STEPS = (
    Step(
        "timeclock",
        ("timesheets", "scheduling_timesheet"),
        Timesheet.id,
        take_timesheet,
        parts=(Part("entries", ("timesheet_entries", "scheduling_timesheetentry"), "timesheet_id"),),
    ),
)
