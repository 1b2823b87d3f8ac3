"""Connecting restaurants with till systems, and keeping the connection's state."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import Conflict
from services.pos import events
from services.pos.models import OAuthState, ProviderConnection, ProviderSync

ELSEWHERE = "This merchant is connected with another restaurant."


@dataclass(frozen=True, slots=True)
class Connected:
    """What is known of a restaurant at its provider; the secrets are encrypted."""

    provider: str
    merchant_id: str
    location_id: str | None
    secret: bytes
    refresh_token: bytes | None = None
    token_expires_at: datetime | None = None


async def begin_authorization(session: AsyncSession, restaurant_id: UUID, user_id: UUID, expires_at: datetime) -> UUID:
    """The id of an authorization that somebody began; it works once."""
    await session.execute(sa.delete(OAuthState).where(OAuthState.expires_at < sa.func.now()))
    state = OAuthState(id=uuid4(), restaurant_id=restaurant_id, user_id=user_id, expires_at=expires_at)
    session.add(state)
    await session.flush()
    return state.id


async def take_authorization(session: AsyncSession, state_id: UUID, now: datetime) -> tuple[UUID, UUID] | None:
    """Restaurant and person of an authorization, which is over then; None when it is over already."""
    taken = await session.execute(
        sa.delete(OAuthState)
        .where(OAuthState.id == state_id)
        .returning(OAuthState.restaurant_id, OAuthState.user_id, OAuthState.expires_at)
    )
    row = taken.first()
    return (row.restaurant_id, row.user_id) if row is not None and row.expires_at > now else None


async def hold(session: AsyncSession, restaurant_id: UUID) -> ProviderConnection | None:
    """The restaurant's connection, held against others until the transaction ends."""
    found: ProviderConnection | None = await session.scalar(
        sa.select(ProviderConnection).where(ProviderConnection.restaurant_id == restaurant_id).with_for_update()
    )
    return found


async def connect(session: AsyncSession, restaurant_id: UUID, found: Connected, by: UUID | None) -> ProviderConnection:
    """Connects a restaurant, instead of what it was connected with before.

    Raises Conflict for a merchant's location that another restaurant is connected with.
    """
    connection = await hold(session, restaurant_id)
    if connection is None:
        connection = ProviderConnection(restaurant_id=restaurant_id, version=0)
        session.add(connection)
    elif (connection.provider, connection.merchant_id) != (found.provider, found.merchant_id):
        # Another account's cursors and times mean nothing here.
        await session.execute(sa.delete(ProviderSync).where(ProviderSync.restaurant_id == restaurant_id))
        connection.last_sync_at = None
    connection.provider, connection.status, connection.last_error = found.provider, "CONNECTED", None
    connection.merchant_id, connection.location_id = found.merchant_id, found.location_id
    connection.secret, connection.refresh_token = found.secret, found.refresh_token
    connection.token_expires_at, connection.connected_by = found.token_expires_at, by
    try:
        await announce(session, connection)
    except IntegrityError as error:
        raise Conflict(ELSEWHERE, code="merchant_connected_elsewhere") from error
    return connection


async def renewed(
    session: AsyncSession, connection: ProviderConnection, secret: bytes, refresh_token: bytes, expires_at: datetime
) -> None:
    """Keeps new tokens."""
    connection.secret, connection.refresh_token, connection.token_expires_at = secret, refresh_token, expires_at
    connection.status, connection.last_error = "CONNECTED", None
    await announce(session, connection)


async def disconnect(session: AsyncSession, connection: ProviderConnection) -> None:
    """Forgets what a connection was made with; a connection that is down stays so."""
    if connection.status == "DISCONNECTED":
        return
    connection.status, connection.last_error = "DISCONNECTED", None
    connection.secret = connection.refresh_token = None
    connection.token_expires_at = connection.location_id = None
    await announce(session, connection)


async def failed(session: AsyncSession, connection: ProviderConnection, reason: str) -> None:
    """Says that the provider does not accept the connection's credentials any more."""
    if connection.status == "CONNECTED":
        connection.status, connection.last_error = "ERROR", reason
        await announce(session, connection)


async def announce(session: AsyncSession, connection: ProviderConnection) -> None:
    """Counts a change of the connection and says how it stands."""
    connection.version += 1
    await session.flush()
    syncs = await _syncs(session, connection.restaurant_id)
    events.provider_changed(session, connection, syncs)


async def _syncs(session: AsyncSession, restaurant_id: UUID) -> Mapping[str, Any]:
    found = await session.execute(
        sa.select(ProviderSync.kind, ProviderSync.state, ProviderSync.total_records).where(
            ProviderSync.restaurant_id == restaurant_id
        )
    )
    return {row.kind: row for row in found.all()}
