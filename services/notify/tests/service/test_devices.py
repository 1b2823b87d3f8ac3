"""Push tokens: one's own, moved with the device, forgotten when the provider says so."""

from uuid import uuid4

import pytest

from mizan.identity.events.v1 import events_pb2 as identity
from mizan.notify.v1 import device_token_pb2 as pb
from refdata.testing import staff_event
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import Principal
from servicekit.testing.events import handled
from servicekit.testing.service import Api
from services.notify.tests.conftest import waiter
from services.notify.tests.facts import published_week
from services.notify.tests.town import Town


async def register(api: Api, principal: Principal, token: str, kind: str = "") -> pb.RegisterDeviceTokenResponse:
    request = pb.RegisterDeviceTokenRequest(token=token, device_type=kind)
    return await api.DeviceTokenService.RegisterDeviceToken(request, principal=principal)


async def tokens(api: Api, principal: Principal) -> list[str]:
    answer = await api.DeviceTokenService.ListDeviceTokens(pb.ListDeviceTokensRequest(), principal=principal)
    assert answer.success
    return [one.token for one in answer.tokens]


async def test_a_token_moves_with_its_device_even_to_another_restaurant(api: Api) -> None:
    token = f"t-{uuid4()}"
    first, second = waiter(uuid4()), waiter(uuid4())
    made = await register(api, first, token)
    assert (made.created, made.token_id > 0) == (True, True)
    assert (await register(api, first, token)).created is False
    moved = await register(api, second, token)
    assert (moved.created, moved.token_id) == (False, made.token_id)
    assert (await tokens(api, first), await tokens(api, second)) == ([], [token])


async def test_a_new_token_retires_the_older_ones_of_its_type(api: Api) -> None:
    amina = waiter(uuid4())
    for token, kind in (("a", ""), ("b", "ANDROID"), ("c", "WEB"), ("d", "IOS")):
        await register(api, amina, f"{token}-{amina.subject}", kind)
    assert {token[0] for token in await tokens(api, amina)} == {"b", "c", "d"}


async def test_unregistering_touches_only_ones_own(api: Api) -> None:
    amina, other = waiter(uuid4()), waiter(uuid4())
    token = f"t-{uuid4()}"
    await register(api, amina, token)
    request = pb.UnregisterDeviceTokenRequest(token=token)
    unknown = await api.DeviceTokenService.UnregisterDeviceToken(request, principal=other)
    assert (unknown.success, unknown.message) == (True, "Device token not found")
    assert await tokens(api, amina) == [token]
    assert (await api.DeviceTokenService.UnregisterDeviceToken(request, principal=amina)).success
    assert await tokens(api, amina) == []
    for attempt in (
        register(api, amina, " "),
        api.DeviceTokenService.UnregisterDeviceToken(pb.UnregisterDeviceTokenRequest(), principal=amina),
    ):
        with pytest.raises(RemoteRefusal, match="Token is required"):
            await attempt


@pytest.mark.parametrize("fate", ["gone", "malformed"])
async def test_tokens_that_the_provider_does_not_know_are_forgotten(town: Town, api: Api, fate: str) -> None:
    place = await town.restaurant()
    amina = await town.person(place, device=False, whatsapp_enabled=False, email_enabled=False)
    me = waiter(place, amina.id)
    dead, alive = f"{fate}-{uuid4()}", f"alive-{uuid4()}"
    await register(api, me, dead, "IOS")
    await register(api, me, alive, "ANDROID")
    if fate == "gone":
        town.world.firebase.gone.add(dead)
    town.world.firebase.revoke()
    await town.happens(published_week(place, amina.id), place)
    assert await tokens(api, me) == [alive]
    assert town.deliveries(amina)["push"].state == "SENT"
    assert len(town.world.firebase.on(alive)) == 1


async def test_somebody_who_left_hears_nothing(town: Town, api: Api) -> None:
    place = await town.restaurant()
    amina = await town.person(place)
    left = staff_event(place, amina.id, "Amina", 2, identity.StaffDeactivated, is_active=False)
    event_id = await town.bus.publish(left, restaurant_id=place)
    for consumer in ("notify", "notify-refdata"):
        await handled(town.notify, consumer, event_id)
    assert await tokens(api, waiter(place, amina.id)) == []
    await town.happens(published_week(place, amina.id), place)
    assert town.received(amina) == {"whatsapp": 0, "push": 0, "email": 0}
