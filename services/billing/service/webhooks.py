"""What the payment provider tells."""

from collections.abc import Sequence
from typing import Any

import orjson
from stripe import SignatureVerificationError, WebhookSignature

from mizan.billing.v1 import webhook_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SYSTEM
from servicekit.errors import Invalid
from services.billing.commands import provider_events

TOLERANCE_SECONDS = 300


class WebhookService:
    """Implements mizan.billing.v1.WebhookService."""

    def __init__(self, secrets: Sequence[str], clock: Clock, *, livemode: bool) -> None:
        self._secrets = secrets
        self._clock = clock
        self._livemode = livemode

    async def ReceiveStripeEvent(self, request: webhook_pb2.StripeEvent, call: Call) -> webhook_pb2.Received:
        payload = request.payload.data
        self._check_signature(payload, request.signature)
        event = _event(payload)
        # Whose event it is, is not known before it is processed.
        session = await call.session(SYSTEM)
        await provider_events.store(session, event, payload, livemode=self._livemode, now=self._clock.now())
        return webhook_pb2.Received(status="success")

    def _check_signature(self, payload: bytes, signature: str) -> None:
        for secret in self._secrets:
            try:
                WebhookSignature.verify_header(payload, signature, secret, TOLERANCE_SECONDS)
            except SignatureVerificationError:
                continue
            except UnicodeDecodeError as error:
                raise Invalid("Invalid payload", code="invalid_payload") from error
            return
        raise Invalid("Invalid signature", code="invalid_signature")


def _event(payload: bytes) -> Any:
    """The event in a body. Raises Invalid for a body that holds none."""
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
    return event
