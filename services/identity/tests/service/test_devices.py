"""Paired devices: PIN logins from them, and what unpairing ends."""

from uuid import UUID, uuid4

import grpc
import jwt
import pytest

from mizan.identity.v1 import access_pb2, auth_pb2, device_pb2
from servicekit.context import DEVICE, TOKEN
from servicekit.db import SYSTEM
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import TokenMinter, service_principal
from servicekit.testing.service import Api, RunningService, person
from services.identity.domain.permissions import standard_permissions
from services.identity.models import Device
from services.identity.tests.conftest import GATEWAY, PASSWORD, Owner, register
from tools.devkeys import DevKeys

PIN = "483920"
CLOCK = service_principal("gateway", "access.check_pin")


@pytest.fixture
async def owner(api: Api) -> Owner:
    return await register(api, f"d{uuid4().hex[:10]}")


async def pair(api: Api, owner: Owner, name: str = "Kitchen tablet") -> device_pb2.PairDeviceResponse:
    return await api.DeviceService.PairDevice(device_pb2.PairDeviceRequest(name=name), principal=owner.principal)


async def devices(api: Api, owner: Owner, **page: int) -> device_pb2.ListDevicesResponse:
    return await api.DeviceService.ListDevices(device_pb2.ListDevicesRequest(**page), principal=owner.principal)


async def register_with_pin(api: Api) -> Owner:
    email = f"{uuid4().hex[:10]}@example.com"
    answer = await api.AuthService.Register(
        auth_pb2.RegisterRequest(
            restaurant=auth_pb2.RestaurantSignUp(name="Dar Amina", email=email),
            user=auth_pb2.OwnerSignUp(email=email, password=PASSWORD, first_name="Amina", pin_code=PIN),
        )
    )
    principal = person(
        standard_permissions("SUPER_ADMIN"), restaurant_id=UUID(answer.restaurant.id), user_id=answer.user.id
    )
    return Owner(principal, answer.user, answer.restaurant, answer.tokens)


async def pin_login(identity: RunningService, device_token: str) -> auth_pb2.SessionOpened:
    """A PIN login as the gateway passes it on from a device that shows its token."""
    async with grpc.aio.insecure_channel(identity.target) as channel:
        call = channel.unary_unary(
            "/mizan.identity.v1.AuthService/PinLogin",
            request_serializer=auth_pb2.PinLoginRequest.SerializeToString,
            response_deserializer=auth_pb2.SessionOpened.FromString,
        )
        opened: auth_pb2.SessionOpened = await call(
            auth_pb2.PinLoginRequest(pin_code=PIN), metadata=((DEVICE, device_token),), timeout=10
        )
        return opened


async def test_the_token_is_shown_once(api: Api, owner: Owner) -> None:
    paired = await pair(api, owner)
    assert len(paired.device_token) >= 43
    (listed,) = (await devices(api, owner)).results
    assert (listed.id, listed.name) == (paired.id, "Kitchen tablet")
    assert (listed.paired_by, listed.paired_by_name) == (owner.user.id, f"Amina {owner.user.last_name}")
    assert not listed.HasField("last_seen_at")
    assert paired.device_token not in str(listed)


async def test_people_log_in_by_pin_alone_from_a_paired_device_until_it_is_unpaired(
    api: Api, identity: RunningService
) -> None:
    owner = await register_with_pin(api)
    paired = await pair(api, owner)
    opened = await pin_login(identity, paired.device_token)
    assert opened.user.id == owner.user.id
    (listed,) = (await devices(api, owner)).results
    assert listed.HasField("last_seen_at")

    await api.DeviceService.UnpairDevice(device_pb2.UnpairDeviceRequest(id=paired.id), principal=owner.principal)
    assert (await devices(api, owner)).count == 0
    with pytest.raises(grpc.aio.AioRpcError):
        await pin_login(identity, paired.device_token)
    session_id = jwt.decode(opened.tokens.access, options={"verify_signature": False})["sid"]
    with pytest.raises(RemoteRefusal) as over:
        await api.AccessService.ResolveSession(
            access_pb2.ResolveSessionRequest(session_id=session_id), principal=GATEWAY
        )
    assert over.value.code == "session_revoked"


async def test_a_device_of_another_restaurant_cannot_be_seen_or_unpaired(api: Api, owner: Owner) -> None:
    other = await register(api, f"d{uuid4().hex[:10]}")
    paired = await pair(api, owner)
    assert (await devices(api, other)).count == 0
    with pytest.raises(RemoteRefusal) as refused:
        await api.DeviceService.UnpairDevice(device_pb2.UnpairDeviceRequest(id=paired.id), principal=other.principal)
    assert refused.value.code == "not_found"
    assert (await devices(api, owner)).count == 1


async def test_a_device_is_unpaired_once(api: Api, owner: Owner) -> None:
    paired = await pair(api, owner)
    request = device_pb2.UnpairDeviceRequest(id=paired.id)
    await api.DeviceService.UnpairDevice(request, principal=owner.principal)
    with pytest.raises(RemoteRefusal) as again:
        await api.DeviceService.UnpairDevice(request, principal=owner.principal)
    assert again.value.code == "not_found"


async def test_staff_pair_nothing(api: Api, owner: Owner) -> None:
    with pytest.raises(RemoteRefusal) as refused:
        await api.DeviceService.PairDevice(
            device_pb2.PairDeviceRequest(name="Mine"), principal=owner.colleague("WAITER")
        )
    assert refused.value.code == "permission_denied"


async def test_a_list_costs_the_same_however_long_and_comes_in_pages(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    await pair(api, owner)
    with identity.statements() as for_one:
        await devices(api, owner)
    identity.run(fill(identity, owner, 99))
    with identity.statements() as for_many:
        everything = await devices(api, owner)
    assert for_many == for_one != []
    assert (everything.count, len(everything.results)) == (100, 100)
    second = await devices(api, owner, page=2, page_size=30)
    assert second.count == 100
    assert list(second.results) == everything.results[30:60]
    with pytest.raises(RemoteRefusal) as beyond:
        await devices(api, owner, page=5, page_size=30)
    assert str(beyond.value) == "Invalid page."


async def fill(identity: RunningService, owner: Owner, number: int) -> None:
    async with identity.service.core.database.write(SYSTEM) as session:
        session.add_all(
            Device(restaurant_id=owner.restaurant_id, name=f"Tablet {n}", token_digest=uuid4().bytes)
            for n in range(number)
        )


async def check_pin(
    identity: RunningService, keys: DevKeys, pin: str, restaurant_id: str = "", device: str = ""
) -> str:
    """Who has a PIN, as the time clock asks for the device that its own caller showed."""
    request = access_pb2.CheckPinRequest(pin_code=pin, restaurant_id=restaurant_id or None)
    token = TokenMinter.from_folder("gateway", keys.internal_keys).token_for(CLOCK)
    async with grpc.aio.insecure_channel(identity.target) as channel:
        call = channel.unary_unary(
            "/mizan.identity.v1.AccessService/CheckPin",
            request_serializer=access_pb2.CheckPinRequest.SerializeToString,
            response_deserializer=access_pb2.CheckPinResponse.FromString,
        )
        shown = ((DEVICE, device),) if device else ()
        answer = await call(request, metadata=((TOKEN, token), *shown), timeout=10)
    return str(answer.user_id)


async def test_a_clock_on_the_wall_learns_who_has_a_pin(identity: RunningService, api: Api, keys: DevKeys) -> None:
    owner = await register_with_pin(api)
    device = (await pair(api, owner)).device_token
    stranger = await register_with_pin(api)
    assert await check_pin(identity, keys, PIN, device=device) == owner.user.id
    assert await check_pin(identity, keys, PIN, owner.restaurant.id) == owner.user.id
    # The device of another restaurant says nothing.
    assert await check_pin(identity, keys, PIN, stranger.restaurant.id, device) == stranger.user.id
    for pin, restaurant_id in (("000000", owner.restaurant.id), (PIN, str(uuid4())), (PIN, "")):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await check_pin(identity, keys, pin, restaurant_id)
        expected = grpc.StatusCode.INVALID_ARGUMENT if restaurant_id else grpc.StatusCode.UNAUTHENTICATED
        assert refused.value.code() == expected


async def test_guessing_pins_at_a_clock_locks_it(identity: RunningService, api: Api, keys: DevKeys) -> None:
    owner = await register_with_pin(api)
    for guess in range(5):
        with pytest.raises(grpc.aio.AioRpcError):
            await check_pin(identity, keys, f"00000{guess}", owner.restaurant.id)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await check_pin(identity, keys, PIN, owner.restaurant.id)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
