"""Stripe: its own library's asynchronous client, at the version of the API that this code was written for."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID, uuid5

import orjson
import structlog
from stripe import (
    APIConnectionError,
    APIError,
    AuthenticationError,
    CardError,
    HTTPXClient,
    IdempotencyError,
    PermissionError,
    RateLimitError,
    SignatureVerificationError,
    StripeClient,
    StripeError,
    WebhookSignature,
)

from servicekit import context
from servicekit.errors import Conflict, Invalid, Refusal, Unavailable

API_VERSION: Final = "2026-10-28.endive"
"""Of requests, whatever release of the library is installed and whatever the account's default is."""
RETRIES: Final = 2
AT_ONCE: Final = 4
"""Fewer than the database has connections: a change holds one while it waits for Stripe."""

TOLERANCE_SECONDS: Final = 300
"""How old a webhook's signature may be."""

log = structlog.get_logger(__name__)


def idempotency_key(restaurant_id: UUID, operation: str, *about: object) -> str:
    """The key of a change: the same when the caller repeats its request, another one for the caller's next."""
    request = context.current.get()
    name = "|".join(map(str, (operation, request.idempotency_key or request.request_id, *about)))
    return str(uuid5(restaurant_id, name))


class StripeConnection:
    """What a service's own questions to Stripe are asked through; a part of the service.

    Every question raises Unavailable when Stripe is away, refuses the key or is not configured, and Conflict when it
    refuses the request, with the code `payment_failed` for a card. The texts of its errors go nowhere.
    """

    name = "stripe"

    def __init__(self, api_key: str, *, url: str, timeout: float) -> None:
        self._timeout = timeout
        self.livemode = api_key.startswith(("sk_live_", "rk_live_"))
        self._http: HTTPXClient | None = None
        self._client: StripeClient | None = None
        self._free = AT_ONCE
        if api_key:
            self._http = HTTPXClient(timeout=timeout)
            self._client = StripeClient(
                api_key,
                stripe_version=API_VERSION,
                base_addresses={"api": url},
                http_client=self._http,
                max_network_retries=RETRIES,
            )

    async def start(self) -> None:
        """Connects to nothing: each request does."""

    async def stop(self) -> None:
        """Closes the connections that were kept."""
        if self._http is not None:
            await self._http.close_async()  # type: ignore[no-untyped-call] # the library left it bare

    @property
    def is_configured(self) -> bool:
        """Whether there is a key."""
        return self._client is not None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """A place among the changes under way. Raises Unavailable when all are taken, instead of queueing."""
        if not self._free:
            raise Unavailable("Too many payments are being arranged right now. Please try again.", retry_after=2)
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1

    async def in_time(self, request: Any) -> Any:
        """The answer, unless it takes longer than all attempts may. Raises TimeoutError."""
        async with asyncio.timeout(self._timeout * (RETRIES + 1)):
            return await request

    @contextmanager
    def refusing(self) -> Iterator[StripeClient]:
        """The client; what it raises inside the block becomes a refusal."""
        if self._client is None:
            raise Unavailable("Payments are not set up on this platform.", code="payments_not_configured")
        try:
            yield self._client
        except StripeError as error:
            refusal = refusal_of(error)
            log.warning(
                "stripe_refused",
                kind=type(error).__name__,
                stripe_code=error.code,
                status=error.http_status,
                stripe_request=error.request_id,
                answered=refusal.code,
            )
            raise refusal from error
        except TimeoutError as error:
            raise Unavailable("The payment provider does not answer. Please try again.", retry_after=5) from error


def refusal_of(error: StripeError) -> Refusal:
    """What an error of Stripe's means to whoever asked."""
    if isinstance(error, CardError):
        return Conflict("The payment did not succeed. Please check the card.", code="payment_failed")
    if isinstance(error, AuthenticationError | PermissionError):
        return Unavailable("Payments are not set up on this platform.", code="payments_not_configured")
    if isinstance(error, IdempotencyError):
        return Conflict("This was asked before in another way.", code="idempotency_key_reused")
    if isinstance(error, APIConnectionError | RateLimitError | APIError):
        return Unavailable("The payment provider does not answer. Please try again.", retry_after=5)
    return Conflict("The payment provider does not accept this.", code="provider_refused")


def verified_event(payload: bytes, signature: str, secrets: Sequence[str]) -> dict[str, Any]:
    """The event in a webhook's body. Raises Invalid unless one of the secrets signed it, and for a body without one."""
    for secret in secrets:
        try:
            WebhookSignature.verify_header(payload, signature, secret, TOLERANCE_SECONDS)
        except SignatureVerificationError:
            continue
        except UnicodeDecodeError as error:
            raise Invalid("Invalid payload", code="invalid_payload") from error
        return _event(payload)
    raise Invalid("Invalid signature", code="invalid_signature")


def _event(payload: bytes) -> dict[str, Any]:
    try:
        event: Any = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise Invalid("Invalid payload", code="invalid_payload") from error
    is_event = (
        isinstance(event, dict)
        and event.get("object") == "event"
        and isinstance(event.get("id"), str)
        and 0 < len(event["id"]) <= 255
        and isinstance(event.get("type"), str)
        and isinstance(event.get("created"), int)
    )
    if not is_event:
        raise Invalid("Invalid payload", code="invalid_payload")
    return dict(event)
