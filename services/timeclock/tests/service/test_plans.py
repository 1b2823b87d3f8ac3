"""What grows with the years is read by its indexes."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from servicekit.db import SYSTEM, Query, Scope
from servicekit.testing.service import RunningService
from servicekit.testing.statistics import vacuum
from services.timeclock.queries import clock, policy, sessions, situations
from tools.stack import Endpoints

PEOPLE, DAYS = 50, 1000
_FILL = (
    """
    INSERT INTO work_sessions (id, restaurant_id, staff_id, status, started_at, ended_at, business_date, worked_seconds)
    SELECT gen_random_uuid(), :restaurant, (:people)[person], 'CLOSED', day + interval '9 hours',
        day + interval '17 hours', day::date, 28800
    FROM generate_series(1, :persons) AS person,
        generate_series(timestamptz '2024-01-01', timestamptz '2024-01-01' + :days * interval '1 day', '1 day') AS day
    """,
    """
    INSERT INTO punches (id, restaurant_id, staff_id, punch_id, kind, at, business_date, recorded_at, source)
    SELECT w.id, w.restaurant_id, w.staff_id, w.id, 'IN', w.started_at, w.business_date, w.started_at, 'WEB'
    FROM work_sessions AS w WHERE w.restaurant_id = :restaurant
    """,
    """
    INSERT INTO punches (id, restaurant_id, staff_id, punch_id, kind, at, business_date, recorded_at, source)
    SELECT out.id, w.restaurant_id, w.staff_id, out.id, 'OUT', w.ended_at, w.business_date, w.ended_at, 'WEB'
    FROM work_sessions AS w CROSS JOIN LATERAL (SELECT gen_random_uuid() AS id, w.id AS of) AS out
    WHERE w.restaurant_id = :restaurant
    """,
)
MOST_ROWS = 1000


@pytest.fixture(scope="module")
def busy(timeclock: RunningService, stack: Endpoints) -> tuple[UUID, UUID]:
    """A restaurant with a hundred thousand punches, and one of its people."""
    restaurant_id, people = uuid4(), [uuid4() for _ in range(PEOPLE)]
    about = {"restaurant": restaurant_id, "people": people, "persons": PEOPLE, "days": DAYS}

    async def fill() -> None:
        async with timeclock.database.write(SYSTEM) as session:
            for statement in _FILL:
                await session.execute(sa.text(statement), {k: v for k, v in about.items() if f":{k}" in statement})

    timeclock.run(fill())
    vacuum(stack, timeclock.database.url, "work_sessions", "punches")
    return restaurant_id, people[0]


def rows_read(plan: Any) -> int:
    rows = sum(rows_read(part) for part in plan.get("Plans", ()))
    if plan.get("Relation Name") in ("work_sessions", "punches"):
        rows += int((plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"])
    return rows


def explained(service: RunningService, query: Query, restaurant_id: UUID, parameters: dict[str, Any]) -> Any:
    async def work() -> Any:
        async with service.database.write(Scope(restaurant_id)) as session:
            connection = await (await session.connection()).get_raw_connection()
            driver: Any = connection.driver_connection
            cursor = await driver.execute(
                f"EXPLAIN (ANALYZE, FORMAT JSON) {query.text}",
                query.parameters({"restaurant_id": restaurant_id, **parameters}),
            )
            return (await cursor.fetchone())[0][0]["Plan"]

    return service.run(work())


NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
WEEK = {"first": date(2026, 8, 1), "last": date(2026, 8, 7)}


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        (situations._SITUATION, {"now": NOW, "since": NOW, "until": NOW}),
        (clock._OPEN, {}),
        (sessions._RANGE, WEEK),
        (sessions._TODAY, {"day": date(2026, 8, 1)}),
        (sessions._LAST, {"limit": 50}),
        (sessions._LOG_ROWS, {**WEEK, "limit": 100, "offset": 0}),
        (sessions._REVIEW_ROWS, {"limit": 100, "offset": 0}),
        (sessions._OPEN_NOW, {}),
    ],
    ids=["situation", "open", "range", "today", "last", "log", "review", "on now"],
)
def test_few_rows_are_read_of_many(
    timeclock: RunningService, busy: tuple[UUID, UUID], query: Query, parameters: dict[str, Any]
) -> None:
    restaurant_id, person = busy
    known = {"staff_id": person} if "staff_id" in query.parameters({}) else {}
    plan = explained(timeclock, query, restaurant_id, {**parameters, **known})
    assert rows_read(plan) <= MOST_ROWS, plan


def test_an_unknown_restaurant_has_the_default_rules(timeclock: RunningService) -> None:
    rules = timeclock.run(policy.rules_of(timeclock.database.read(SYSTEM), uuid4()))
    assert (rules.zone.key, rules.early_minutes, rules.clocks_out) == ("Africa/Casablanca", None, False)
