"""Inventory's composition root: the only place where its parts are wired."""

from mizan.inventory.v1 import (
    adjustment_pb2,
    count_pb2,
    item_pb2,
    purchase_order_pb2,
    recipe_pb2,
    report_pb2,
    supplier_pb2,
)
from servicekit.clock import Clock, SystemClock
from servicekit.runtime import Core, Service
from services.inventory.projections import subscriptions
from services.inventory.service.adjustments import AdjustmentService, CountService
from services.inventory.service.items import ItemService
from services.inventory.service.purchase_orders import PurchaseOrderService
from services.inventory.service.recipes import IngredientService, RecipeService
from services.inventory.service.reports import ReportService
from services.inventory.service.suppliers import SupplierService
from services.inventory.settings import Settings


def build(settings: Settings, clock: Clock | None = None) -> Service:
    """The whole service, connected to nothing yet."""
    core = Core.of("inventory", settings)
    clock = clock or SystemClock()
    servicers = [
        (supplier_pb2.DESCRIPTOR.services_by_name["SupplierService"], SupplierService()),
        (item_pb2.DESCRIPTOR.services_by_name["ItemService"], ItemService(clock)),
        (adjustment_pb2.DESCRIPTOR.services_by_name["AdjustmentService"], AdjustmentService(clock)),
        (count_pb2.DESCRIPTOR.services_by_name["CountService"], CountService(clock)),
        (purchase_order_pb2.DESCRIPTOR.services_by_name["PurchaseOrderService"], PurchaseOrderService(clock)),
        (recipe_pb2.DESCRIPTOR.services_by_name["IngredientService"], IngredientService(clock)),
        (recipe_pb2.DESCRIPTOR.services_by_name["RecipeService"], RecipeService()),
        (report_pb2.DESCRIPTOR.services_by_name["ReportService"], ReportService(clock)),
    ]
    return core.service(servicers, subscriptions=subscriptions(clock))
