"""Billing's composition root: the only place where its parts are wired."""

from mizan.billing.v1 import entitlement_pb2, invoice_pb2, plan_pb2, subscription_pb2, webhook_pb2
from servicekit.clock import Clock, SystemClock
from servicekit.runtime import Core, Service
from services.billing.clients import Stripe
from services.billing.jobs import BillingJobs
from services.billing.projections import subscriptions
from services.billing.service.invoices import EntitlementService, InvoiceService
from services.billing.service.plans import PlanService
from services.billing.service.subscriptions import SubscriptionService
from services.billing.service.webhooks import WebhookService
from services.billing.settings import Settings


def build(settings: Settings, clock: Clock | None = None) -> Service:
    """The whole service, connected to nothing yet."""
    clock = clock or SystemClock()
    core = Core.of("billing", settings)
    stripe = stripe_of(settings)
    return core.service(
        [
            (plan_pb2.DESCRIPTOR.services_by_name["PlanService"], PlanService(settings.public_url)),
            (
                subscription_pb2.DESCRIPTOR.services_by_name["SubscriptionService"],
                SubscriptionService(stripe, clock, grace=settings.grace, sites=settings.allowed_sites),
            ),
            (invoice_pb2.DESCRIPTOR.services_by_name["InvoiceService"], InvoiceService()),
            (entitlement_pb2.DESCRIPTOR.services_by_name["EntitlementService"], EntitlementService()),
            (
                webhook_pb2.DESCRIPTOR.services_by_name["WebhookService"],
                WebhookService(settings.webhook_secrets, clock, livemode=stripe.livemode),
            ),
        ],
        subscriptions=subscriptions(clock, settings.grace),
        jobs=BillingJobs(core.database, stripe, clock, settings.grace).handlers(),
        parts=[stripe],
    )


def stripe_of(settings: Settings) -> Stripe:
    """Stripe as the settings name it."""
    key = settings.stripe_secret_key
    return Stripe(
        key.get_secret_value() if key is not None else "",
        url=settings.stripe_api_url,
        timeout=settings.stripe_timeout_seconds,
    )
