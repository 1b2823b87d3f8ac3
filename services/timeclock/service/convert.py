"""Rows to messages."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from mizan.timeclock.v1 import attendance_pb2, clock_pb2, punch_pb2, shift_review_pb2
from servicekit.clock import timestamp_of
from servicekit.links import FileLinks
from services.timeclock.commands.clocking import Taken
from services.timeclock.domain.pay import hours_of
from services.timeclock.domain.punches import SPELLINGS
from services.timeclock.domain.sessions import CLOSED, OPEN, Session, seconds_between
from services.timeclock.domain.shift_review import as_h_mm_ss, seconds_of

STATUS = {OPEN: "active", CLOSED: "completed"}
INCOMPLETE = "incomplete"


def hours(seconds: int) -> float:
    """Seconds as hours with two decimals, as clients read them."""
    return float(hours_of(seconds))


def paid_seconds(session: Session, now: datetime) -> int:
    """Worked seconds; up to now while the session is open."""
    if session.status != OPEN:
        return session.worked_seconds
    return sum(seconds_between(period.start, period.end) for period in session.periods_until(now))


def photo_path(punch_id: UUID) -> str:
    """Where the picture of a punch is served."""
    return f"/api/timeclock/photos/{punch_id}/"


def session_event(
    staff_id: UUID, session: Session, created_at: datetime, updated_at: datetime
) -> clock_pb2.SessionEvent:
    """A session as the clock page reads it."""
    pause = session.breaks[-1] if session.breaks else None
    return clock_pb2.SessionEvent(
        id=str(session.id),
        user=str(staff_id),
        clock_in_time=timestamp_of(session.started_at),
        clock_out_time=timestamp_of(session.ended_at),
        is_break=session.running_break is not None,
        break_start=timestamp_of(pause.start) if pause else None,
        break_end=timestamp_of(pause.end) if pause else None,
        clock_in_latitude=session.place_in.latitude,
        clock_in_longitude=session.place_in.longitude,
        clock_out_latitude=session.place_out.latitude,
        clock_out_longitude=session.place_out.longitude,
        verified_location=session.place_in.verified,
        created_at=timestamp_of(created_at),
        updated_at=timestamp_of(updated_at),
    )


def event_fields(taken: Taken, photo: str | None) -> dict[str, Any]:
    """The fields that every answer with a punch has."""
    draft = taken.draft
    return {
        "id": str(taken.punch_id),
        "event_type": SPELLINGS[draft.kind],
        "timestamp": timestamp_of(draft.at),
        "photo": photo,
        "latitude": draft.place.latitude,
        "longitude": draft.place.longitude,
        "device_id": draft.device_id,
        "notes": draft.notes,
        "staff": str(draft.staff_id),
        "session_id": str(taken.session.id) if taken.session is not None else None,
        "flags": draft.flags,
    }


def clock_event(row: Any, links: FileLinks) -> clock_pb2.ClockEvent:
    """A row of the log as one punch."""
    return clock_pb2.ClockEvent(
        id=str(row.punch_id),
        event_type=SPELLINGS[row.kind],
        timestamp=timestamp_of(row.at),
        photo=links.link(photo_path(row.punch_id), row.photo_key) if row.photo_key is not None else None,
        latitude=row.latitude,
        longitude=row.longitude,
        device_id=row.device_id,
        notes=row.notes,
        staff=str(row.staff_id),
        session_id=str(row.session_id) if row.session_id is not None else None,
        flags=row.flags,
    )


def current_session(session: Session, now: datetime) -> clock_pb2.CurrentSession:
    """An open session."""
    pause = session.breaks[-1] if session.breaks else None
    message = clock_pb2.CurrentSession(
        id=str(session.id),
        clock_in=timestamp_of(session.started_at),
        clock_in_time=timestamp_of(session.started_at),
        duration_hours=hours(seconds_between(session.started_at, now)),
        verified_location=session.place_in.verified,
        is_break=session.running_break is not None,
        break_start=timestamp_of(pause.start) if pause else None,
        break_end=timestamp_of(pause.end) if pause else None,
        shift_id=str(session.shift_id) if session.shift_id else None,
        flags=session.flags,
    )
    place = point(session.place_in.latitude, session.place_in.longitude)
    if place is not None:
        message.location.CopyFrom(place)
    return message


def point(latitude: float | None, longitude: float | None) -> clock_pb2.Point | None:
    """A place, or None where none is known."""
    if latitude is None or longitude is None:
        return None
    return clock_pb2.Point(latitude=latitude, longitude=longitude)


def worked_session(session: Session, staff: Any, now: datetime) -> attendance_pb2.WorkedSession:
    """A session with its breaks; `staff` is a row with the person's id and names."""
    pause = session.breaks[-1] if session.breaks else None
    return attendance_pb2.WorkedSession(
        id=str(session.id),
        date=session.business_date.isoformat(),
        clock_in=timestamp_of(session.started_at),
        clock_out=timestamp_of(session.ended_at),
        clock_in_time=timestamp_of(session.started_at),
        clock_out_time=timestamp_of(session.ended_at),
        total_hours=hours(paid_seconds(session, now)),
        breaks=[
            attendance_pb2.WorkedBreak(
                start=timestamp_of(one.start),
                end=timestamp_of(one.end),
                duration_minutes=round(seconds_between(one.start, one.end or now) / 60, 2),
                paid=one.paid,
            )
            for one in session.breaks
        ],
        status=STATUS.get(session.status, INCOMPLETE),
        verified_location=session.place_in.verified,
        is_break=session.running_break is not None,
        break_start=timestamp_of(pause.start) if pause else None,
        break_end=timestamp_of(pause.end) if pause else None,
        staff_info=attendance_pb2.StaffInfo(
            id=str(staff.staff_id), first_name=staff.first_name or "", last_name=staff.last_name or ""
        ),
        shift_id=str(session.shift_id) if session.shift_id else None,
        flags=session.flags,
        needs_review=session.needs_review,
    )


def worked_sessions(found: Iterable[tuple[Session, Any]], now: datetime) -> list[attendance_pb2.WorkedSession]:
    """Sessions with the rows that name their people."""
    return [worked_session(session, row, now) for session, row in found]


def punch_message(row: Any) -> punch_pb2.Punch:
    """An entry of the log."""
    return punch_pb2.Punch(
        id=str(row.id),
        punch_id=str(row.punch_id),
        revision=row.revision,
        staff_id=str(row.staff_id),
        staff_name=row.staff_name,
        event_type=SPELLINGS[row.kind],
        timestamp=timestamp_of(row.at),
        recorded_at=timestamp_of(row.recorded_at),
        source=row.source,
        business_date=row.business_date.isoformat(),
        voided=row.voided,
        in_effect=row.in_effect,
        paid_break=row.paid_break if row.kind == "BREAK_START" else None,
        device_id=row.device_id,
        latitude=row.latitude,
        longitude=row.longitude,
        accuracy=row.accuracy,
        distance=row.distance,
        flags=row.flags,
        notes=row.notes,
        author_id=str(row.author_id) if row.author_id else None,
        reason=row.reason,
    )


def shift_review_message(row: Any) -> shift_review_pb2.ShiftReview:
    """A review with its reviewer's name."""
    message = shift_review_pb2.ShiftReview(
        id=str(row.id),
        session_id=str(row.session_id),
        staff=str(row.staff_id),
        staff_id=str(row.staff_id),
        staff_name=row.staff_name,
        department=row.department,
        rating=row.rating,
        tags=row.tags,
        comments=row.comments,
        restaurant=str(row.restaurant_id),
        likes_count=row.likes_count,
        verified_location=bool(row.location_verified),
        flags=row.session_flags or (),
    )
    if row.hours is not None:
        message.hours_decimal = str(row.hours)
        message.duration_seconds = seconds_of(row.hours)
        message.duration_hms = as_h_mm_ss(message.duration_seconds)
    message.completed_at.FromDatetime(row.completed_at)
    message.completed_at_iso.FromDatetime(row.completed_at)
    message.created_at.FromDatetime(row.created_at)
    message.updated_at.FromDatetime(row.updated_at)
    return message
