"""What every changing method gets from the runtime: one transaction, an audit entry, answers that can be replayed."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from google.protobuf.field_mask_pb2 import FieldMask

from mizan.identity.v1 import account_pb2, auth_pb2, device_pb2
from servicekit.db import SYSTEM, Query
from servicekit.grpc_client import RemoteRefusal
from servicekit.testing.service import Api, RunningService
from services.identity.models import AuditEntry, User
from services.identity.tests.conftest import Owner, register

VERSION = Query(sa.select(User.version).where(User.id == sa.bindparam("id", type_=sa.Uuid)))
ENTRIES = Query(
    sa.select(AuditEntry.__table__)
    .where(AuditEntry.restaurant_id == sa.bindparam("restaurant_id", type_=sa.Uuid))
    .order_by(AuditEntry.occurred_at)
)


def rename(owner: Owner, name: str, api: Api, key: str = "") -> Any:
    return api.AuthService.UpdateMe(
        auth_pb2.UpdateMeRequest(first_name=name, update_mask=FieldMask(paths=["first_name"])),
        principal=owner.principal,
        idempotency_key=key,
    )


def version(identity: RunningService, owner: Owner) -> int:
    read = identity.service.core.database.read(SYSTEM)
    found: int = identity.run(read.scalar(VERSION, id=owner.principal.user_id))
    return found


async def entries(identity: RunningService, owner: Owner, expected: int) -> Any:
    """The audit trail of a restaurant, once it has come round through NATS."""
    async with asyncio.timeout(15):
        while True:
            read = identity.service.core.database.read(SYSTEM)
            found = identity.run(read.all(ENTRIES, restaurant_id=owner.restaurant_id))
            if len(found) >= expected:
                assert len(found) == expected
                return found
            await asyncio.sleep(0.02)


@pytest.fixture
async def owner(api: Api) -> Owner:
    return await register(api, f"u{uuid4().hex[:10]}")


async def test_the_same_key_and_request_act_once_and_answer_the_same(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    before = version(identity, owner)
    key = uuid4().hex
    first = await rename(owner, "Salma", api, key)
    again = await rename(owner, "Salma", api, key)
    assert again == first
    assert version(identity, owner) == before + 1


async def test_the_same_key_with_another_request_is_refused(api: Api, owner: Owner) -> None:
    key = uuid4().hex
    await rename(owner, "Salma", api, key)
    with pytest.raises(RemoteRefusal) as refused:
        await rename(owner, "Hind", api, key)
    assert refused.value.http_status == 422


async def test_the_key_of_one_person_means_nothing_for_another(api: Api, owner: Owner) -> None:
    key = uuid4().hex
    other = await register(api, f"u{uuid4().hex[:10]}")
    await rename(owner, "Salma", api, key)
    renamed: account_pb2.User = await rename(other, "Salma", api, key)
    assert renamed.id == other.user.id


async def test_requests_at_once_under_one_key_act_once(api: Api, identity: RunningService, owner: Owner) -> None:
    before = version(identity, owner)
    key = uuid4().hex
    answers = await asyncio.gather(*(rename(owner, "Salma", api, key) for _ in range(8)))
    assert len({answer.SerializeToString(deterministic=True) for answer in answers}) == 1
    assert version(identity, owner) == before + 1


async def test_a_refused_request_gives_its_key_back(api: Api, owner: Owner) -> None:
    key = uuid4().hex
    taken = await register(api, f"u{uuid4().hex[:10]}")

    def move_to(email: str) -> Any:
        request = auth_pb2.UpdateMeRequest(email=email, update_mask=FieldMask(paths=["email"]))
        return api.AuthService.UpdateMe(request, principal=owner.principal, idempotency_key=key)

    with pytest.raises(RemoteRefusal):
        await move_to(taken.user.email)
    moved = await move_to(f"free-{uuid4().hex[:8]}@example.com")
    assert moved.email.startswith("free-")


async def test_every_change_leaves_one_audit_entry_without_secrets(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    (created,) = await entries(identity, owner, 1)
    assert (created.action, created.entity_type) == ("CREATE", "Restaurant")
    assert created.user_id == owner.principal.user_id
    assert "password" not in str(created.new_values)
    await rename(owner, "Salma", api)
    newest = (await entries(identity, owner, 2))[-1]
    assert (newest.action, newest.new_values["first_name"]) == ("UPDATE", "Salma")
    assert newest.service == "identity"


async def test_a_repeated_request_whose_answer_held_a_secret_acts_once(api: Api, owner: Owner) -> None:
    key = uuid4().hex

    def pair() -> Any:
        request = device_pb2.PairDeviceRequest(name="Door")
        return api.DeviceService.PairDevice(request, principal=owner.principal, idempotency_key=key)

    await pair()
    with pytest.raises(RemoteRefusal) as refused:
        await pair()
    assert refused.value.code == "answer_not_kept"
    paired = await api.DeviceService.ListDevices(device_pb2.ListDevicesRequest(), principal=owner.principal)
    assert len(paired.results) == 1
