"""Timeclock's composition root: the only place where its parts are wired."""

from mizan.timeclock.v1 import shift_review_pb2
from servicekit.clock import Clock, SystemClock
from servicekit.runtime import Core, Service
from services.timeclock.projections import subscriptions
from services.timeclock.service.shift_reviews import ShiftReviewService
from services.timeclock.settings import Settings


def build(settings: Settings, clock: Clock | None = None) -> Service:
    """The whole service, connected to nothing yet."""
    clock = clock or SystemClock()
    core = Core.of("timeclock", settings)
    return core.service(
        [(shift_review_pb2.DESCRIPTOR.services_by_name["ShiftReviewService"], ShiftReviewService(clock))],
        subscriptions=subscriptions(),
    )
