"""How PostgreSQL reads an inbox of 100,000 requests."""

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from servicekit.db import Query
from servicekit.testing.service import Api, RunningService
from services.identity.queries.staff_requests import Viewer, count_query, list_queries
from services.identity.settings import Settings
from services.identity.tests.conftest import Owner, register
from services.identity.tests.team import hire
from tools.stack import Endpoints

FILL = """
    INSERT INTO staff_requests
        (id, restaurant_id, staff_id, staff_phone_digits, status, priority, subject, created_at, updated_at)
    SELECT gen_random_uuid(),
           CASE WHEN n <= 100000 THEN %(ours)s::uuid ELSE %(theirs)s::uuid END,
           CASE WHEN n %% 2000 = 0 THEN %(waiter)s::uuid WHEN n %% 100 = 0 THEN NULL ELSE %(others)s::uuid END,
           CASE WHEN n %% 1100 = 0 THEN '212612345678' END,
           CASE WHEN n %% 500 = 0 THEN 'PENDING' ELSE 'CLOSED' END,
           'MEDIUM', 'Request ' || n, now() - n * interval '1 minute', now() - n * interval '1 minute'
    FROM generate_series(1, 130000) AS n
"""


def plan_of(settings: Settings, query: Query, parameters: dict[str, Any], restaurant_id: UUID) -> list[dict[str, Any]]:
    """How PostgreSQL reads requests for the application's role under row-level security."""
    with psycopg.connect(settings.database_url, connect_timeout=10) as connection:
        connection.execute("SELECT set_config('mizan.restaurant_id', %s, true)", (str(restaurant_id),))
        found = connection.execute(
            "EXPLAIN (ANALYZE, FORMAT JSON) " + query.text, query.parameters(parameters)
        ).fetchone()
    assert found is not None
    nodes = [found[0][0]["Plan"]]
    for node in nodes:
        nodes.extend(node.get("Plans", ()))
    return [node for node in nodes if {node.get("Relation Name"), *_table(node)} & {"staff_requests"}]


def _table(node: dict[str, Any]) -> set[str]:
    """The table of an index that is read without its table."""
    return {"staff_requests"} if str(node.get("Index Name", "")).startswith("staff_requests_") else set()


@pytest.fixture
async def owner(api: Api) -> Owner:
    return await register(api, f"i{uuid4().hex[:10]}")


async def test_a_page_of_a_long_inbox_is_read_by_index(
    api: Api, identity: RunningService, settings: Settings, stack: Endpoints, owner: Owner
) -> None:
    other = await register(api, f"i{uuid4().hex[:10]}")
    waiter = hire(identity, owner, phone="0612345678")
    names = {
        "ours": owner.restaurant_id,
        "theirs": other.restaurant_id,
        "waiter": waiter.user_id,
        "others": owner.principal.user_id,
    }

    database = conninfo_to_dict(settings.database_url)["dbname"]
    with psycopg.connect(stack.admin_dsn, dbname=database, autocommit=True, connect_timeout=10) as admin:
        # The rows refer to what is there; checking each of them would take longer than the test.
        admin.execute("SET session_replication_role = replica")
        admin.execute(FILL, names)
        admin.execute("VACUUM ANALYZE staff_requests")
    reviewer = Viewer(owner.restaurant_id, owner.principal.user_id, sees_all=True)
    own = Viewer(owner.restaurant_id, waiter.user_id, sees_all=False)
    cases: list[tuple[Viewer, dict[str, Any], set[str]]] = [
        (reviewer, {}, {"staff_requests_newest_idx"}),
        (reviewer, {"status": "PENDING"}, {"staff_requests_inbox_idx"}),
        (own, {}, {"staff_requests_staff_idx", "staff_requests_phone_idx"}),
    ]
    for viewer, filters, indexes in cases:
        parameters = {**viewer.parameters, **filters}
        _, reading = list_queries(viewer.sees_all, "status" in filters, False, "-created_at")
        nodes = plan_of(settings, reading, {**parameters, "limit": 10, "offset": 0}, owner.restaurant_id)
        assert {node.get("Index Name") for node in nodes} - {None} == indexes
        assert "Seq Scan" not in {node["Node Type"] for node in nodes}
        assert sum(node.get("Rows Removed by Filter", 0) for node in nodes) == 0
    counting = plan_of(settings, count_query(False), own.parameters, owner.restaurant_id)
    assert "Seq Scan" not in {node["Node Type"] for node in counting}
