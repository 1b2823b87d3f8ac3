"""What the tests of the stock share: items, and what the ledger says of them."""

from decimal import Decimal
from typing import Any

from mizan.inventory.v1 import item_pb2
from servicekit.identity import Principal
from servicekit.testing.service import Api


async def item(api: Api, principal: Principal, name: str = "Flour", unit: str = "kg", **fields: Any) -> item_pb2.Item:
    request = item_pb2.CreateItemRequest(name=name, unit=unit, **fields)
    created: item_pb2.Item = await api.ItemService.CreateItem(request, principal=principal)
    return created


async def read(api: Api, principal: Principal, item_id: str) -> item_pb2.Item:
    found: item_pb2.Item = await api.ItemService.GetItem(item_pb2.GetItemRequest(id=item_id), principal=principal)
    return found


async def entries(api: Api, principal: Principal, item_id: str) -> list[item_pb2.StockEntry]:
    """The item's ledger, the oldest entry first; fails unless the entries add up to each balance they show."""
    request = item_pb2.ListItemEntriesRequest(id=item_id)
    answer = await api.ItemService.ListItemEntries(request, principal=principal)
    ledger = list(reversed(answer.results))
    quantity = value = Decimal(0)
    for number, entry in enumerate(ledger, start=1):
        quantity += Decimal(entry.quantity)
        value += Decimal(entry.value)
        assert entry.number == number
        assert (Decimal(entry.balance_quantity), Decimal(entry.balance_value)) == (quantity, value)
    return ledger


async def kinds(api: Api, principal: Principal, item_id: str) -> list[tuple[str, Decimal]]:
    return [(entry.kind, Decimal(entry.quantity)) for entry in await entries(api, principal, item_id)]
