"""What notify does about other services' events; a consumer for each service, so that none waits for another."""

import refdata
from servicekit.clock import Clock
from servicekit.inbox import BatchSubscription, Subscription
from services.notify.clients.agent import Agent
from services.notify.reactions.agent import AgentReactions
from services.notify.reactions.floor import FloorReactions
from services.notify.reactions.identity import IdentityReactions
from services.notify.reactions.others import (
    BillingReactions,
    InventoryReactions,
    TillReactions,
    TimeclockReactions,
)
from services.notify.reactions.scheduling import SchedulingReactions


def subscriptions(clock: Clock, country_code: str, agent: Agent) -> list[Subscription | BatchSubscription]:
    """The consumers of this service."""
    heard = AgentReactions(clock, logins=agent.hears_of_logins, events=agent.hears_of_events).handlers()
    return [
        refdata.subscription("notify"),
        Subscription(name="notify", handlers=IdentityReactions(clock, country_code).handlers()),
        Subscription(
            name="notify-scheduling", handlers=SchedulingReactions(clock).handlers() | FloorReactions(clock).handlers()
        ),
        Subscription(name="notify-billing", handlers=BillingReactions(clock).handlers()),
        Subscription(name="notify-inventory", handlers=InventoryReactions(clock).handlers()),
        Subscription(name="notify-till", handlers=TillReactions(clock).handlers()),
        Subscription(name="notify-timeclock", handlers=TimeclockReactions(clock).handlers()),
        *([Subscription(name="notify-agent", handlers=heard)] if heard else []),
    ]
