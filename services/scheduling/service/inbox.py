"""Checklists as things to decide."""

from datetime import date, time, timedelta
from typing import Any
from uuid import UUID

import refdata
from mizan.scheduling.v1 import inbox_pb2
from servicekit.call import Call
from servicekit.clock import Clock, timestamp_of
from servicekit.db import SessionReader
from servicekit.errors import Invalid
from servicekit.paging import page_of
from servicekit.zones import local_instant
from services.scheduling.commands import checklists as commands
from services.scheduling.queries import inbox as queries

DEFAULT_DAYS = timedelta(days=30)
DAY = timedelta(days=1)


class InboxService:
    """Implements mizan.scheduling.v1.InboxService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ListInbox(self, request: inbox_pb2.ListInboxRequest, call: Call) -> inbox_pb2.ListInboxResponse:
        reader, tenant = call.read(), call.principal.tenant
        zone = await refdata.time_zone(reader, tenant)
        last = date.fromisoformat(request.last_day) if request.last_day else self._clock.now().astimezone(zone).date()
        first = date.fromisoformat(request.first_day) if request.first_day else last - DEFAULT_DAYS
        if first > last:
            raise Invalid.field("to", "The period ends before it begins.")
        count, rows = await queries.page_of_items(
            reader,
            tenant,
            page_of(request),
            since=local_instant(first, time(), zone),
            until=local_instant(last + DAY, time(), zone),
            priority=request.priority or None,
            status=request.status or None,
        )
        return inbox_pb2.ListInboxResponse(count=count, results=[_message(row) for row in rows])

    async def ApproveInboxItem(self, request: inbox_pb2.DecideInboxItemRequest, call: Call) -> inbox_pb2.InboxItem:
        return await self._decide("APPROVED", request, call)

    async def RejectInboxItem(self, request: inbox_pb2.DecideInboxItemRequest, call: Call) -> inbox_pb2.InboxItem:
        return await self._decide("REJECTED", request, call)

    async def _decide(
        self, decision: str, request: inbox_pb2.DecideInboxItemRequest, call: Call
    ) -> inbox_pb2.InboxItem:
        session, item_id = await call.session(), UUID(request.id)
        await commands.review(session, call.principal, item_id, decision, request.reason.strip(), self._clock.now())
        return _message(await queries.item(SessionReader(session), call.principal.tenant, item_id))


def _message(row: Any) -> inbox_pb2.InboxItem:
    return inbox_pb2.InboxItem(
        id=str(row.id),
        title=row.title,
        description=row.description or "",
        priority=row.priority,
        submitted_at=timestamp_of(row.came_at),
        staff=inbox_pb2.InboxPerson(id=str(row.assigned_to), name=row.staff_name or ""),
        status=row.status,
        progress_pct=row.progress,
    )
