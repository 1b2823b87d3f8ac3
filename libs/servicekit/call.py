"""One call inside a service: who asks, under which circumstances, and the transaction that its changes belong to."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from google.protobuf.message import Message
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit import audit
from servicekit.context import RequestContext
from servicekit.db import Database, Reader, Scope, scope_of
from servicekit.errors import Unprocessable
from servicekit.identity import Principal
from servicekit.methods import Method


class Replay(Exception):
    """The call's idempotency key was used for this very request before; carries the answer given then."""

    def __init__(self, response: bytes) -> None:
        super().__init__("replay")
        self.response = response


@dataclass(slots=True)
class AuditNotes:
    """What a handler knows about its change beyond what the method declares."""

    actor: str = ""
    action: str = ""
    entity_type: str = ""
    entity_id: str = ""
    description: str = ""
    old_values: Mapping[str, Any] = field(default_factory=dict)
    new_values: Mapping[str, Any] = field(default_factory=dict)
    restaurant_id: UUID | None = None
    user_id: UUID | None = None
    skip: bool = False


class Call:
    """The second argument of every servicer method.

    Reads go through `read()`. A change asks for `session()`, which opens one transaction for the whole call; it commits
    after the servicer returned, together with the idempotency key, the answer and the audit entry.
    """

    __slots__ = ("_claimed", "_db", "_keys", "_request", "_session", "context", "method", "notes", "principal")

    def __init__(
        self, method: Method, principal: Principal, context: RequestContext, request: Any, db: Database, keys: sa.Table
    ) -> None:
        self.method = method
        self.principal = principal
        self.context = context
        self.notes = AuditNotes()
        self._db = db
        self._keys = keys
        self._request = request
        self._session: AsyncSession | None = None
        self._claimed = False

    def read(self, scope: Scope | None = None) -> Reader:
        """A reader in the caller's own scope, or in the one given."""
        return self._db.read(scope or scope_of(self.principal))

    async def session(self, scope: Scope | None = None) -> AsyncSession:
        """The call's transaction; the first use decides its scope. Raises Replay when the key was used already."""
        if self._session is None:
            self._session = self._db.open_session(scope or scope_of(self.principal))
            if self.context.idempotency_key and self.method.replayable:
                await self._claim(self._session)
        return self._session

    async def commit(self, response: Message | None = None) -> bool:
        """Commits what was changed so far; True when there was a transaction.

        A handler calls it without a response only to keep a change although it is going to refuse, such as the count
        of failed logins; the idempotency key is then given back.
        """
        session = self._session
        if session is None:
            return False
        if self._claimed:
            if response is None:
                await session.execute(sa.delete(self._keys).where(*self._key_is()))
            else:
                await session.execute(
                    sa.update(self._keys).where(*self._key_is()).values(response=response.SerializeToString())
                )
        if self.method.audited and not self.notes.skip:
            audit.record(session, self, self._request, response)
        await session.commit()
        await self.close()
        return True

    async def close(self) -> None:
        """Gives the connection back; what was not committed is undone."""
        session, self._session, self._claimed = self._session, None, False
        if session is not None:
            await session.close()

    def _key_is(self) -> tuple[sa.ColumnElement[bool], ...]:
        return (self._keys.c.scope == self._key_scope(), self._keys.c.key == self.context.idempotency_key)

    def _key_scope(self) -> str:
        return f"{self.principal.kind}:{self.principal.subject}:{self.principal.restaurant_id or ''}"

    async def _claim(self, session: AsyncSession) -> None:
        digest = hashlib.sha256(
            self.method.path.encode() + b"\0" + self._request.SerializeToString(deterministic=True)
        ).digest()
        claim = (
            insert(self._keys)
            .values(
                scope=self._key_scope(),
                key=self.context.idempotency_key,
                method=self.method.path,
                request_digest=digest,
            )
            .on_conflict_do_nothing()
            .returning(self._keys.c.key)
        )
        if (await session.execute(claim)).first() is not None:
            self._claimed = True
            return
        used = (
            await session.execute(sa.select(self._keys.c.request_digest, self._keys.c.response).where(*self._key_is()))
        ).one()
        if used.request_digest != digest:
            raise Unprocessable("This Idempotency-Key was used for another request.")
        raise Replay(used.response)
