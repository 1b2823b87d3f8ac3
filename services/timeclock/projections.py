"""What timeclock keeps of other services' events."""

import refdata
from servicekit.inbox import Subscription


def subscriptions() -> list[Subscription]:
    """The consumers of this service."""
    return [refdata.subscription("timeclock")]
