"""Opening, renewing and ending sessions."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.context import RequestContext
from servicekit.errors import NotFound, Unauthenticated
from services.identity import events
from services.identity.domain.credentials import refresh_verdict
from services.identity.models import Session, User
from services.identity.vault import Vault


@dataclass(frozen=True, slots=True)
class TokenPair:
    """A session's two credentials."""

    access: str
    refresh: str


def open_session(
    session: AsyncSession,
    vault: Vault,
    user: Any,
    origin: str,
    context: RequestContext,
    now: datetime,
    device_id: UUID | None = None,
) -> TokenPair:
    """A new session of a person, given as an account or as a row that begins with one, with its tokens."""
    opened = Session(
        id=uuid4(),
        user_id=user.id,
        restaurant_id=user.restaurant_id,
        origin=origin,
        device_id=device_id,
        generation=1,
        rotated_at=now,
        created_at=now,
        expires_at=now + vault.refresh_lifetime,
        ip_address=context.client_ip[:45],
        user_agent=context.user_agent[:500],
    )
    session.add(opened)
    events.session_opened(session, opened)
    return _tokens(vault, opened, user.role, now)


async def note_login(session: AsyncSession, user_id: UUID, now: datetime) -> None:
    """Remembers when a person last logged in; that is no change of the account, whose `updated_at` stays."""
    await session.execute(
        sa.update(User)
        .where(User.id == user_id)
        .values(last_login_at=now, updated_at=User.updated_at)
        .execution_options(synchronize_session=False)
    )


async def renew(session: AsyncSession, vault: Vault, refresh: str, now: datetime) -> tuple[TokenPair | None, Session]:
    """The next token pair of the refresh token's session; None when the token betrayed itself and ended the session.

    Raises Unauthenticated when the token is forged, expired, or its session over.
    """
    claims = vault.read_refresh(refresh, now)
    found = (
        await session.execute(
            sa.select(Session, User)
            .join(User, User.id == Session.user_id)
            .where(Session.id == claims.session_id)
            .with_for_update(of=Session)
        )
    ).first()
    if found is None or found.Session.revoked_at is not None or found.Session.expires_at <= now:
        raise Unauthenticated("Token is invalid", code="token_not_valid")
    current, user = found.Session, found.User
    if not user.is_active:
        raise Unauthenticated("User is inactive", code="user_inactive")
    verdict = refresh_verdict(claims.generation, current.generation, current.rotated_at, now)
    if verdict == "reuse":
        revoke(session, current, "refresh_token_reused", now)
        return None, current
    if verdict == "rotate":
        current.generation += 1
        current.rotated_at = now
        current.expires_at = now + vault.refresh_lifetime
    return _tokens(vault, current, user.role, now), current


def _tokens(vault: Vault, current: Session, role: str, now: datetime) -> TokenPair:
    return TokenPair(
        access=vault.access_token(
            session_id=current.id,
            user_id=current.user_id,
            restaurant_id=current.restaurant_id,
            role=role,
            now=now,
        ),
        refresh=vault.refresh_token(
            session_id=current.id, user_id=current.user_id, generation=current.generation, now=now
        ),
    )


def revoke(session: AsyncSession, target: Session, reason: str, now: datetime) -> None:
    """Ends one session; ending it twice changes nothing."""
    if target.revoked_at is None:
        target.revoked_at = now
        target.revoked_because = reason
        events.session_revoked(session, target, reason)


async def revoke_by_id(
    session: AsyncSession, session_id: UUID, user_id: UUID | None, reason: str, now: datetime
) -> Session:
    """Ends a session, of the given person where one is named. Raises NotFound when there is no such session."""
    statement = sa.select(Session).where(Session.id == session_id).with_for_update()
    if user_id is not None:
        statement = statement.where(Session.user_id == user_id)
    target = await session.scalar(statement)
    if target is None:
        raise NotFound("No Session matches the given query.")
    revoke(session, target, reason, now)
    return target


async def revoke_all(
    session: AsyncSession, user: User, reason: str, now: datetime, *, keep: UUID | None = None
) -> None:
    """Ends every session of a person, but for the one to keep."""
    statement = (
        sa.update(Session)
        .where(Session.user_id == user.id, Session.revoked_at.is_(None), Session.expires_at > now)
        .values(revoked_at=now, revoked_because=reason)
        .returning(Session)
    )
    if keep is None:
        await session.execute(statement)
        events.all_sessions_revoked(session, user, reason)
        return
    ended = (await session.scalars(statement.where(Session.id != keep))).all()
    for target in ended:
        events.session_revoked(session, target, reason)


async def delete_finished(session: AsyncSession, now: datetime, kept_for: timedelta) -> int:
    """Deletes sessions that ended longer ago than they are kept; the number of them."""
    ended = sa.func.coalesce(Session.revoked_at, Session.expires_at)
    deleted = await session.execute(sa.delete(Session).where(ended < now - kept_for).returning(Session.id))
    return len(deleted.all())
