"""Keys of agents and integrators."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from mizan.identity.events.v1 import events_pb2 as facts
from mizan.identity.v1 import access_pb2, api_key_pb2
from mizan.options.v1 import options_pb2
from servicekit.db import SYSTEM
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import Principal
from servicekit.testing.clock import MovableClock
from servicekit.testing.service import Api, RunningService, person
from services.identity.domain.permissions import standard_permissions
from services.identity.models import ApiKey
from services.identity.tests.conftest import GATEWAY, Owner, register
from services.identity.tests.published import published


@pytest.fixture
async def owner(api: Api) -> Owner:
    return await register(api, f"k{uuid4().hex[:10]}")


async def create(
    api: Api,
    principal: Principal,
    scopes: tuple[str, ...] = ("menu.view", "order.view"),
    kind: str = "INTEGRATION",
    expires_at: datetime | None = None,
) -> api_key_pb2.CreateApiKeyResponse:
    request = api_key_pb2.CreateApiKeyRequest(name="Accounting", kind=kind, scopes=scopes)
    if expires_at is not None:
        request.expires_at.FromDatetime(expires_at)
    return await api.ApiKeyService.CreateApiKey(request, principal=principal)


async def listed(api: Api, owner: Owner, **page: int) -> api_key_pb2.ListApiKeysResponse:
    return await api.ApiKeyService.ListApiKeys(api_key_pb2.ListApiKeysRequest(**page), principal=owner.principal)


async def resolve(api: Api, key: str) -> access_pb2.ResolvedPrincipal:
    answer = await api.AccessService.ResolveApiKey(access_pb2.ResolveApiKeyRequest(api_key=key), principal=GATEWAY)
    return answer.principal


async def test_a_key_is_shown_once_and_opens_what_it_was_made_for(api: Api, owner: Owner) -> None:
    created = await create(api, owner.principal)
    assert created.key.startswith("mzk_")
    assert created.key.startswith(created.prefix)
    resolved = await resolve(api, created.key)
    assert (resolved.kind, resolved.subject) == (options_pb2.CALLER_KIND_INTEGRATION, created.id)
    assert (resolved.restaurant_id, list(resolved.permissions)) == (owner.restaurant.id, ["menu.view", "order.view"])
    (shown,) = (await listed(api, owner)).results
    assert (shown.id, shown.prefix, shown.created_by) == (created.id, created.prefix, owner.user.id)
    assert created.key not in str(shown)


async def test_an_agents_key_holds_agent_scopes(api: Api, owner: Owner) -> None:
    created = await create(api, owner.principal, ("agent.requests", "agent.requests"), "AGENT")
    assert list(created.scopes) == ["agent.requests"]
    assert (await resolve(api, created.key)).kind == options_pb2.CALLER_KIND_AGENT


@pytest.mark.parametrize("scope", ["billing.manage", "agent.requests", "no.such.thing"])
async def test_nobody_grants_what_they_lack(api: Api, owner: Owner, scope: str) -> None:
    rights = standard_permissions("ADMIN") - {"billing.manage"}
    admin = person(rights, restaurant_id=owner.restaurant_id, role="ADMIN", user_id=owner.user.id)
    with pytest.raises(RemoteRefusal) as refused:
        await create(api, admin, (scope,))
    assert list(refused.value.fields) == ["scopes"]
    assert (await listed(api, owner)).count == 0


async def test_managers_make_no_keys(api: Api, owner: Owner) -> None:
    with pytest.raises(RemoteRefusal) as refused:
        await create(api, owner.colleague("MANAGER"))
    assert refused.value.code == "permission_denied"


async def test_a_revoked_key_opens_nothing_and_everybody_is_told(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    created = await create(api, owner.principal)
    request = api_key_pb2.RevokeApiKeyRequest(id=created.id)
    await api.ApiKeyService.RevokeApiKey(request, principal=owner.principal)
    with pytest.raises(RemoteRefusal) as useless:
        await resolve(api, created.key)
    assert useless.value.code == "api_key_not_valid"
    (event,) = await published(identity, facts.ApiKeyRevoked, owner.restaurant_id, 1)
    assert event.api_key_id == created.id
    assert (await listed(api, owner)).count == 0
    with pytest.raises(RemoteRefusal) as again:
        await api.ApiKeyService.RevokeApiKey(request, principal=owner.principal)
    assert again.value.code == "not_found"


async def test_a_key_of_another_restaurant_cannot_be_seen_or_revoked(api: Api, owner: Owner) -> None:
    other = await register(api, f"k{uuid4().hex[:10]}")
    created = await create(api, owner.principal)
    assert (await listed(api, other)).count == 0
    with pytest.raises(RemoteRefusal) as refused:
        await api.ApiKeyService.RevokeApiKey(api_key_pb2.RevokeApiKeyRequest(id=created.id), principal=other.principal)
    assert refused.value.code == "not_found"
    assert (await resolve(api, created.key)).subject == created.id


async def test_a_key_ends_when_it_was_said_to(api: Api, owner: Owner, clock: MovableClock) -> None:
    with pytest.raises(RemoteRefusal) as past:
        await create(api, owner.principal, expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert list(past.value.fields) == ["expires_at"]
    created = await create(api, owner.principal, expires_at=clock.now() + timedelta(days=1))
    assert created.expires_at != Timestamp()
    assert (await resolve(api, created.key)).subject == created.id
    clock.advance(timedelta(days=2))
    with pytest.raises(RemoteRefusal):
        await resolve(api, created.key)
    assert [key.is_expired for key in (await listed(api, owner)).results] == [True]


async def test_a_list_costs_the_same_however_long(api: Api, identity: RunningService, owner: Owner) -> None:
    await create(api, owner.principal)
    with identity.statements() as for_one:
        await listed(api, owner)
    identity.run(fill(identity, owner, 99))
    with identity.statements() as for_many:
        await listed(api, owner)
    assert for_many == for_one != []
    page = await listed(api, owner, page=4, page_size=30)
    assert (page.count, len(page.results)) == (100, 10)


async def fill(identity: RunningService, owner: Owner, number: int) -> None:
    async with identity.service.core.database.write(SYSTEM) as session:
        session.add_all(
            ApiKey(
                restaurant_id=owner.restaurant_id,
                name=f"Key {n}",
                kind="AGENT",
                prefix="mzk_",
                digest=uuid4().bytes,
                scopes=["agent.staff"],
            )
            for n in range(number)
        )
