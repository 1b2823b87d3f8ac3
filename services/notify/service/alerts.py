"""The alerts of the dashboard."""

from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.notify.v1 import alert_pb2
from servicekit.call import Call
from servicekit.clock import Clock, timestamp_of
from servicekit.db import Reading, SessionReader
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.notify.commands import alerts as commands
from services.notify.queries import alerts as queries

FIELDS = ("message", "alert_type", "is_resolved")


class AlertService:
    """Implements mizan.notify.v1.AlertService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ListAlerts(self, request: alert_pb2.ListAlertsRequest, call: Call) -> alert_pb2.ListAlertsResponse:
        count, rows = await queries.page_of_alerts(call.read(), call.principal.tenant, page_of(request))
        return alert_pb2.ListAlertsResponse(count=count, results=[_message(row) for row in rows])

    async def ListUnresolvedAlerts(
        self, request: alert_pb2.ListUnresolvedAlertsRequest, call: Call
    ) -> alert_pb2.ListAlertsResponse:
        count, rows = await queries.page_of_alerts(call.read(), call.principal.tenant, page_of(request), open_only=True)
        return alert_pb2.ListAlertsResponse(count=count, results=[_message(row) for row in rows])

    async def GetAlert(self, request: alert_pb2.GetAlertRequest, call: Call) -> alert_pb2.Alert:
        return await _read(call.read(), call, UUID(request.id))

    async def CreateAlert(self, request: alert_pb2.CreateAlertRequest, call: Call) -> alert_pb2.Alert:
        session = await call.session()
        made = await commands.create(session, call.principal, values_of(request), self._clock.now())
        return await _read(SessionReader(session), call, made)

    async def UpdateAlert(self, request: alert_pb2.UpdateAlertRequest, call: Call) -> alert_pb2.Alert:
        session, alert_id = await call.session(), UUID(request.id)
        await commands.change(session, call.principal, alert_id, changes_of(request, FIELDS), self._clock.now())
        return await _read(SessionReader(session), call, alert_id)

    async def ResolveAlert(self, request: alert_pb2.ResolveAlertRequest, call: Call) -> alert_pb2.ResolveAlertResponse:
        changes = {"is_resolved": True}
        await commands.change(await call.session(), call.principal, UUID(request.id), changes, self._clock.now())
        return alert_pb2.ResolveAlertResponse(status="Alert resolved")

    async def DeleteAlert(self, request: alert_pb2.DeleteAlertRequest, call: Call) -> Empty:
        alert = await commands.delete(await call.session(), call.principal.tenant, UUID(request.id))
        call.notes.old_values = {"message": alert.message, "alert_type": alert.alert_type}
        return Empty()


async def _read(reading: Reading, call: Call, alert_id: UUID) -> alert_pb2.Alert:
    call.notes.entity_id = str(alert_id)
    return _message(await queries.one_alert(reading, call.principal.tenant, alert_id))


def _message(row: Any) -> alert_pb2.Alert:
    return alert_pb2.Alert(
        id=str(row.id),
        restaurant=str(row.restaurant_id),
        message=row.message,
        alert_type=row.alert_type,
        is_resolved=row.resolved_at is not None,
        created_at=timestamp_of(row.created_at),
        resolved_at=timestamp_of(row.resolved_at),
    )
