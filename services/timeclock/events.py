"""What timeclock publishes, and how each fact is made from its rows."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from mizan.timeclock.events.v1 import events_pb2 as facts
from servicekit import events
from servicekit.clock import timestamp_of
from services.timeclock.domain.attendance import Shift
from services.timeclock.domain.pay import hours_of
from services.timeclock.domain.sessions import Session
from services.timeclock.models import ShiftReview, Timesheet

SessionEvent = facts.SessionOpened | facts.SessionClosed | facts.SessionChanged | facts.SessionDiscarded
TimesheetEvent = facts.TimesheetSubmitted | facts.TimesheetApproved | facts.TimesheetRejected | facts.TimesheetPaid


def punch_recorded(session: AsyncSession, entry: dict[str, Any]) -> None:
    """An entry was added to the log; a correction is said to be one."""
    about = facts.PunchFacts(
        id=str(entry["punch_id"]),
        restaurant_id=str(entry["restaurant_id"]),
        staff_id=str(entry["staff_id"]),
        kind=entry["kind"],
        at=timestamp_of(entry["at"]),
        source=entry["source"],
        flags=entry["flags"],
        voided=entry["voided"],
        version=entry["revision"],
    )
    message: facts.PunchRecorded | facts.PunchCorrected = facts.PunchRecorded(punch=about)
    if entry["revision"]:
        message = facts.PunchCorrected(punch=about, corrected_by=str(entry["author_id"]), reason=entry["reason"])
    events.emit(
        session,
        message,
        restaurant_id=entry["restaurant_id"],
        aggregate_id=entry["punch_id"],
        version=entry["revision"],
    )


def session_facts(restaurant_id: UUID, staff_id: UUID, session: Session, version: int) -> facts.SessionFacts:
    """A session as other services hear of it."""
    return facts.SessionFacts(
        id=str(session.id),
        restaurant_id=str(restaurant_id),
        staff_id=str(staff_id),
        status=session.status,
        started_at=timestamp_of(session.started_at),
        ended_at=timestamp_of(session.ended_at),
        business_date=session.business_date.isoformat(),
        worked_minutes=session.worked_seconds // 60,
        break_minutes=session.break_seconds // 60,
        on_break=session.running_break is not None,
        shift_id=str(session.shift_id or ""),
        flags=session.flags,
        needs_review=session.needs_review,
        version=version,
    )


def session_changed(session: AsyncSession, message: SessionEvent) -> None:
    """A session began, ended, is different now or is none any more."""
    about = message.session
    events.emit(
        session,
        message,
        restaurant_id=UUID(about.restaurant_id),
        aggregate_id=about.id,
        version=about.version,
    )


def attendance_marked(
    session: AsyncSession,
    kind: type[facts.AttendanceLate | facts.AttendanceAbsent | facts.AttendanceLeftEarly],
    restaurant_id: UUID,
    staff_id: UUID,
    shift: Shift,
    minutes: int,
    punched_at: datetime | None,
) -> None:
    """Somebody was late for a shift, absent from it, or left early."""
    about = facts.AttendanceFacts(
        restaurant_id=str(restaurant_id),
        staff_id=str(staff_id),
        shift_id=str(shift.id),
        shift_starts_at=timestamp_of(shift.starts_at),
        shift_ends_at=timestamp_of(shift.ends_at),
        minutes=minutes,
        punched_at=timestamp_of(punched_at),
    )
    events.emit(
        session, kind(attendance=about), restaurant_id=restaurant_id, aggregate_id=f"{shift.id}:{staff_id}", version=1
    )


def punch_forgotten(session: AsyncSession, about: facts.SessionFacts, *, clocked_out: bool) -> None:
    """Somebody seems to have forgotten to clock out."""
    events.emit(
        session,
        facts.PunchForgotten(session=about, clocked_out=clocked_out),
        restaurant_id=UUID(about.restaurant_id),
        aggregate_id=about.id,
        version=about.version,
    )


def timesheet_facts(timesheet: Timesheet) -> facts.TimesheetFacts:
    """A timesheet as other services hear of it."""
    return facts.TimesheetFacts(
        id=str(timesheet.id),
        restaurant_id=str(timesheet.restaurant_id),
        staff_id=str(timesheet.staff_id),
        start_date=timesheet.start_date.isoformat(),
        end_date=timesheet.end_date.isoformat(),
        status=timesheet.status,
        total_hours=str(hours_of(timesheet.total_seconds)),
        overtime_hours=str(hours_of(timesheet.overtime_seconds)),
        version=timesheet.version,
    )


def timesheet_stepped(session: AsyncSession, message: TimesheetEvent) -> None:
    """A timesheet was submitted, approved, rejected or paid."""
    about = message.timesheet
    events.emit(
        session,
        message,
        restaurant_id=UUID(about.restaurant_id),
        aggregate_id=about.id,
        version=about.version,
    )


def shift_review_created(session: AsyncSession, review: ShiftReview) -> None:
    """Somebody reviewed a session they worked."""
    about = facts.ShiftReviewFacts(
        id=str(review.id),
        restaurant_id=str(review.restaurant_id),
        session_id=str(review.session_id),
        staff_id=str(review.staff_id),
        rating=review.rating,
        version=review.version,
    )
    about.completed_at.FromDatetime(review.completed_at)
    events.emit(
        session,
        facts.ShiftReviewCreated(review=about),
        restaurant_id=review.restaurant_id,
        aggregate_id=review.id,
        version=review.version,
    )
