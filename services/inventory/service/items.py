"""The items of the stock."""

from collections.abc import Iterable
from datetime import UTC
from decimal import Decimal
from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.inventory.v1 import item_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SessionReader
from servicekit.paging import Page, page_of
from servicekit.patch import changes_of, values_of
from services.inventory.commands import items as commands
from services.inventory.domain.holding import conversions_of
from services.inventory.domain.ordering import Short, suggest
from services.inventory.domain.units import Conversion
from services.inventory.queries import items as queries
from services.inventory.service.convert import (
    entry_message,
    item_message,
    number,
    price_message,
    supplier_info,
    text_or_none,
)

NULLABLE = ("reorder_level", "min_stock_level", "par_level", "supplier", "last_restock_date")
CHANGEABLE = (
    "name",
    "description",
    "category",
    "unit",
    "current_stock",
    "cost_per_unit",
    "is_active",
    "conversions",
    *NULLABLE,
)


class ItemService:
    """Implements mizan.inventory.v1.ItemService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ListItems(self, request: item_pb2.ListItemsRequest, call: Call) -> item_pb2.ListItemsResponse:
        wanted = values_of(request)
        count, rows, suppliers = await queries.page_of_items(
            call.read(),
            call.principal.tenant,
            _page(request),
            search=wanted.get("search"),
            category=wanted.get("category"),
            state=wanted.get("stock_state"),
        )
        known = {row.supplier_id: supplier_info(row) for row in suppliers}
        return item_pb2.ListItemsResponse(
            count=count, results=[item_message(row, known.get(row.item_supplier_id)) for row in rows]
        )

    async def CreateItem(self, request: item_pb2.CreateItemRequest, call: Call) -> item_pb2.Item:
        principal = call.principal
        session = await call.session()
        item_id = await commands.create_item(
            session,
            principal.tenant,
            principal.user_id,
            values_of(request, without=("conversions",)),
            _conversions(request.conversions),
            self._clock.now(),
        )
        call.notes.entity_id = str(item_id)
        return _complete(await queries.item(SessionReader(session), principal.tenant, item_id))

    async def GetItem(self, request: item_pb2.GetItemRequest, call: Call) -> item_pb2.Item:
        return _complete(await queries.item(call.read(), call.principal.tenant, UUID(request.id)))

    async def UpdateItem(self, request: item_pb2.UpdateItemRequest, call: Call) -> item_pb2.Item:
        principal = call.principal
        item_id = UUID(request.id)
        changes = changes_of(request, CHANGEABLE, nullable=NULLABLE)
        if "conversions" in changes:
            changes["conversions"] = _conversions(request.conversions)
        read_at = request.updated_at.ToDatetime(tzinfo=UTC) if request.HasField("updated_at") else None
        session = await call.session()
        await commands.change_item(
            session, principal.tenant, principal.user_id, item_id, changes, self._clock.now(), read_at=read_at
        )
        return _complete(await queries.item(SessionReader(session), principal.tenant, item_id))

    async def DeleteItem(self, request: item_pb2.DeleteItemRequest, call: Call) -> Empty:
        name = await commands.retire_item(await call.session(), call.principal.tenant, UUID(request.id))
        call.notes.description = f"Took {name} out of use"
        return Empty()

    async def ListItemEntries(
        self, request: item_pb2.ListItemEntriesRequest, call: Call
    ) -> item_pb2.ListItemEntriesResponse:
        count, rows = await queries.entries(call.read(), call.principal.tenant, UUID(request.id), page_of(request))
        return item_pb2.ListItemEntriesResponse(count=count, results=[entry_message(row) for row in rows])

    async def ListItemPrices(
        self, request: item_pb2.ListItemPricesRequest, call: Call
    ) -> item_pb2.ListItemPricesResponse:
        count, rows = await queries.prices(call.read(), call.principal.tenant, UUID(request.id), page_of(request))
        return item_pb2.ListItemPricesResponse(count=count, results=[price_message(row) for row in rows])

    async def SuggestOrders(
        self, _request: item_pb2.SuggestOrdersRequest, call: Call
    ) -> item_pb2.SuggestOrdersResponse:
        rows, coming = await queries.short_items(call.read(), call.principal.tenant)
        on_order: dict[UUID, list[tuple[Decimal, str]]] = {}
        for line in coming:
            on_order.setdefault(line.item_id, []).append((line.quantity - line.received_quantity, line.unit))
        answer = item_pb2.SuggestOrdersResponse()
        for row in rows:
            short = Short(
                row.stock_quantity, row.item_unit, row.reorder_level, row.par_level, conversions_of(row.conversions)
            )
            expected, quantity = suggest(short, on_order.get(row.item_id, ()))
            if quantity <= 0:
                continue
            answer.results.add(
                inventory_item=str(row.item_id),
                name=row.item_name,
                unit=row.item_unit,
                current_stock=number(row.stock_quantity, 3),
                on_order=number(expected, 3),
                reorder_level=number(row.reorder_level, 3),
                suggested_quantity=number(quantity, 3),
                estimated_cost=number(quantity * row.unit_cost, 2),
                supplier=text_or_none(row.supplier_id),
                supplier_name=row.supplier_name,
            )
        return answer


def _complete(row: Any) -> item_pb2.Item:
    return item_message(row, supplier_info(row) if row.supplier_id is not None else None)


def _page(request: item_pb2.ListItemsRequest) -> Page:
    """The page that is asked for; everything otherwise, since screens filter the whole list themselves."""
    if request.HasField("page") or request.HasField("page_size"):
        return page_of(request)
    return queries.EVERYTHING


def _conversions(messages: Iterable[item_pb2.UnitConversion]) -> list[Conversion]:
    return [Conversion(one.unit.strip(), Decimal(one.quantity), one.of_unit.strip()) for one in messages]
