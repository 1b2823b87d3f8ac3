"""Counting failed attempts, and refusing while a lock holds."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import any_, bindparam
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.db import Query, Reading
from services.identity.domain.credentials import Attempts
from services.identity.models import LoginFailure
from services.identity.vault import Vault

_LOCKS = Query(
    sa.select(LoginFailure.scope).where(
        LoginFailure.scope == any_(bindparam("scopes", type_=ARRAY(sa.Text))),
        LoginFailure.locked_until > bindparam("now", type_=sa.DateTime(timezone=True)),
    )
)


def account_scope(vault: Vault, email: str) -> str:
    """The scope of an address, whether or not somebody has it."""
    return "account:" + vault.digest("login-failures", email.strip().lower()).hex()


async def any_locked(reading: Reading, scopes: Iterable[str], now: datetime) -> bool:
    """Whether one of the scopes is locked."""
    return await reading.first(_LOCKS, scopes=list(scopes), now=now) is not None


async def count_failure(session: AsyncSession, scopes: Iterable[str], now: datetime) -> bool:
    """One more failure against each scope; True when that locked one of them."""
    locked = False
    for scope in sorted(scopes):
        await session.execute(
            insert(LoginFailure)
            .values(scope=scope, failures=0, window_started_at=now)
            .on_conflict_do_nothing(index_elements=["scope"])
        )
        row = (
            await session.execute(sa.select(LoginFailure).where(LoginFailure.scope == scope).with_for_update())
        ).scalar_one()
        counted = Attempts(row.failures, row.window_started_at, row.locked_until).after_failure(now)
        row.failures = counted.failures
        row.window_started_at = counted.window_started_at or now
        row.locked_until = counted.locked_until
        locked = locked or counted.is_locked(now)
    return locked


async def forget_failures(session: AsyncSession, scopes: Iterable[str]) -> None:
    """A success: the scopes start anew."""
    await session.execute(sa.delete(LoginFailure).where(LoginFailure.scope.in_(list(scopes))))
