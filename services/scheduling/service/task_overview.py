"""Tasks put together: what is late, what is one's own, and what it comes to."""

from datetime import date, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import refdata
from mizan.scheduling.v1 import task_overview_pb2, task_pb2
from servicekit.call import Call
from servicekit.clock import Clock, timestamp_of
from servicekit.errors import Invalid
from servicekit.paging import MAX_PAGE_SIZE, page_of
from servicekit.patch import values_of
from servicekit.zones import beginning_of
from services.scheduling.commands.shift_tasks import PLAN
from services.scheduling.queries import combined_tasks
from services.scheduling.queries import tasks as queries
from services.scheduling.service.task_pictures import TaskPictures
from services.scheduling.service.tasks import task_messages

LISTED: Final = 200
PERIOD: Final = timedelta(days=30)


class TaskOverviewService:
    """Implements mizan.scheduling.v1.TaskOverviewService."""

    def __init__(self, pictures: TaskPictures, clock: Clock) -> None:
        self._pictures = pictures
        self._clock = clock

    async def ListOverdueTasks(
        self, request: task_overview_pb2.ListOverdueTasksRequest, call: Call
    ) -> task_pb2.ListTasksResponse:
        reader, tenant = call.read(), call.principal.tenant
        own = None if call.principal.may(PLAN) else call.principal.user_id
        today, _ = await self._today(call)
        count, rows, people = await queries.page_of_overdue(
            reader, tenant, page_of(request), self._clock.now(), today, own
        )
        return task_pb2.ListTasksResponse(
            count=count, results=await task_messages(self._pictures, reader, rows, people)
        )

    async def ListMyActiveTasks(
        self, _request: task_overview_pb2.ListMyActiveTasksRequest, call: Call
    ) -> task_overview_pb2.ActiveTasks:
        reader = call.read()
        counts, rows, people = await queries.active_of(reader, call.principal.tenant, call.principal.user_id)
        return task_overview_pb2.ActiveTasks(
            tasks=await task_messages(self._pictures, reader, rows, people),
            total_active=counts.total,
            in_progress=counts.begun,
            todo=counts.total - counts.begun,
        )

    async def ListMyCombinedTasks(
        self, request: task_overview_pb2.ListMyCombinedTasksRequest, call: Call
    ) -> task_overview_pb2.CombinedTasks:
        _, zone = await self._today(call)
        count, rows = await combined_tasks.combined_of(
            call.read(),
            call.principal.tenant,
            call.principal.user_id,
            request.ordering or combined_tasks.DEFAULT_ORDER,
            min(request.page_size or LISTED, MAX_PAGE_SIZE),
            **values_of(request, without=("ordering", "page_size")),
        )
        return task_overview_pb2.CombinedTasks(count=count, results=[_combined(row, zone) for row in rows])

    async def GetTaskAnalytics(
        self, request: task_overview_pb2.GetTaskAnalyticsRequest, call: Call
    ) -> task_overview_pb2.TaskAnalytics:
        today, zone = await self._today(call)
        last = date.fromisoformat(request.end_date) if request.HasField("end_date") else today
        first = date.fromisoformat(request.start_date) if request.HasField("start_date") else last - PERIOD
        if last < first:
            raise Invalid.field("end_date", "The end is before the start.", code="invalid_period")
        try:
            period = beginning_of(first, zone), beginning_of(last + timedelta(days=1), zone)
        except OverflowError as error:
            raise Invalid.field("end_date", "This day is out of range.", code="invalid_period") from error
        found = await queries.figures_of(
            call.read(), call.principal.tenant, call.principal.user_id, period, self._clock.now(), today
        )
        counted = found.total - found.cancelled
        return task_overview_pb2.TaskAnalytics(
            total_tasks=found.total,
            completed_tasks=found.completed,
            overdue_tasks=found.overdue,
            completion_rate=round(100 * found.completed / counted, 1) if counted else 0,
            period=task_overview_pb2.TaskPeriod(start_date=first.isoformat(), end_date=last.isoformat()),
        )

    async def _today(self, call: Call) -> tuple[date, ZoneInfo]:
        zone = await refdata.time_zone(call.read(), call.principal.tenant)
        return self._clock.now().astimezone(zone).date(), zone


def _combined(row: Any, zone: ZoneInfo) -> task_overview_pb2.CombinedTask:
    message = task_overview_pb2.CombinedTask(
        id=str(row.id),
        title=row.title,
        description=row.description,
        priority=row.priority,
        status=row.status,
        due_date=row.due_date.isoformat() if row.due_date else None,
        due_time=row.due_at.astimezone(zone).time().isoformat("seconds") if row.due_at else None,
        source=row.source,
        created_at=timestamp_of(row.created_at),
        updated_at=timestamp_of(row.updated_at),
        assigned_to=[str(person) for person in row.assigned_to],
    )
    if row.shift_id is not None:
        shift = message.associated_shift
        shift.id, shift.shift_date, shift.role = str(row.shift_id), row.shift_date.isoformat(), row.role
    if row.template_id is not None:
        template = message.associated_template
        template.id, template.name, template.type = str(row.template_id), row.template_name, row.template_type
    if row.category_id is not None:
        message.category.id, message.category.name = str(row.category_id), row.category_name
    return message
