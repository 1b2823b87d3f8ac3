"""The public keys that verify access tokens, fetched from identity and fetched again when a new one appears."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import jwt
import structlog

ALGORITHMS = frozenset({"EdDSA", "ES256"})

log = structlog.get_logger(__name__)


class InvalidToken(Exception):
    """An access token that proves nothing; the text says why, in words for its bearer."""


class KeySet:
    """Keys by id. An unknown id causes a fetch, but not more often than the minimum interval allows."""

    def __init__(self, fetch: Callable[[], Awaitable[str]], *, refetch_seconds: float) -> None:
        self._fetch = fetch
        self._refetch_seconds = refetch_seconds
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._lock = asyncio.Lock()

    async def key_of(self, key_id: str) -> jwt.PyJWK | None:
        """The key, or None when identity does not know it either. Raises a Refusal when identity does not answer."""
        key = self._keys.get(key_id)
        if key is None and time.monotonic() - self._fetched_at >= self._refetch_seconds:
            async with self._lock:
                if time.monotonic() - self._fetched_at >= self._refetch_seconds:
                    await self.refresh()
            key = self._keys.get(key_id)
        return key

    async def claims_of(self, token: str) -> dict[str, Any]:
        """The claims of an access token whose signature holds.

        Raises InvalidToken, or a Refusal when identity does not answer.
        """
        try:
            key = await self.key_of(str(jwt.get_unverified_header(token).get("kid", "")))
            if key is None:
                raise InvalidToken("Token is invalid")
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                [key.algorithm_name],
                options={"require": ["exp", "sid"], "verify_aud": False},
            )
        except jwt.ExpiredSignatureError as error:
            raise InvalidToken("Token is expired") from error
        except jwt.PyJWTError as error:
            raise InvalidToken("Token is invalid") from error
        if claims.get("token_type", "access") != "access":
            raise InvalidToken("Token has wrong type")
        return claims

    async def refresh(self) -> None:
        """Replaces the keys with what identity has now, so that a withdrawn one stops working."""
        key_set = jwt.PyJWKSet.from_json(await self._fetch())
        usable = {key.key_id: key for key in key_set.keys if key.key_id and key.algorithm_name in ALGORITHMS}
        self._keys = usable
        self._fetched_at = time.monotonic()
        log.info("access_token_keys_loaded", key_ids=sorted(usable))
