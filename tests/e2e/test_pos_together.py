"""Many waiters on one bill, a card that is charged at the provider, and webhooks that nobody signed."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest
import stamina

from tests.support import browser, people
from tools.installation import Site

pytestmark = pytest.mark.e2e

CLIENTS = 8
EACH = 5


@pytest.fixture
def client(installation: Site) -> Iterator[httpx.Client]:
    with browser.client(installation.url) as client:
        yield client


def ask(person: people.Person, method: str, path: str, status: int, body: object = None, **options):
    answer = person.request(method, path, json=body, **options)
    assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


def test_eight_clients_on_one_bill_lose_and_double_nothing(installation: Site, client: httpx.Client) -> None:
    owner = people.register(client, "DarEight").owner
    ask(owner, "POST", "/api/menu/tax-categories/", 201, {"name": "VAT", "rate": 10, "is_default": True})
    tea = ask(owner, "POST", "/api/staff/products/", 201, {"name": "Tea", "base_price": "3.33"})
    order = ask(owner, "POST", "/api/pos/orders/", 201, {"items": [{"product_id": tea["id"], "quantity": 1}]})
    path = f"/api/pos/orders/{order['id']}/"

    def work(number: int) -> int:
        """Adds lines under keys of its own, each sent twice, and writes a note that insists on the version it saw."""
        conflicts = 0
        with browser.client(installation.url) as mine:
            me = people.Person(mine, owner.user, owner.tokens)
            for line in range(EACH):
                key = {"Idempotency-Key": f"{order['id']}-{number}-{line}"}
                body = {"menu_item_id": tea["id"], "quantity": 1}
                first, again = (me.request("POST", f"{path}add_item/", json=body, headers=key) for _ in range(2))
                assert (first.status_code, again.json()["id"]) == (201, first.json()["id"])
            for attempt in stamina.retry_context(on=AssertionError, attempts=60, wait_initial=0.01, wait_max=0.2):
                with attempt:
                    seen = ask(me, "GET", path, 200)
                    notes = f"{seen['notes'] or ''}{number}"
                    changed = me.request("PATCH", path, json={"notes": notes, "version": seen["version"]})
                    assert changed.status_code in (200, 409), changed.text
                    conflicts += changed.status_code == 409
                    assert changed.status_code == 200
        return conflicts

    with ThreadPoolExecutor(CLIENTS) as threads:
        list(threads.map(work, range(CLIENTS)))
    whole = ask(owner, "GET", path, 200)
    count = CLIENTS * EACH + 1
    assert len(whole["line_items"]) == count
    assert sorted(whole["notes"]) == [str(number) for number in range(CLIENTS)]
    assert whole["subtotal"] == round(3.33 * count, 2)
    assert whole["tax_amount"] == 13.65
    assert whole["total_amount"] == round(whole["subtotal"] + whole["tax_amount"], 2)


def test_a_card_is_charged_at_the_provider_and_the_bill_is_paid_by_its_webhook(
    installation: Site, client: httpx.Client
) -> None:
    owner = people.register(client, "DarCard").owner
    tea = ask(owner, "POST", "/api/staff/products/", 201, {"name": "Tea", "base_price": "12.50"})
    order = ask(owner, "POST", "/api/pos/orders/", 201, {"items": [{"product_id": tea["id"], "quantity": 2}]})
    card = ask(owner, "POST", f"/api/pos/orders/{order['id']}/card_payments/", 201, {"tip_amount": 5})
    assert (card["amount"], card["tip_amount"], card["status"]) == (25, 5, "WAITING")
    stripe = installation.environment["POS_STRIPE_API_URL"]
    confirmed = httpx.post(f"{stripe}/control/confirm", json={"intent": card["intent_id"]})
    assert confirmed.status_code == 200, confirmed.text
    for attempt in stamina.retry_context(on=AssertionError, attempts=None, timeout=30, wait_max=0.5):
        with attempt:
            assert ask(owner, "GET", f"/api/pos/orders/{order['id']}/", 200)["status"] == "COMPLETED"
    (payment,) = ask(owner, "GET", "/api/pos/payments/", 200)
    assert (payment["payment_method"], payment["amount"], payment["tip_amount"]) == ("CARD", 25, 5)
    assert ask(owner, "GET", f"/api/pos/card_payments/{card['id']}/", 200)["payment"] == payment["id"]


def test_nobody_connects_square_or_sends_its_events_without_its_secrets(client: httpx.Client) -> None:
    restaurant = people.register(client, "DarForged")
    assert ask(restaurant.owner, "GET", "/api/settings/square/oauth/authorize/", 409)["error"]
    back = client.get("/api/settings/square/oauth/callback/?code=x&state=y", follow_redirects=False)
    assert back.status_code == 302
    assert "square=error" in back.headers["location"]
    tested = ask(restaurant.owner, "POST", "/api/settings/test_pos_connection/", 200, {"pos_provider": "SQUARE"})
    assert tested == {"connected": False, "message": "POS provider not configured"}
    assert ask(restaurant.owner, "POST", "/api/pos/sync/menu/", 400)["success"] is False
    assert ask(restaurant.owner, "POST", "/api/settings/square/oauth/disconnect/", 200) == {"success": True}
    event = json.dumps({"type": "order.updated", "event_id": "e", "merchant_id": "m", "data": {"id": "o"}})
    headers = {"Authorization": "Bearer nonsense", "Content-Type": "application/json"}
    for path, status in (
        ("/api/pos/webhooks/square/", 401),
        (f"/api/pos/webhooks/square/{uuid4()}/", 401),
        ("/api/pos/webhooks/toast/", 401),
        ("/api/pos/webhooks/clover/", 401),
        ("/api/pos/webhooks/stripe/", 400),
    ):
        refused = client.post(path, content=event, headers=headers)
        assert refused.status_code == status, (path, refused.text)
        assert refused.json()["message"]
