"""One run of a sync: begun, taken over page by page with its cursor in the same transaction, ended."""

from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import Conflict
from services.pos import events
from services.pos.commands import connections
from services.pos.domain import provider as rules
from services.pos.models import ProviderConnection, ProviderSync

MENU = "menu"
ORDERS = "orders"
UNDER_WAY = "A sync of these is under way already."


async def hold(session: AsyncSession, restaurant_id: UUID, kind: str) -> ProviderSync:
    """The state of a sync, held against others until the transaction ends."""
    return (
        await session.scalars(
            sa.select(ProviderSync)
            .where(ProviderSync.restaurant_id == restaurant_id, ProviderSync.kind == kind)
            .with_for_update()
        )
    ).one()


async def begin(
    session: AsyncSession,
    connection: ProviderConnection,
    kind: str,
    now: datetime,
    first_look: timedelta,
    asked: tuple[datetime, datetime] | None = None,
) -> ProviderSync:
    """The run to go on with: the one that stopped half-way, or a new one.

    Raises Conflict when a range of time is asked for while another run is half-way.
    """
    fresh = {"provider": connection.provider, "state": "IDLE", "started_at": now}
    await session.execute(
        insert(ProviderSync).values(restaurant_id=connection.restaurant_id, kind=kind, **fresh).on_conflict_do_nothing()
    )
    sync = await hold(session, connection.restaurant_id, kind)
    if sync.cursor is not None:
        if asked is not None:
            raise Conflict(UNDER_WAY, code="sync_under_way")
        sync.state, sync.error = "RUNNING", None
        return sync
    sync.changed_from, sync.changed_until = asked or rules.window(sync.complete_until, now, first_look)
    sync.provider, sync.state, sync.error = connection.provider, "RUNNING", None
    sync.records, sync.seen, sync.started_at, sync.finished_at = 0, [], now, None
    await session.flush()
    events.sync_started(session, sync)
    return sync


async def advance(session: AsyncSession, sync: ProviderSync, records: int, cursor: str | None, now: datetime) -> None:
    """Keeps how far a run is; without a cursor it is through."""
    sync.records += records
    sync.total_records += records
    sync.cursor = cursor
    if cursor is not None:
        await session.flush()
        return
    sync.state, sync.finished_at, sync.seen = "IDLE", now, []
    if sync.kind == ORDERS and sync.changed_from is not None and sync.changed_until is not None:
        sync.complete_until = rules.complete_after(sync.complete_until, sync.changed_from, sync.changed_until)
    await session.flush()
    events.sync_completed(session, sync)
    connection = await connections.hold(session, sync.restaurant_id)
    if connection is not None:
        connection.last_sync_at = now
        await connections.announce(session, connection)


async def fail(session: AsyncSession, restaurant_id: UUID, kind: str, reason: str, *, from_start: bool) -> None:
    """Says that a run stopped; the next one goes on from there, or begins anew where its cursor is worth nothing."""
    sync = await hold(session, restaurant_id, kind)
    if sync.state != "RUNNING":
        return
    sync.state, sync.error = "FAILED", reason
    if from_start:
        sync.cursor = None
    await session.flush()
    events.sync_failed(session, sync, reason)
