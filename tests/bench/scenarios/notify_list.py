"""The first page of somebody's notifications, among those of many."""

import json
from uuid import UUID

import psycopg

from tests.bench.population import Population
from tests.bench.scenario import Scenario, Target, http
from tools.installation import Site

ROWS = 20
EACH = 200
_SYSTEM = "SELECT set_config('mizan.scope', 'system', true)"
_NOTIFICATIONS = """
    INSERT INTO notifications (id, restaurant_id, recipient_id, key, kind, priority, title, message, language, words,
        data, created_at)
    SELECT gen_random_uuid(), %(restaurant)s, person, 'bench ' || n, 'SHIFT_ASSIGNED', 'MEDIUM', 'New shift',
        'Monday 23 November, 09:00 to 17:00, waiter, at Chez Bench.', 'en', '{}', '{"shift_id": "bench"}',
        now() - n * interval '1 minute'
    FROM unnest(%(people)s::uuid[]) AS person, generate_series(1, %(each)s) AS n
"""
_DELIVERIES = """
    INSERT INTO deliveries (id, restaurant_id, addressee, channel, key, notification_id, state, payload)
    SELECT gen_random_uuid(), restaurant_id, recipient_id::text, channel, key, id, 'SENT', '{}'
    FROM notifications, unnest(ARRAY['app', 'push', 'whatsapp']) AS channel WHERE restaurant_id = %(restaurant)s
"""


def _prepare(site: Site, population: Population) -> None:
    with psycopg.connect(site.database_url("identity")) as connection:
        connection.execute(_SYSTEM)
        people: list[UUID] = [
            row[0]
            for row in connection.execute("SELECT id FROM users WHERE email = ANY(%s)", (population.emails,)).fetchall()
        ]
    about = {"restaurant": population.restaurant_id, "people": people, "each": EACH}
    with psycopg.connect(site.database_url("notify")) as connection:
        connection.execute(_SYSTEM)
        connection.execute(_NOTIFICATIONS, about)
        connection.execute(_DELIVERIES, about)
        connection.execute("ANALYZE")


def _requests(population: Population) -> list[str]:
    return [http("GET", "/api/notifications/", token=token) for token in population.tokens]


def _is_right(body: bytes) -> bool:
    page = json.loads(body)
    rows = page["results"]
    return page["count"] == EACH and len(rows) == ROWS and rows[0]["channels_sent"] == ["app", "push", "whatsapp"]


SCENARIO = Scenario(
    name="GET /api/notifications/ (20 of 200)",
    requests=_requests,
    is_right=_is_right,
    service="notify",
    prepare=_prepare,
    target=Target(cpu_ms=2.0),
    statements=2,
)
