"""Pos's composition root: the only place where its parts are wired."""

from mizan.pos.v1 import (
    dining_table_pb2,
    discount_pb2,
    kitchen_pb2,
    menu_category_pb2,
    menu_item_pb2,
    modifier_pb2,
    order_pb2,
    payment_pb2,
    receipt_pb2,
    sales_pb2,
)
from servicekit.clock import Clock, SystemClock
from servicekit.files import Files
from servicekit.runtime import Core, Service
from services.pos.pictures import Pictures
from services.pos.projections import subscriptions
from services.pos.service.discounts import DiscountService
from services.pos.service.kitchen import KitchenService
from services.pos.service.menu_categories import MenuCategoryService
from services.pos.service.menu_items import MenuItemService
from services.pos.service.modifiers import ModifierService
from services.pos.service.orders import OrderService
from services.pos.service.payments import PaymentService
from services.pos.service.receipts import ReceiptService
from services.pos.service.sales import SalesService
from services.pos.service.tables import DiningTableService
from services.pos.settings import Settings


def build(settings: Settings, clock: Clock | None = None) -> Service:
    """The whole service, connected to nothing yet."""
    clock = clock or SystemClock()
    core = Core.of("pos", settings)
    files = Files.from_url(settings.files_url)
    core.health.check("files", files.ping, essential=False)
    pictures = Pictures(files, core.database, clock)
    return core.service(
        [
            (menu_category_pb2.DESCRIPTOR.services_by_name["MenuCategoryService"], MenuCategoryService()),
            (
                menu_item_pb2.DESCRIPTOR.services_by_name["MenuItemService"],
                MenuItemService(pictures, settings.public_url),
            ),
            (modifier_pb2.DESCRIPTOR.services_by_name["ModifierService"], ModifierService()),
            (dining_table_pb2.DESCRIPTOR.services_by_name["DiningTableService"], DiningTableService()),
            (order_pb2.DESCRIPTOR.services_by_name["OrderService"], OrderService(clock)),
            (payment_pb2.DESCRIPTOR.services_by_name["PaymentService"], PaymentService(clock)),
            (kitchen_pb2.DESCRIPTOR.services_by_name["KitchenService"], KitchenService(clock)),
            (discount_pb2.DESCRIPTOR.services_by_name["DiscountService"], DiscountService(clock)),
            (receipt_pb2.DESCRIPTOR.services_by_name["ReceiptService"], ReceiptService()),
            (sales_pb2.DESCRIPTOR.services_by_name["SalesService"], SalesService(clock)),
        ],
        subscriptions=subscriptions(),
        jobs=pictures.handlers(),
    )
