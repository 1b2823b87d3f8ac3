"""Pos's composition root: the only place where its parts are wired."""

from mizan.pos.v1 import (
    agent_pb2,
    card_payment_pb2,
    dining_table_pb2,
    discount_pb2,
    kitchen_pb2,
    line_item_pb2,
    menu_category_pb2,
    menu_item_pb2,
    modifier_pb2,
    order_pb2,
    payment_pb2,
    provider_pb2,
    receipt_pb2,
    sales_pb2,
    webhook_pb2,
)
from servicekit.cipher import Cipher
from servicekit.clock import Clock, SystemClock
from servicekit.files import Files
from servicekit.runtime import Core, Service
from services.pos.charging import Charging
from services.pos.clients.clover import Clover
from services.pos.clients.http import ProviderHttp
from services.pos.clients.identity import PERMISSIONS, Identity
from services.pos.clients.square import Square
from services.pos.clients.stripe import Cards
from services.pos.clients.tills import Tills
from services.pos.clients.toast import Toast
from services.pos.jobs import ProviderJobs
from services.pos.pictures import Pictures
from services.pos.projections import subscriptions
from services.pos.service.agents import AgentPosService
from services.pos.service.cards import CardPaymentService
from services.pos.service.discounts import DiscountService
from services.pos.service.kitchen import KitchenService
from services.pos.service.line_items import LineItemService
from services.pos.service.menu_categories import MenuCategoryService
from services.pos.service.menu_items import MenuItemService
from services.pos.service.modifiers import ModifierService
from services.pos.service.orders import OrderService
from services.pos.service.payments import PaymentService
from services.pos.service.providers import ProviderService
from services.pos.service.receipts import ReceiptService
from services.pos.service.sales import SalesService
from services.pos.service.tables import DiningTableService
from services.pos.service.webhooks import WebhookService
from services.pos.settings import Settings
from services.pos.summing import Summing
from services.pos.syncing import Syncing


def build(settings: Settings, clock: Clock | None = None) -> Service:
    """The whole service, connected to nothing yet."""
    clock = clock or SystemClock()
    core = Core.of("pos", settings, permissions=PERMISSIONS)
    files = Files.from_url(settings.files_url)
    core.health.check("files", files.ping, essential=False)
    pictures = Pictures(files, core.database, clock)
    identity = Identity(settings.identity_target, core.minter, core.itself)
    tills = tills_of(settings, clock)
    keys = settings.encryption_keys
    cipher = None if keys is None else Cipher(keys.get_secret_value().split(","))
    syncing = Syncing(core.database, tills, cipher, clock)
    stripe_key = settings.stripe_secret_key
    cards = Cards(
        "" if stripe_key is None else stripe_key.get_secret_value(),
        url=settings.stripe_api_url,
        timeout=settings.stripe_timeout_seconds,
    )
    charging = Charging(core.database, cards, clock)
    return core.service(
        [
            (menu_category_pb2.DESCRIPTOR.services_by_name["MenuCategoryService"], MenuCategoryService()),
            (
                menu_item_pb2.DESCRIPTOR.services_by_name["MenuItemService"],
                MenuItemService(pictures, settings.public_url),
            ),
            (modifier_pb2.DESCRIPTOR.services_by_name["ModifierService"], ModifierService()),
            (dining_table_pb2.DESCRIPTOR.services_by_name["DiningTableService"], DiningTableService()),
            (order_pb2.DESCRIPTOR.services_by_name["OrderService"], OrderService(clock, settings.public_url)),
            (line_item_pb2.DESCRIPTOR.services_by_name["LineItemService"], LineItemService(clock)),
            (payment_pb2.DESCRIPTOR.services_by_name["PaymentService"], PaymentService(clock)),
            (kitchen_pb2.DESCRIPTOR.services_by_name["KitchenService"], KitchenService(clock)),
            (discount_pb2.DESCRIPTOR.services_by_name["DiscountService"], DiscountService(clock)),
            (receipt_pb2.DESCRIPTOR.services_by_name["ReceiptService"], ReceiptService()),
            (sales_pb2.DESCRIPTOR.services_by_name["SalesService"], SalesService(clock)),
            (
                provider_pb2.DESCRIPTOR.services_by_name["ProviderService"],
                ProviderService(
                    syncing, tills.square, identity, core.database, clock, frontend_url=settings.frontend_url
                ),
            ),
            (webhook_pb2.DESCRIPTOR.services_by_name["WebhookService"], WebhookService(settings, clock)),
            (agent_pb2.DESCRIPTOR.services_by_name["AgentPosService"], AgentPosService(identity, clock)),
            (
                card_payment_pb2.DESCRIPTOR.services_by_name["CardPaymentService"],
                CardPaymentService(cards, charging, clock),
            ),
        ],
        subscriptions=subscriptions(),
        jobs={
            **pictures.handlers(),
            **ProviderJobs(core.database, syncing, identity, clock).handlers(),
            **charging.handlers(),
            **Summing(core.database, clock).handlers(),
        },
        parts=[identity, tills, cards],
    )


def tills_of(settings: Settings, clock: Clock) -> Tills:
    """The till systems as the settings name them."""
    timeout = settings.provider_timeout_seconds
    secret = settings.square_application_secret
    square = Square(
        ProviderHttp(settings.square_url, timeout),
        url=settings.square_url,
        version=settings.square_api_version,
        application_id=settings.square_application_id,
        application_secret="" if secret is None else secret.get_secret_value(),
        redirect_uri=settings.square_callback,
        scopes=[scope.strip() for scope in settings.square_scopes.split(",") if scope.strip()],
    )
    toast, clover = (ProviderHttp(url, timeout) for url in (settings.toast_api_url, settings.clover_api_url))
    return Tills(square, Toast(toast), Clover(clover, clock))
