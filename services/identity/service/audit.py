"""The audit trail."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from google.api import httpbody_pb2
from google.protobuf import any_pb2

from mizan.identity.v1 import audit_pb2
from mizan.options.v1 import files_pb2
from servicekit import spreadsheet
from servicekit.call import Call
from servicekit.clock import Clock, local_date
from servicekit.paging import page_of
from services.identity.domain import audit_export
from services.identity.queries import audit as queries
from services.identity.queries.restaurants import time_zone

MAX_EXPORTED = 100_000


class AuditService:
    """Implements mizan.identity.v1.AuditService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ListAuditEntries(
        self, request: audit_pb2.ListAuditEntriesRequest, call: Call
    ) -> audit_pb2.ListAuditEntriesResponse:
        filters = queries.filters_of(request, call.principal.tenant, await self._zone(call))
        count, rows = await queries.entries(call.read(), filters, page_of(request))
        return audit_pb2.ListAuditEntriesResponse(count=count, results=[_message(row) for row in rows])

    async def GetAuditEntry(self, request: audit_pb2.GetAuditEntryRequest, call: Call) -> audit_pb2.AuditEntry:
        return _message(await queries.entry(call.read(), call.principal.tenant, UUID(request.id)))

    async def ExportAuditEntries(
        self, request: audit_pb2.ExportAuditEntriesRequest, call: Call
    ) -> AsyncIterator[httpbody_pb2.HttpBody]:
        zone = await self._zone(call)
        filters = queries.filters_of(request, call.principal.tenant, zone)
        name = f"audit-trail-{local_date(self._clock.now(), zone).isoformat()}.csv"
        return _csv(name, queries.all_entries(call.read(), filters, MAX_EXPORTED))

    async def _zone(self, call: Call) -> str:
        return await time_zone(call.read(), call.principal.tenant)

    async def RecordClientEvent(
        self, request: audit_pb2.RecordClientEventRequest, call: Call
    ) -> audit_pb2.RecordedResponse:
        await call.session()
        call.notes.entity_id = request.execution_id
        call.notes.description = f"{request.event_type} {request.status}: {request.message}".rstrip(": ")
        return audit_pb2.RecordedResponse(status="recorded")

    async def RecordAdminAction(
        self, request: audit_pb2.RecordAdminActionRequest, call: Call
    ) -> audit_pb2.RecordedResponse:
        await call.session()
        call.notes.entity_id = request.task_id
        call.notes.description = f"{request.action}: {request.message}".rstrip(": ")
        return audit_pb2.RecordedResponse(status="recorded")


async def _csv(name: str, batches: AsyncIterator[Any]) -> AsyncIterator[httpbody_pb2.HttpBody]:
    disposition = any_pb2.Any()
    disposition.Pack(files_pb2.Disposition(filename=name))
    header = spreadsheet.BYTE_ORDER_MARK + spreadsheet.lines([audit_export.HEADER])
    yield httpbody_pb2.HttpBody(content_type="text/csv; charset=utf-8", data=header.encode(), extensions=[disposition])
    async for rows in batches:
        yield httpbody_pb2.HttpBody(data=spreadsheet.lines(map(_cells, rows)).encode())


def _cells(row: Any) -> tuple[Any, ...]:
    return (
        row.occurred_at.isoformat(),
        row.actor,
        row.user_id,
        row.action,
        row.entity_type,
        row.entity_id,
        row.description,
        row.old_values,
        row.new_values,
        row.ip_address,
        row.service,
        row.request_id,
    )


def _message(row: Any) -> audit_pb2.AuditEntry:
    message = audit_pb2.AuditEntry(
        id=str(row.id),
        user=None if row.user_id is None else str(row.user_id),
        actor=row.actor,
        action=row.action,
        entity_type=row.entity_type,
        entity_id=row.entity_id,
        description=row.description,
        old_values=row.old_values,
        new_values=row.new_values,
        ip_address=row.ip_address,
        user_agent=row.user_agent,
        request_id=row.request_id,
        service=row.service,
    )
    message.timestamp.FromDatetime(row.occurred_at)
    return message
