"""Billing's composition root: the only place where its parts are wired."""

from mizan.billing.v1 import plan_pb2, subscription_pb2
from servicekit.runtime import Core, Service
from services.billing.projections import subscriptions
from services.billing.service.plans import PlanService
from services.billing.service.subscriptions import SubscriptionService
from services.billing.settings import Settings


def build(settings: Settings) -> Service:
    """The whole service, connected to nothing yet."""
    core = Core.of("billing", settings)
    return core.service(
        [
            (plan_pb2.DESCRIPTOR.services_by_name["PlanService"], PlanService()),
            (subscription_pb2.DESCRIPTOR.services_by_name["SubscriptionService"], SubscriptionService()),
        ],
        subscriptions=subscriptions(),
    )
