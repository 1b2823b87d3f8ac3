"""Counting failed attempts, and refusing while a lock holds."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import any_, bindparam
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.db import Query, Reading
from services.identity.domain.credentials import Attempts
from services.identity.models import LoginFailure
from services.identity.vault import Vault

_COUNTED = Query(
    sa.select(LoginFailure.locked_until).where(LoginFailure.scope == any_(bindparam("scopes", type_=ARRAY(sa.Text))))
)


def account_scope(vault: Vault, email: str) -> str:
    """The scope of an address, whether or not somebody has it."""
    return "account:" + vault.digest("login-failures", email.strip().lower()).hex()


async def counted(reading: Reading, scopes: Iterable[str]) -> Sequence[datetime | None]:
    """Until when each scope that has failures is locked; empty when none has any."""
    return [row.locked_until for row in await reading.all(_COUNTED, scopes=list(scopes))]


def is_locked(locks: Iterable[datetime | None], now: datetime) -> bool:
    """Whether one of the locks holds."""
    return any(until is not None and until > now for until in locks)


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
