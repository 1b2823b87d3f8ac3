"""An order of five lines, taken in one request: priced, numbered, sent to the kitchen."""

import json
from uuid import UUID, uuid4

import psycopg

from tests.bench.population import Population
from tests.bench.scenario import Scenario, Target, http
from tools.installation import Site

LINES = 5
_ITEMS = """
    INSERT INTO menu_items (id, restaurant_id, name, price) VALUES (%s, %s, %s, %s)
"""
_ids: list[UUID] = []


def _prepare(site: Site, population: Population) -> None:
    _ids[:] = [uuid4() for _ in range(LINES)]
    with psycopg.connect(site.database_url("pos")) as connection:
        connection.execute("SELECT set_config('mizan.scope', 'system', true)")
        connection.execute(
            "INSERT INTO tax_categories (id, restaurant_id, name, rate, is_default) VALUES (%s, %s, 'VAT', 10, true)",
            (uuid4(), population.restaurant_id),
        )
        with connection.cursor() as cursor:
            cursor.executemany(
                _ITEMS,
                [(id, population.restaurant_id, f"Ordered {n}", 10 + n) for n, id in enumerate(_ids)],
            )


def _requests(population: Population) -> list[str]:
    lines = [{"menu_item_id": str(id), "quantity": 1 + n} for n, id in enumerate(_ids)]
    body = {"order_type": "DINE_IN", "guest_count": 2, "line_items": lines}
    return [http("POST", "/api/pos/orders/", token=token, body=body) for token in population.tokens]


SCENARIO = Scenario(
    name="POST /api/pos/orders/ (5 lines)",
    requests=_requests,
    is_right=lambda body: len(json.loads(body)["line_items"]) == LINES,
    service="pos",
    status="201",
    prepare=_prepare,
    target=Target(cpu_ms=6.0),
)
