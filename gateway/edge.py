"""What endpoints use of the gateway: callers, limits, metadata and calls."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from google.protobuf.message import Message

from gateway.auth.authenticator import Authenticator
from gateway.channels import Channels
from gateway.exchange import Exchange
from gateway.ratelimit import Limit, Limiter, network_of
from gateway.transcode.catalog import Operation
from servicekit import context
from servicekit.identity import ANONYMOUS, Principal, TokenMinter


class GatewayEdge:
    """The gateway's side of every endpoint."""

    def __init__(
        self,
        authenticator: Authenticator,
        channels: Channels,
        minter: TokenMinter,
        limiter: Limiter,
        limits: dict[str, Limit],
        *,
        composed: Mapping[str, Callable[..., Awaitable[Any]]],
        timeout_seconds: float,
    ) -> None:
        self._authenticator = authenticator
        self._channels = channels
        self._minter = minter
        self._limiter = limiter
        self._account = limits["ACCOUNT"]
        self._restaurant = limits["RESTAURANT"]
        self._classes = limits
        self._composed = composed
        self.timeout_seconds = timeout_seconds

    async def principal_of(self, exchange: Exchange, operation: Operation) -> Principal:
        """Who calls. Raises Unauthenticated or Unavailable."""
        return await self._authenticator.principal_of(exchange, operation)

    async def admit(self, exchange: Exchange, operation: Operation, principal: Principal, message: Message) -> None:
        """Counts the request per account and restaurant, and in the operation's class. Raises TooMany."""
        if principal is not ANONYMOUS:
            await self._limiter.take(self._account, principal.subject)
            if principal.restaurant_id is not None:
                await self._limiter.take(self._restaurant, exchange.restaurant)
        if operation.rate_limit != "UNSPECIFIED":
            limit = self._classes[operation.rate_limit]
            await self._limiter.take(limit, network_of(exchange.client_ip))
            for who in _named_accounts(message):
                await self._limiter.take(limit, who)

    def metadata(self, exchange: Exchange, principal: Principal) -> list[tuple[str, str]]:
        """What travels with the call."""
        metadata = context.current.get().to_metadata()
        if principal is not ANONYMOUS:
            metadata.append((context.TOKEN, self._minter.token_for(principal)))
        return metadata

    def unary(self, operation: Operation) -> Callable[..., Awaitable[Any]]:
        """The call of an operation; a screen is composed in this process."""
        return self._composed.get(operation.path) or self._channels.unary(operation)

    def stream(self, operation: Operation) -> Callable[..., Any]:
        """The call of an operation that streams its answer."""
        return self._channels.stream(operation)


def _named_accounts(message: Any) -> list[str]:
    """The account that a request without a session speaks of; a digest, so that Redis holds no addresses."""
    value = getattr(message, "email", "")
    return [hashlib.sha256(value.strip().lower().encode()).hexdigest()] if isinstance(value, str) and value else []
