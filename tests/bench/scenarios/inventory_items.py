"""The whole stock of a restaurant, as its screens read it: 300 items of one supplier."""

import json
from uuid import uuid4

import psycopg

from tests.bench.population import Population
from tests.bench.scenario import Scenario, Target, http
from tools.installation import Site

ITEMS = 300
_ITEMS = """
    INSERT INTO items (id, restaurant_id, name, unit, category, reorder_level, supplier_id)
    SELECT gen_random_uuid(), %(restaurant)s, 'Item ' || n, 'kg', 'Dry', 5, %(supplier)s
    FROM generate_series(1, %(items)s) AS n
"""
_BALANCES = """
    INSERT INTO stock_balances (item_id, restaurant_id, quantity, value, unit_cost, entries, state)
    SELECT id, restaurant_id, 12.5, 50, 4, 3, 'OK' FROM items WHERE restaurant_id = %(restaurant)s
"""


def _prepare(site: Site, population: Population) -> None:
    with psycopg.connect(site.database_url("inventory")) as connection:
        about = {"restaurant": population.restaurant_id, "supplier": uuid4(), "items": ITEMS}
        connection.execute("SELECT set_config('mizan.scope', 'system', true)")
        connection.execute(
            "INSERT INTO suppliers (id, restaurant_id, name) VALUES (%(supplier)s, %(restaurant)s, 'Moulin')", about
        )
        connection.execute(_ITEMS, about)
        connection.execute(_BALANCES, about)
        connection.execute("ANALYZE items, stock_balances")


def _requests(population: Population) -> list[str]:
    return [http("GET", "/api/inventory/items/", token=token) for token in population.tokens]


def _is_right(body: bytes) -> bool:
    items = json.loads(body)
    return len(items) == ITEMS and items[0]["supplier_info"]["name"] == "Moulin"


SCENARIO = Scenario(
    name="GET /api/inventory/items/ (300 items)",
    requests=_requests,
    is_right=_is_right,
    service="inventory",
    prepare=_prepare,
    target=Target(cpu_ms=16.0),
    statements=3,
)
