"""Everything that decides about a punch, in one statement."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from refdata.queries import DEFAULT_TIME_ZONE
from servicekit.db import Query, Reading
from servicekit.zones import day_of
from services.timeclock.domain.attendance import Grace, Shift
from services.timeclock.domain.places import Site
from services.timeclock.domain.sessions import Session
from services.timeclock.queries.rows import session_of

_MIDNIGHT = time(0)
_AROUND = timedelta(hours=24)

_SITUATION = Query(
    sa.text(
        """
        SELECT r.name, r.timezone, r.latitude, r.longitude, r.radius, r.geofence_enabled, r.geofence_polygon,
            c.day_starts_at, c.early_clock_in_minutes, c.late_grace_minutes, c.early_leave_grace_minutes,
            c.photo_retention_days, p.is_active, p.first_name, p.last_name,
            w.id, w.restaurant_id, w.staff_id, w.status, w.started_at, w.ended_at, w.business_date, w.out_punch_id,
            w.breaks, w.shift_id, w.flags, w.in_latitude, w.in_longitude, w.out_latitude, w.out_longitude,
            w.location_verified, w.version, w.created_at, w.updated_at,
            (
                SELECT json_agg(json_build_array(s.id, s.starts_at, s.ends_at, s.break_minutes))
                FROM shift_refs AS s
                WHERE s.restaurant_id = :restaurant_id AND s.starts_at BETWEEN :since AND :until
                    AND :staff_id = ANY (s.staff_ids) AND s.is_published AND s.deleted_at IS NULL
                    AND s.status <> 'CANCELLED'
            ) AS shifts,
            CASE WHEN c.early_clock_in_minutes IS NOT NULL THEN (
                SELECT a.id FROM early_allowances AS a
                WHERE a.restaurant_id = :restaurant_id AND a.staff_id = :staff_id AND a.valid_until > :now LIMIT 1
            ) END AS allowance
        FROM (SELECT) AS nothing
        LEFT JOIN restaurant_ref AS r ON r.id = :restaurant_id
        LEFT JOIN clock_settings AS c ON c.restaurant_id = :restaurant_id
        LEFT JOIN staff_ref AS p ON p.restaurant_id = :restaurant_id AND p.user_id = :staff_id
        LEFT JOIN LATERAL (
            SELECT * FROM work_sessions
            WHERE restaurant_id = :restaurant_id AND staff_id = :staff_id
            ORDER BY started_at DESC, id DESC LIMIT 1
        ) AS w ON true
        """
    )
)


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when somebody punches."""

    restaurant_id: UUID
    staff_id: UUID
    staff_name: str
    is_active: bool
    zone: ZoneInfo
    day_starts_at: time
    site: Site | None
    """Where the restaurant is; None while that is not set."""
    fence_is_on: bool
    early: timedelta | None
    """How long before a shift people may clock in; None when at any time."""
    allowance_id: UUID | None
    grace: Grace
    photo_days: int
    shifts: list[Shift]
    """The person's published shifts that begin within a day from now."""
    latest: Session | None
    version: int
    """That of the latest session."""
    row: Any

    def business_date(self, instant: datetime) -> date:
        """The business day of an instant."""
        return day_of(instant, self.zone, self.day_starts_at)

    def shift(self, shift_id: UUID | None) -> Shift | None:
        """One of the shifts."""
        return next((shift for shift in self.shifts if shift.id == shift_id), None)


async def situation(reading: Reading, restaurant_id: UUID, staff_id: UUID, now: datetime) -> Situation:
    """What decides about a punch of a person at an instant."""
    row: Any = await reading.first(
        _SITUATION, restaurant_id=restaurant_id, staff_id=staff_id, now=now, since=now - _AROUND, until=now + _AROUND
    )
    early = row.early_clock_in_minutes
    return Situation(
        restaurant_id=restaurant_id,
        staff_id=staff_id,
        staff_name=f"{row.first_name or ''} {row.last_name or ''}".strip(),
        # Whom no event has told of yet has come with a session or a PIN that identity vouches for.
        is_active=row.is_active is not False,
        zone=ZoneInfo(row.timezone) if row.timezone else DEFAULT_TIME_ZONE,
        day_starts_at=row.day_starts_at or _MIDNIGHT,
        site=site_of(row),
        fence_is_on=row.geofence_enabled is not False,
        early=timedelta(minutes=early) if early is not None else None,
        allowance_id=row.allowance,
        grace=Grace(
            late=timedelta(minutes=5 if row.late_grace_minutes is None else row.late_grace_minutes),
            early_leave=timedelta(
                minutes=5 if row.early_leave_grace_minutes is None else row.early_leave_grace_minutes
            ),
        ),
        photo_days=row.photo_retention_days or 90,
        shifts=[_shift(*values) for values in row.shifts or ()],
        latest=session_of(row) if row.id is not None else None,
        version=row.version or 0,
        row=row,
    )


def site_of(row: Any) -> Site | None:
    """A restaurant's place of a row with the columns of its copy, or None."""
    if row.latitude is None or row.longitude is None:
        return None
    return Site(float(row.latitude), float(row.longitude), float(row.radius or 100), row.geofence_polygon or ())


def _shift(identifier: str, starts_at: str, ends_at: str, break_minutes: int) -> Shift:
    return Shift(UUID(identifier), datetime.fromisoformat(starts_at), datetime.fromisoformat(ends_at), break_minutes)
