"""The menu as the till reads it: 60 items in six categories."""

import json

import psycopg

from tests.bench.population import Population
from tests.bench.scenario import Scenario, Target, http
from tools.installation import Site

ITEMS = 60
_CATEGORIES = """
    INSERT INTO menu_categories (id, restaurant_id, name, display_order)
    SELECT gen_random_uuid(), %(restaurant)s, 'Section ' || n, n FROM generate_series(1, 6) AS n
"""
_DISHES = """
    INSERT INTO menu_items (id, restaurant_id, category_id, name, description, price, allergens)
    SELECT gen_random_uuid(), %(restaurant)s,
        (SELECT id FROM menu_categories WHERE restaurant_id = %(restaurant)s AND name = 'Section ' || 1 + n %% 6),
        'Dish ' || n, 'With olives and preserved lemon', 40 + n, '{nuts,gluten}'
    FROM generate_series(1, %(items)s) AS n
"""


def _prepare(site: Site, population: Population) -> None:
    about = {"restaurant": population.restaurant_id, "items": ITEMS}
    with psycopg.connect(site.database_url("pos")) as connection:
        connection.execute("SELECT set_config('mizan.scope', 'system', true)")
        connection.execute(_CATEGORIES, about)
        connection.execute(_DISHES, about)
        connection.execute("ANALYZE menu_items, menu_categories")


def _requests(population: Population) -> list[str]:
    return [http("GET", "/api/menu/items/?search=dish&page_size=60", token=token) for token in population.tokens]


def _is_right(body: bytes) -> bool:
    items = json.loads(body)["results"]
    return len(items) == ITEMS and items[0]["category_info"]["name"].startswith("Section")


SCENARIO = Scenario(
    name="GET /api/menu/items/ (60 items)",
    requests=_requests,
    is_right=_is_right,
    service="pos",
    prepare=_prepare,
    target=Target(cpu_ms=3.0),
    statements=2,
)
