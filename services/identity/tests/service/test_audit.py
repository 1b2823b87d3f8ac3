"""The audit trail: every change once, found by every filter, and quick when it is long."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import sqlalchemy as sa
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy.dialects.postgresql import insert

from mizan.audit.events.v1 import events_pb2 as audit_facts
from mizan.identity.v1 import api_key_pb2, audit_pb2, settings_pb2
from mizan.identity.v1 import schedule_audit_pb2 as planning
from servicekit import events
from servicekit.db import SYSTEM, Query, Scope
from servicekit.grpc_client import RemoteRefusal
from servicekit.inbox import Delivery, Inbox
from servicekit.testing.events import eventually
from servicekit.testing.service import Api, RunningService
from servicekit.testing.statistics import vacuum
from services.identity.models import AuditEntry
from services.identity.projections import audit_trail, keep_entries
from services.identity.queries.audit import page_queries
from services.identity.settings import Settings
from services.identity.tests.conftest import Owner, register
from tools.stack import Endpoints

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@pytest.fixture
async def owner(api: Api) -> Owner:
    return await register(api, f"a{uuid4().hex[:10]}")


async def trail(api: Api, owner: Owner, **filters: Any) -> audit_pb2.ListAuditEntriesResponse:
    request = audit_pb2.ListAuditEntriesRequest(**{"page": 1, "page_size": 50, **filters})
    return await api.AuditService.ListAuditEntries(request, principal=owner.principal)


async def trail_of(api: Api, owner: Owner, length: int, **filters: Any) -> list[audit_pb2.AuditEntry]:
    """The trail once it has the entries expected, which come round through NATS."""

    async def long_enough() -> list[audit_pb2.AuditEntry] | None:
        found = await trail(api, owner, **filters)
        assert found.count <= length
        return list(found.results) if found.count == length else None

    found = await eventually(long_enough)
    assert found is not None
    return found


async def save(api: Api, owner: Owner, name: str) -> None:
    await api.SettingsService.UpdateUnifiedSettings(
        settings_pb2.UpdateUnifiedSettingsRequest(name=name, update_mask=FieldMask(paths=["name"])),
        principal=owner.principal,
    )


def written(identity: RunningService, owner: Owner, rows: list[dict[str, Any]]) -> list[UUID]:
    """Puts entries into the trail directly; each overrides what it is about."""
    defaults = {
        "restaurant_id": owner.restaurant_id,
        "actor": "Amina",
        "action": "UPDATE",
        "entity_type": "Shift",
        "entity_id": None,
        "user_id": None,
        "description": "Changed",
        "service": "scheduling",
        "occurred_at": NOON,
    }
    complete = [{"id": uuid4(), **defaults, **row} for row in rows]

    async def write() -> None:
        async with identity.service.core.database.write(SYSTEM) as session:
            await session.execute(insert(AuditEntry), complete)

    identity.run(write())
    return [row["id"] for row in complete]


async def test_a_change_is_in_the_trail_once_with_what_differs(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    await save(api, owner, "Dar Amina")
    entry, signed_up = await trail_of(api, owner, 2)
    assert (signed_up.action, signed_up.entity_type) == ("CREATE", "Restaurant")
    assert (entry.action, entry.entity_type, entry.entity_id) == ("UPDATE", "Restaurant", owner.restaurant.id)
    assert (entry.user, entry.actor, entry.service) == (owner.user.id, "Amina", "identity")
    assert json.loads(entry.old_values) == {"name": owner.restaurant.name}
    assert json.loads(entry.new_values) == {"name": "Dar Amina"}
    one = await api.AuditService.GetAuditEntry(audit_pb2.GetAuditEntryRequest(id=entry.id), principal=owner.principal)
    assert one == entry


async def test_an_entry_that_is_delivered_twice_is_kept_once(api: Api, identity: RunningService, owner: Owner) -> None:
    await trail_of(api, owner, 1)
    entry = audit_facts.EntryRecorded(
        restaurant_id=owner.restaurant.id, actor="POS", action="OTHER", entity_type="Order", service="pos"
    )
    entry.occurred_at.GetCurrentTime()
    database = identity.service.core.database
    kind = events.type_of(audit_facts.EntryRecorded)

    async def emit() -> UUID:
        async with database.write(SYSTEM) as session:
            return events.emit(session, entry, restaurant_id=owner.restaurant_id, aggregate_id=uuid4())

    event_id = identity.run(emit())
    (kept, _) = await trail_of(api, owner, 2)
    assert kept.id == str(event_id)

    headers = {
        events.MESSAGE_ID: str(event_id),
        events.TYPE: kind.name,
        events.RESTAURANT: owner.restaurant.id,
        events.AGGREGATE: str(uuid4()),
        events.VERSION: "0",
        events.TIME: datetime.now(UTC).isoformat(),
    }
    inbox = Inbox(audit_trail(), database)
    again = inbox.open(Delivery(kind.subject, entry.SerializeToString(), headers))
    # As after a crash between the effects of a delivery and its acknowledgement.
    assert identity.run(inbox.apply_batch([again])) == set()

    # And as when the marks were cleaned up before the event came back.
    async def handle() -> None:
        async with database.write(SYSTEM) as session:
            await keep_entries(session, [again])

    identity.run(handle())
    assert (await trail(api, owner)).count == 2


async def test_a_refused_change_leaves_no_entry(api: Api, owner: Owner) -> None:
    with pytest.raises(RemoteRefusal):
        await api.ApiKeyService.CreateApiKey(
            api_key_pb2.CreateApiKeyRequest(name="k", kind="AGENT", scopes=["no.such.thing"]),
            principal=owner.principal,
        )
    await save(api, owner, "Dar Amina")
    actions = [(entry.action, entry.entity_type) for entry in await trail_of(api, owner, 2)]
    assert actions == [("UPDATE", "Restaurant"), ("CREATE", "Restaurant")]


async def test_what_clients_report_is_an_entry_of_the_caller(api: Api, owner: Owner) -> None:
    waiter = owner.colleague("WAITER")
    await api.AuditService.RecordClientEvent(
        audit_pb2.RecordClientEventRequest(
            event_type="CHECKLIST_SUBMISSION",
            execution_id="e-1",
            status="FAILED",
            message="offline",
            submitter_id=str(uuid4()),
        ),
        principal=waiter,
    )
    await api.AuditService.RecordAdminAction(
        audit_pb2.RecordAdminActionRequest(task_id="t-1", action="APPROVE", message="well done"),
        principal=owner.principal,
    )
    action, event, _ = await trail_of(api, owner, 3)
    assert (event.action, event.entity_type, event.entity_id) == ("OTHER", "ClientEvent", "e-1")
    assert (event.description, event.user) == ("CHECKLIST_SUBMISSION FAILED: offline", waiter.subject)
    assert json.loads(event.new_values)["status"] == "FAILED"
    assert (action.entity_type, action.entity_id, action.description) == ("Task", "t-1", "APPROVE: well done")


async def test_every_filter_finds_its_entries_and_no_others(api: Api, identity: RunningService, owner: Owner) -> None:
    somebody = uuid4()
    rows: dict[str, dict[str, Any]] = {
        "user": {"user_id": somebody},
        "action": {"action": "DELETE"},
        "entity_type": {"entity_type": "Invitation"},
        "entity_id": {"entity_id": "x-1"},
        "service": {"service": "pos"},
        "search": {"description": "Gave 100% off_the bill"},
        "actor": {"actor": "Caisse 2"},
        "old": {"occurred_at": NOON - timedelta(days=400)},
    }
    ids = dict(zip(rows, map(str, written(identity, owner, list(rows.values()))), strict=True))
    for name, filters in {
        "user": {"user": str(somebody)},
        "action": {"action": "DELETE"},
        "entity_type": {"entity_type": "Invitation"},
        "entity_id": {"entity_id": "x-1"},
        "service": {"service": "pos"},
        "search": {"search": "100% OFF_"},
        "actor": {"search": "caisse"},
        "old": {"end_date": "2025-12-31"},
    }.items():
        found = await trail(api, owner, **filters)
        assert [entry.id for entry in found.results] == [ids[name]], name
    everything = await trail(api, owner, search="\\")
    assert everything.count == 0


async def test_days_are_those_of_the_restaurant(api: Api, identity: RunningService, owner: Owner) -> None:
    """Half an hour before midnight in UTC is the next day in Casablanca, which is an hour ahead."""
    (late,) = written(identity, owner, [{"occurred_at": datetime(2026, 6, 10, 23, 30, tzinfo=UTC)}])
    for day, expected in (("2026-06-10", []), ("2026-06-11", [str(late)])):
        found = await trail(api, owner, start_date=day, end_date=day)
        assert [entry.id for entry in found.results] == expected


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
async def test_the_ends_of_the_calendar_are_days_too(api: Api, owner: Owner, day: str) -> None:
    assert (await trail(api, owner, start_date=day, end_date=day)).count == 0


async def test_pages_do_not_overlap_when_many_acts_share_an_instant(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    ids = written(identity, owner, [{} for _ in range(95)])
    seen: list[str] = []
    for page in range(1, 5):
        found = await trail(api, owner, page=page, page_size=30, entity_type="Shift")
        assert found.count == 95
        seen += [entry.id for entry in found.results]
    assert sorted(seen) == sorted(map(str, ids))
    with pytest.raises(RemoteRefusal) as beyond:
        await trail(api, owner, page=5, page_size=30, entity_type="Shift")
    assert str(beyond.value) == "Invalid page."


async def test_nobody_reads_another_restaurants_trail(api: Api, identity: RunningService, owner: Owner) -> None:
    other = await register(api, f"a{uuid4().hex[:10]}")
    (entry_id,) = written(identity, owner, [{"user_id": owner.principal.user_id}])
    with pytest.raises(RemoteRefusal) as foreign:
        await api.AuditService.GetAuditEntry(
            audit_pb2.GetAuditEntryRequest(id=str(entry_id)), principal=other.principal
        )
    assert foreign.value.code == "not_found"
    assert (await trail(api, other, user=owner.user.id)).count == 0
    assert b"Shift" not in await exported(identity, other)


async def test_staff_read_no_trail(api: Api, owner: Owner) -> None:
    with pytest.raises(RemoteRefusal) as refused:
        await api.AuditService.ListAuditEntries(
            audit_pb2.ListAuditEntriesRequest(), principal=owner.colleague("WAITER")
        )
    assert refused.value.code == "permission_denied"


async def exported(identity: RunningService, owner: Owner, of: str = "Audit", **filters: Any) -> bytes:
    """The whole of an exported file, as the gateway streams it."""
    servicer: Any = next(s for d, s in identity.service.servicers if d.name == f"{of}Service")
    request: audit_pb2.ExportAuditEntriesRequest | planning.ExportScheduleAuditRequest
    if of == "ScheduleAudit":
        export, request = servicer.ExportScheduleAudit, planning.ExportScheduleAuditRequest(**filters)
    else:
        export, request = servicer.ExportAuditEntries, audit_pb2.ExportAuditEntriesRequest(**filters)

    class ExportCall:
        principal = owner.principal

        def read(self) -> Any:
            return identity.service.core.database.read(Scope(owner.restaurant_id))

    async def run() -> bytes:
        parts = await export(request, ExportCall())
        return b"".join([part.data async for part in parts])

    return identity.run(run())


async def test_the_export_holds_every_matching_entry_once_newest_first(identity: RunningService, owner: Owner) -> None:
    rows = [{"occurred_at": NOON + timedelta(seconds=n // 3), "description": f"=n{n}"} for n in range(2_500)]
    ids = written(identity, owner, rows)
    file = (await exported(identity, owner, entity_type="Shift")).decode("utf-8-sig")
    table = list(csv.DictReader(io.StringIO(file, newline="")))
    assert len(table) == len(ids)
    assert {row["description"] for row in table} == {f"'=n{n}" for n in range(2_500)}
    moments = [row["timestamp"] for row in table]
    assert moments == sorted(moments, reverse=True)


async def test_a_page_costs_the_same_however_long(api: Api, identity: RunningService, owner: Owner) -> None:
    written(identity, owner, [{}])
    with identity.statements() as for_one:
        await trail(api, owner, page_size=100)
    written(identity, owner, [{} for _ in range(99)])
    with identity.statements() as for_many:
        await trail(api, owner, page_size=100)
    assert for_many == for_one != []


PLANS: list[tuple[dict[str, Any], str]] = [
    ({}, "audit_entries_restaurant_idx"),
    ({"user_id": UUID(int=7)}, "audit_entries_user_idx"),
    ({"action": "DELETE"}, "audit_entries_action_idx"),
    ({"entity_type": "Shift", "entity_id": "77"}, "audit_entries_entity_idx"),
    ({"since": NOON, "until": NOON + timedelta(hours=1)}, "audit_entries_restaurant_idx"),
]


@pytest.fixture(scope="module")
def long_trail(identity: RunningService, settings: Settings, stack: Endpoints) -> UUID:
    """A restaurant with 100,000 entries among as many of others."""
    restaurant_id = uuid4()
    fill = sa.text("""
        INSERT INTO audit_entries
            (id, restaurant_id, user_id, action, entity_type, entity_id, description, service, occurred_at)
        SELECT gen_random_uuid(),
               CASE WHEN n % 2 = 0 THEN CAST(:restaurant_id AS uuid) ELSE gen_random_uuid() END,
               lpad(to_hex(n % 500), 32, '0')::uuid,
               CASE WHEN n % 1000 = 0 THEN 'DELETE' ELSE 'UPDATE' END,
               'Shift', n::text, 'Changed', 'scheduling', now() - n * interval '1 minute'
        FROM generate_series(1, 200000) AS n
    """)

    async def write() -> None:
        async with identity.service.core.database.write(SYSTEM) as session:
            await session.execute(fill, {"restaurant_id": restaurant_id})

    identity.run(write())
    vacuum(stack, settings.database_url, "audit_entries")
    return restaurant_id


def plan_of(settings: Settings, query: Query, parameters: dict[str, Any], restaurant_id: UUID) -> list[dict[str, Any]]:
    """The nodes of the plan that PostgreSQL makes for the application's role under row-level security."""
    with psycopg.connect(settings.database_url, connect_timeout=10) as connection:
        connection.execute("SELECT set_config('mizan.restaurant_id', %s, true)", (str(restaurant_id),))
        found = connection.execute(
            "EXPLAIN (ANALYZE, FORMAT JSON) " + query.text,
            query.parameters(parameters),
        ).fetchone()
    assert found is not None
    nodes = [found[0][0]["Plan"]]
    for node in nodes:
        nodes.extend(node.get("Plans", ()))
    return nodes


@pytest.mark.parametrize(("filters", "index"), PLANS, ids=[" ".join(filters) or "none" for filters, _ in PLANS])
def test_a_page_of_a_long_trail_is_read_by_index(
    settings: Settings, long_trail: UUID, filters: dict[str, Any], index: str
) -> None:
    parameters = {"restaurant_id": long_trail, **filters}
    counting, reading = page_queries(frozenset(parameters))
    page = plan_of(settings, reading, {**parameters, "limit": 50, "offset": 0}, long_trail)
    assert {node.get("Index Name") for node in page} - {None} == {index}
    assert "Seq Scan" not in {node["Node Type"] for node in page}
    assert sum(node.get("Rows Removed by Filter", 0) for node in page) == 0
    count = plan_of(settings, counting, parameters, long_trail)
    assert "Seq Scan" not in {node["Node Type"] for node in count}


async def test_planning_has_its_own_view_of_the_trail(api: Api, identity: RunningService, owner: Owner) -> None:
    me, service = owner.principal.user_id, api.ScheduleAuditService
    rows: list[dict[str, Any]] = [
        {"entity_id": "s-1", "user_id": me, "action": "CREATE", "new_values": {"name": "Grill"}, "old_values": {}},
        {"entity_id": "s-1", "user_id": me, "occurred_at": NOON + timedelta(hours=1)},
        {"entity_id": "s-1", "action": "DELETE", "occurred_at": NOON + timedelta(hours=2)},
        {"entity_type": "Week", "occurred_at": NOON - timedelta(days=1)},
        {"service": "pos", "action": "DELETE"},
    ]
    created, changed, deleted, week, sale = map(
        str, written(identity, owner, [{"new_values": {}, "old_values": {}, **row} for row in rows])
    )

    async def listed(**filters: Any) -> list[str]:
        request = planning.ListScheduleAuditRequest(**{"page": 1, "page_size": 50, **filters})
        answer = await service.ListScheduleAudit(request, principal=owner.principal)
        assert answer.count == len(answer.results)
        return [entry.id for entry in answer.results]

    assert await listed() == [deleted, changed, created, week]
    for filters, found in (
        ({"severity": "HIGH"}, [deleted]),
        ({"severity": "LOW"}, [changed, created, week]),
        ({"severity": "CRITICAL"}, []),
        ({"action": "CREATE"}, [created]),
        ({"user_id": str(me)}, [changed, created]),
        ({"content_type": "Week"}, [week]),
        ({"end_date": "2026-03-09"}, [week]),
        ({"start_date": "2026-03-10T13:00:00Z"}, [deleted, changed]),
        ({"start_date": "2026-03-10T14:00:00 01:00", "end_date": "2026-03-10T14:00:00Z"}, [changed]),
        ({"start_date": "9999-12-31"}, []),
    ):
        assert await listed(**filters) == found, filters
    one = await service.GetScheduleAuditEntry(
        planning.GetScheduleAuditEntryRequest(id=created), principal=owner.principal
    )
    assert (one.user_name, one.user_email, one.severity, one.object_str) == ("Amina", owner.user.email, "LOW", "Grill")
    assert (one.content_type_name, one.object_id, json.loads(one.metadata)["service"]) == ("Shift", "s-1", "scheduling")
    trail = await service.GetScheduleObjectTrail(
        planning.GetScheduleObjectTrailRequest(content_type="Shift", object_id="s-1"), principal=owner.principal
    )
    assert [entry.id for entry in trail.audit_trail] == [deleted, changed, created]
    assert (trail.object.type, trail.object.id, trail.object.str) == ("Shift", "s-1", "Grill")

    other = await register(api, f"a{uuid4().hex[:10]}")
    refusals = (
        (service.GetScheduleAuditEntry, planning.GetScheduleAuditEntryRequest(id=sale), owner, "not_found"),
        (service.GetScheduleAuditEntry, planning.GetScheduleAuditEntryRequest(id=created), other, "not_found"),
        (
            service.GetScheduleObjectTrail,
            planning.GetScheduleObjectTrailRequest(content_type="Shift", object_id="s-1"),
            other,
            "not_found",
        ),
        (
            service.GetUserScheduleActivity,
            planning.GetUserScheduleActivityRequest(user_id=str(me)),
            other,
            "not_found",
        ),
        (service.ListScheduleAudit, planning.ListScheduleAuditRequest(user_id=str(me)), other, "not_found"),
        (service.ListScheduleAudit, planning.ListScheduleAuditRequest(start_date="yesterday"), owner, "invalid"),
    )
    for method, request, who, code in refusals:
        with pytest.raises(RemoteRefusal) as refused:
            await method(request, principal=who.principal)
        assert refused.value.code == code


async def test_planning_is_counted_by_kind_person_and_day(api: Api, identity: RunningService, owner: Owner) -> None:
    me, service = owner.principal.user_id, api.ScheduleAuditService
    now = datetime.now(UTC)
    rows: list[dict[str, Any]] = [
        {"user_id": me, "action": "CREATE"},
        {"user_id": me, "action": "DELETE", "occurred_at": now},
        {"action": "CREATE", "occurred_at": NOON - timedelta(days=2)},
        {"action": "CREATE", "occurred_at": NOON - timedelta(days=40)},
    ]
    ids = [str(one) for one in written(identity, owner, rows)]
    until = planning.SummarizeScheduleAuditRequest(end_date="2026-03-10")
    early = await service.SummarizeScheduleAudit(until, principal=owner.principal)
    assert early.total_activities == 3
    assert json.loads(early.action_statistics) == {"CREATE": {"count": 3, "label": "Create", "percentage": 100.0}}
    assert [(day.date, day.count) for day in early.daily_trend if day.count] == [("2026-03-08", 1), ("2026-03-10", 1)]
    assert (len(early.daily_trend), early.daily_trend[-1].date) == (30, "2026-03-10")
    everything = await service.SummarizeScheduleAudit(
        planning.SummarizeScheduleAuditRequest(), principal=owner.principal
    )
    assert json.loads(everything.severity_statistics)["HIGH"] == {"count": 1, "label": "High", "percentage": 25.0}
    assert [(one.user_id, one.activity_count) for one in everything.top_users] == [(str(me), 2)]
    assert [entry.id for entry in everything.critical_activities] == [ids[1]]
    ancient = planning.SummarizeScheduleAuditRequest(end_date="0001-01-01")
    assert (await service.SummarizeScheduleAudit(ancient, principal=owner.principal)).total_activities == 0

    activity = await service.GetUserScheduleActivity(
        planning.GetUserScheduleActivityRequest(user_id=str(me)), principal=owner.principal
    )
    assert (activity.user.email, activity.user.role) == (owner.user.email, owner.user.role)
    assert dict(activity.summary.action_counts) == {"CREATE": 1, "DELETE": 1}
    assert dict(activity.summary.severity_counts) == {"LOW": 1, "HIGH": 1}
    assert activity.summary.first_activity.ToDatetime(tzinfo=UTC) == NOON
    assert [entry.id for entry in activity.recent_activities] == [ids[1], ids[0]]
    grave = await service.ListCriticalScheduleAudit(
        planning.ListCriticalScheduleAuditRequest(hours=1), principal=owner.principal
    )
    assert ([entry.id for entry in grave.activities], grave.count) == ([ids[1]], 1)
    file = await exported(identity, owner, "ScheduleAudit", start_date="2026-03-01")
    assert [(row["action"], row["severity"], row["object_type"]) for row in json.loads(file)] == [
        ("DELETE", "HIGH", "Shift"),
        ("CREATE", "LOW", "Shift"),
        ("CREATE", "LOW", "Shift"),
    ]
