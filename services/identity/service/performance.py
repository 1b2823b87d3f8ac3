"""Figures about how people perform."""

from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.identity.v1 import performance_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SessionReader
from servicekit.errors import NotFound
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.identity.commands import performance as commands
from services.identity.commands.profiles import RECORDS
from services.identity.queries import performance as queries
from services.identity.service.convert import user_slim
from services.identity.service.documents import NOBODY, records_about


class PerformanceService:
    """Implements mizan.identity.v1.PerformanceService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ListMetrics(
        self, request: performance_pb2.ListMetricsRequest, call: Call
    ) -> performance_pb2.ListMetricsResponse:
        page = page_of(request)
        about = await records_about(call, request.staff_id)
        if about is NOBODY:
            page.check(0)
            return performance_pb2.ListMetricsResponse()
        count, rows = await queries.metrics(call.read(), call.principal.tenant, page, about)
        return performance_pb2.ListMetricsResponse(count=count, results=[_message(row) for row in rows])

    async def CreateMetric(
        self, request: performance_pb2.CreateMetricRequest, call: Call
    ) -> performance_pb2.PerformanceMetric:
        session = await call.session()
        # Zero is a figure too, and a message does not tell it from absent.
        values = {**values_of(request), "value": request.value}
        metric_id = await commands.record(session, call.principal, values, self._clock.now())
        return _message(await queries.metric(SessionReader(session), call.principal.tenant, metric_id))

    async def GetMetric(
        self, request: performance_pb2.GetMetricRequest, call: Call
    ) -> performance_pb2.PerformanceMetric:
        row = await queries.metric(call.read(), call.principal.tenant, UUID(request.id))
        if row.id != call.principal.user_id and not call.principal.may(RECORDS):
            raise NotFound("No PerformanceMetric matches the given query.")
        return _message(row)

    async def UpdateMetric(
        self, request: performance_pb2.UpdateMetricRequest, call: Call
    ) -> performance_pb2.PerformanceMetric:
        session = await call.session()
        metric = await commands.locked_metric(session, call.principal, UUID(request.id))
        call.notes.old_values = {
            "staff": str(metric.staff_id),
            "metric_type": metric.metric_type,
            "value": metric.value,
            "date": metric.measured_on,
            "notes": metric.notes,
        }
        changes = changes_of(request, ("staff", "metric_type", "value", "date", "notes"), nullable=("notes",))
        await commands.change(session, call.principal, metric, changes)
        return _message(await queries.metric(SessionReader(session), call.principal.tenant, metric.id))

    async def DeleteMetric(self, request: performance_pb2.DeleteMetricRequest, call: Call) -> Empty:
        session = await call.session()
        metric = await commands.locked_metric(session, call.principal, UUID(request.id))
        call.notes.old_values = {"metric_type": metric.metric_type, "value": metric.value, "date": metric.measured_on}
        await session.delete(metric)
        return Empty()


def _message(row: Any) -> performance_pb2.PerformanceMetric:
    return performance_pb2.PerformanceMetric(
        id=str(row.metric_id),
        staff_details=user_slim(row),
        metric_type=row.metric_type,
        value=row.value,
        date=row.measured_on.isoformat(),
        notes=row.metric_notes,
        staff=str(row.id),
    )
