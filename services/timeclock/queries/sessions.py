"""Sessions and punches as lists."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.orm import aliased

import refdata
from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.timeclock.domain.sessions import Session
from services.timeclock.models import Punch, PunchPhoto, WorkSession
from services.timeclock.queries.rows import session_of

NO_SESSION = "No session matches the given query."
NO_PUNCH = "No punch matches the given query."

_STAFF = refdata.staff_ref.c
_SESSIONS: Any = WorkSession.__table__
_NAMED = sa.outerjoin(_SESSIONS, refdata.staff_ref, refdata.is_staff(_SESSIONS.c.restaurant_id, _SESSIONS.c.staff_id))
_SESSION_COLUMNS = (*_SESSIONS.columns, _STAFF.first_name, _STAFF.last_name, _STAFF.role)
_OF_RESTAURANT = _SESSIONS.c.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid)


def _of_staff(column: Any) -> Any:
    wanted = bindparam("staff_id", type_=sa.Uuid)
    return sa.or_(wanted.is_(None), column == wanted)


_RANGE = Query(
    sa.select(*_SESSION_COLUMNS)
    .select_from(_NAMED)
    .where(
        _OF_RESTAURANT,
        _of_staff(_SESSIONS.c.staff_id),
        _SESSIONS.c.business_date.between(bindparam("first", type_=sa.Date), bindparam("last", type_=sa.Date)),
    )
    .order_by(_SESSIONS.c.started_at, _SESSIONS.c.id)
)
_OPEN_NOW = Query(
    sa.select(*_SESSION_COLUMNS)
    .select_from(_NAMED)
    .where(_OF_RESTAURANT, _SESSIONS.c.status == "OPEN")
    .order_by(_SESSIONS.c.started_at, _SESSIONS.c.id)
)
_ONE = Query(
    sa.select(*_SESSION_COLUMNS)
    .select_from(_NAMED)
    .where(_OF_RESTAURANT, _SESSIONS.c.id == bindparam("id", type_=sa.Uuid))
)
_REVIEW = (_OF_RESTAURANT, _SESSIONS.c.needs_review)
_REVIEW_COUNT = Query(sa.select(sa.func.count()).select_from(_SESSIONS).where(*_REVIEW))
_REVIEW_ROWS = Query(
    sa.select(*_SESSION_COLUMNS)
    .select_from(_NAMED)
    .where(*_REVIEW)
    .order_by(_SESSIONS.c.started_at, _SESSIONS.c.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)

_PUNCHES: Any = Punch.__table__
_newer = aliased(Punch)
_IN_EFFECT = sa.and_(
    ~_PUNCHES.c.voided,
    ~sa.exists().where(_newer.punch_id == _PUNCHES.c.punch_id, _newer.revision > _PUNCHES.c.revision),
)
_SESSION_OF_PUNCH = (
    sa.select(_SESSIONS.c.id)
    .where(
        _SESSIONS.c.restaurant_id == _PUNCHES.c.restaurant_id,
        _SESSIONS.c.staff_id == _PUNCHES.c.staff_id,
        _SESSIONS.c.started_at <= _PUNCHES.c.at,
        sa.or_(_SESSIONS.c.ended_at.is_(None), _SESSIONS.c.ended_at >= _PUNCHES.c.at),
    )
    .order_by(_SESSIONS.c.started_at.desc())
    .limit(1)
    .correlate(_PUNCHES)
    .scalar_subquery()
)
_PHOTO_KEY = (
    sa.select(PunchPhoto.file_key)
    .where(PunchPhoto.punch_id == _PUNCHES.c.punch_id)
    .correlate(_PUNCHES)
    .scalar_subquery()
)


def _events(*conditions: Any) -> Any:
    """The punches that count and meet the conditions, the newest first."""
    return (
        sa.select(*_PUNCHES.columns, _SESSION_OF_PUNCH.label("session_id"), _PHOTO_KEY.label("photo_key"))
        .where(
            _PUNCHES.c.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
            _PUNCHES.c.kind != "CONFIRM",
            _IN_EFFECT,
            *conditions,
        )
        .order_by(_PUNCHES.c.at.desc(), _PUNCHES.c.id.desc())
    )


_TODAY = Query(_events(_of_staff(_PUNCHES.c.staff_id), _PUNCHES.c.business_date == bindparam("day", type_=sa.Date)))
_LAST = Query(
    _events(_PUNCHES.c.staff_id == bindparam("staff_id", type_=sa.Uuid)).limit(bindparam("limit", type_=sa.Integer))
)

_LOG_FROM = sa.outerjoin(_PUNCHES, refdata.staff_ref, refdata.is_staff(_PUNCHES.c.restaurant_id, _PUNCHES.c.staff_id))
_LOG_COLUMNS = (*_PUNCHES.columns, refdata.FULL_NAME.label("staff_name"), _IN_EFFECT.label("in_effect"))
_LOG = (
    _PUNCHES.c.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
    _of_staff(_PUNCHES.c.staff_id),
    _PUNCHES.c.kind != "CONFIRM",
    _PUNCHES.c.business_date.between(bindparam("first", type_=sa.Date), bindparam("last", type_=sa.Date)),
)
_LOG_COUNT = Query(sa.select(sa.func.count()).select_from(_PUNCHES).where(*_LOG))
_LOG_ROWS = Query(
    sa.select(*_LOG_COLUMNS)
    .select_from(_LOG_FROM)
    .where(*_LOG)
    .order_by(_PUNCHES.c.at, _PUNCHES.c.punch_id, _PUNCHES.c.revision)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_ENTRY = Query(
    sa.select(*_LOG_COLUMNS)
    .select_from(_LOG_FROM)
    .where(
        _PUNCHES.c.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
        _PUNCHES.c.id == bindparam("id", type_=sa.Uuid),
    )
)

Found = tuple[Session, Any]
"""A session, and its row with the person's names."""


async def sessions_of_days(
    reading: Reading, restaurant_id: UUID, first: date, last: date, staff_id: UUID | None = None
) -> list[Found]:
    """The sessions of a range of business days, the oldest first; of one person, or of everybody for None."""
    rows = await reading.all(_RANGE, restaurant_id=restaurant_id, staff_id=staff_id, first=first, last=last)
    return [(session_of(row), row) for row in rows]


async def open_sessions(reading: Reading, restaurant_id: UUID) -> list[Found]:
    """Who is clocked in, the longest there first."""
    return [(session_of(row), row) for row in await reading.all(_OPEN_NOW, restaurant_id=restaurant_id)]


async def one_session(reading: Reading, restaurant_id: UUID, session_id: UUID) -> Found:
    """One session. Raises NotFound."""
    row = await reading.first(_ONE, restaurant_id=restaurant_id, id=session_id)
    if row is None:
        raise NotFound(NO_SESSION)
    return session_of(row), row


async def page_of_doubtful(reader: Reader, restaurant_id: UUID, page: Page) -> tuple[int, list[Found]]:
    """How many sessions somebody has to look at, and those of one page, the oldest first."""
    count, rows = await read_page(reader, _REVIEW_COUNT, _REVIEW_ROWS, page, restaurant_id=restaurant_id)
    return count, [(session_of(row), row) for row in rows]


async def punches_of_day(reading: Reading, restaurant_id: UUID, day: date, staff_id: UUID | None) -> Sequence[Any]:
    """The punches of a business day that count, the newest first."""
    return await reading.all(_TODAY, restaurant_id=restaurant_id, staff_id=staff_id, day=day)


async def last_punches(reading: Reading, restaurant_id: UUID, staff_id: UUID, limit: int) -> Sequence[Any]:
    """The last punches of a person that count, the newest first."""
    return await reading.all(_LAST, restaurant_id=restaurant_id, staff_id=staff_id, limit=limit)


async def page_of_log(
    reader: Reader, restaurant_id: UUID, page: Page, first: date, last: date, staff_id: UUID | None
) -> tuple[int, list[Any]]:
    """How many entries the log has for a range of days, and those of one page, the oldest first."""
    return await read_page(
        reader, _LOG_COUNT, _LOG_ROWS, page, restaurant_id=restaurant_id, first=first, last=last, staff_id=staff_id
    )


async def one_entry(reading: Reading, restaurant_id: UUID, entry_id: UUID) -> Any:
    """One entry of the log. Raises NotFound."""
    row = await reading.first(_ENTRY, restaurant_id=restaurant_id, id=entry_id)
    if row is None:
        raise NotFound(NO_PUNCH)
    return row
