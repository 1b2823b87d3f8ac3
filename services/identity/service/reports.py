"""Reports that somebody had made."""

from datetime import date
from typing import Any
from uuid import uuid4

from google.protobuf.empty_pb2 import Empty

from mizan.identity.v1 import report_pb2
from servicekit.call import Call
from servicekit.clock import Clock, timestamp_of
from servicekit.db import SessionReader
from services.identity.models import KeptReport
from services.identity.queries import kept_reports as queries


class ReportService:
    """Implements mizan.identity.v1.ReportService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def KeepReport(self, request: report_pb2.KeepReportRequest, call: Call) -> report_pb2.KeptReport:
        session = await call.session()
        kept = KeptReport(
            id=uuid4(),
            restaurant_id=call.principal.tenant,
            report_type=request.report_type,
            start_date=date.fromisoformat(request.start_date),
            end_date=date.fromisoformat(request.end_date),
            data=request.data,
            generated_by=call.principal.user_id,
            generated_at=self._clock.now(),
        )
        session.add(kept)
        call.notes.entity_id = str(kept.id)
        call.notes.new_values = {"report_type": kept.report_type}
        return _message(await queries.report(SessionReader(session), kept.restaurant_id, kept.id))

    async def ListKeptReports(self, _request: Empty, call: Call) -> report_pb2.ListKeptReportsResponse:
        rows = await queries.latest(call.read(), call.principal.tenant)
        return report_pb2.ListKeptReportsResponse(reports=[_message(row) for row in rows])


def _message(row: Any) -> report_pb2.KeptReport:
    return report_pb2.KeptReport(
        id=str(row.id),
        restaurant=str(row.restaurant_id),
        report_type=row.report_type,
        start_date=row.start_date.isoformat(),
        end_date=row.end_date.isoformat(),
        generated_at=timestamp_of(row.generated_at),
        generated_by=str(row.generated_by) if row.generated_by is not None else None,
        generated_by_info=report_pb2.ReportAuthor(first_name=row.first_name or "", last_name=row.last_name or ""),
        data=row.data,
    )
