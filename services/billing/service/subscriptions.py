"""What a restaurant subscribes to."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.billing.v1 import subscription_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SessionReader
from servicekit.errors import Invalid
from services.billing.clients import Stripe
from services.billing.commands import purchases
from services.billing.commands.subscriptions import locked, start_trial
from services.billing.domain.return_address import is_allowed
from services.billing.models import Plan, Subscription
from services.billing.queries import plans as plan_queries
from services.billing.queries import subscriptions as queries
from services.billing.queries.plans import Choice
from services.billing.service.convert import preview_message, subscription_message


class SubscriptionService:
    """Implements mizan.billing.v1.SubscriptionService."""

    def __init__(self, stripe: Stripe, clock: Clock, *, grace: timedelta, sites: Collection[str]) -> None:
        self._stripe = stripe
        self._clock = clock
        self._grace = grace
        self._sites = sites

    async def GetSubscription(self, _request: Empty, call: Call) -> subscription_pb2.Subscription:
        return subscription_message(await queries.subscription_of(call.read(), _tenant(call)), self._grace)

    async def StartTrial(
        self, request: subscription_pb2.StartTrialRequest, call: Call
    ) -> subscription_pb2.Subscription:
        restaurant_id = _tenant(call)
        session = await call.session()
        slug = request.plan if request.HasField("plan") else None
        plan = await plan_queries.plan_to_try(SessionReader(session), slug)
        now = self._clock.now()
        subscription = await locked(session, restaurant_id, now, self._grace)
        await start_trial(session, subscription, await session.get_one(Plan, plan.id), now, self._grace)
        call.notes.description = f"Started a trial of {plan.name}"
        return await self._answer(session, restaurant_id)

    async def StartCheckout(self, request: subscription_pb2.StartCheckoutRequest, call: Call) -> subscription_pb2.Page:
        choice = _choice(request)
        if not (choice.is_made and request.success_url and request.cancel_url):
            raise Invalid("Missing price_id, success_url, or cancel_url", code="missing_field")
        self._check_return("success_url", request.success_url)
        self._check_return("cancel_url", request.cancel_url)
        # Refused before anything is locked or asked.
        plan = await plan_queries.buyable(call.read(), choice)
        call.notes.description = f"Opened a checkout for {plan.name}"
        async with self._changing(call) as (session, subscription):
            url = await purchases.checkout(
                session,
                self._stripe,
                subscription,
                plan.stripe_price_id,
                success_url=request.success_url,
                cancel_url=request.cancel_url,
                now=self._clock.now(),
            )
        return subscription_pb2.Page(url=url)

    async def OpenPortal(self, request: subscription_pb2.OpenPortalRequest, call: Call) -> subscription_pb2.Page:
        if not request.return_url:
            raise Invalid("Missing return_url", code="missing_field")
        self._check_return("return_url", request.return_url)
        call.notes.description = "Opened the payment provider's portal"
        async with self._changing(call) as (session, subscription):
            customer_id = await purchases.customer(session, self._stripe, subscription)
            url = await self._stripe.create_portal(
                subscription.restaurant_id, customer_id, return_url=request.return_url
            )
        return subscription_pb2.Page(url=url)

    async def PreviewChange(
        self, request: subscription_pb2.PreviewChangeRequest, call: Call
    ) -> subscription_pb2.ChangePreview:
        reader = call.read()
        row = await queries.subscription_of(reader, _tenant(call))
        quote, due_now = await purchases.preview_change(reader, self._stripe, row, _choice(request))
        return preview_message(quote, due_now=due_now)

    async def ChangePlan(
        self, request: subscription_pb2.ChangePlanRequest, call: Call
    ) -> subscription_pb2.Subscription:
        async with self._changing(call) as (session, subscription):
            await purchases.change_plan(
                session,
                self._stripe,
                subscription,
                _choice(request),
                seen_version=request.version if request.HasField("version") else None,
                now=self._clock.now(),
                grace=self._grace,
            )
            call.notes.description = "Changed the plan"
            return await self._answer(session, subscription.restaurant_id)

    async def CancelSubscription(self, _request: Empty, call: Call) -> subscription_pb2.Subscription:
        async with self._changing(call) as (session, subscription):
            await purchases.cancel(session, self._stripe, subscription, self._clock.now(), self._grace)
            call.notes.description = "Canceled the subscription"
            return await self._answer(session, subscription.restaurant_id)

    async def ResumeSubscription(self, _request: Empty, call: Call) -> subscription_pb2.Subscription:
        async with self._changing(call) as (session, subscription):
            await purchases.resume(session, self._stripe, subscription, self._clock.now(), self._grace)
            call.notes.description = "Took the cancellation back"
            return await self._answer(session, subscription.restaurant_id)

    @asynccontextmanager
    async def _changing(self, call: Call) -> AsyncIterator[tuple[AsyncSession, Subscription]]:
        """The call's transaction with the restaurant's subscription locked, and a turn to ask the provider."""
        restaurant_id = _tenant(call)
        with self._stripe.turn():
            session = await call.session()
            yield session, await locked(session, restaurant_id, self._clock.now(), self._grace)

    async def _answer(self, session: AsyncSession, restaurant_id: UUID) -> subscription_pb2.Subscription:
        return subscription_message(await queries.subscription_of(SessionReader(session), restaurant_id), self._grace)

    def _check_return(self, field: str, url: str) -> None:
        if not is_allowed(url, self._sites):
            raise Invalid.field(field, "This is no address of the platform's own sites.", code="foreign_address")


def _tenant(call: Call) -> UUID:
    restaurant_id = call.principal.restaurant_id
    if restaurant_id is None:
        raise Invalid("User does not belong to a restaurant", code="no_restaurant")
    return restaurant_id


def _choice(request: Any) -> Choice:
    plan_id = request.plan_id if request.HasField("plan_id") else None
    return Choice(request.price_id, request.plan, plan_id)
