"""Pos's composition root: the only place where its parts are wired."""

from mizan.pos.v1 import menu_category_pb2
from servicekit.runtime import Core, Service
from services.pos.projections import subscriptions
from services.pos.service.menu_categories import MenuCategoryService
from services.pos.settings import Settings


def build(settings: Settings) -> Service:
    """The whole service, connected to nothing yet."""
    core = Core.of("pos", settings)
    return core.service(
        [(menu_category_pb2.DESCRIPTOR.services_by_name["MenuCategoryService"], MenuCategoryService())],
        subscriptions=subscriptions(),
    )
