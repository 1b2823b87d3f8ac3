"""Stripe, as far as subscriptions need it."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from servicekit.stripe_connection import StripeConnection, idempotency_key
from services.billing.domain.stripe_objects import invoice_of, item_of, mirror_of
from services.billing.domain.subscription import Snapshot

PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class PriceQuote:
    """What a change would cost, in the currency's smallest unit."""

    currency: str
    amount: int
    lines: tuple[tuple[str, int, bool], ...]


class Stripe(StripeConnection):
    """What billing asks of Stripe."""

    async def create_customer(self, restaurant_id: UUID, *, name: str, email: str) -> str:
        """A customer for a restaurant; its id."""
        params: Any = {
            "name": name,
            "metadata": {"restaurant_id": str(restaurant_id), "restaurant_name": name},
        }
        if email:
            params["email"] = email
        # Not of the request: whoever asks, a restaurant has one customer.
        key = str(uuid5(restaurant_id, f"customer|{name}|{email}"))
        with self.refusing() as client:
            customer = await self.in_time(client.v1.customers.create_async(params, {"idempotency_key": key}))
        return str(customer.id)

    async def create_checkout(
        self,
        restaurant_id: UUID,
        customer_id: str,
        price_id: str,
        *,
        success_url: str,
        cancel_url: str,
        trial_end: datetime | None,
    ) -> str:
        """The address of a page that sells a price to a customer."""
        about = {"restaurant_id": str(restaurant_id), "price_id": price_id}
        subscription: dict[str, Any] = {"metadata": about}
        if trial_end is not None:
            subscription["trial_end"] = int(trial_end.timestamp())
        key = idempotency_key(restaurant_id, "checkout", price_id, success_url, cancel_url, trial_end)
        params: Any = {
            "mode": "subscription",
            "customer": customer_id,
            "client_reference_id": str(restaurant_id),
            "line_items": [{"price": price_id, "quantity": 1}],
            "payment_method_types": ["card"],
            "success_url": success_url,
            "cancel_url": cancel_url,
            "metadata": about,
            "subscription_data": subscription,
        }
        with self.refusing() as client:
            session = await self.in_time(client.v1.checkout.sessions.create_async(params, {"idempotency_key": key}))
        return str(session.url)

    async def create_portal(self, restaurant_id: UUID, customer_id: str, *, return_url: str) -> str:
        """The address of a customer's own page."""
        key = idempotency_key(restaurant_id, "portal", customer_id, return_url)
        with self.refusing() as client:
            session = await self.in_time(
                client.v1.billing_portal.sessions.create_async(
                    {"customer": customer_id, "return_url": return_url}, {"idempotency_key": key}
                )
            )
        return str(session.url)

    async def change_price(self, restaurant_id: UUID, subscription_id: str, price_id: str, *, pay_now: bool) -> None:
        """Moves a subscription to another price: paid now or not at all, or credited to the next invoice."""
        key = idempotency_key(restaurant_id, "change", subscription_id, price_id, pay_now)
        with self.refusing() as client:
            item = item_of((await self.in_time(client.v1.subscriptions.retrieve_async(subscription_id))).to_dict())
            await self.in_time(
                client.v1.subscriptions.update_async(
                    subscription_id,
                    {
                        "items": [{"id": item, "price": price_id}],
                        "proration_behavior": "always_invoice" if pay_now else "create_prorations",
                        "payment_behavior": "error_if_incomplete" if pay_now else "allow_incomplete",
                    },
                    {"idempotency_key": key},
                )
            )

    async def preview(self, customer_id: str, subscription_id: str, price_id: str, *, pay_now: bool) -> PriceQuote:
        """What such a move would cost."""
        with self.refusing() as client:
            item = item_of((await self.in_time(client.v1.subscriptions.retrieve_async(subscription_id))).to_dict())
            invoice = await self.in_time(
                client.v1.invoices.create_preview_async(
                    {
                        "customer": customer_id,
                        "subscription": subscription_id,
                        "subscription_details": {
                            "items": [{"id": item, "price": price_id}],
                            "proration_behavior": "always_invoice" if pay_now else "create_prorations",
                        },
                    }
                )
            )
        found = invoice.to_dict()
        return PriceQuote(found["currency"].upper(), found["total"], tuple(_lines(found)))

    async def cancel_at_period_end(self, restaurant_id: UUID, subscription_id: str, *, cancel: bool) -> None:
        """Has a subscription end with its period, or go on after all."""
        key = idempotency_key(restaurant_id, "cancel" if cancel else "resume", subscription_id)
        with self.refusing() as client:
            await self.in_time(
                client.v1.subscriptions.update_async(
                    subscription_id, {"cancel_at_period_end": cancel}, {"idempotency_key": key}
                )
            )

    async def snapshot(self, customer_id: str) -> Snapshot:
        """Everything that Stripe has of a customer, now."""
        with self.refusing() as client:
            subscriptions = [
                mirror_of(one)
                async for one in self._pages(
                    client.v1.subscriptions.list_async, {"customer": customer_id, "status": "all"}
                )
            ]
            invoices = [
                invoice_of(one) async for one in self._pages(client.v1.invoices.list_async, {"customer": customer_id})
            ]
        return Snapshot(tuple(subscriptions), tuple(invoices))

    async def ensure_price(self, slug: str, name: str, *, amount: int, currency: str, period: str) -> str:
        """The price of a plan, which is found by the plan's slug and made when it is missing or another one; its id."""
        params: Any = {
            "currency": currency.lower(),
            "unit_amount": amount,
            "recurring": {"interval": period},
            "product_data": {"name": name},
            "lookup_key": slug,
            "transfer_lookup_key": True,
        }
        with self.refusing() as client:
            found = await self.in_time(client.v1.prices.list_async({"lookup_keys": [slug], "active": True, "limit": 1}))
            for price in found.to_dict()["data"]:
                same = (price["unit_amount"], price["currency"], (price.get("recurring") or {}).get("interval"))
                if same == (amount, currency.lower(), period):
                    return str(price["id"])
            made = await self.in_time(
                client.v1.prices.create_async(params, {"idempotency_key": f"price|{slug}|{amount}|{currency}|{period}"})
            )
        return str(made.id)

    async def _pages(self, listing: Any, params: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        after: dict[str, Any] = {}
        while True:
            page = (await self.in_time(listing({**params, **after, "limit": PAGE}))).to_dict()
            rows: Sequence[dict[str, Any]] = page["data"]
            for row in rows:
                yield row
            if not page.get("has_more") or not rows:
                return
            after = {"starting_after": rows[-1]["id"]}


def _lines(invoice: Mapping[str, Any]) -> Iterator[tuple[str, int, bool]]:
    for line in invoice["lines"]["data"]:
        parent = (line.get("parent") or {}).get("subscription_item_details") or {}
        proration = bool(parent.get("proration") or line.get("proration"))
        yield line.get("description") or "", line["amount"], proration
