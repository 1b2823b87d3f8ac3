"""The Idempotency-Key of a request: claimed in the transaction of its change, and answered from when it comes again.

The key itself is not stored, only its digest, and the request is digested with the key: from the table alone nobody can
find out by trying what a request carried, such as a PIN.
"""

import hashlib
import hmac

import sqlalchemy as sa
from google.protobuf.message import Message
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import Conflict, Unprocessable
from servicekit.identity import Principal
from servicekit.methods import Method
from servicekit.tables import idempotency_key as keys


class Replay(Exception):
    """The key was used for this very request before; carries the answer given then."""

    def __init__(self, response: bytes) -> None:
        super().__init__("replay")
        self.response = response


class Claim:
    """One caller's key on one request, held by the transaction that inserted it."""

    def __init__(self, session: AsyncSession, principal: Principal, key: str, method: Method) -> None:
        self._session = session
        self._key = key.encode()
        self._method = method
        self._row = {
            "scope": f"{principal.kind}:{principal.subject}:{principal.restaurant_id or ''}",
            "key": hashlib.sha256(self._key).hexdigest(),
        }

    async def take(self, request: Message) -> None:
        """Claims the key; a request under way with the same key is waited for.

        Raises Replay when this request was answered before, Conflict when its answer held a secret and was not kept,
        and Unprocessable when the key was used for another request.
        """
        content = self._method.path.encode() + b"\0" + request.SerializeToString(deterministic=True)
        digest = hmac.digest(self._key, content, hashlib.sha256)
        claim = (
            insert(keys)
            .values(**self._row, method=self._method.path, request_digest=digest)
            .on_conflict_do_nothing()
            .returning(keys.c.key)
        )
        if (await self._session.execute(claim)).first() is not None:
            return
        found = await self._session.execute(sa.select(keys.c.request_digest, keys.c.response).where(*self._is_it()))
        used = found.one()
        if not hmac.compare_digest(used.request_digest, digest):
            raise Unprocessable("This Idempotency-Key was used for another request.")
        if used.response is None:
            raise Conflict(
                "This was done already under the same Idempotency-Key; its answer held a secret and is not kept.",
                code="answer_not_kept",
            )
        raise Replay(used.response)

    async def keep(self, response: Message) -> None:
        """Stores the answer for repetitions, unless it holds a secret."""
        if self._method.keeps_answer:
            stored = sa.update(keys).where(*self._is_it()).values(response=response.SerializeToString())
            await self._session.execute(stored)

    async def give_back(self) -> None:
        """The request is refused after all; the key may be used again."""
        await self._session.execute(sa.delete(keys).where(*self._is_it()))

    def _is_it(self) -> tuple[sa.ColumnElement[bool], ...]:
        return (keys.c.scope == self._row["scope"], keys.c.key == self._row["key"])
