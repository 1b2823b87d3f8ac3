"""Rows of the log and of sessions as values of the domain, and back."""

from typing import Any

from services.timeclock.domain.punches import Place, Punch
from services.timeclock.domain.sessions import CONFIRMED, Break, Session


def session_of(row: Any) -> Session:
    """A stored session."""
    return Session(
        id=row.id,
        started_at=row.started_at,
        business_date=row.business_date,
        status=row.status,
        ended_at=row.ended_at,
        out_punch_id=row.out_punch_id,
        shift_id=row.shift_id,
        breaks=[Break.of_json(stored) for stored in row.breaks],
        flags=list(row.flags),
        place_in=Place(row.in_latitude, row.in_longitude, row.location_verified),
        place_out=Place(row.out_latitude, row.out_longitude),
        confirmed=CONFIRMED in row.flags,
    )


def columns_of(session: Session) -> dict[str, Any]:
    """What is stored of a session beside whose it is."""
    inside, outside = session.place_in, session.place_out
    return {
        "status": session.status,
        "started_at": session.started_at,
        "ended_at": session.ended_at,
        "business_date": session.business_date,
        "out_punch_id": session.out_punch_id,
        "breaks": [pause.as_json() for pause in session.breaks],
        "worked_seconds": session.worked_seconds,
        "break_seconds": session.break_seconds,
        "shift_id": session.shift_id,
        "flags": session.flags,
        "needs_review": session.needs_review,
        "in_latitude": inside.latitude,
        "in_longitude": inside.longitude,
        "out_latitude": outside.latitude,
        "out_longitude": outside.longitude,
        "location_verified": inside.verified,
    }


def punch_of(row: Any) -> Punch:
    """An entry of the log that is in effect."""
    return Punch(
        id=row.punch_id,
        kind=row.kind,
        at=row.at,
        business_date=row.business_date,
        paid_break=row.paid_break,
        shift_id=row.shift_id,
        place=Place(row.latitude, row.longitude, row.location_verified),
        flags=tuple(row.flags),
        confirms=row.confirms_id,
    )
