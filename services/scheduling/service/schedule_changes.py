"""The history of shifts and weeks."""

from typing import Any
from uuid import UUID

from mizan.scheduling.v1 import schedule_change_pb2 as pb
from servicekit.call import Call
from servicekit.clock import timestamp_of
from servicekit.paging import page_of
from services.scheduling.queries import schedule_changes as queries
from services.scheduling.service.convert import person_info, text_of
from services.scheduling.service.shifts import only_own


class ScheduleChangeService:
    """Implements mizan.scheduling.v1.ScheduleChangeService."""

    async def ListScheduleChanges(
        self, request: pb.ListScheduleChangesRequest, call: Call
    ) -> pb.ListScheduleChangesResponse:
        count, rows = await queries.page_of_changes(
            call.read(),
            call.principal.tenant,
            page_of(request),
            schedule_id=UUID(request.schedule_id) if request.HasField("schedule_id") else None,
            viewer=only_own(call),
        )
        return pb.ListScheduleChangesResponse(count=count, results=map(_message, rows))

    async def GetScheduleChange(self, request: pb.GetScheduleChangeRequest, call: Call) -> pb.ScheduleChange:
        row = await queries.one_change(call.read(), call.principal.tenant, UUID(request.id), only_own(call))
        return _message(row)


def _message(row: Any) -> pb.ScheduleChange:
    return pb.ScheduleChange(
        id=str(row.id),
        changed_by_details=person_info(row) if row.user_id is not None else None,
        timestamp=timestamp_of(row.changed_at),
        previous_data=row.before,
        new_data=row.after,
        change_type=row.change_type,
        schedule=str(row.schedule_id),
        changed_by=text_of(row.changed_by),
        subject=row.subject,
    )
