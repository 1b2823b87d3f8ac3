"""What the payment provider tells."""

from collections.abc import Sequence

from mizan.billing.v1 import webhook_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SYSTEM
from servicekit.stripe_connection import verified_event
from services.billing.commands import provider_events


class WebhookService:
    """Implements mizan.billing.v1.WebhookService."""

    def __init__(self, secrets: Sequence[str], clock: Clock, *, livemode: bool) -> None:
        self._secrets = secrets
        self._clock = clock
        self._livemode = livemode

    async def ReceiveStripeEvent(self, request: webhook_pb2.StripeEvent, call: Call) -> webhook_pb2.Received:
        payload = request.payload.data
        event = verified_event(payload, request.signature, self._secrets)
        # Whose event it is, is not known before it is processed.
        session = await call.session(SYSTEM)
        await provider_events.store(session, event, payload, livemode=self._livemode, now=self._clock.now())
        return webhook_pb2.Received(status="success")
