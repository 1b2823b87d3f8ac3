"""What till systems and the payment provider tell."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson

from mizan.pos.v1 import webhook_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SYSTEM
from servicekit.errors import Forbidden, Invalid, NotFound, Unauthenticated
from servicekit.stripe_connection import verified_event
from services.pos.commands import events_in
from services.pos.domain import clover, signatures, square, toast
from services.pos.domain.provider import Hint, NotAnEvent
from services.pos.queries import providers
from services.pos.settings import Settings

_MATTERS = frozenset(
    {"payment_intent.succeeded", "payment_intent.canceled", "payment_intent.payment_failed", "refund.failed"}
)
_RECEIVED = webhook_pb2.EventReceived(status="received")


class WebhookService:
    """Implements mizan.pos.v1.WebhookService."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._clock = clock
        self._delay = timedelta(seconds=settings.event_delay_seconds)
        self._square_key = _text(settings.square_webhook_signature_key)
        self._square_url = settings.square_webhook_notification_url or f"{settings.public_url}/api/pos/webhooks/square/"
        self._square_url_of = settings.square_webhook_notification_url_template
        self._toast_secret = _text(settings.toast_webhook_secret)
        self._clover_code = _text(settings.clover_webhook_code)
        self._stripe_secrets = [
            one for text in _text(settings.stripe_webhook_secret).split(",") if (one := text.strip())
        ]

    async def ReceiveSquareEvent(self, request: webhook_pb2.SquareEvent, call: Call) -> webhook_pb2.EventReceived:
        body = request.payload.data
        self._check(signatures.square_is_right(request.signature, self._square_key, self._square_url, body))
        return await self._store(call, "SQUARE", [_read(square.hint_of, body)], body)

    async def ReceiveSquareEventOf(self, request: webhook_pb2.SquareEventOf, call: Call) -> webhook_pb2.EventReceived:
        body = request.payload.data
        url = self._square_url_of.replace("{restaurant_id}", request.restaurant_id) or self._square_url
        self._check(signatures.square_is_right(request.signature, self._square_key, url, body))
        hint = _read(square.hint_of, body)
        connection = await providers.connection(call.read(SYSTEM), UUID(request.restaurant_id))
        if connection is None or connection.provider != "SQUARE":
            raise NotFound("Unknown restaurant", code="unknown_restaurant")
        if connection.merchant_id != hint.merchant_id:
            raise Forbidden("Merchant mismatch", code="merchant_mismatch")
        return await self._store(call, "SQUARE", [hint], body)

    async def ReceiveToastEvent(self, request: webhook_pb2.ToastEvent, call: Call) -> webhook_pb2.EventReceived:
        body = request.payload.data
        self._check(signatures.toast_is_right(request.signature, self._toast_secret, body))
        hint = _read(lambda event: toast.hint_of(event, request.restaurant_guid), body)
        return await self._store(call, "TOAST", [hint], body)

    async def ReceiveCloverEvent(self, request: webhook_pb2.CloverEvent, call: Call) -> webhook_pb2.EventReceived:
        body = request.payload.data
        code = _verification_code(body)
        if code is not None:
            # The set-up comes before there is a code to check it by; keeping it changes nothing else.
            await events_in.keep_code(await call.session(SYSTEM), "CLOVER", code, self._clock.now())
            return _RECEIVED
        self._check(signatures.clover_is_right(request.code, self._clover_code))
        return await self._store(call, "CLOVER", _read(clover.hints_of, body), body)

    async def ReceivePaymentEvent(self, request: webhook_pb2.PaymentEvent, call: Call) -> webhook_pb2.EventReceived:
        body = request.payload.data
        event = verified_event(body, request.signature, self._stripe_secrets)
        about = (event.get("data") or {}).get("object") or {}
        intent = about.get("id") if about.get("object") == "payment_intent" else about.get("payment_intent")
        hint = Hint(event["id"], str(intent or ""), event["type"], "payment" if event["type"] in _MATTERS else "")
        return await self._store(call, events_in.STRIPE, [hint], body)

    async def _store(self, call: Call, provider: str, hints: Sequence[Hint], body: bytes) -> webhook_pb2.EventReceived:
        # Whose event it is, is not known before it is processed.
        session = await call.session(SYSTEM)
        await events_in.store(session, provider, hints, body, self._clock.now(), after=self._delay)
        return _RECEIVED

    @staticmethod
    def _check(is_right: bool) -> None:
        if not is_right:
            raise Unauthenticated("Invalid signature", code="invalid_signature")


def _text(secret: Any) -> str:
    return "" if secret is None else str(secret.get_secret_value())


def _read(read: Any, body: bytes) -> Any:
    """What an event's body says. Raises Invalid for a body that is none."""
    try:
        return read(orjson.loads(body))
    except (orjson.JSONDecodeError, NotAnEvent) as error:
        raise Invalid("Invalid payload", code="invalid_payload") from error


def _verification_code(body: bytes) -> str | None:
    try:
        sent = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Invalid("Invalid payload", code="invalid_payload") from error
    code = sent.get("verificationCode") if isinstance(sent, dict) and "merchants" not in sent else None
    return code[:255] if isinstance(code, str) and code else None
