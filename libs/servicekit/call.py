"""One call inside a service: who asks, under which circumstances, and the transaction that its changes belong to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit import audit
from servicekit.context import RequestContext
from servicekit.db import Database, Reader, Scope, scope_of
from servicekit.idempotency import Claim
from servicekit.identity import Principal
from servicekit.methods import Method


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

    __slots__ = ("_claim", "_db", "_request", "_session", "context", "method", "notes", "principal")

    def __init__(
        self, method: Method, principal: Principal, context: RequestContext, request: Any, db: Database
    ) -> None:
        self.method = method
        self.principal = principal
        self.context = context
        self.notes = AuditNotes()
        self._db = db
        self._request = request
        self._session: AsyncSession | None = None
        self._claim: Claim | None = None

    def read(self, scope: Scope | None = None) -> Reader:
        """A reader in the caller's own scope, or in the one given."""
        return self._db.read(scope or scope_of(self.principal))

    async def session(self, scope: Scope | None = None) -> AsyncSession:
        """The call's transaction; the first use decides its scope. Raises what `Claim.take` raises."""
        if self._session is None:
            self._session = self._db.open_session(scope or scope_of(self.principal))
            if self.context.idempotency_key and self.method.keyed:
                self._claim = Claim(self._session, self.principal, self.context.idempotency_key, self.method)
                await self._claim.take(self._request)
        return self._session

    async def commit(self, response: Message | None = None) -> bool:
        """Commits what was changed so far; True when there was a transaction.

        A handler calls it without a response only to keep a change although it is going to refuse, such as the count
        of failed logins; the idempotency key is then given back.
        """
        session = self._session
        if session is None:
            return False
        if self._claim is not None:
            await (self._claim.give_back() if response is None else self._claim.keep(response))
        if self.method.audited and not self.notes.skip:
            audit.record(session, self, self._request, response)
        await session.commit()
        await self.close()
        return True

    async def close(self) -> None:
        """Gives the connection back; what was not committed is undone."""
        session, self._session, self._claim = self._session, None, None
        if session is not None:
            await session.close()
