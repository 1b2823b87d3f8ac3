"""Creating and revoking keys of agents and integrators."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

import entitlements
from servicekit.db import SessionReader
from servicekit.errors import Conflict, Invalid, NotFound
from services.identity import events
from services.identity.domain import api_keys as rules
from services.identity.models import ApiKey
from services.identity.vault import Vault, random_token

MAX_KEYS = 200
API_ACCESS = "api_access"
"""The feature of a plan; the keys that were made with it go on when the plan goes."""


async def create(
    session: AsyncSession,
    vault: Vault,
    restaurant_id: UUID,
    created_by: UUID,
    *,
    name: str,
    kind: str,
    scopes: Sequence[str],
    held: Collection[str],
    expires_at: datetime | None,
    now: datetime,
) -> tuple[ApiKey, str]:
    """A key and its secret text, which is kept as a digest only.

    Raises Invalid for scopes that the creator may not grant and for an end in the past, Forbidden where the
    restaurant's plan has no keys for integrators, and Conflict for too many keys.
    """
    if kind == "INTEGRATION":
        await entitlements.require(SessionReader(session), restaurant_id, API_ACCESS)
    if problem := rules.scope_problem(kind, scopes, held):
        raise Invalid.field("scopes", problem, code="scope_not_grantable")
    if expires_at is not None and expires_at <= now:
        raise Invalid.field("expires_at", "Must be in the future.")
    valid = await session.scalar(
        sa.select(sa.func.count()).where(ApiKey.restaurant_id == restaurant_id, ApiKey.revoked_at.is_(None))
    )
    if valid is not None and valid >= MAX_KEYS:
        raise Conflict(f"A restaurant can have {MAX_KEYS} keys at most.", code="too_many_keys")
    text = rules.PREFIX + random_token()
    key = ApiKey(
        id=uuid4(),
        restaurant_id=restaurant_id,
        name=name,
        kind=kind,
        prefix=text[: rules.SHOWN_CHARACTERS],
        digest=vault.digest("api-key", text),
        scopes=sorted(set(scopes)),
        created_by=created_by,
        created_at=now,
        expires_at=expires_at,
    )
    session.add(key)
    return key, text


async def revoke(session: AsyncSession, restaurant_id: UUID, key_id: UUID, now: datetime) -> ApiKey:
    """Makes a key useless. Raises NotFound for an unknown or already revoked one."""
    key = await session.scalar(
        sa.select(ApiKey)
        .where(ApiKey.id == key_id, ApiKey.restaurant_id == restaurant_id, ApiKey.revoked_at.is_(None))
        .with_for_update()
    )
    if key is None:
        raise NotFound("No ApiKey matches the given query.")
    key.revoked_at = now
    events.api_key_revoked(session, key)
    return key
