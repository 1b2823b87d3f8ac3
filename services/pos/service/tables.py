"""The tables of the dining room."""

from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.pos.v1 import dining_table_pb2
from servicekit.call import Call
from servicekit.db import SessionReader
from servicekit.errors import Invalid
from servicekit.paging import Page, page_of
from servicekit.patch import changes_of, values_of
from services.pos.commands import tables as commands
from services.pos.queries import tables as queries
from services.pos.service.convert import staff_table_message, table_message
from services.pos.service.transactions import note

_FILTERS = ("status", "section", "is_active", "ordering")
_CHANGEABLE = ("table_number", "capacity", "status", "section", "is_active")
_STATUSES = {"OUT_OF_SERVICE": "MAINTENANCE"}


class DiningTableService:
    """Implements mizan.pos.v1.DiningTableService."""

    async def ListTables(
        self, request: dining_table_pb2.ListTablesRequest, call: Call
    ) -> dining_table_pb2.ListTablesResponse:
        count, rows = await self._page(request, call)
        return dining_table_pb2.ListTablesResponse(count=count, results=[table_message(row) for row in rows])

    async def ListStaffTables(
        self, request: dining_table_pb2.ListTablesRequest, call: Call
    ) -> dining_table_pb2.ListStaffTablesResponse:
        count, rows = await self._page(request, call)
        return dining_table_pb2.ListStaffTablesResponse(count=count, results=[staff_table_message(row) for row in rows])

    async def ListTablesNeedingCleaning(
        self, _request: Empty, call: Call
    ) -> dining_table_pb2.ListTablesNeedingCleaningResponse:
        _, rows = await queries.page_of_tables(
            call.read(), call.principal.tenant, Page(), status="NEEDS_CLEANING", is_active=True
        )
        return dining_table_pb2.ListTablesNeedingCleaningResponse(results=[staff_table_message(row) for row in rows])

    async def GetTable(self, request: dining_table_pb2.TableRequest, call: Call) -> dining_table_pb2.DiningTable:
        return table_message(await queries.table(call.read(), call.principal.tenant, UUID(request.id)))

    async def CreateTable(
        self, request: dining_table_pb2.CreateTableRequest, call: Call
    ) -> dining_table_pb2.DiningTable:
        made = await commands.create(await call.session(), call.principal.tenant, values_of(request))
        return table_message(await self._read(call, made))

    async def CreateStaffTable(
        self, request: dining_table_pb2.CreateStaffTableRequest, call: Call
    ) -> dining_table_pb2.StaffTable:
        text = request.number.strip()
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 500):
            raise Invalid.field("number", "Enter a number from 1 to 500.")
        values = {**values_of(request, without=("number",)), "table_number": int(text)}
        made = await commands.create(await call.session(), call.principal.tenant, values, field="number")
        return staff_table_message(await self._read(call, made))

    async def UpdateTable(
        self, request: dining_table_pb2.UpdateTableRequest, call: Call
    ) -> dining_table_pb2.DiningTable:
        changes = changes_of(request, _CHANGEABLE, nullable=("section",))
        await commands.change(await call.session(), call.principal.tenant, UUID(request.id), changes)
        return table_message(await self._read(call, UUID(request.id)))

    async def DeleteTable(self, request: dining_table_pb2.TableRequest, call: Call) -> Empty:
        await commands.delete(await call.session(), call.principal.tenant, UUID(request.id))
        return Empty()

    async def SetTableStatus(
        self, request: dining_table_pb2.SetTableStatusRequest, call: Call
    ) -> dining_table_pb2.DiningTable:
        return table_message(await self._set_status(request, call))

    async def SetStaffTableStatus(
        self, request: dining_table_pb2.SetStaffTableStatusRequest, call: Call
    ) -> dining_table_pb2.StaffTable:
        return staff_table_message(await self._set_status(request, call))

    async def AssignOrder(
        self, request: dining_table_pb2.AssignOrderRequest, call: Call
    ) -> dining_table_pb2.StaffTable:
        session = await call.session()
        order = await commands.seat(session, call.principal.tenant, UUID(request.id), UUID(request.order_id))
        note(call, request, "TABLE_ASSIGNED", order)
        return staff_table_message(await self._read(call, UUID(request.id)))

    async def ClearTable(self, request: dining_table_pb2.TableRequest, call: Call) -> dining_table_pb2.StaffTable:
        await commands.clear(await call.session(), call.principal.tenant, UUID(request.id))
        return staff_table_message(await self._read(call, UUID(request.id)))

    async def MarkTableClean(self, request: dining_table_pb2.TableRequest, call: Call) -> dining_table_pb2.StaffTable:
        await commands.mark_clean(await call.session(), call.principal.tenant, UUID(request.id))
        return staff_table_message(await self._read(call, UUID(request.id)))

    async def GetTableStatistics(self, _request: Empty, call: Call) -> dining_table_pb2.TableStatistics:
        counts = await queries.by_status(call.read(), call.principal.tenant)
        total, occupied = sum(counts.values()), counts.get("OCCUPIED", 0)
        return dining_table_pb2.TableStatistics(
            total_tables=total,
            available=counts.get("AVAILABLE", 0),
            occupied=occupied,
            reserved=counts.get("RESERVED", 0),
            maintenance=counts.get("MAINTENANCE", 0),
            needs_cleaning=counts.get("NEEDS_CLEANING", 0),
            occupancy_rate=str(occupied * 100 / total) if total else "0",
        )

    async def _page(self, request: dining_table_pb2.ListTablesRequest, call: Call) -> tuple[int, list[Any]]:
        given = values_of(request)
        filters = {name: given[name] for name in _FILTERS if name in given}
        return await queries.page_of_tables(call.read(), call.principal.tenant, page_of(request), **filters)

    async def _set_status(self, request: Any, call: Call) -> Any:
        status = _STATUSES.get(request.status, request.status)
        await commands.change(await call.session(), call.principal.tenant, UUID(request.id), {"status": status})
        return await self._read(call, UUID(request.id))

    async def _read(self, call: Call, table_id: UUID) -> Any:
        return await queries.table(SessionReader(await call.session()), call.principal.tenant, table_id)
