"""What an agent asks of a restaurant's till."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from mizan.identity.v1 import agent_pb2 as identity_pb2
from mizan.pos.v1 import agent_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import Reader, Scope
from servicekit.errors import Forbidden, Invalid
from services.pos.clients.identity import Identity
from services.pos.commands import syncs
from services.pos.commands.pricing import terms_of
from services.pos.domain.provider import NONE
from services.pos.queries import providers as queries
from services.pos.queries import sales
from services.pos.syncing import NOT_CONNECTED, defer_sync

DEFAULT_OBJECTS = 50
DEFAULT_DAYS = 7
DEFAULT_ITEMS = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """The restaurant that an agent's request is about, and how to read it."""

    restaurant_id: UUID
    reader: Reader


class AgentPosService:
    """Implements mizan.pos.v1.AgentPosService."""

    def __init__(self, identity: Identity, clock: Clock) -> None:
        self._identity = identity
        self._clock = clock

    async def StartMenuSync(self, request: agent_pb2.AgentRequest, call: Call) -> agent_pb2.AgentSyncResponse:
        return await self._start(request, call, syncs.MENU, "menu.manage")

    async def StartOrderSync(self, request: agent_pb2.AgentRequest, call: Call) -> agent_pb2.AgentSyncResponse:
        return await self._start(request, call, syncs.ORDERS, "settings.manage")

    async def ListExternalObjects(
        self, request: agent_pb2.ListExternalObjectsRequest, call: Call
    ) -> agent_pb2.ListExternalObjectsResponse:
        asked = await self._asked(request, call, "report.view")
        provider = request.provider if request.HasField("provider") else "SQUARE"
        kind = request.object_type if request.HasField("object_type") else None
        limit = request.limit if request.HasField("limit") else DEFAULT_OBJECTS
        answer = agent_pb2.ListExternalObjectsResponse(success=True, provider=provider)
        for row in await queries.objects(asked.reader, asked.restaurant_id, provider, kind, limit):
            found = answer.objects.add(object_type=row.object_type, object_id=row.object_id, payload=row.payload)
            found.updated_at.FromDatetime(row.updated_at)
        answer.count = len(answer.objects)
        return answer

    async def GetSalesSummary(self, request: agent_pb2.GetSalesSummaryRequest, call: Call) -> agent_pb2.SalesSummary:
        asked = await self._asked(request, call, "report.view")
        terms = await terms_of(asked.reader, asked.restaurant_id)
        day = date.fromisoformat(request.date) if request.HasField("date") else terms.day_of(self._clock.now())
        provider = await self._provider(asked)
        if provider == NONE:
            found, currency = await sales.totals(asked.reader, asked.restaurant_id, day), terms.currency
        else:
            found = await queries.day(asked.reader, asked.restaurant_id, provider, day)
            currency = found.currency or terms.currency
        return agent_pb2.SalesSummary(
            success=True,
            date=day.isoformat(),
            total_revenue=str(found.total),
            total_orders=found.orders,
            total_tips=str(found.tips),
            currency=currency,
            provider=provider,
        )

    async def ListBestSellers(self, request: agent_pb2.ListBestSellersRequest, call: Call) -> agent_pb2.BestSellers:
        asked = await self._asked(request, call, "report.view")
        days = request.days if request.HasField("days") else DEFAULT_DAYS
        limit = request.limit if request.HasField("limit") else DEFAULT_ITEMS
        last = (await terms_of(asked.reader, asked.restaurant_id)).day_of(self._clock.now())
        first = last - timedelta(days=days - 1)
        provider = await self._provider(asked)
        if provider == NONE:
            rows = await sales.top_items(asked.reader, asked.restaurant_id, first, last, limit)
            found = [(row.name, row.count) for row in rows]
        else:
            best = await queries.best_sellers(asked.reader, asked.restaurant_id, provider, first, last, limit)
            found = [(row.name, row.quantity) for row in best]
        return agent_pb2.BestSellers(
            success=True,
            days=days,
            top_items=[agent_pb2.BestSeller(name=name, quantity=int(quantity)) for name, quantity in found],
        )

    async def GetConnectionStatus(self, request: agent_pb2.AgentRequest, call: Call) -> agent_pb2.ConnectionStatus:
        asked = await self._asked(request, call, "report.view")
        row = await queries.connection(asked.reader, asked.restaurant_id)
        if row is None:
            return agent_pb2.ConnectionStatus(success=True, provider=NONE)
        message = agent_pb2.ConnectionStatus(
            success=True,
            provider=row.provider,
            is_connected=row.status == "CONNECTED",
            merchant_id=row.merchant_id,
            location_id=row.location_id,
        )
        if row.last_sync_at is not None:
            message.last_sync.FromDatetime(row.last_sync_at)
        return message

    async def _start(
        self, request: agent_pb2.AgentRequest, call: Call, kind: str, permission: str
    ) -> agent_pb2.AgentSyncResponse:
        asked = await self._asked(request, call, permission)
        row = await queries.connection(asked.reader, asked.restaurant_id)
        if row is None or row.secret is None:
            raise Invalid(NOT_CONNECTED, code="not_connected")
        await defer_sync(await call.session(Scope(asked.restaurant_id)), asked.restaurant_id, kind)
        call.notes.restaurant_id = asked.restaurant_id
        call.notes.entity_id, call.notes.description = str(asked.restaurant_id), f"Began to sync {kind}"
        return agent_pb2.AgentSyncResponse(success=True, queued=True, provider=row.provider)

    async def _asked(self, request: Any, call: Call, permission: str) -> Asked:
        """Whom a request is about. Raises Forbidden where the person it is made for may not, and what asking raises."""
        within = call.principal.restaurant_id
        found = await self._identity.resolve(
            identity_pb2.ResolveContextRequest(
                restaurant_ids=[text for text in (request.restaurant_id, request.restaurant_header) if text],
                session_id=request.session_id,
                user_id=request.user_id,
                email=request.email,
                phones=[request.phone] if request.phone else [],
                token=request.token,
                metadata=request.metadata,
                within_restaurant_id=None if within is None else str(within),
            )
        )
        if found.HasField("person") and permission not in found.person.permissions:
            raise Forbidden
        restaurant_id = UUID(found.restaurant_id)
        return Asked(restaurant_id, call.read(Scope(restaurant_id)))

    @staticmethod
    async def _provider(asked: Asked) -> str:
        row = await queries.connection(asked.reader, asked.restaurant_id)
        return NONE if row is None or row.status == "DISCONNECTED" else str(row.provider)
