"""An evening at one table: seated, ordered, cooked, split, tipped, partly refunded, and in the day's report."""

from collections.abc import Iterator

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


def ask(person: people.Person, method: str, path: str, status: int, body: object = None, **options):
    answer = person.request(method, path, json=body, **options)
    assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


def told(person: people.Person) -> list[tuple[str, float]]:
    """What the till's part of the audit trail says, the newest first."""
    page = ask(person, "GET", "/api/pos/transactions/", 200)
    return [(entry["transaction_type"], entry["amount_involved"]) for entry in page["results"]]


def test_an_evening_at_one_table(client: httpx.Client) -> None:
    restaurant = people.register(client, "DarPos")
    owner = restaurant.owner
    waiter, chef = people.join(restaurant, "WAITER", "4301"), people.join(restaurant, "CHEF", "4302")

    mains = ask(owner, "POST", "/api/staff/categories/", 201, {"name": "Mains", "display_order": 1})
    ask(owner, "POST", "/api/menu/tax-categories/", 201, {"name": "VAT", "rate": 20, "is_default": True})
    extras = ask(
        owner,
        "POST",
        "/api/menu/modifier-groups/",
        201,
        {"name": "Extras", "maximum": 1, "modifiers": [{"name": "Almonds", "price": 7.5}]},
    )
    pixel = bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
        "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
    )
    made = owner.request(
        "POST",
        "/api/staff/products/",
        data={"name": "Tagine", "base_price": "60.00", "is_active": "true", "category": mains["id"]},
        files={"image": ("tagine.png", pixel, "image/png")},
    )
    assert made.status_code == 201, made.text
    tagine = made.json()
    assert (tagine["base_price"], tagine["category_info"]["name"]) == (60, "Mains")
    shown = client.get(tagine["image"])
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/png")
    assert client.get(tagine["image"].partition("?")[0]).status_code == 404
    ask(
        owner,
        "PATCH",
        f"/api/menu/items/{tagine['id']}/",
        200,
        {"modifier_groups": [extras["id"]], "allergens": ["nuts"]},
    )
    taken = ask(owner, "POST", "/api/staff/categories/", 400, {"name": "Mains"})
    assert taken["name"] == "A menu category with this name already exists."
    table = ask(owner, "POST", "/api/staff/tables/", 201, {"number": "12", "capacity": 4})
    assert ask(waiter, "POST", "/api/staff/tables/", 403, {"number": "13", "capacity": 4})["code"]

    body = {
        "order_type": "DINE_IN",
        "guest_count": 2,
        "items": [
            {
                "product_id": tagine["id"],
                "quantity": 2,
                "modifiers": [extras["modifiers"][0]["id"]],
                "notes": "no onions",
            }
        ],
    }
    priced = ask(waiter, "POST", "/api/pos/orders/price/", 200, body)
    order = ask(
        waiter, "POST", "/api/pos/orders/", 201, body, headers={"Idempotency-Key": f"evening-{restaurant.data['id']}"}
    )
    again = ask(
        waiter, "POST", "/api/pos/orders/", 201, body, headers={"Idempotency-Key": f"evening-{restaurant.data['id']}"}
    )
    assert again["id"] == order["id"]
    assert order["total_amount"] == priced["total_amount"] == 162
    assert (order["subtotal"], order["tax_amount"]) == (135, 27)
    seated = ask(waiter, "POST", f"/api/staff/tables/{table['id']}/assign-order/", 200, {"order_id": order["id"]})
    assert seated["current_order_info"]["total_amount"] == 162
    assert [one["id"] for one in ask(owner, "GET", "/api/staff/restaurant-orders/", 200)] == [order["id"]]

    (ticket,) = ask(chef, "GET", "/api/kitchen/tickets/", 200)
    assert (ticket["table_number"], ticket["lines"][0]["modifiers"]) == (12, ["Almonds"])
    ask(chef, "POST", f"/api/kitchen/tickets/{ticket['id']}/bump/", 200, {})
    assert ask(waiter, "GET", f"/api/pos/orders/{order['id']}/", 200)["status"] == "READY"
    ask(waiter, "PUT", f"/api/pos/orders/{order['id']}/status/", 200, {"status": "SERVED"})

    first = ask(
        waiter,
        "POST",
        "/api/pos/payments/",
        201,
        {"order": order["id"], "payment_method": "CARD", "amount": 100, "tip_amount": 10},
    )
    short = ask(
        waiter, "POST", f"/api/pos/orders/{order['id']}/process_payment/", 400, {"payment_method": "CASH", "amount": 61}
    )
    assert short["error"] == "Insufficient payment amount"
    cash = ask(
        waiter, "POST", f"/api/pos/orders/{order['id']}/process_payment/", 200, {"payment_method": "CASH", "amount": 70}
    )
    assert (cash["amount"], cash["change_given"]) == (62, 8)
    closed = ask(waiter, "GET", f"/api/pos/orders/{order['id']}/", 200)
    assert (closed["status"], closed["is_paid"], closed["balance_due"]) == ("COMPLETED", True, 0)
    (floor,) = ask(waiter, "GET", "/api/staff/tables/", 200)
    assert (floor["status"], floor["current_order"]) == ("AVAILABLE", None)

    refund = {"refund_amount": 30, "refund_reason": "Cold"}
    assert waiter.request("POST", f"/api/pos/payments/{first['id']}/process_refund/", json=refund).status_code == 403
    back = ask(owner, "POST", f"/api/pos/payments/{first['id']}/process_refund/", 200, refund)
    assert (back["status"], back["refund_amount"], back["tax_refund_amount"]) == ("PARTIALLY_REFUNDED", 30, 5)

    done = [
        ("PAYMENT_REFUNDED", 30),
        ("PAYMENT_PROCESSED", 62),
        ("PAYMENT_PROCESSED", 100),
        ("ORDER_UPDATED", 162),
        ("TABLE_ASSIGNED", 162),
        ("ORDER_CREATED", 162),
    ]
    eventually(lambda: told(owner) == done)
    assert ask(waiter, "GET", "/api/pos/transactions/", 403)["code"]
    assert ask(waiter, "GET", "/api/pos/", 200)["line-items"].endswith("/api/pos/line-items/")

    report = ask(owner, "GET", "/api/pos/reports/sales/", 200)
    payments = ask(owner, "GET", "/api/pos/payments/", 200)
    kept = sum(payment["amount"] - payment["refund_amount"] for payment in payments)
    assert report["net_sales"] == kept == sum(row["amount"] for row in report["by_payment"]) == 132
    (day,) = ask(owner, "GET", "/api/reporting/sales/daily/", 200)
    assert (day["total_revenue"], day["top_selling_items"][0]["name"]) == (162, "Tagine")
    assert ask(owner, "GET", "/api/pos/orders/statistics/", 200)["by_type"]["dine_in"] == 1
    exported = owner.request("GET", "/api/pos/reports/sales/export/?by=payment")
    assert exported.headers["content-type"].startswith("text/csv")
