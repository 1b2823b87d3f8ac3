"""A week of 125 shifts for fifty people, as the planning page reads it."""

import json
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import psycopg

from tests.bench.population import Population
from tests.bench.scenario import Scenario, Target, http
from tools.installation import Site

MONDAY = date(2031, 3, 3)
PEOPLE = 50
SHIFTS = 125
_STAFF = """
    INSERT INTO staff_ref (restaurant_id, user_id, first_name, last_name, email, role, is_active, language, version)
    VALUES (%s, %s, 'Person', %s, %s, 'WAITER', true, 'fr', 1) ON CONFLICT DO NOTHING
"""
_SHIFT = """
    INSERT INTO shifts (id, restaurant_id, schedule_id, shift_date, starts_at, ends_at, role, notes, department)
    VALUES (%s, %s, %s, %s, %s, %s, 'WAITER', 'Service', 'Floor')
"""
_PERSON = """
    INSERT INTO shift_people (shift_id, user_id, restaurant_id, place, period, occupies)
    SELECT id, %s, restaurant_id, 0, period, occupies FROM shifts WHERE id = %s
"""


def _prepare(site: Site, population: Population) -> None:
    """Fills the week: each person works two or three days of it."""
    mine = population.restaurant_id
    week, people = uuid4(), [uuid4() for _ in range(PEOPLE)]
    with psycopg.connect(site.database_url("scheduling")) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT set_config('mizan.scope', 'system', true)")
        cursor.execute(
            "INSERT INTO weekly_schedules (id, restaurant_id, week_start) VALUES (%s, %s, %s)", (week, mine, MONDAY)
        )
        cursor.executemany(
            _STAFF, [(mine, person, str(n), f"shift{n}@bench.example") for n, person in enumerate(people)]
        )
        for number in range(SHIFTS):
            day, shift = MONDAY + timedelta(days=number // PEOPLE * 2), uuid4()
            start = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
            cursor.execute(_SHIFT, (shift, mine, week, day, start, start + timedelta(hours=8)))
            cursor.execute(_PERSON, (people[number % PEOPLE], shift))
        cursor.execute("ANALYZE")


def _requests(population: Population) -> list[str]:
    return [http("GET", f"/api/schedule/weekly-schedules/{MONDAY}/", token=token) for token in population.tokens]


def _is_right(body: bytes) -> bool:
    return len(json.loads(body)["assigned_shifts"]) == SHIFTS


SCENARIO = Scenario(
    name="GET week (125 shifts)",
    requests=_requests,
    is_right=_is_right,
    service="scheduling",
    target=Target(cpu_ms=4.0),
    prepare=_prepare,
    statements=5,
)
