"""Inventory is killed while dishes are sold: the till does not notice, and in the end each sale is entered once."""

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest
import stamina
from typer.testing import CliRunner

from services.inventory.cli import app as inventory_commands
from tests.support import browser
from tests.support.breakable import breakable
from tests.support.people import Person, register
from tools.installation import Installation

pytestmark = [pytest.mark.chaos, pytest.mark.long, pytest.mark.timeout(240)]

SALES = 40
WAITERS = 4
# NATS waits before it delivers again what a killed consumer had taken.
SETTLED_SECONDS = 60.0


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One whose inventory may be killed."""
    with breakable(tmp_path_factory, ["identity", "pos", "inventory"]) as installation:
        yield installation


@pytest.fixture
def client(installation: Installation) -> Iterator[httpx.Client]:
    with browser.client(installation.url) as client:
        yield client


def ask(person: Person, method: str, path: str, status: int, body: object = None) -> Any:
    answer = person.request(method, path, json=body)
    assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json()


@stamina.retry(on=AssertionError, timeout=SETTLED_SECONDS, attempts=None, wait_initial=0.1, wait_max=1.0)
def recipe_of(owner: Person, dish: str) -> str:
    """A recipe for a dish, as soon as inventory knows that the menu has it."""
    made = ask(owner, "POST", "/api/menu/recipes/", 201, {"menu_item": dish, "instructions": "Bake."})
    return str(made["id"])


@stamina.retry(on=AssertionError, timeout=SETTLED_SECONDS, attempts=None, wait_initial=0.2, wait_max=1.0)
def each_once(installation: Installation, sales: set[str]) -> None:
    """Waits until the ledger holds each sale once and nothing waits to be told. Raises AssertionError."""
    with psycopg.connect(installation.site.database_url("inventory")) as connection:
        connection.execute("SELECT set_config('mizan.scope', 'system', true)")
        entered = connection.execute("SELECT source_id::text FROM stock_entries WHERE kind = 'SALE'").fetchall()
        ((untold,),) = connection.execute("SELECT count(*) FROM outbox").fetchall()
    assert sorted(sale for (sale,) in entered) == sorted(sales)
    assert untold == 0


def test_sales_go_on_and_are_in_the_ledger_once(installation: Installation, client: httpx.Client) -> None:
    owner = register(client, "DarKilled").owner
    flour = ask(owner, "POST", "/api/inventory/items/", 201, {"name": "Flour", "unit": "kg", "current_stock": 100})
    pizza = ask(owner, "POST", "/api/menu/items/", 201, {"name": "Pizza", "price": "80.00"})
    used = {"ingredient": flour["id"], "quantity": 250, "unit": "g"}
    ask(owner, "POST", f"/api/menu/recipes/{recipe_of(owner, pizza['id'])}/ingredients/", 201, used)
    half, killed = threading.Semaphore(0), threading.Event()

    def sell(number: int) -> str:
        if number == SALES // 2:
            half.release()
        if number > SALES // 2:
            killed.wait(SETTLED_SECONDS)
        lines = [{"product_id": pizza["id"], "quantity": 1}]
        sale = ask(owner, "POST", "/api/pos/orders/", 201, {"order_type": "TAKEOUT", "items": lines})
        paid = {"payment_method": "CASH", "amount": sale["total_amount"]}
        ask(owner, "POST", f"/api/pos/orders/{sale['id']}/process_payment/", 200, paid)
        return str(sale["id"])

    with ThreadPoolExecutor(WAITERS) as waiters:
        sold = [waiters.submit(sell, number) for number in range(SALES)]
        assert half.acquire(timeout=SETTLED_SECONDS)
        installation.kill("inventory")
        assert installation.supervisor.child("inventory").wait(SETTLED_SECONDS) == -signal.SIGKILL
        killed.set()
        sales = {one.result() for one in sold}
    away = owner.get("/api/inventory/items/")
    assert away.status_code == 503, away.text
    installation.restart("inventory")
    each_once(installation, sales)
    with psycopg.connect(installation.site.database_url("inventory")) as connection:
        connection.execute("SELECT set_config('mizan.scope', 'system', true)")
        ((left, entries),) = connection.execute("SELECT quantity, entries FROM stock_balances").fetchall()
    assert (left, entries) == (100 - SALES / 4, SALES + 1)
    checked = CliRunner().invoke(inventory_commands, [], env=installation.site.environment)
    assert (checked.exit_code, checked.output) == (0, "everything adds up\n")
