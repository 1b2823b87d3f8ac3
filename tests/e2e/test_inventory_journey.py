"""From the supplier to the plate: ordered, received in two parts, cooked, sold, counted, and in the reports."""

import csv
import io
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from tests.support import browser, people
from tests.support.waiting import eventually
from tools.installation import Site

pytestmark = pytest.mark.e2e


@pytest.fixture
def client(installation: Site) -> Iterator[httpx.Client]:
    with browser.client(installation.url) as client:
        yield client


def ask(person: people.Person, method: str, path: str, status: int, body: object = None) -> Any:
    answer = person.request(method, path, json=body)
    assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


def test_from_the_supplier_to_the_plate(client: httpx.Client) -> None:
    restaurant = people.register(client, "DarStock")
    owner, chef = restaurant.owner, people.join(restaurant, "CHEF", "5301")

    moulin = ask(owner, "POST", "/api/inventory/suppliers/", 201, {"name": "Moulin", "phone": "+212 522 33 44 55"})
    flour = ask(
        owner,
        "POST",
        "/api/inventory/items/",
        201,
        {
            "name": "Flour",
            "category": "Dry",
            "unit": "kg",
            "current_stock": 1,
            "min_stock_level": 5,
            "cost_per_unit": 8,
            "supplier": moulin["id"],
            "conversions": [{"unit": "bag", "quantity": 25, "of_unit": "kg"}],
        },
    )
    assert (flour["current_stock"], flour["reorder_level"], flour["stock_state"]) == (1, 5, "LOW")
    assert [one["suggested_quantity"] for one in ask(owner, "GET", "/api/inventory/suggested-orders/", 200)] == [9]
    assert ask(chef, "POST", "/api/inventory/items/", 403, {"name": "Salt", "unit": "kg"})["message"]

    order = ask(
        owner, "POST", "/api/inventory/purchase-orders/", 201, {"supplier": moulin["id"], "expected_delivery_date": ""}
    )
    lines = f"/api/inventory/purchase-orders/{order['id']}/items/"
    line = ask(
        owner,
        "POST",
        lines,
        201,
        {"inventory_item": flour["id"], "quantity": 2, "unit": "bag", "unit_price": 250, "total_price": 500},
    )
    assert line["total_price"] == 500
    path = f"/api/inventory/purchase-orders/{order['id']}/"
    placed = ask(owner, "PATCH", path, 200, {**ask(owner, "GET", path, 200), "status": "ORDERED"})
    assert (placed["status"], placed["total_amount"]) == ("ORDERED", 500)
    part = ask(owner, "POST", f"{path}receive/", 200, {"lines": [{"line": line["id"], "quantity": 1}]})
    assert (part["status"], part["receipt_state"]) == ("ORDERED", "PART")
    for _ in range(2):
        done = ask(owner, "PATCH", path, 200, {**part, "status": "RECEIVED"})
        assert (done["status"], done["receipt_state"]) == ("RECEIVED", "FULL")
    (stocked,) = ask(owner, "GET", "/api/inventory/items/", 200)
    assert (stocked["current_stock"], stocked["stock_value"]) == (51, 508)
    assert stocked["supplier_info"]["name"] == "Moulin"
    assert len(ask(owner, "GET", f"/api/inventory/items/{flour['id']}/prices/", 200)) == 2

    pizza = ask(owner, "POST", "/api/menu/items/", 201, {"name": "Pizza", "price": "80.00"})
    body = {"menu_item": pizza["id"], "instructions": "Bake.", "prep_time_minutes": 20}
    made = eventually(
        lambda: (answer := owner.request("POST", "/api/menu/recipes/", json=body)).status_code == 201 and answer.json()
    )
    ingredients = f"/api/menu/recipes/{made['id']}/ingredients/"
    ask(owner, "POST", ingredients, 201, {"ingredient": flour["id"], "quantity": 250, "unit": "g"})
    ask(owner, "POST", ingredients, 400, {"ingredient": flour["id"], "quantity": 1, "unit": "kg"})
    plate = ask(chef, "GET", f"/api/menu/recipes/{made['id']}/", 200)
    assert (plate["name"], plate["price"], plate["plate_cost"]) == ("Pizza", 80, 2.4902)
    assert ask(chef, "GET", "/api/menu/ingredients/", 200)["results"][0]["name"] == "Flour"

    sale = ask(
        owner,
        "POST",
        "/api/pos/orders/",
        201,
        {"order_type": "TAKEOUT", "items": [{"product_id": pizza["id"], "quantity": 4}]},
    )
    ask(
        owner,
        "POST",
        f"/api/pos/orders/{sale['id']}/process_payment/",
        200,
        {"payment_method": "CASH", "amount": sale["total_amount"]},
    )
    item = f"/api/inventory/items/{flour['id']}/"
    eventually(lambda: ask(owner, "GET", item, 200)["current_stock"] == 50)
    movements = ask(owner, "GET", f"{item}movements/", 200)
    assert (movements[0]["kind"], movements[0]["quantity"], movements[0]["source"]) == ("SALE", -1, sale["id"])

    adjustment = {"inventory_item": flour["id"], "adjustment_type": "REMOVE", "quantity": 2, "adjusted_by": ""}
    removed = ask(owner, "POST", "/api/inventory/stock-adjustments/", 201, adjustment)
    assert (removed["quantity"], removed["quantity_changed"]) == (2, 2)
    assert removed["adjusted_by"] == owner.id
    refused = ask(owner, "POST", "/api/inventory/stock-adjustments/", 400, {**adjustment, "quantity": 500})
    assert refused["message"] == "Not enough stock to remove."
    counted = {"lines": [{"inventory_item": flour["id"], "counted_quantity": 4}]}
    assert ask(owner, "POST", "/api/inventory/counts/", 201, counted)["lines"][0]["variance"] == -44

    (used,) = ask(owner, "GET", "/api/inventory/usage/", 200)
    assert (used["theoretical_usage"], used["actual_usage"], used["closing"]) == (1, 45, 4)
    exported = owner.request("GET", "/api/inventory/usage/export/")
    assert exported.headers["content-type"].startswith("text/csv")
    assert [row["name"] for row in csv.DictReader(io.StringIO(exported.text))] == ["Flour"]
    today = ask(owner, "GET", "/api/reporting/inventory/", 200)[0]
    assert [one["name"] for one in today["low_stock_items"]] == ["Flour"]
    assert ask(owner, "GET", f"/api/reporting/inventory/{today['id']}/", 200)["date"] == today["date"]


def test_what_runs_out_is_told_and_not_sold_until_it_is_received(client: httpx.Client) -> None:
    restaurant = people.register(client, "DarOut")
    owner, chef = restaurant.owner, people.join(restaurant, "CHEF", "5302")
    cheese = ask(
        owner,
        "POST",
        "/api/inventory/items/",
        201,
        {"name": "Cheese", "unit": "kg", "current_stock": 0.5, "min_stock_level": 0.3, "cost_per_unit": 90},
    )
    pizza = ask(owner, "POST", "/api/menu/items/", 201, {"name": "Pizza", "price": "80.00"})
    body = {"menu_item": pizza["id"], "instructions": "Bake."}
    made = eventually(
        lambda: (answer := owner.request("POST", "/api/menu/recipes/", json=body)).status_code == 201 and answer.json()
    )
    used = {"ingredient": cheese["id"], "quantity": 250, "unit": "g"}
    ask(owner, "POST", f"/api/menu/recipes/{made['id']}/ingredients/", 201, used)

    def sell() -> None:
        lines = [{"product_id": pizza["id"], "quantity": 1}]
        sale = ask(owner, "POST", "/api/pos/orders/", 201, {"order_type": "TAKEOUT", "items": lines})
        paid = {"payment_method": "CASH", "amount": sale["total_amount"]}
        ask(owner, "POST", f"/api/pos/orders/{sale['id']}/process_payment/", 200, paid)

    def told(person: people.Person) -> list[str]:
        news = ask(person, "GET", "/api/notifications/", 200)
        rows = news["results"] if isinstance(news, dict) else news
        return [one["title"] + one["message"] for one in rows if "Cheese" in one["title"] + one["message"]]

    def is_sold() -> bool:
        return bool(ask(owner, "GET", f"/api/menu/items/{pizza['id']}/", 200)["is_available"])

    assert is_sold()
    sell()
    for person in (owner, chef):
        assert len(eventually(partial(told, person))) == 1
    assert is_sold()
    sell()
    eventually(lambda: not is_sold())
    eventually(lambda: len(told(chef)) == 2)
    supplier = ask(owner, "POST", "/api/inventory/suppliers/", 201, {"name": "Dairy"})
    order = ask(owner, "POST", "/api/inventory/purchase-orders/", 201, {"supplier": supplier["id"]})
    line = {"inventory_item": cheese["id"], "quantity": 2, "unit_price": 95}
    ask(owner, "POST", f"/api/inventory/purchase-orders/{order['id']}/items/", 201, line)
    path = f"/api/inventory/purchase-orders/{order['id']}/"
    ask(owner, "PATCH", path, 200, {"status": "ORDERED"})
    ask(owner, "PATCH", path, 200, {"status": "RECEIVED"})
    eventually(is_sold)
    assert ask(owner, "GET", f"/api/inventory/items/{cheese['id']}/", 200)["stock_state"] == "OK"
