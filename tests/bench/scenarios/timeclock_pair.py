"""Clocking in and out, in turn, each by as many people as there are connections, in a restaurant of their own."""

import json

import psycopg

from tests.bench.population import PASSWORD, Population, post, register
from tests.bench.scenario import Scenario, Target, http
from tools.installation import Site

PEOPLE = 64
PLACE = {"latitude": 31.624, "longitude": -7.9936}
_PEOPLE = """
    INSERT INTO users (id, restaurant_id, email, first_name, last_name, role, is_verified, password_hash)
    SELECT gen_random_uuid(), %(restaurant)s, 'clock' || n || '@bench.example', 'Clock', n::text, 'MANAGER', true,
        %(hash)s
    FROM generate_series(1, %(people)s) AS n
"""
_PLACE = """
    INSERT INTO restaurant_ref (id, name, restaurant_type, timezone, currency, language, latitude, longitude, radius,
        geofence_enabled, geofence_polygon, operating_hours, automatic_clock_out, break_duration, max_weekly_hours,
        min_rest_hours, version)
    VALUES (%(restaurant)s, 'Chez Bench', 'CASUAL', 'Africa/Casablanca', 'MAD', 'fr', 31.624, -7.9936, 60, true, '[]',
        '{}', false, 30, 44, 11, 1000000)
    ON CONFLICT (id) DO UPDATE SET latitude = 31.624, longitude = -7.9936, geofence_enabled = true, version = 1000000
"""
_EVERYBODY_OUT = """
    UPDATE work_sessions SET status = 'CLOSED', ended_at = started_at, version = version + 1 WHERE status = 'OPEN'
"""
_SYSTEM = "SELECT set_config('mizan.scope', 'system', true)"
_tokens: list[str] = []


def _prepare(site: Site, population: Population) -> None:
    restaurant_id = register(site, "Chez Clock", "clock@bench.example")
    about = {"restaurant": restaurant_id, "people": PEOPLE, "hash": population.password_hash}
    with psycopg.connect(site.database_url("identity")) as connection:
        connection.execute(_SYSTEM)
        connection.execute(_PEOPLE, about)
    with psycopg.connect(site.database_url("timeclock")) as connection:
        connection.execute(_SYSTEM)
        connection.execute(_PLACE, about)
    for number in range(1, PEOPLE + 1):
        login = {"email": f"clock{number}@bench.example", "password": PASSWORD}
        tokens = post(f"{site.url}/api/auth/login/", login)["tokens"]
        assert isinstance(tokens, dict)
        _tokens.append(str(tokens["access"]))


def _reset(site: Site, _population: Population) -> None:
    with psycopg.connect(site.database_url("timeclock")) as connection:
        connection.execute(_SYSTEM)
        connection.execute(_EVERYBODY_OUT)


def _requests(_population: Population) -> list[str]:
    # A connection sends every n-th request: what one sent in somebody's name, no other sends before it is answered.
    body = {**PLACE, "accuracy": 10}
    come = [http("POST", "/api/timeclock/web-clock-in/", token=token, body=body) for token in _tokens]
    go = [http("POST", "/api/timeclock/web-clock-out/", token=token, body={}) for token in _tokens]
    return [*come, *go]


SCENARIO = Scenario(
    name="POST /api/timeclock/web-clock-in/ and -out/",
    requests=_requests,
    is_right=lambda body: bool(json.loads(body)["event"]["id"]),
    service="timeclock",
    prepare=_prepare,
    reset=_reset,
    target=Target(cpu_ms=3.0),
    statements=6,
)
