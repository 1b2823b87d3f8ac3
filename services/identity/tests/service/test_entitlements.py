"""What a restaurant's plan does not contain is refused, from a copy that billing need not be asked for."""

from uuid import uuid4

import pytest

from entitlements.testing import entitlement_event
from mizan.identity.v1 import api_key_pb2
from servicekit.grpc_client import RemoteRefusal
from servicekit.testing.events import Bus, handled
from servicekit.testing.service import Api, RunningService
from services.identity.tests.conftest import Owner, register

CONSUMER = "identity-entitlements"


async def make_key(api: Api, owner: Owner, kind: str, scope: str) -> api_key_pb2.CreateApiKeyResponse:
    request = api_key_pb2.CreateApiKeyRequest(name="Accounting", kind=kind, scopes=[scope])
    return await api.ApiKeyService.CreateApiKey(request, principal=owner.principal)


async def test_keys_for_integrators_need_a_plan_that_has_them(identity: RunningService, api: Api, bus: Bus) -> None:
    owner = await register(api, f"e{uuid4().hex[:10]}")
    restaurant_id = owner.restaurant_id
    # Nothing is known of a restaurant that billing has not spoken of, and it may do everything.
    kept = await make_key(api, owner, "INTEGRATION", "menu.view")

    unpaid = entitlement_event(restaurant_id, 2, reason="unpaid")
    await handled(identity, CONSUMER, await bus.publish(unpaid, restaurant_id=restaurant_id, version=2))
    with pytest.raises(RemoteRefusal) as refused:
        await make_key(api, owner, "INTEGRATION", "menu.view")
    assert refused.value.code == "not_in_plan"
    # What was made before stays, and the platform's own agent is no matter of plans.
    listed = await api.ApiKeyService.ListApiKeys(api_key_pb2.ListApiKeysRequest(), principal=owner.principal)
    assert [key.id for key in listed.results] == [kept.id]
    await make_key(api, owner, "AGENT", "agent.requests")

    older = entitlement_event(restaurant_id, 1, features=["api_access"])
    await handled(identity, CONSUMER, await bus.publish(older, restaurant_id=restaurant_id, version=1))
    with pytest.raises(RemoteRefusal):
        await make_key(api, owner, "INTEGRATION", "menu.view")

    paid = entitlement_event(restaurant_id, 3, features=["api_access"], plan="pro", reason="subscribed")
    await handled(identity, CONSUMER, await bus.publish(paid, restaurant_id=restaurant_id, version=3))
    await make_key(api, owner, "INTEGRATION", "menu.view")
