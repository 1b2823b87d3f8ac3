"""Stripe, as far as card payments need it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from servicekit.errors import Conflict
from servicekit.stripe_connection import StripeConnection


@dataclass(frozen=True, slots=True)
class Intent:
    """A PaymentIntent as it stands; amounts in the currency's smallest unit."""

    id: str
    status: str
    amount: int
    received: int
    client_secret: str
    failure: str | None

    @property
    def has_succeeded(self) -> bool:
        """Whether the money is there."""
        return self.status == "succeeded"

    @property
    def is_over(self) -> bool:
        """Whether nothing can come of it any more."""
        return self.status == "canceled"


class Cards(StripeConnection):
    """What pos asks of Stripe."""

    async def begin(self, key: str, *, amount: int, currency: str, about: dict[str, str]) -> Intent:
        """A new intent; the same key makes one."""
        params: Any = {
            "amount": amount,
            "currency": currency.lower(),
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": about,
        }
        with self.refusing() as client:
            made = await self.in_time(client.v1.payment_intents.create_async(params, {"idempotency_key": key}))
        return _intent(made)

    async def look(self, intent_id: str) -> Intent:
        """An intent as it stands."""
        with self.refusing() as client:
            return _intent(await self.in_time(client.v1.payment_intents.retrieve_async(intent_id)))

    async def cancel(self, intent_id: str) -> Intent:
        """The intent, cancelled unless it has come too far for that."""
        try:
            with self.refusing() as client:
                made = await self.in_time(
                    client.v1.payment_intents.cancel_async(
                        intent_id, {"cancellation_reason": "abandoned"}, {"idempotency_key": f"cancel|{intent_id}"}
                    )
                )
                return _intent(made)
        except Conflict:
            return await self.look(intent_id)

    async def give_back(self, refund_id: UUID, intent_id: str, amount: int) -> tuple[str, str]:
        """Id and status of a refund of a part of an intent; the same refund is made once."""
        params: Any = {"payment_intent": intent_id, "amount": amount, "metadata": {"refund_id": str(refund_id)}}
        with self.refusing() as client:
            made = await self.in_time(client.v1.refunds.create_async(params, {"idempotency_key": str(refund_id)}))
        return str(made.id), str(made.status)

    async def refund_status(self, provider_refund_id: str) -> str:
        """How a refund stands; one that was accepted may still fail."""
        with self.refusing() as client:
            return str((await self.in_time(client.v1.refunds.retrieve_async(provider_refund_id))).status)


def _intent(found: Any) -> Intent:
    data = found.to_dict()
    error = data.get("last_payment_error") or {}
    return Intent(
        data["id"],
        data["status"],
        data["amount"],
        data.get("amount_received") or 0,
        data.get("client_secret") or "",
        error.get("decline_code") or error.get("code"),
    )
