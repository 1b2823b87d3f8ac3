"""Never lock the till: a restaurant that does not pay can do all that one can that pays for everything.

Both live the same evening side by side. Every operation that takes orders, cooks, takes and gives back money, clocks or
exports, and every one that only reads, is tried in both, on orders, payments and tickets that are really there; the
answers have to be the same. Operations are taken from the descriptors, so that one added later is tried as well.
"""

from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Any
from uuid import uuid4

import httpx
import pytest
from typer.testing import CliRunner

from gateway.settings import DESCRIPTORS
from gateway.transcode.catalog import Binding, Catalog, Operation
from services.billing.catalogue import STANDARD
from services.billing.cli import app as billing_commands
from tests.e2e.test_billing_journey import World, customer_of, entitlements, ok, subscription
from tests.support import browser, samples
from tests.support.people import Person, Restaurant, register
from tests.support.waiting import eventually
from tools.installation import Site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

RUNNING = {
    "timeclock.punch",
    "order.create",
    "order.view",
    "order.cancel",
    "payment.take",
    "payment.refund",
    "kitchen.work",
    "table.clean",
    "menu.view",
    "schedule.view",
    "report.export",
}
"""The permissions of what keeps a restaurant running, and its data its own."""
SOLD = {feature for offer in STANDARD for feature in offer.entitled_features}
BY_PLAN = {"not_in_plan", "plan_limit_reached"}
WORKS = {
    ("POST", "/api/pos/orders/"),
    ("POST", "/api/pos/orders/{id}/add_item/"),
    ("POST", "/api/pos/orders/{id}/process_payment/"),
    ("POST", "/api/pos/orders/{id}/void/"),
    ("POST", "/api/pos/orders/{id}/refund/"),
    ("POST", "/api/pos/payments/{id}/process_refund/"),
    ("POST", "/api/kitchen/tickets/{id}/start/"),
    ("POST", "/api/kitchen/tickets/{id}/bump/"),
    ("POST", "/api/timeclock/web-clock-in/"),
    ("POST", "/api/timeclock/break/start/"),
    ("POST", "/api/timeclock/break/end/"),
    ("POST", "/api/timeclock/web-clock-out/"),
    ("GET", "/api/pos/reports/sales/export/"),
    ("GET", "/api/inventory/usage/export/"),
    ("GET", "/api/scheduling/weekly-schedules/"),
}
"""What is known to succeed with the bodies below, so that equal answers are not equal refusals."""
NOBODY = "00000000-0000-0000-0000-000000000000"
PLACE = {"latitude": 31.624, "longitude": -7.9936}
SITE = "http://127.0.0.1:8081/"


class Till:
    """A restaurant that sells one dish, and makes whatever an operation is about when it is asked for."""

    def __init__(self, restaurant: Restaurant) -> None:
        self.owner: Person = restaurant.owner
        ok(self.owner.post("/api/settings/geolocation/", {**PLACE, "radius": 60}))
        there = partial(self.owner.get, "/api/timeclock/restaurant-location/")
        eventually(there, lambda answer: answer.status_code == 200)
        self.dish = ok(self.owner.post("/api/menu/items/", {"name": "Tea", "price": "12.00"}), 201)["id"]
        self.table = ok(self.owner.post("/api/staff/tables/", {"number": "1", "capacity": 4}), 201)["id"]

    def order(self) -> dict[str, Any]:
        """An open order of two teas."""
        lines = [{"product_id": self.dish, "quantity": 2}]
        order: dict[str, Any] = ok(self.owner.post("/api/pos/orders/", {"order_type": "TAKEOUT", "items": lines}), 201)
        return order

    def payment(self, order: dict[str, Any]) -> dict[str, Any]:
        """What pays an order."""
        paid = {"order": order["id"], "payment_method": "CASH", "amount": order["total_amount"]}
        payment: dict[str, Any] = ok(self.owner.post("/api/pos/payments/", paid), 201)
        return payment

    def ticket(self) -> str:
        """A ticket that the kitchen has not begun."""
        number = self.order()["order_number"]
        (ticket,) = [one for one in ok(self.owner.get("/api/kitchen/tickets/")) if one["order_number"] == number]
        return str(ticket["id"])

    def filled(self, binding: Binding) -> str:
        """The path of an operation with the id of something that suits it."""
        path = binding.path
        if path.startswith("/api/pos/orders/{order_id}/items/"):
            order = self.order()
            path = path.replace("{order_id}", order["id"]).replace("{item_id}", order["items"][0]["id"])
        elif path.startswith("/api/pos/orders/{id}/refund/"):
            order = self.order()
            self.payment(order)
            path = path.replace("{id}", order["id"])
        elif path.startswith(("/api/pos/orders/{", "/api/staff/orders/{")):
            path = path.replace("{id}", self.order()["id"])
        elif path.startswith("/api/pos/payments/{"):
            path = path.replace("{id}", self.payment(self.order())["id"])
        elif path.startswith("/api/pos/line-items/{"):
            path = path.replace("{id}", self.order()["items"][0]["id"])
        elif path.startswith("/api/kitchen/tickets/{"):
            path = path.replace("{id}", self.ticket())
        elif path.startswith(("/api/staff/tables/{", "/api/pos/tables/{")):
            path = path.replace("{id}", self.table)
        elif path.startswith("/api/menu/items/{"):
            path = path.replace("{id}", self.dish)
        elif path in {"/api/timeclock/web-clock-out/", "/api/timeclock/break/start/"}:
            clocked = self.owner.post("/api/timeclock/web-clock-in/", {**PLACE, "accuracy": 10})
            assert clocked.status_code in {200, 400}, clocked.text
        for variable in binding.variables:
            path = path.replace("{" + variable + "}", NOBODY)
        return path

    def body(self, operation: Operation, binding: Binding) -> dict[str, Any] | None:
        """What an operation is sent: something that makes sense, or at least fits its fields."""
        if binding.method in {"GET", "DELETE"}:
            return None
        lines = [{"product_id": self.dish, "quantity": 1}]
        bodies: dict[str, dict[str, Any]] = {
            "/api/timeclock/web-clock-in/": {**PLACE, "accuracy": 10},
            "/api/pos/orders/": {"order_type": "TAKEOUT", "items": lines},
            "/api/pos/orders/price/": {"order_type": "TAKEOUT", "items": lines},
            "/api/pos/orders/{id}/add_item/": {"menu_item_id": self.dish, "quantity": 1},
            "/api/pos/orders/{order_id}/items/": lines[0],
            "/api/pos/orders/{id}/process_payment/": {"payment_method": "CASH", "amount": 24},
            "/api/pos/orders/{id}/void/": {"reason": "Left"},
            "/api/pos/orders/{id}/refund/": {"reason": "Cold"},
            "/api/pos/payments/{id}/process_refund/": {"refund_amount": 10, "refund_reason": "Cold"},
        }
        return bodies.get(binding.path, samples.body(operation, binding, NOBODY))

    def tried(self, operation: Operation, binding: Binding) -> tuple[int, str]:
        """The status and the code that an operation is answered with."""
        answer = self.owner.request(binding.method, self.filled(binding), json=self.body(operation, binding))
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        data = answer.json() if is_json and answer.status_code >= 400 else {}
        if data.get("code") in BY_PLAN:
            return answer.status_code, f"{data['code']} {data['feature']}"
        return answer.status_code, data.get("code", "")


@pytest.fixture(scope="module")
def client(installation: Site) -> Iterator[httpx.Client]:
    with browser.client(installation.url) as client:
        yield client


@pytest.fixture(scope="module")
def world(installation: Site) -> Iterator[World]:
    done = CliRunner().invoke(billing_commands, ["seed-plans"], env=installation.environment)
    assert done.exit_code == 0, done.output
    world = World(installation)
    yield world
    world.close()


@pytest.fixture(scope="module")
def tills(client: httpx.Client, world: World) -> tuple[Till, Till]:
    """One that owes two months of its plan, and one that pays for the dearest."""
    unpaid, paying = register(client, f"Owes{uuid4().hex[:6]}"), register(client, f"Pays{uuid4().hex[:6]}")
    for restaurant in (unpaid, paying):
        addresses = {"plan": "premium", "success_url": SITE, "cancel_url": SITE}
        page = ok(restaurant.owner.post("/api/billing/subscription/checkout/", addresses))
        assert world.pay(page["url"]) == 303
        eventually(partial(subscription, restaurant.owner), lambda found: found["status"] == "active")
    owing, settled = (customer_of("", world, restaurant.owner) for restaurant in (unpaid, paying))
    world.control("decline", customer=owing)
    for customer, days in product((owing, settled), (32, 10)):
        world.control("advance", customer=customer, days=days)
    eventually(lambda: entitlements(unpaid.owner)["reason"], lambda reason: reason == "unpaid")
    assert subscription(paying.owner)["status"] == "active"
    assert "recall" in entitlements(paying.owner)["features"]
    assert "recall" not in entitlements(unpaid.owner)["features"]
    return Till(unpaid), Till(paying)


def operations() -> list[tuple[Operation, Binding]]:
    """Everything that has to work: what keeps a restaurant running, and all that only reads."""
    return [
        (operation, binding)
        for operation in Catalog.load(DESCRIPTORS).operations
        if "USER" in operation.callers and (operation.permission in RUNNING or operation.reads)
        for binding in operation.bindings
    ]


def test_an_unpaid_restaurant_is_answered_as_one_that_pays(tills: tuple[Till, Till]) -> None:
    unpaid, paying = tills
    worked: set[tuple[str, str]] = set()
    wrong: list[str] = []
    for operation, binding in operations():
        answered, expected = unpaid.tried(operation, binding), paying.tried(operation, binding)
        named = f"{binding.method} {binding.path}"
        if answered[1].startswith(tuple(BY_PLAN)):
            feature = answered[1].split()[1]
            if operation.permission in RUNNING or feature not in SOLD:
                wrong.append(f"{named} is refused for want of {feature}")
        elif answered != expected:
            wrong.append(f"{named} is answered {answered} instead of {expected}")
        if answered[0] >= 500 and expected[0] < 500:
            wrong.append(f"{named} breaks")
        if answered[0] < 300:
            worked.add((binding.method, binding.path))
    assert not wrong, "\n".join(wrong)
    known = {(binding.method, binding.path) for _, binding in operations()}
    assert known >= WORKS
    assert worked >= WORKS, WORKS - worked


def test_paying_again_gives_back_what_was_taken(tills: tuple[Till, Till], world: World) -> None:
    owner = tills[0].owner
    customer = customer_of("", world, owner)
    world.control("accept", customer=customer)
    for invoice in world.control("look", customer=customer)["invoices"]:
        if invoice["status"] == "open":
            world.control("pay", invoice=invoice["id"])
    eventually(lambda: subscription(owner)["status"], lambda status: status == "active")
    eventually(lambda: entitlements(owner)["features"], lambda features: "recall" in features)
