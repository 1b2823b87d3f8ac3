"""What nobody does and the platform notices: people who do not come, and people who do not clock out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.timeclock.events.v1 import events_pb2 as facts
from services.timeclock import events
from services.timeclock.commands import log
from services.timeclock.commands.log import Draft
from services.timeclock.domain.attendance import EARLIEST, Shift
from services.timeclock.domain.punches import OUT
from services.timeclock.domain.sessions import AUTO_OUT, LONGEST, apply
from services.timeclock.models import WorkSession
from services.timeclock.queries.rows import session_of

AT_ONCE: Final = 500
NOTES: Final = "Clocked out by the platform"

# Somebody who is on a shift came for it, was still there from before, or is there now.
_ABSENT = sa.text(
    """
    INSERT INTO attendance_marks (subject_id, staff_id, kind, restaurant_id, minutes, at)
    SELECT s.id, person.id, 'ABSENT', s.restaurant_id, 0, :now
    FROM shift_refs AS s
    CROSS JOIN LATERAL unnest(s.staff_ids) AS person (id)
    LEFT JOIN clock_settings AS c ON c.restaurant_id = s.restaurant_id
    WHERE s.starts_at > :now - make_interval(hours => 24)
        AND s.starts_at + make_interval(mins => coalesce(c.absent_after_minutes, 30)) <= :now
        AND s.is_published AND s.deleted_at IS NULL AND s.status IN ('SCHEDULED', 'CONFIRMED')
        AND NOT EXISTS (
            SELECT FROM work_sessions AS w
            WHERE w.restaurant_id = s.restaurant_id AND w.staff_id = person.id AND w.started_at < s.ends_at
                AND (w.started_at >= s.starts_at - :earliest OR w.ended_at > s.starts_at OR w.status = 'OPEN')
        )
    ORDER BY s.starts_at, s.id
    LIMIT :limit
    ON CONFLICT DO NOTHING
    RETURNING subject_id, staff_id, restaurant_id
    """
).bindparams(sa.bindparam("now", type_=sa.DateTime(timezone=True)), sa.bindparam("earliest", type_=sa.Interval))

_OVERDUE = sa.text(
    """
    SELECT w.id, w.restaurant_id,
        CASE
            WHEN NOT coalesce(r.automatic_clock_out, false) THEN NULL
            WHEN s.ends_at IS NOT NULL THEN greatest(s.ends_at, w.started_at)
            ELSE w.started_at + :longest
        END AS out_at
    FROM work_sessions AS w
    LEFT JOIN restaurant_ref AS r ON r.id = w.restaurant_id
    LEFT JOIN clock_settings AS c ON c.restaurant_id = w.restaurant_id
    LEFT JOIN shift_refs AS s ON s.id = w.shift_id AND s.deleted_at IS NULL
    WHERE w.status = 'OPEN' AND (
        (
            r.automatic_clock_out
            AND s.ends_at + make_interval(mins => coalesce(c.auto_clock_out_minutes, 60)) <= :now
        )
        OR w.started_at + :longest <= :now
    )
    AND (
        r.automatic_clock_out
        OR NOT EXISTS (
            SELECT FROM attendance_marks AS m
            WHERE m.subject_id = w.id AND m.staff_id = w.staff_id AND m.kind = 'FORGOTTEN'
        )
    )
    ORDER BY w.started_at
    LIMIT :limit
    """
).bindparams(sa.bindparam("now", type_=sa.DateTime(timezone=True)), sa.bindparam("longest", type_=sa.Interval))
_SHIFTS = sa.text("SELECT id, starts_at, ends_at, break_minutes FROM shift_refs WHERE id = ANY (:ids)")
_FORGOTTEN = sa.text(
    """
    INSERT INTO attendance_marks (subject_id, staff_id, kind, restaurant_id, at)
    VALUES (:session_id, :staff_id, 'FORGOTTEN', :restaurant_id, :now)
    ON CONFLICT DO NOTHING RETURNING subject_id
    """
)


@dataclass(frozen=True, slots=True)
class Overdue:
    """A session that should be over; `out_at` is None where the restaurant clocks nobody out."""

    session_id: UUID
    restaurant_id: UUID
    out_at: datetime | None


async def mark_absent(session: AsyncSession, now: datetime) -> int:
    """Says of everybody whose shift began a while ago and who is not there that they are absent; how many."""
    marked = (await session.execute(_ABSENT, {"now": now, "earliest": EARLIEST, "limit": AT_ONCE})).all()
    rows = await session.execute(_SHIFTS, {"ids": list({row.subject_id for row in marked})})
    shifts = {row.id: Shift(row.id, row.starts_at, row.ends_at, row.break_minutes) for row in rows}
    for row in marked:
        events.attendance_marked(
            session, facts.AttendanceAbsent, row.restaurant_id, row.staff_id, shifts[row.subject_id], 0, None
        )
    return len(marked)


async def overdue(session: AsyncSession, now: datetime) -> list[Overdue]:
    """The sessions that should be over, of all restaurants."""
    rows = await session.execute(_OVERDUE, {"now": now, "longest": LONGEST, "limit": AT_ONCE})
    return [Overdue(row.id, row.restaurant_id, row.out_at) for row in rows]


async def settle(session: AsyncSession, found: Overdue, now: datetime) -> bool:
    """Clocks somebody out who forgot, or says that they seem to have forgotten; False when that is done already."""
    row = await session.scalar(
        sa.select(WorkSession).where(WorkSession.id == found.session_id, WorkSession.status == "OPEN").with_for_update()
    )
    if row is None:
        return False
    current, version = session_of(row), row.version
    if found.out_at is not None:
        draft = Draft(
            restaurant_id=row.restaurant_id,
            staff_id=row.staff_id,
            kind=OUT,
            at=max(found.out_at, current.last_at),
            business_date=row.business_date,
            recorded_at=now,
            source="SYSTEM",
            flags=(AUTO_OUT,),
            shift_id=row.shift_id,
            notes=NOTES,
        )
        identifier = uuid4()
        apply(current, draft.punch(identifier))
        log.go_on(session, draft, current, version, draft.entry(identifier))
        version += 1
    parameters: dict[str, Any] = {
        "session_id": row.id,
        "staff_id": row.staff_id,
        "restaurant_id": row.restaurant_id,
        "now": now,
    }
    if (await session.execute(_FORGOTTEN, parameters)).first() is None:
        return False
    about = events.session_facts(row.restaurant_id, row.staff_id, current, version)
    events.punch_forgotten(session, about, clocked_out=found.out_at is not None)
    return True
