"""Who is behind a token."""

import asyncio
from dataclasses import replace

import grpc

from credentials import Access, InvalidToken, KeySet, principal_from
from servicekit.errors import Refusal, Unauthenticated, Unavailable
from servicekit.identity import Principal

# After a restart everybody comes at once.
CONCURRENT_QUESTIONS = 64
QUESTION_TIMEOUT_SECONDS = 10.0
_BAD_CREDENTIAL = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT)
_INTERNED_LIMIT = 10_000


class Door:
    """Asks identity about tokens and sessions, a limited number at a time.

    Permissions that many people share are kept once, since ten thousand sockets would otherwise hold as many copies.
    """

    def __init__(self, access: Access, keys: KeySet) -> None:
        self._access = access
        self._keys = keys
        self._questions = asyncio.Semaphore(CONCURRENT_QUESTIONS)
        self._permissions: dict[frozenset[str], frozenset[str]] = {}

    async def admit(self, token: str) -> tuple[Principal, float]:
        """Whose token it is, and when it ends. Raises Unauthenticated or Unavailable."""
        try:
            async with asyncio.timeout(QUESTION_TIMEOUT_SECONDS):
                claims = await self._keys.claims_of(token)
        except InvalidToken as error:
            raise Unauthenticated(str(error), code="token_not_valid") from error
        except TimeoutError as error:
            raise Unavailable("The token could not be checked.") from error
        return await self.session(str(claims["sid"])), float(claims["exp"])

    async def session(self, session_id: str) -> Principal:
        """Whose session it is now. Raises Unauthenticated when it is over, and Unavailable."""
        try:
            async with asyncio.timeout(QUESTION_TIMEOUT_SECONDS), self._questions:
                principal = principal_from(await self._access.session(session_id))
        except TimeoutError as error:
            raise Unavailable("The session could not be checked.") from error
        except Refusal as refusal:
            if refusal.grpc_code in _BAD_CREDENTIAL:
                raise Unauthenticated("The session is over", code="token_not_valid") from refusal
            raise Unavailable("The session could not be checked.") from refusal
        if principal.kind != "USER":
            raise Unauthenticated("Only people can listen", code="token_not_valid")
        return replace(principal, permissions=self._shared(principal.permissions))

    def _shared(self, permissions: frozenset[str]) -> frozenset[str]:
        if len(self._permissions) > _INTERNED_LIMIT:
            self._permissions.clear()
        return self._permissions.setdefault(permissions, permissions)
