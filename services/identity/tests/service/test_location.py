"""Where people last were, and who may know."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.field_mask_pb2 import FieldMask

from mizan.identity.v1 import account_pb2, auth_pb2, location_pb2, settings_pb2
from servicekit.db import SYSTEM
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import Principal
from servicekit.testing.service import Api, RunningService
from services.identity.models import User
from services.identity.tests.conftest import Owner, register

HERE = (33.589886, -7.603869)


@pytest.fixture
async def owner(api: Api) -> Owner:
    return await register(api, f"l{uuid4().hex[:10]}")


async def report(api: Api, principal: Principal, latitude: float, longitude: float) -> Any:
    return await api.LocationService.UpdateLocation(
        location_pb2.UpdateLocationRequest(latitude=latitude, longitude=longitude), principal=principal
    )


async def set_place(api: Api, owner: Owner, **values: Any) -> None:
    request = settings_pb2.SetGeolocationRequest(latitude=str(HERE[0]), longitude=str(HERE[1]), **values)
    await api.SettingsService.SetGeolocation(request, principal=owner.principal)


async def staff(api: Api, principal: Principal, **page: int) -> location_pb2.ListStaffLocationsResponse:
    return await api.LocationService.ListStaffLocations(
        location_pb2.ListStaffLocationsRequest(**page), principal=principal
    )


async def test_nothing_is_known_until_something_is_reported(api: Api, owner: Owner) -> None:
    with pytest.raises(RemoteRefusal) as unknown:
        await api.LocationService.GetLocation(Empty(), principal=owner.principal)
    assert str(unknown.value) == "No location data"
    answer = await report(api, owner.principal, *HERE)
    assert answer.status == "Location updated"
    assert not answer.HasField("within_geofence")
    assert not answer.HasField("distance_meters")
    kept = await api.LocationService.GetLocation(Empty(), principal=owner.principal)
    assert (kept.latitude, kept.longitude) == ("33.589886", "-7.603869")
    assert kept.HasField("timestamp")


async def test_the_last_report_counts_and_says_whether_it_is_on_site(api: Api, owner: Owner) -> None:
    await set_place(api, owner, radius="50")
    here = await report(api, owner.principal, *HERE)
    assert (here.within_geofence, here.distance_meters) == (True, 0.0)
    there = await report(api, owner.principal, 33.6, HERE[1])
    assert not there.within_geofence
    assert there.distance_meters > 1000
    kept = await api.LocationService.GetLocation(Empty(), principal=owner.principal)
    assert kept.latitude == "33.600000"


async def test_a_fence_that_is_off_says_nothing(api: Api, owner: Owner) -> None:
    await set_place(api, owner, geofence_enabled=False)
    answer = await report(api, owner.principal, *HERE)
    assert not answer.HasField("within_geofence")


@pytest.mark.parametrize("sent", [{}, {"longitude": 1.0}, {"latitude": 0.0, "longitude": 0.0}])
async def test_a_report_needs_both_coordinates(api: Api, owner: Owner, sent: dict[str, float]) -> None:
    with pytest.raises(RemoteRefusal) as refused:
        await api.LocationService.UpdateLocation(location_pb2.UpdateLocationRequest(**sent), principal=owner.principal)
    assert str(refused.value) == "latitude and longitude required"


async def test_a_profile_that_begins_with_a_position_keeps_it_when_it_is_filled_in(api: Api, owner: Owner) -> None:
    await report(api, owner.principal, *HERE)
    await api.AuthService.UpdateMe(
        auth_pb2.UpdateMeRequest(
            profile=account_pb2.ProfileChange(department="Kitchen"), update_mask=FieldMask(paths=["profile"])
        ),
        principal=owner.principal,
    )
    assert (await api.LocationService.GetLocation(Empty(), principal=owner.principal)).latitude == "33.589886"


@pytest.mark.parametrize("role", ["WAITER", "MANAGER"])
async def test_only_administrators_see_where_people_are(api: Api, owner: Owner, role: str) -> None:
    with pytest.raises(RemoteRefusal) as refused:
        await staff(api, owner.colleague(role))
    assert refused.value.code == "permission_denied"


async def test_everybody_of_the_restaurant_is_listed_and_nobody_else(api: Api, owner: Owner) -> None:
    other = await register(api, f"l{uuid4().hex[:10]}")
    await report(api, owner.principal, *HERE)
    await report(api, other.principal, *HERE)
    listed = await staff(api, owner.colleague("ADMIN"))
    assert [row.user_id for row in listed.results] == [owner.user.id]
    assert listed.results[0].last_location_latitude == "33.589886"
    assert listed.results[0].hourly_rate == "0.00"


async def test_records_are_for_those_who_may_see_them(api: Api, owner: Owner) -> None:
    await report(api, owner.principal, *HERE)
    locator = Principal(
        kind="USER",
        subject=str(uuid4()),
        restaurant_id=owner.restaurant_id,
        permissions=frozenset({"staff.locate"}),
    )
    (row,) = (await staff(api, locator)).results
    assert row.HasField("last_location_latitude")
    assert not row.HasField("hourly_rate")
    assert not row.HasField("notes")


async def test_a_list_costs_the_same_however_long(api: Api, identity: RunningService, owner: Owner) -> None:
    with identity.statements() as for_one:
        await staff(api, owner.principal)
    identity.run(hire(identity, owner.restaurant_id, 99))
    with identity.statements() as for_many:
        await staff(api, owner.principal)
    assert for_many == for_one != []
    page = await staff(api, owner.principal, page=2, page_size=60)
    assert (page.count, len(page.results)) == (100, 40)


async def hire(identity: RunningService, restaurant_id: UUID, number: int) -> None:
    async with identity.service.core.database.write(SYSTEM) as session:
        session.add_all(
            User(restaurant_id=restaurant_id, email=f"{uuid4().hex}@example.com", role="WAITER", first_name=f"W{n}")
            for n in range(number)
        )
