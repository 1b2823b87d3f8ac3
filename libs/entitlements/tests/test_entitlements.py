"""The copy shows the newest state whatever the order of events, answers by itself, and never locks the till."""

import time
from datetime import UTC, datetime
from itertools import permutations
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

import entitlements
from entitlements.projection import keep
from entitlements.queries import UNKNOWN, Entitled
from entitlements.testing import entitlement_event
from mizan.billing.events.v1 import events_pb2 as billing
from servicekit.db import Database, Scope
from servicekit.errors import Forbidden
from servicekit.events import Envelope, type_of

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)


async def tell(database: Database, restaurant_id: UUID, event: billing.EntitlementChanged) -> None:
    kind = type_of(type(event))
    envelope = Envelope(
        id=uuid4(),
        type=kind.name,
        subject=kind.subject,
        restaurant_id=restaurant_id,
        aggregate_id=str(restaurant_id),
        version=event.version,
        occurred_at=datetime.now(UTC),
    )
    async with database.write(Scope(restaurant_id)) as session:
        await keep(session, event, envelope)


async def test_the_newest_state_remains_whatever_the_order(database: Database) -> None:
    for order in permutations((1, 2, 3)):
        restaurant_id = uuid4()
        for version in order:
            event = entitlement_event(
                restaurant_id, version, features=[f"feature_{version}"], limits={"staff": version}
            )
            for _ in range(2):
                await tell(database, restaurant_id, event)
        found = await entitlements.entitled(database.read(Scope(restaurant_id)), restaurant_id)
        assert (found.features, found.limit("staff")) == (frozenset({"feature_3"}), 3)


async def test_a_plan_without_the_feature_is_said_with_the_reason(database: Database) -> None:
    restaurant_id = uuid4()
    await tell(
        database, restaurant_id, entitlement_event(restaurant_id, 1, features=["forecasting"], limits={"staff": 2})
    )
    reading = database.read(Scope(restaurant_id))
    await entitlements.require(reading, restaurant_id, "forecasting")
    with pytest.raises(Forbidden) as refused:
        await entitlements.require(reading, restaurant_id, "api_access")
    assert refused.value.code == "not_in_plan"
    assert refused.value.extra == {"feature": "api_access", "plan": "free", "reason": "base"}
    await entitlements.require_room(reading, restaurant_id, "staff", 2)
    await entitlements.require_room(reading, restaurant_id, "tables", 10_000)
    with pytest.raises(Forbidden) as full:
        await entitlements.require_room(reading, restaurant_id, "staff", 3)
    assert (full.value.code, full.value.extra["limit"]) == ("plan_limit_reached", 2)


async def test_what_is_unknown_and_what_is_anothers_keeps_nobody_from_working(database: Database) -> None:
    ours, theirs = uuid4(), uuid4()
    await tell(database, theirs, entitlement_event(theirs, 1))
    assert await entitlements.entitled(database.read(Scope(ours)), ours) == UNKNOWN
    assert await entitlements.entitled(database.read(Scope(ours)), theirs) == UNKNOWN
    await entitlements.require(database.read(Scope(ours)), ours, "api_access")


async def test_an_unpaid_restaurant_is_never_kept_from_what_always_works(database: Database) -> None:
    restaurant_id = uuid4()
    await tell(database, restaurant_id, entitlement_event(restaurant_id, 1, reason="unpaid"))
    reading = database.read(Scope(restaurant_id))
    for name in entitlements.ALWAYS:
        await entitlements.require(reading, restaurant_id, name)
        await entitlements.require_room(reading, restaurant_id, name, 10**9)


@given(st.frozensets(NAMES), st.dictionaries(NAMES, st.integers(0, 100)), st.sampled_from(["unpaid", "base", "grace"]))
def test_no_state_whatsoever_locks_the_till(features: frozenset[str], limits: dict[str, int], reason: str) -> None:
    found = Entitled(False, features, limits, "free", reason)
    assert all(found.allows(name) for name in entitlements.ALWAYS)
    assert all(found.limit(name) is None for name in entitlements.ALWAYS)


async def test_an_answer_takes_milliseconds(database: Database) -> None:
    restaurant_id = uuid4()
    await tell(database, restaurant_id, entitlement_event(restaurant_id, 1, features=["api_access"]))
    reading = database.read(Scope(restaurant_id))
    taken = []
    for _ in range(200):
        began = time.perf_counter()
        await entitlements.require(reading, restaurant_id, "api_access")
        taken.append(time.perf_counter() - began)
    assert sorted(taken)[100] < 0.02
