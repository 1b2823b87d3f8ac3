"""Adding to the log of punches, and deriving sessions from it again."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from mizan.timeclock.events.v1 import events_pb2 as facts
from servicekit.db import Query, SessionReader
from servicekit.postponed import postpone
from services.timeclock import events
from services.timeclock.domain.punches import NOWHERE, Place, Punch
from services.timeclock.domain.sessions import CLOSED, OPEN, Session, fold, region_start
from services.timeclock.models import Punch as Entry
from services.timeclock.models import WorkSession
from services.timeclock.queries.rows import columns_of, punch_of, session_of

_PUNCHES: Any = Entry.__table__
_SESSIONS: Any = WorkSession.__table__
_DIALECT: Any = PGDialect_psycopg()  # type: ignore[no-untyped-call] # no annotations


def _typed(table: Any, columns: Iterable[str], prefix: str = "") -> str:
    """Parameters, each with its column's type, so that a null has one."""
    return ", ".join(f"CAST(:{prefix}{name} AS {table.c[name].type.compile(dialect=_DIALECT)})" for name in columns)


# ruff: noqa: S608 - the statements are made of the names of columns alone; every value is a parameter.
_ENTRY = tuple(column.name for column in _PUNCHES.columns)
_STATE = tuple(columns_of(Session(UUID(int=0), datetime.min.replace(tzinfo=UTC), date.min)))
_OPENED = ("id", "restaurant_id", "staff_id", "version", *_STATE)
_ENTER = f"INSERT INTO punches ({', '.join(_ENTRY)}) SELECT {_typed(_PUNCHES, _ENTRY, 'p_')}"
_BEGIN = (
    f"INSERT INTO work_sessions ({', '.join(_OPENED)}) VALUES ({_typed(_SESSIONS, _OPENED)})"
    " ON CONFLICT (restaurant_id, staff_id) WHERE status = 'OPEN' DO NOTHING RETURNING id"
)
_CHANGE = (
    f"UPDATE work_sessions SET ({', '.join(_STATE)}, version, updated_at) = ROW ({_typed(_SESSIONS, _STATE)},"
    " version + 1, now()) WHERE id = CAST(:id AS uuid) AND version = CAST(:known AS bigint) RETURNING id"
)


def _query(sql: str) -> Query:
    return Query(sa.text(sql), cast=True)


_ADD, _RESTORE, _ALTER = _query(_ENTER), _query(_BEGIN), _query(_CHANGE)
# One statement for the log and for what follows from it, which travels with the commit. Where somebody else was faster
# it fails, and the call is made again from the start.
_LOGGED = f"{_ENTER} WHERE coalesce((SELECT id FROM done), overtaken()) IS NOT NULL"
_BEGIN_AND_ADD = _query(f"WITH done AS ({_BEGIN}) {_LOGGED}")
_CHANGE_AND_ADD = _query(f"WITH done AS ({_CHANGE}) {_LOGGED}")
_LOCK_PERSON = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:person, 0))")


@dataclass(frozen=True, slots=True)
class Draft:
    """A punch before it is in the log."""

    restaurant_id: UUID
    staff_id: UUID
    kind: str
    at: datetime
    business_date: date
    recorded_at: datetime
    source: str
    flags: tuple[str, ...] = ()
    place: Place = NOWHERE
    accuracy: float | None = None
    distance: float | None = None
    device_id: str = ""
    client_key: str | None = None
    paid_break: bool = False
    shift_id: UUID | None = None
    notes: str = ""
    author_id: UUID | None = None
    reason: str = ""
    confirms: UUID | None = None

    def punch(self, identifier: UUID) -> Punch:
        """The punch as the domain reads it."""
        return Punch(
            id=identifier,
            kind=self.kind,
            at=self.at,
            business_date=self.business_date,
            paid_break=self.paid_break,
            shift_id=self.shift_id,
            place=self.place,
            flags=self.flags,
            confirms=self.confirms,
        )

    def entry(self, identifier: UUID) -> dict[str, Any]:
        """The row of the log."""
        return {
            "id": identifier,
            "restaurant_id": self.restaurant_id,
            "staff_id": self.staff_id,
            "punch_id": identifier,
            "revision": 0,
            "voided": False,
            "kind": self.kind,
            "at": self.at,
            "business_date": self.business_date,
            "recorded_at": self.recorded_at,
            "source": self.source,
            "paid_break": self.paid_break,
            "shift_id": self.shift_id,
            "confirms_id": self.confirms,
            "device_id": self.device_id[:255],
            "client_key": self.client_key,
            "latitude": self.place.latitude,
            "longitude": self.place.longitude,
            "accuracy": self.accuracy,
            "distance": self.distance,
            "location_verified": self.place.verified,
            "flags": list(self.flags),
            "notes": self.notes,
            "author_id": self.author_id,
            "reason": self.reason,
        }


class Overtaken(Exception):
    """Somebody else punched for the same person meanwhile; what is known is out of date."""


async def add(session: AsyncSession, entry: dict[str, Any]) -> None:
    """Adds an entry to the log, and says so."""
    await SessionReader(session).all(_ADD, **_prefixed(entry))
    events.punch_recorded(session, entry)


def begin(session: AsyncSession, draft: Draft, opened: Session, entry: dict[str, Any]) -> None:
    """Opens a session with the punch that does, when the transaction commits.

    The commit raises psycopg's SerializationFailure when the person has an open one by then.
    """
    row = {"id": opened.id, "restaurant_id": draft.restaurant_id, "staff_id": draft.staff_id, "version": 1}
    # Asked of the database and not of what was read: of many at once, one is let in.
    postpone(session, _BEGIN_AND_ADD, {**row, **_stored(opened), **_prefixed(entry)})
    events.punch_recorded(session, entry)
    about = events.session_facts(draft.restaurant_id, draft.staff_id, opened, 1)
    events.session_changed(session, facts.SessionOpened(session=about))


def go_on(session: AsyncSession, draft: Draft, changed: Session, version: int, entry: dict[str, Any]) -> None:
    """Stores how a session of a known version is after a punch, and the punch, when the transaction commits.

    The commit raises psycopg's SerializationFailure when it is another version by then.
    """
    known = {"id": changed.id, "known": version}
    postpone(session, _CHANGE_AND_ADD, {**known, **_stored(changed), **_prefixed(entry)})
    events.punch_recorded(session, entry)
    _say_changed(session, draft.restaurant_id, draft.staff_id, changed, version + 1)


async def change(session: AsyncSession, restaurant_id: UUID, staff_id: UUID, changed: Session, version: int) -> None:
    """Stores how a session of a known version is now. Raises Overtaken when it is another one by now."""
    known = {"id": changed.id, "known": version}
    if await SessionReader(session).first(_ALTER, **known, **_stored(changed)) is None:
        raise Overtaken
    _say_changed(session, restaurant_id, staff_id, changed, version + 1)


def _say_changed(session: AsyncSession, restaurant_id: UUID, staff_id: UUID, changed: Session, version: int) -> None:
    about = events.session_facts(restaurant_id, staff_id, changed, version)
    kind = facts.SessionClosed if changed.status == CLOSED else facts.SessionChanged
    events.session_changed(session, kind(session=about))


def _stored(session: Session) -> dict[str, Any]:
    values = columns_of(session)
    return {**values, "breaks": orjson.dumps(values["breaks"]).decode()}


def _prefixed(entry: dict[str, Any]) -> dict[str, Any]:
    return {f"p_{name}": value for name, value in entry.items()}


async def lock_person(session: AsyncSession, restaurant_id: UUID, staff_id: UUID) -> None:
    """Lets nobody else derive the person's sessions again until the transaction ends."""
    await session.execute(_LOCK_PERSON, {"person": f"{restaurant_id}:{staff_id}"})


async def known_under(session: AsyncSession, restaurant_id: UUID, staff_id: UUID, client_key: str) -> Any | None:
    """The entry that a device sent before under the same name, or None."""
    statement = sa.select(_PUNCHES).where(
        _PUNCHES.c.restaurant_id == restaurant_id,
        _PUNCHES.c.staff_id == staff_id,
        _PUNCHES.c.client_key == client_key,
    )
    return (await session.execute(statement)).first()


async def derive(session: AsyncSession, restaurant_id: UUID, staff_id: UUID, since: datetime | None) -> list[Session]:
    """Derives a person's sessions again as far as a change at an instant reaches; from the beginning for None.

    Returns those that are new or different. The caller holds `lock_person`.
    """
    known = await _sessions_since(session, restaurant_id, staff_id, since)
    start = region_start([row.started_at for row in known.values()], since) if since is not None else None
    derived = {one.id: one for one in fold(await _punches_since(session, restaurant_id, staff_id, start))}
    for identifier, row in known.items():
        if identifier not in derived:
            await _discard(session, restaurant_id, staff_id, row)
    different = [one for one in derived.values() if one.id not in known or session_of(known[one.id]) != one]
    # What is closed goes first: nobody may have two open ones, not even for an instant.
    for one in sorted(different, key=lambda one: one.status == OPEN):
        if one.id in known:
            await change(session, restaurant_id, staff_id, one, known[one.id].version)
        else:
            await _restore(session, restaurant_id, staff_id, one)
    return different


async def _sessions_since(
    session: AsyncSession, restaurant_id: UUID, staff_id: UUID, since: datetime | None
) -> dict[UUID, Any]:
    """The sessions from the last one that began by then on, held until the transaction ends."""
    mine = (_SESSIONS.c.restaurant_id == restaurant_id, _SESSIONS.c.staff_id == staff_id)
    statement = sa.select(_SESSIONS).where(*mine).with_for_update()
    if since is not None:
        last = sa.select(sa.func.max(_SESSIONS.c.started_at)).where(*mine, _SESSIONS.c.started_at <= since)
        statement = statement.where(_SESSIONS.c.started_at >= sa.func.coalesce(last.scalar_subquery(), since))
    return {row.id: row for row in await session.execute(statement.order_by(_SESSIONS.c.started_at))}


async def _punches_since(
    session: AsyncSession, restaurant_id: UUID, staff_id: UUID, start: datetime | None
) -> list[Punch]:
    newer = aliased(Entry)
    statement = sa.select(Entry).where(
        Entry.restaurant_id == restaurant_id,
        Entry.staff_id == staff_id,
        ~Entry.voided,
        ~sa.exists().where(newer.punch_id == Entry.punch_id, newer.revision > Entry.revision),
    )
    if start is not None:
        statement = statement.where(Entry.at >= start)
    return [punch_of(row) for row in await session.scalars(statement)]


async def _discard(session: AsyncSession, restaurant_id: UUID, staff_id: UUID, row: Any) -> None:
    await session.execute(sa.delete(_SESSIONS).where(_SESSIONS.c.id == row.id))
    about = events.session_facts(restaurant_id, staff_id, session_of(row), row.version + 1)
    events.session_changed(session, facts.SessionDiscarded(session=about))


async def _restore(session: AsyncSession, restaurant_id: UUID, staff_id: UUID, found: Session) -> None:
    row = {"id": found.id, "restaurant_id": restaurant_id, "staff_id": staff_id, "version": 1}
    if await SessionReader(session).first(_RESTORE, **row, **_stored(found)) is None:
        raise Overtaken
    about = events.session_facts(restaurant_id, staff_id, found, 1)
    kind = facts.SessionOpened if found.status == OPEN else facts.SessionClosed
    events.session_changed(session, kind(session=about))
