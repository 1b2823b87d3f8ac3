"""The till system of somebody else that a restaurant works with."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import orjson
import structlog
from google.protobuf.empty_pb2 import Empty

from mizan.pos.v1 import provider_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import Database, Scope
from servicekit.errors import Conflict, Invalid, Refusal
from services.pos.clients.http import ProviderError
from services.pos.clients.identity import Identity
from services.pos.clients.square import Square
from services.pos.commands import connections, syncs
from services.pos.commands.connections import Connected
from services.pos.domain.provider import NAMES, NONE
from services.pos.queries import providers as queries
from services.pos.syncing import IN_REQUEST_SECONDS, Syncing, Taken, refusal_of

STATE_LIFETIME: Final = timedelta(minutes=10)
LATEST: Final = 100
NOT_CONFIGURED: Final = "Square OAuth is not configured"
EXPIRED: Final = "The authorization has expired. Please try again."

log = structlog.get_logger(__name__)


class ProviderService:
    """Implements mizan.pos.v1.ProviderService."""

    def __init__(
        self,
        syncing: Syncing,
        square: Square,
        identity: Identity,
        database: Database,
        clock: Clock,
        *,
        frontend_url: str,
    ) -> None:
        self._syncing = syncing
        self._square = square
        self._identity = identity
        self._database = database
        self._clock = clock
        self._frontend_url = frontend_url

    async def GetSquareAuthorization(self, _request: Empty, call: Call) -> provider_pb2.SquareAuthorization:
        if not self._square.is_configured:
            raise Conflict(NOT_CONFIGURED, code="square_not_configured")
        tenant, person = call.principal.tenant, call.principal.user_id
        expires = self._clock.now() + STATE_LIFETIME
        state_id = await connections.begin_authorization(await call.session(), tenant, person, expires)
        signed = self._syncing.cipher.encrypt(orjson.dumps([str(tenant), str(state_id)]).decode()).decode()
        return provider_pb2.SquareAuthorization(authorization_url=self._square.authorization_url(signed))

    async def FinishSquareAuthorization(
        self, request: provider_pb2.FinishSquareAuthorizationRequest, call: Call
    ) -> provider_pb2.FinishSquareAuthorizationResponse:
        try:
            restaurant_id, person = await self._finish(request)
        except ProviderError as error:
            return self._back(square="error", message=error.text)
        except Refusal as error:
            return self._back(square="error", message=error.message)
        call.notes.restaurant_id, call.notes.user_id = restaurant_id, person
        call.notes.entity_id, call.notes.description = str(restaurant_id), "Connected Square"
        # The connection is kept already; the call's own transaction holds the entry of the audit trail.
        await call.session(Scope(restaurant_id))
        return self._back(square="connected")

    async def _finish(self, request: provider_pb2.FinishSquareAuthorizationRequest) -> tuple[UUID, UUID]:
        """Connects the restaurant that a state names. Raises Invalid, Conflict and ProviderError."""
        restaurant_id, state_id = self._state(request.state)
        async with self._database.write(Scope(restaurant_id)) as session:
            begun = await connections.take_authorization(session, state_id, self._clock.now())
        if begun is None:
            raise Invalid(EXPIRED, code="authorization_expired")
        if request.error or not request.code:
            # The words in the address are anybody's: they are not shown as ours.
            raise Invalid("Square did not give access.", code="authorization_denied")
        tokens = await self._square.exchange(request.code)
        account = await self._square.merchant(tokens.access_token, None).account()
        found = Connected(
            provider="SQUARE",
            merchant_id=tokens.merchant_id,
            location_id=account.location_id,
            secret=self._syncing.cipher.encrypt(tokens.access_token),
            refresh_token=self._syncing.cipher.encrypt(tokens.refresh_token),
            token_expires_at=tokens.expires_at,
        )
        await self._syncing.keep(restaurant_id, found, begun[1])
        return begun

    def _state(self, signed: str) -> tuple[UUID, UUID]:
        try:
            restaurant_id, state_id = orjson.loads(self._syncing.cipher.decrypt(signed.encode()))
            return UUID(restaurant_id), UUID(state_id)
        except (ValueError, TypeError) as error:
            raise Invalid(EXPIRED, code="authorization_invalid") from error

    def _back(self, **said: str) -> provider_pb2.FinishSquareAuthorizationResponse:
        query = urlencode({"tab": "integrations", **said})
        return provider_pb2.FinishSquareAuthorizationResponse(
            location=f"{self._frontend_url}/dashboard/settings?{query}"
        )

    async def DisconnectSquare(self, _request: Empty, call: Call) -> provider_pb2.DisconnectSquareResponse:
        tenant = call.principal.tenant
        row = await queries.connection(call.read(), tenant)
        if row is not None and row.provider == "SQUARE" and row.secret is not None:
            try:
                await self._square.revoke(self._syncing.cipher.decrypt(row.secret))
            except (ProviderError, ValueError) as error:
                # Forgetting the tokens is what the restaurant asked for, whether Square answers or not.
                log.warning("square_not_revoked", restaurant_id=str(tenant), error=repr(error))
            session = await call.session()
            connection = await connections.hold(session, tenant)
            if connection is not None and connection.provider == "SQUARE":
                await connections.disconnect(session, connection)
        call.notes.entity_id, call.notes.description = str(tenant), "Disconnected Square"
        return provider_pb2.DisconnectSquareResponse(success=True)

    async def TestPosConnection(self, _request: Empty, call: Call) -> provider_pb2.TestPosConnectionResponse:
        tenant = call.principal.tenant
        wanted = await self._identity.till_settings(tenant)
        answer = provider_pb2.TestPosConnectionResponse
        if wanted.provider == NONE:
            return answer(connected=False, message="POS provider not configured")
        if wanted.provider not in NAMES:
            return answer(connected=False, provider=wanted.provider, message="This provider cannot be connected.")
        call.notes.entity_id = str(tenant)
        name = NAMES[wanted.provider]
        row = await queries.connection(call.read(), tenant)
        try:
            if row is not None and row.provider == wanted.provider and row.refresh_token is not None:
                account = await self._syncing.check(tenant)
            elif not (wanted.merchant_id and wanted.api_key) and wanted.provider != "SQUARE":
                return answer(
                    connected=False, provider=wanted.provider, message=f"{name} needs a merchant id and a key."
                )
            elif not wanted.api_key:
                return answer(connected=False, provider=wanted.provider, message="Square is not connected yet.")
            else:
                account = await self._syncing.try_out(
                    tenant, wanted.provider, wanted.merchant_id, wanted.api_key, call.principal.user_id
                )
        except ProviderError as error:
            return answer(connected=False, provider=wanted.provider, message=error.text)
        return answer(connected=True, provider=wanted.provider, message=f"Connected to {account.name or name}".strip())

    async def GetProviderStatus(self, _request: Empty, call: Call) -> provider_pb2.ProviderStatus:
        standing = await queries.standing(call.read(), call.principal.tenant)
        row = standing.connection
        if row is None:
            return provider_pb2.ProviderStatus(provider=NONE, sync_status="DISCONNECTED")
        runs = any(sync.state == "RUNNING" for sync in standing.syncs)
        message = provider_pb2.ProviderStatus(
            provider=row.provider,
            is_connected=row.status == "CONNECTED",
            sync_status="SYNCING" if runs and row.status == "CONNECTED" else row.status,
            merchant_id=row.merchant_id,
            location_id=row.location_id,
            last_error=row.last_error,
            syncs=[_sync_message(sync) for sync in standing.syncs],
            events_waiting=standing.events_waiting,
        )
        if row.last_sync_at is not None:
            message.last_sync.FromDatetime(row.last_sync_at)
        if row.token_expires_at is not None:
            message.token_expires_at.FromDatetime(row.token_expires_at)
        return message

    async def SyncMenu(self, _request: Empty, call: Call) -> provider_pb2.SyncMenuResponse:
        taken = await self._run(call, syncs.MENU)
        return provider_pb2.SyncMenuResponse(
            success=True,
            items_synced=taken.items,
            categories_synced=taken.categories,
            provider=NAMES[taken.provider],
            queued=not taken.is_through,
        )

    async def SyncOrders(self, request: provider_pb2.SyncOrdersRequest, call: Call) -> provider_pb2.SyncOrdersResponse:
        taken = await self._run(call, syncs.ORDERS, _range(request, self._clock.now()))
        rows = await queries.latest_orders(call.read(), call.principal.tenant, taken.provider, LATEST)
        return provider_pb2.SyncOrdersResponse(
            success=True,
            orders_count=taken.orders,
            orders=[_order_message(row) for row in rows],
            provider=NAMES[taken.provider],
            queued=not taken.is_through,
        )

    async def _run(self, call: Call, kind: str, asked: tuple[datetime, datetime] | None = None) -> Taken:
        call.notes.entity_id, call.notes.description = str(call.principal.tenant), f"Synced {kind}"
        try:
            return await self._syncing.run(call.principal.tenant, kind, asked=asked, seconds=IN_REQUEST_SECONDS)
        except ProviderError as error:
            raise refusal_of(error) from error


def _range(request: provider_pb2.SyncOrdersRequest, now: datetime) -> tuple[datetime, datetime] | None:
    if not request.HasField("start_date"):
        return None
    start = request.start_date.ToDatetime(tzinfo=UTC)
    end = request.end_date.ToDatetime(tzinfo=UTC) if request.HasField("end_date") else now
    if start >= end:
        raise Invalid.field("end_date", "Must be after start_date.")
    return start, end


def _sync_message(sync: Any) -> provider_pb2.SyncState:
    message = provider_pb2.SyncState(
        kind=sync.kind,
        state=sync.state,
        records=sync.records,
        total_records=sync.total_records,
        is_resumable=sync.cursor is not None,
        error=sync.error,
    )
    message.started_at.FromDatetime(sync.started_at)
    if sync.finished_at is not None:
        message.finished_at.FromDatetime(sync.finished_at)
    return message


def _order_message(row: Any) -> provider_pb2.ProviderOrder:
    message = provider_pb2.ProviderOrder(
        id=row.object_id, state=row.state, currency=row.currency, total=str(row.total), tips=str(row.tips)
    )
    message.ordered_at.FromDatetime(row.occurred_at)
    return message
