"""Inventory's composition root: the only place where its parts are wired."""

from mizan.inventory.v1 import supplier_pb2
from servicekit.runtime import Core, Service
from services.inventory.projections import subscriptions
from services.inventory.service.suppliers import SupplierService
from services.inventory.settings import Settings


def build(settings: Settings) -> Service:
    """The whole service, connected to nothing yet."""
    core = Core.of("inventory", settings)
    return core.service(
        [(supplier_pb2.DESCRIPTOR.services_by_name["SupplierService"], SupplierService())],
        subscriptions=subscriptions(),
    )
