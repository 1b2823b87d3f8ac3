"""The till system in the settings: its credentials for pos alone, and its connection as pos describes it."""

from collections.abc import Awaitable
from uuid import uuid4

import pytest
from google.protobuf.empty_pb2 import Empty

from mizan.identity.v1 import pos_credentials_pb2, settings_pb2
from mizan.pos.events.v1 import events_pb2 as pos
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import service_principal
from servicekit.testing.events import Bus, handled
from servicekit.testing.service import Api, RunningService
from services.identity.tests.conftest import GATEWAY, Owner, register

ASKS = service_principal("gateway", "access.pos_credentials")


async def refusal(asked: Awaitable[object]) -> RemoteRefusal:
    with pytest.raises(RemoteRefusal) as refused:
        await asked
    return refused.value


async def choose(api: Api, owner: Owner, provider: str, key: str = "sesame") -> None:
    request = settings_pb2.SetPosIntegrationRequest(pos_provider=provider, pos_merchant_id="M1", pos_api_key=key)
    await api.SettingsService.SetPosIntegration(request, principal=owner.principal)


async def test_the_key_goes_to_the_service_that_uses_it_and_to_nobody_else(api: Api) -> None:
    owner = await register(api, "till")
    request = pos_credentials_pb2.GetPosCredentialsRequest(restaurant_id=owner.restaurant.id)
    nothing = await api.PosCredentialService.GetPosCredentials(request, principal=ASKS)
    assert (nothing.provider, nothing.api_key) == ("NONE", "")
    await choose(api, owner, "TOAST")
    found = await api.PosCredentialService.GetPosCredentials(request, principal=ASKS)
    assert (found.provider, found.merchant_id, found.api_key) == ("TOAST", "M1", "sesame")
    for principal in (owner.principal, GATEWAY):
        refused = await refusal(api.PosCredentialService.GetPosCredentials(request, principal=principal))
        assert refused.code == "permission_denied"
    unknown = pos_credentials_pb2.GetPosCredentialsRequest(restaurant_id=str(uuid4()))
    assert (await refusal(api.PosCredentialService.GetPosCredentials(unknown, principal=ASKS))).code == "not_found"


async def test_the_settings_show_the_newest_state_of_the_connection(
    identity: RunningService, api: Api, bus: Bus
) -> None:
    owner = await register(api, "states")

    async def tell(version: int, provider: str, *, connected: bool, status: str) -> None:
        event = pos.ProviderChanged(
            restaurant_id=owner.restaurant.id,
            provider=provider,
            is_connected=connected,
            sync_status=status,
            merchant_id="M9",
            orders_synced=version,
            version=version,
        )
        await handled(identity, "identity-till", await bus.publish(event, restaurant_id=owner.restaurant_id))

    async def shown() -> tuple[str, int]:
        found = await api.SettingsService.GetPosIntegration(Empty(), principal=owner.principal)
        return found.sync_status, found.total_transactions_synced

    await tell(3, "SQUARE", connected=True, status="CONNECTED")
    assert await shown() == ("CONNECTED", 3)
    settings = await api.SettingsService.GetUnifiedSettings(Empty(), principal=owner.principal)
    assert (settings.pos_provider, settings.pos_merchant_id, settings.pos_is_connected) == ("SQUARE", "M9", True)
    await tell(2, "SQUARE", connected=False, status="ERROR")
    assert await shown() == ("CONNECTED", 3)
    await choose(api, owner, "CLOVER")
    await tell(4, "SQUARE", connected=False, status="DISCONNECTED")
    settings = await api.SettingsService.GetUnifiedSettings(Empty(), principal=owner.principal)
    assert settings.pos_provider == "CLOVER"
