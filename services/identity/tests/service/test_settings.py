"""The restaurant's settings: read, changed by one at a time, and closed to others."""

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from google.protobuf.empty_pb2 import Empty
from google.protobuf.field_mask_pb2 import FieldMask

from mizan.identity.events.v1 import events_pb2 as facts
from mizan.identity.v1 import restaurant_pb2, settings_pb2
from servicekit.db import SYSTEM, Query
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import Principal
from servicekit.testing.service import Api, RunningService
from services.identity.models import Restaurant
from services.identity.settings import Settings
from services.identity.tests.conftest import Owner, register
from services.identity.tests.published import published
from services.identity.vault import build_vault

ROW = Query(sa.select(Restaurant.__table__).where(Restaurant.id == sa.bindparam("id", type_=sa.Uuid)))
PLACE = {"latitude": "33.589886", "longitude": "-7.603869"}


@pytest.fixture
async def owner(api: Api) -> Owner:
    return await register(api, f"s{uuid4().hex[:10]}")


def update(**values: Any) -> settings_pb2.UpdateUnifiedSettingsRequest:
    """A change of the settings screen, as the gateway makes it: null in a mask is a path without a value."""
    sent = {name: value for name, value in values.items() if value is not None}
    return settings_pb2.UpdateUnifiedSettingsRequest(**sent, update_mask=FieldMask(paths=list(values)))


async def save(api: Api, principal: Principal, **values: Any) -> settings_pb2.Settings:
    return await api.SettingsService.UpdateUnifiedSettings(update(**values), principal=principal)


async def settings_of(api: Api, principal: Principal) -> settings_pb2.Settings:
    return await api.SettingsService.GetUnifiedSettings(Empty(), principal=principal)


def stored(identity: RunningService, restaurant_id: UUID) -> Any:
    return identity.run(identity.service.core.database.read(SYSTEM).first(ROW, id=restaurant_id))


async def test_a_new_restaurant_has_the_defaults(api: Api, owner: Owner) -> None:
    found = await settings_of(api, owner.principal)
    assert (found.radius, found.timezone, found.currency, found.break_duration) == (
        "100.00",
        "Africa/Casablanca",
        "MAD",
        30,
    )
    assert not found.HasField("latitude")
    assert found.geofence_enabled
    assert not found.geolocation_locked
    assert (found.pos_provider, found.pos_integration.sync_status) == ("NONE", "DISCONNECTED")
    assert (found.ai_config.enabled, found.ai_config.ai_provider, found.ai_config.features_enabled) == (
        True,
        "GROQ",
        "{}",
    )
    assert found.settings_version == found.settings_schema_version > 0


async def test_saving_changes_what_was_sent_and_answers_the_new_version(api: Api, owner: Owner) -> None:
    before = await settings_of(api, owner.principal)
    hours = {"Monday": {"open": "09:00", "close": "23:00", "isClosed": False}}
    after = await save(
        api,
        owner.principal,
        settings_schema_version=before.settings_version,
        phone="0522-123456",
        operating_hours=json.dumps(hours),
        ai_provider="CLAUDE",
        ai_features_enabled='{"insights": true}',
        pin_login_in_geofence=True,
    )
    assert after.settings_version > before.settings_version
    assert (after.name, after.phone, after.phone_restaurant) == (before.name, "0522-123456", "0522-123456")
    assert json.loads(after.operating_hours) == hours
    assert (after.ai_config.ai_provider, json.loads(after.ai_config.features_enabled)) == ("CLAUDE", {"insights": True})
    assert after.pin_login_in_geofence
    assert await settings_of(api, owner.principal) == after


async def test_null_empties_what_may_be_empty_and_nothing_else(api: Api, owner: Owner) -> None:
    await save(api, owner.principal, phone="0522", address="1, bd d'Anfa")
    after = await save(api, owner.principal, phone=None, address=None, name=None, break_duration=None)
    assert not after.HasField("phone")
    assert not after.HasField("address")
    assert (after.name, after.break_duration) == (owner.restaurant.name, 30)


async def test_a_save_that_is_based_on_an_older_version_is_refused(api: Api, owner: Owner) -> None:
    seen = (await settings_of(api, owner.principal)).settings_version
    await save(api, owner.principal, settings_schema_version=seen, name="Dar Amina")
    with pytest.raises(RemoteRefusal) as refused:
        await save(api, owner.principal, settings_schema_version=seen, name="Dar Zineb")
    assert (refused.value.http_status, str(refused.value)) == (409, "Settings version conflict")
    assert (await settings_of(api, owner.principal)).name == "Dar Amina"


async def test_of_two_who_save_at_once_one_wins_and_the_other_is_told(api: Api, owner: Owner) -> None:
    seen = (await settings_of(api, owner.principal)).settings_version
    outcomes = await asyncio.gather(
        *(save(api, owner.principal, settings_schema_version=seen, name=f"Dar {n}") for n in range(4)),
        return_exceptions=True,
    )
    won = [outcome for outcome in outcomes if isinstance(outcome, settings_pb2.Settings)]
    assert len(won) == 1
    assert all(
        isinstance(outcome, RemoteRefusal) and outcome.http_status == 409
        for outcome in outcomes
        if not isinstance(outcome, settings_pb2.Settings)
    )
    assert (await settings_of(api, owner.principal)).name == won[0].name


async def test_saving_what_is_there_already_changes_nothing_and_tells_nobody(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    first = await save(api, owner.principal, name="Dar Amina", currency="EUR")
    again = await save(api, owner.principal, name="Dar Amina", currency="EUR")
    assert again == first
    events = await published(identity, facts.RestaurantUpdated, owner.restaurant_id, 1)
    assert [list(event.changed_fields) for event in events] == [["currency", "name"]]
    assert events[0].restaurant.version == first.settings_version


async def test_the_address_of_another_restaurant_is_taken(api: Api, owner: Owner) -> None:
    other = await register(api, f"s{uuid4().hex[:10]}")
    with pytest.raises(RemoteRefusal) as refused:
        await save(api, owner.principal, email=other.restaurant.email.upper())
    assert refused.value.fields == {"email": ["restaurant with this email already exists."]}
    assert (await settings_of(api, owner.principal)).email == owner.restaurant.email


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("operating_hours", '{"Monday": "always"}'),
        ("email_notifications", '{"revenue": 1}'),
        ("ai_features_enabled", "[]"),
    ],
)
async def test_a_malformed_setting_names_the_field_and_saves_nothing(
    api: Api, owner: Owner, name: str, value: str
) -> None:
    with pytest.raises(RemoteRefusal) as refused:
        await save(api, owner.principal, currency="EUR", **{name: value})
    assert list(refused.value.fields) == [name.removesuffix("_enabled") if name.startswith("ai") else name]
    assert (await settings_of(api, owner.principal)).currency == "MAD"


async def test_the_pos_key_is_kept_encrypted_and_never_shown(
    api: Api, identity: RunningService, owner: Owner, settings: Settings
) -> None:
    saved = await save(api, owner.principal, pos_provider="TOAST", pos_api_key="tk-very-secret")
    assert "tk-very-secret" not in str(saved)
    kept = stored(identity, owner.restaurant_id).pos_api_key_encrypted
    assert b"secret" not in kept
    assert build_vault(settings).decrypt(kept) == "tk-very-secret"
    (event,) = await published(identity, facts.RestaurantUpdated, owner.restaurant_id, 1)
    assert "tk-very-secret" not in str(event)
    assert list(event.changed_fields) == ["pos_api_key", "pos_provider"]


async def test_a_blank_pos_key_keeps_the_present_one_and_another_provider_forgets_it(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    await save(api, owner.principal, pos_provider="TOAST", pos_api_key="tk-1")
    await save(api, owner.principal, pos_provider="TOAST", pos_api_key=None, pos_merchant_id="M1")
    assert stored(identity, owner.restaurant_id).pos_api_key_encrypted is not None
    await save(api, owner.principal, pos_provider="CLOVER")
    assert stored(identity, owner.restaurant_id).pos_api_key_encrypted is None


async def test_the_pos_screen_replaces_everything(api: Api, identity: RunningService, owner: Owner) -> None:
    await save(api, owner.principal, pos_provider="TOAST", pos_api_key="tk-1", pos_merchant_id="M1")
    answer = await api.SettingsService.SetPosIntegration(
        settings_pb2.SetPosIntegrationRequest(pos_provider="TOAST"), principal=owner.principal
    )
    assert (answer.status, answer.provider, answer.HasField("merchant_id")) == (
        "POS configuration updated",
        "TOAST",
        False,
    )
    row = stored(identity, owner.restaurant_id)
    assert (row.pos_merchant_id, row.pos_api_key_encrypted) == (None, None)
    link = await api.SettingsService.GetPosIntegration(Empty(), principal=owner.principal)
    assert (link.restaurant, link.restaurant_name, link.total_transactions_synced) == (
        owner.restaurant.id,
        owner.restaurant.name,
        0,
    )
    assert not link.HasField("last_sync_time")


async def test_the_assistant_screen_replaces_everything(api: Api, owner: Owner) -> None:
    set_to = await api.SettingsService.SetAiAssistantConfig(
        settings_pb2.SetAiAssistantConfigRequest(
            enabled=False, ai_provider="OPENAI", features_enabled='{"reports":true}'
        ),
        principal=owner.principal,
    )
    assert (set_to.enabled, set_to.ai_provider, json.loads(set_to.features_enabled)) == (
        False,
        "OPENAI",
        {"reports": True},
    )
    await api.SettingsService.SetAiAssistantConfig(
        settings_pb2.SetAiAssistantConfigRequest(), principal=owner.principal
    )
    reset = await api.SettingsService.GetAiAssistantConfig(Empty(), principal=owner.principal)
    assert (reset.enabled, reset.ai_provider, reset.features_enabled) == (True, "GROQ", "{}")


def place(**values: Any) -> settings_pb2.SetGeolocationRequest:
    return settings_pb2.SetGeolocationRequest(**{**PLACE, **values})


async def test_the_location_is_set_once_and_then_by_super_admins_only(api: Api, owner: Owner) -> None:
    manager = owner.colleague("MANAGER")
    first = await api.SettingsService.SetGeolocation(place(radius="50"), principal=manager)
    assert (first.latitude, first.longitude, first.radius) == ("33.589886", "-7.603869", "50.00")
    assert (await settings_of(api, manager)).geolocation_locked
    assert not (await settings_of(api, owner.principal)).geolocation_locked
    with pytest.raises(RemoteRefusal) as locked:
        await api.SettingsService.SetGeolocation(place(radius="50"), principal=manager)
    assert locked.value.code == "location_locked"
    assert locked.value.message.startswith("The location is set already")
    moved = await api.SettingsService.SetGeolocation(
        place(latitude="33.6", geofence_polygon="[[33.5,-7.6],[33.6,-7.6],[33.6,-7.5]]"), principal=owner.principal
    )
    assert (moved.latitude, moved.radius) == ("33.600000", "100.00")


async def test_no_other_way_around_the_lock(api: Api, owner: Owner) -> None:
    manager, admin = owner.colleague("MANAGER"), owner.colleague("ADMIN")
    await api.SettingsService.SetGeolocation(place(), principal=owner.principal)
    with pytest.raises(RemoteRefusal) as by_settings:
        await api.SettingsService.UpdateMyRestaurant(
            settings_pb2.UpdateMyRestaurantRequest(radius="20", update_mask=FieldMask(paths=["radius"])),
            principal=manager,
        )
    assert by_settings.value.code == "location_locked"
    with pytest.raises(RemoteRefusal) as by_restaurant:
        await api.RestaurantService.UpdateRestaurant(
            restaurant_pb2.UpdateRestaurantRequest(update_mask=FieldMask(paths=["latitude"])), principal=admin
        )
    assert by_restaurant.value.code == "location_locked"


async def test_sending_the_locked_location_back_as_it_is_moves_nothing(api: Api, owner: Owner) -> None:
    await api.SettingsService.SetGeolocation(place(), principal=owner.principal)
    saved = await api.SettingsService.UpdateMyRestaurant(
        settings_pb2.UpdateMyRestaurantRequest(
            latitude=PLACE["latitude"],
            longitude=PLACE["longitude"],
            name="Dar Amina",
            update_mask=FieldMask(paths=["latitude", "longitude", "name"]),
        ),
        principal=owner.colleague("MANAGER"),
    )
    assert saved.name == "Dar Amina"


async def test_a_point_is_on_site_or_so_many_metres_away(api: Api, owner: Owner) -> None:
    waiter = owner.colleague("WAITER")

    async def validate(latitude: float, longitude: float) -> settings_pb2.ValidateGeolocationResponse:
        return await api.SettingsService.ValidateGeolocation(
            settings_pb2.ValidateGeolocationRequest(latitude=latitude, longitude=longitude), principal=waiter
        )

    with pytest.raises(RemoteRefusal) as unset:
        await validate(33.589886, -7.603869)
    assert unset.value.code == "location_not_set"
    await api.SettingsService.SetGeolocation(place(), principal=owner.principal)
    here, there = await validate(33.589886, -7.603869), await validate(33.6, -7.603869)
    assert (here.is_within_geofence, here.distance_meters, here.radius_meters) == (True, 0.0, 100.0)
    assert not there.is_within_geofence
    assert there.distance_meters == pytest.approx(1124.5, abs=1)


@pytest.mark.parametrize("sent", [{}, {"latitude": 33.5}, {"latitude": 0, "longitude": 0}])
async def test_a_point_without_coordinates_is_refused(api: Api, owner: Owner, sent: dict[str, float]) -> None:
    with pytest.raises(RemoteRefusal) as refused:
        await api.SettingsService.ValidateGeolocation(
            settings_pb2.ValidateGeolocationRequest(**sent), principal=owner.principal
        )
    assert str(refused.value) == "Missing coordinates"


async def test_staff_see_the_restaurant_and_no_settings(api: Api, owner: Owner) -> None:
    waiter = owner.colleague("WAITER")
    seen = await api.SettingsService.GetMyRestaurant(Empty(), principal=waiter)
    assert seen.name == owner.restaurant.name
    for refused_call in (
        api.SettingsService.GetUnifiedSettings(Empty(), principal=waiter),
        api.SettingsService.GetGeolocation(Empty(), principal=waiter),
        api.SettingsService.GetPosIntegration(Empty(), principal=waiter),
        api.SettingsService.GetAiAssistantConfig(Empty(), principal=waiter),
        api.SettingsService.SetGeolocation(place(), principal=waiter),
        api.RestaurantService.GetRestaurant(restaurant_pb2.GetRestaurantRequest(), principal=waiter),
        save(api, waiter, name="Mine now"),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await refused_call
        assert refused.value.code == "permission_denied"


async def test_the_restaurant_is_found_with_and_without_its_id_and_no_other_is(api: Api, owner: Owner) -> None:
    other = await register(api, f"s{uuid4().hex[:10]}")
    get = api.RestaurantService.GetRestaurant
    by_id = await get(restaurant_pb2.GetRestaurantRequest(id=owner.restaurant.id), principal=owner.principal)
    assert by_id == await get(restaurant_pb2.GetRestaurantRequest(), principal=owner.principal)
    assert by_id.name == owner.restaurant.name
    for foreign_call in (
        get(restaurant_pb2.GetRestaurantRequest(id=other.restaurant.id), principal=owner.principal),
        api.RestaurantService.UpdateRestaurant(
            restaurant_pb2.UpdateRestaurantRequest(
                id=other.restaurant.id, name="Mine now", update_mask=FieldMask(paths=["name"])
            ),
            principal=owner.principal,
        ),
    ):
        with pytest.raises(RemoteRefusal) as foreign:
            await foreign_call
        assert foreign.value.code == "not_found"
    untouched = await settings_of(api, other.principal)
    assert untouched.name == other.restaurant.name


async def test_the_restaurant_is_changed_in_part(api: Api, owner: Owner) -> None:
    changed = await api.RestaurantService.UpdateRestaurant(
        restaurant_pb2.UpdateRestaurantRequest(
            id=owner.restaurant.id,
            restaurant_type="CAFE",
            max_weekly_hours="44",
            general_settings='{"tables": 12}',
            update_mask=FieldMask(paths=["restaurant_type", "max_weekly_hours", "general_settings"]),
        ),
        principal=owner.colleague("ADMIN"),
    )
    assert (changed.restaurant_type, changed.max_weekly_hours, changed.min_rest_hours) == ("CAFE", "44.00", "11.00")
    assert json.loads(changed.general_settings) == {"tables": 12}
    assert changed.settings_schema_version > owner.restaurant.settings_schema_version


async def test_somebody_without_a_restaurant_has_no_settings(api: Api) -> None:
    nobody = Principal(kind="USER", subject=str(uuid4()), permissions=frozenset({"settings.view"}))
    with pytest.raises(RemoteRefusal) as refused:
        await settings_of(api, nobody)
    assert str(refused.value) == "No restaurant associated"
