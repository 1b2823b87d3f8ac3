"""Who is calling."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from credentials import Access, InvalidToken, KeySet, principal_from
from gateway.auth.cache import PrincipalCache
from gateway.exchange import Exchange
from gateway.transcode.catalog import Operation
from gateway.transcode.errors import TokenNotValid
from servicekit.errors import Refusal, Unauthenticated, Unavailable
from servicekit.identity import ANONYMOUS, Principal

API_KEY_PREFIX = "mzk_"
MAX_API_KEY_LENGTH = 200
API_KEY_SECONDS = 3600.0
# Codes of identity that clients read as they are.
_TOLD = frozenset({"user_inactive", "user_not_found"})
_BAD_CREDENTIAL = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT)
_AGENT_ONLY = frozenset({"AGENT"})


class Authenticator:
    """Resolves credentials through identity and believes the answer for a while.

    A credential that was seen a moment ago costs a dict lookup. `is_current` says whether revocations are being heard;
    while they are not, an answer is believed for the shorter age only.
    """

    def __init__(
        self,
        access: Access,
        keys: KeySet,
        cache: PrincipalCache,
        *,
        is_current: Callable[[], bool],
        max_age_seconds: float,
        cut_off_max_age_seconds: float,
        agent_key_sha256: str = "",
        agent_permissions: frozenset[str] = frozenset(),
    ) -> None:
        self._access = access
        self._keys = keys
        self._cache = cache
        self._is_current = is_current
        self._max_age = max_age_seconds
        self._cut_off_max_age = cut_off_max_age_seconds
        self._agent_digest = agent_key_sha256.lower()
        self._agent = Principal(
            kind="AGENT", subject="platform-agent", permissions=agent_permissions, name="Platform agent"
        )
        self._resolving: dict[str, asyncio.Task[Principal]] = {}

    async def principal_of(self, exchange: Exchange, operation: Operation) -> Principal:
        """The caller, or ANONYMOUS without a credential; a public operation does not mind a bad one.

        Raises Unauthenticated, or Unavailable when identity cannot be asked.
        """
        credential = credential_of(exchange.headers)
        if not credential:
            if operation.callers == _AGENT_ONLY and not self._agent_digest:
                raise Unavailable("Agent key not configured", code="agent_key_not_configured")
            return ANONYMOUS
        try:
            principal = await self.resolve(credential, agents_only=operation.callers == _AGENT_ONLY)
        except Unauthenticated:
            if operation.public:
                return ANONYMOUS
            raise
        exchange.subject = principal.subject
        exchange.restaurant = str(principal.restaurant_id or "")
        return principal

    async def resolve(self, credential: str, *, agents_only: bool = False) -> Principal:
        """The principal of a credential. Raises Unauthenticated or Unavailable."""
        known = self._cache.get(credential, self._max_age if self._is_current() else self._cut_off_max_age)
        if known is not None:
            return known
        if self._is_agent_key(credential):
            return self._agent
        if credential.startswith(API_KEY_PREFIX) and len(credential) <= MAX_API_KEY_LENGTH:
            return await self._once(credential, self._resolve_api_key)
        if credential.count(".") == 2:
            return await self._once(credential, self._resolve_token)
        if agents_only and not self._agent_digest:
            raise Unavailable("Agent key not configured", code="agent_key_not_configured")
        if agents_only:
            raise Unauthenticated("Unauthorized")
        raise TokenNotValid()

    def _is_agent_key(self, credential: str) -> bool:
        if not self._agent_digest:
            return False
        digest = hashlib.sha256(credential.encode()).hexdigest()
        return hmac.compare_digest(digest, self._agent_digest)

    async def _once(self, credential: str, resolve: Callable[[str], Awaitable[Principal]]) -> Principal:
        """Resolves a credential that several requests bring at the same time once."""
        task = self._resolving.get(credential)
        if task is None:

            async def run() -> Principal:
                try:
                    return await resolve(credential)
                finally:
                    del self._resolving[credential]

            task = self._resolving[credential] = asyncio.create_task(run())
        # A client that hangs up must not take the answer from the others.
        return await asyncio.shield(task)

    async def _resolve_token(self, token: str) -> Principal:
        claims = await self._claims(token)
        generation = self._cache.generation
        try:
            resolved = await self._access.session(str(claims["sid"]))
        except Refusal as refusal:
            raise _as_unauthenticated(refusal) from refusal
        principal = principal_from(resolved)
        self._cache.put(token, principal, float(claims["exp"]), generation)
        return principal

    async def _resolve_api_key(self, key: str) -> Principal:
        generation = self._cache.generation
        try:
            resolved = await self._access.api_key(key)
        except Refusal as refusal:
            raise _as_unauthenticated(refusal) from refusal
        principal = principal_from(resolved)
        self._cache.put(key, principal, time.time() + API_KEY_SECONDS, generation)
        return principal

    async def _claims(self, token: str) -> dict[str, Any]:
        """The claims of a token whose signature holds. Raises TokenNotValid."""
        try:
            return await self._keys.claims_of(token)
        except InvalidToken as error:
            raise TokenNotValid(str(error)) from error


def credential_of(headers: dict[str, str]) -> str:
    """What stands in `Authorization: Bearer` or `X-API-Key`; empty when there is neither."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    return headers.get("x-api-key", "").strip()


def _as_unauthenticated(refusal: Refusal) -> Refusal:
    """A refusal of identity as the caller should see it: their credential is bad, or it could not be checked."""
    if refusal.grpc_code in _BAD_CREDENTIAL:
        if refusal.code in _TOLD:
            return Unauthenticated(refusal.message, code=refusal.code)
        return TokenNotValid("Token is revoked")
    if isinstance(refusal, Unavailable):
        return refusal
    return Unavailable("The credential could not be checked. Please try again.")
