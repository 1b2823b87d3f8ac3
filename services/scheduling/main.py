"""Scheduling's composition root: the only place where its parts are wired."""

from mizan.scheduling.v1 import task_category_pb2
from servicekit.runtime import Core, Service
from services.scheduling.projections import subscriptions
from services.scheduling.service.task_categories import TaskCategoryService
from services.scheduling.settings import Settings


def build(settings: Settings) -> Service:
    """The whole service, connected to nothing yet."""
    core = Core.of("scheduling", settings)
    return core.service(
        [(task_category_pb2.DESCRIPTOR.services_by_name["TaskCategoryService"], TaskCategoryService())],
        subscriptions=subscriptions(),
    )
