"""Notify's composition root: the only place where its parts are wired."""

from mizan.notify.v1 import preference_pb2
from servicekit.runtime import Core, Service
from services.notify.projections import subscriptions
from services.notify.service.preferences import PreferenceService
from services.notify.settings import Settings


def build(settings: Settings) -> Service:
    """The whole service, connected to nothing yet."""
    core = Core.of("notify", settings)
    return core.service(
        [(preference_pb2.DESCRIPTOR.services_by_name["PreferenceService"], PreferenceService())],
        subscriptions=subscriptions(),
    )
