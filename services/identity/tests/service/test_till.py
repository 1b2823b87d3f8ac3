"""The till: its credentials for pos alone, its connection as pos describes it, and its part of the audit trail."""

import json
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.empty_pb2 import Empty

from mizan.identity.v1 import pos_credentials_pb2, pos_transaction_pb2, settings_pb2
from mizan.pos.events.v1 import events_pb2 as pos
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import service_principal
from servicekit.testing.events import Bus, handled
from servicekit.testing.service import Api, RunningService
from services.identity.tests.conftest import GATEWAY, Owner, register
from services.identity.tests.service.test_audit import NOON, written

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


async def test_the_till_has_its_own_view_of_the_trail(api: Api, identity: RunningService) -> None:
    owner, other = await register(api, "seller"), await register(api, "rival")
    order, me, service = str(uuid4()), owner.principal.user_id, api.PosTransactionService
    at_the_till = {"service": "pos", "action": "ORDER_ACTION", "entity_type": "Order", "old_values": {}}
    about = {"order": order, "order_number": "ORD-1"}
    removed = {"transaction": {**about, "type": "ITEM_REMOVED", "amount": "12.500"}, "line_item_id": "l-1"}
    rows: list[dict[str, Any]] = [
        {**at_the_till, "new_values": {"transaction": {**about, "type": "ORDER_CREATED", "amount": "60.000"}}},
        {**at_the_till, "user_id": me, "occurred_at": NOON + timedelta(hours=1), "new_values": removed}
        | {"old_values": {"quantity": 2}},
        {**at_the_till, "new_values": {"status": "READY"}},
        {**at_the_till, "service": "billing", "new_values": removed},
    ]
    opened, taken_off, unnoted, elsewhere = map(str, written(identity, owner, rows))

    async def listed(**filters: Any) -> list[pos_transaction_pb2.PosTransaction]:
        request = pos_transaction_pb2.ListPosTransactionsRequest(**{"page": 1, "page_size": 50, **filters})
        answer = await service.ListPosTransactions(request, principal=owner.principal)
        assert answer.count == len(answer.results)
        return list(answer.results)

    async def one(entry: str, who: Owner = owner) -> pos_transaction_pb2.PosTransaction:
        request = pos_transaction_pb2.GetPosTransactionRequest(id=entry)
        return await service.GetPosTransaction(request, principal=who.principal)

    assert [found.id for found in await listed()] == [taken_off, opened]
    assert [found.id for found in await listed(transaction_type="ORDER_CREATED")] == [opened]
    assert await listed(transaction_type="DISCOUNT_APPLIED") == []
    found = await one(taken_off)
    assert (found.transaction_type, found.user, found.user_name) == ("ITEM_REMOVED", str(me), "Amina")
    assert (found.order, found.order_number, found.amount_involved) == (order, "ORD-1", "12.500")
    assert (json.loads(found.previous_value), json.loads(found.new_value)) == ({"quantity": 2}, {"line_item_id": "l-1"})
    assert not (await one(opened)).HasField("previous_value")
    for entry, who in ((unnoted, owner), (elsewhere, owner), (opened, other)):
        with pytest.raises(RemoteRefusal) as refused:
            await one(entry, who)
        assert refused.value.code == "not_found"
