"""How soon a sale is in the ledger while many sell, beside how soon any fact gets from pos to inventory."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from tests.bench.load import percentile
from tests.support import browser, people
from tools.installation import Site

pytestmark = pytest.mark.e2e

SALES = 120
CONTROLS = 12
WAITERS = 6
SECONDS = 2.0
SLOWER_THAN_CONTROL = 3.0
PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.01
SEEN = {
    "ledger": "SELECT DISTINCT source_id::text FROM stock_entries WHERE kind = 'SALE' AND restaurant_id = %s",
    "copies": "SELECT id::text FROM menu_item_ref WHERE restaurant_id = %s",
}


class Watch:
    """Looks into inventory's database all the time and notes when what was begun is there."""

    def __init__(self, site: Site, restaurant_id: str) -> None:
        self._url = site.database_url("inventory")
        self._restaurant_id = restaurant_id
        self._over = threading.Event()
        self.done_at: dict[str, dict[str, float]] = {"ledger": {}, "copies": {}}
        self.seen_at: dict[str, dict[str, float]] = {"ledger": {}, "copies": {}}
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while any(self.done_at[what].keys() - self.seen_at[what].keys() for what in SEEN):
            if time.monotonic() > deadline:
                break
            self._over.wait(LOOK_SECONDS)
        self._over.set()
        self._thread.join()

    def waited(self, what: str) -> list[float]:
        """How long each was on its way, in order. Raises AssertionError for one that never came."""
        missing = self.done_at[what].keys() - self.seen_at[what].keys()
        assert not missing, f"{len(missing)} never came"
        return sorted(max(0.0, self.seen_at[what][id] - begun) for id, begun in self.done_at[what].items())

    def _look(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute("SELECT set_config('mizan.restaurant_id', %s, false)", (self._restaurant_id,))
            while not self._over.wait(LOOK_SECONDS):
                for what, question in SEEN.items():
                    rows = connection.execute(question, (self._restaurant_id,)).fetchall()
                    now = time.monotonic()
                    for (id,) in rows:
                        self.seen_at[what].setdefault(id, now)


@pytest.fixture
def client(installation: Site) -> Iterator[httpx.Client]:
    with browser.client(installation.url) as client:
        yield client


def ask(person: people.Person, method: str, path: str, status: int, body: object = None) -> Any:
    answer = person.request(method, path, json=body)
    assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json()


def test_a_sale_is_in_the_ledger_within_two_seconds_while_many_sell(client: httpx.Client, installation: Site) -> None:
    restaurant = people.register(client, "DarBusy")
    owner = restaurant.owner
    flour = ask(owner, "POST", "/api/inventory/items/", 201, {"name": "Flour", "unit": "kg", "current_stock": 100})
    pizza = ask(owner, "POST", "/api/menu/items/", 201, {"name": "Pizza", "price": "80.00"})

    with Watch(installation, restaurant.data["id"]) as watch:
        watch.done_at["copies"][pizza["id"]] = time.monotonic()
    made = ask(owner, "POST", "/api/menu/recipes/", 201, {"menu_item": pizza["id"], "instructions": "Bake."})
    used = {"ingredient": flour["id"], "quantity": 250, "unit": "g"}
    ask(owner, "POST", f"/api/menu/recipes/{made['id']}/ingredients/", 201, used)

    with Watch(installation, restaurant.data["id"]) as watch:

        def sell(number: int) -> None:
            lines = [{"product_id": pizza["id"], "quantity": 1}]
            sale = ask(owner, "POST", "/api/pos/orders/", 201, {"order_type": "TAKEOUT", "items": lines})
            paid = {"payment_method": "CASH", "amount": sale["total_amount"]}
            ask(owner, "POST", f"/api/pos/orders/{sale['id']}/process_payment/", 200, paid)
            watch.done_at["ledger"][sale["id"]] = time.monotonic()
            if number % (SALES // CONTROLS) == 0:
                dish = ask(owner, "POST", "/api/menu/items/", 201, {"name": f"Dish {number}", "price": "9.00"})
                watch.done_at["copies"][dish["id"]] = time.monotonic()

        with ThreadPoolExecutor(WAITERS) as waiters:
            list(waiters.map(sell, range(SALES)))

    sales, control = watch.waited("ledger"), watch.waited("copies")
    assert (len(sales), len(control)) == (SALES, CONTROLS)
    slowest, usual = percentile(sales, 0.99), control[-1]
    assert slowest <= max(SECONDS, SLOWER_THAN_CONTROL * usual), (slowest, usual)
    assert ask(owner, "GET", f"/api/inventory/items/{flour['id']}/", 200)["current_stock"] == 100 - SALES / 4
