"""Preferences: standard from the day somebody joins, changed in part, one's own only."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.field_mask_pb2 import FieldMask

from mizan.identity.events.v1 import events_pb2 as identity
from mizan.notify.events.v1 import events_pb2 as facts
from mizan.notify.v1.preference_pb2 import Preferences, UpdatePreferencesRequest
from refdata.testing import staff_event
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS, Principal
from servicekit.testing.events import Bus, handled
from servicekit.testing.service import Api, RunningService
from services.notify.domain.preferences import STANDARD, SWITCHES
from services.notify.tests.conftest import waiter


async def join(notify: RunningService, bus: Bus, restaurant_id: UUID, user_id: UUID, version: int = 1) -> None:
    joined = staff_event(restaurant_id, user_id, "Amina", version, identity.StaffJoined)
    await handled(notify, "notify", await bus.publish(joined, restaurant_id=restaurant_id, version=version))


async def get(api: Api, principal: Principal) -> Preferences:
    return await api.PreferenceService.GetPreferences(Empty(), principal=principal)


async def change(api: Api, principal: Principal, *nulls: str, **choices: Any) -> Preferences:
    request = UpdatePreferencesRequest(update_mask=FieldMask(paths=[*nulls, *choices]), **choices)
    return await api.PreferenceService.UpdatePreferences(request, principal=principal)


def switches(preferences: Preferences) -> dict[str, bool]:
    return {name: getattr(preferences, name) for name in SWITCHES}


async def test_somebody_who_joins_has_the_standard_ones(notify: RunningService, bus: Bus, api: Api) -> None:
    amina = waiter(uuid4())
    assert amina.restaurant_id is not None
    await join(notify, bus, amina.restaurant_id, amina.user_id)
    found = await get(api, amina)
    assert found.id > 0
    assert found.user == amina.subject
    assert switches(found) == STANDARD
    for field in ("quiet_hours_start", "quiet_hours_end"):
        assert not found.HasField(field)


async def test_before_that_they_hold_without_being_kept(api: Api) -> None:
    amina = waiter(uuid4())
    found = await get(api, amina)
    assert (found.user, switches(found)) == (amina.subject, STANDARD)
    for field in ("id", "quiet_hours_start", "quiet_hours_end", "created_at", "updated_at"):
        assert not found.HasField(field)


async def test_a_change_names_what_it_changes_and_is_shown(api: Api) -> None:
    amina = waiter(uuid4())
    changed = await change(api, amina, email_enabled=False, quiet_hours_start="22:00", quiet_hours_end="07:30:00")
    assert switches(changed) == {**STANDARD, "email_enabled": False}
    assert (changed.quiet_hours_start, changed.quiet_hours_end) == ("22:00:00", "07:30:00")
    assert await get(api, amina) == changed
    again = await change(api, amina, push_enabled=False)
    assert switches(again) == {**STANDARD, "email_enabled": False, "push_enabled": False}
    assert again.id == changed.id


async def test_null_ends_quiet_hours_and_leaves_a_switch_alone(api: Api) -> None:
    amina = waiter(uuid4())
    await change(api, amina, email_enabled=False, quiet_hours_start="22:00", quiet_hours_end="07:30")
    changed = await change(api, amina, "quiet_hours_start", "quiet_hours_end", "email_enabled")
    assert not changed.HasField("quiet_hours_start")
    assert not changed.HasField("quiet_hours_end")
    assert not changed.email_enabled


async def test_joining_after_choosing_keeps_what_was_chosen(notify: RunningService, bus: Bus, api: Api) -> None:
    amina = waiter(uuid4())
    assert amina.restaurant_id is not None
    chosen = await change(api, amina, email_enabled=False)
    await join(notify, bus, amina.restaurant_id, amina.user_id)
    assert await get(api, amina) == chosen


async def test_everybody_has_their_own(api: Api) -> None:
    restaurant_id, user_id = uuid4(), uuid4()
    await change(api, waiter(restaurant_id, user_id), email_enabled=False)
    for other in (waiter(restaurant_id), waiter(uuid4(), user_id), waiter(uuid4())):
        assert switches(await get(api, other)) == STANDARD
        await change(api, other, push_enabled=False)
    assert switches(await get(api, waiter(restaurant_id, user_id))) == {**STANDARD, "email_enabled": False}


async def test_changes_made_at_once_are_all_kept(api: Api) -> None:
    amina = waiter(uuid4())
    await asyncio.gather(*(change(api, amina, **{name: False}) for name in SWITCHES))
    assert switches(await get(api, amina)) == dict.fromkeys(SWITCHES, False)


async def test_who_is_unknown_or_nowhere_is_refused(api: Api) -> None:
    for principal, code in ((ANONYMOUS, "not_authenticated"), (waiter(uuid4()).in_restaurant(None), "no_restaurant")):
        for attempt in (get(api, principal), change(api, principal, email_enabled=False)):
            with pytest.raises(RemoteRefusal) as refused:
                await attempt
            assert refused.value.code == code


async def test_reading_costs_the_same_with_1_row_and_with_100(notify: RunningService, api: Api) -> None:
    restaurant_id = uuid4()
    amina = waiter(restaurant_id)
    await change(api, amina, email_enabled=False)
    with notify.statements() as for_one:
        await get(api, amina)
    for _ in range(99):
        await change(api, waiter(restaurant_id), email_enabled=False)
    with notify.statements() as for_hundred:
        await get(api, amina)
    assert len(for_one) == len(for_hundred) == 1


async def test_a_change_is_published_and_what_changes_nothing_is_not(api: Api, bus: Bus) -> None:
    restaurant_id = uuid4()
    amina = waiter(restaurant_id)
    await change(api, amina, email_enabled=True)
    await change(api, amina, email_enabled=False, push_enabled=True)
    await change(api, amina, email_enabled=False)
    await change(api, amina, quiet_hours_start="22:00", quiet_hours_end="07:30")
    first, second = await bus.of_aggregate(facts.PreferencesUpdated, amina.subject, 2)
    assert first.message == facts.PreferencesUpdated(
        user_id=amina.subject, restaurant_id=str(restaurant_id), changed_fields=["email_enabled"], version=2
    )
    assert (first.envelope.version, second.envelope.version) == (2, 3)
    assert list(second.message.changed_fields) == ["quiet_hours_start", "quiet_hours_end"]
