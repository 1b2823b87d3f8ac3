"""Templates of tasks."""

from datetime import date
from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

import refdata
from mizan.scheduling.v1 import task_template_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SessionReader
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.scheduling.commands import recurring
from services.scheduling.commands import task_templates as commands
from services.scheduling.queries import task_templates as queries
from services.scheduling.service.convert import task_template_message

FIELDS = (
    "name",
    "description",
    "frequency",
    "tasks",
    "i18n",
    "estimated_duration",
    "recurrence",
    "recurs_from",
    *commands.COLUMNS,
    *commands.DETAILS,
    *commands.LISTS,
)
NULLABLE = (
    "description",
    "estimated_duration",
    "sop_document",
    "sop_version",
    "verification_instructions",
    "recurrence",
    "recurs_from",
)


class TaskTemplateService:
    """Implements mizan.scheduling.v1.TaskTemplateService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ListTaskTemplates(
        self, request: task_template_pb2.ListTaskTemplatesRequest, call: Call
    ) -> task_template_pb2.ListTaskTemplatesResponse:
        count, rows = await queries.page_of_templates(call.read(), call.principal.tenant, page_of(request))
        language = call.principal.language
        return task_template_pb2.ListTaskTemplatesResponse(
            count=count, results=[task_template_message(row, language) for row in rows]
        )

    async def GetTaskTemplate(
        self, request: task_template_pb2.GetTaskTemplateRequest, call: Call
    ) -> task_template_pb2.TaskTemplate:
        row = await queries.one_template(call.read(), call.principal.tenant, UUID(request.id))
        return task_template_message(row, call.principal.language)

    async def CreateTaskTemplate(
        self, request: task_template_pb2.CreateTaskTemplateRequest, call: Call
    ) -> task_template_pb2.TaskTemplate:
        session = await call.session()
        made = await commands.create(session, call.principal.tenant, values_of(request), call.principal.user_id)
        return await _read(call, session, made)

    async def UpdateTaskTemplate(
        self, request: task_template_pb2.UpdateTaskTemplateRequest, call: Call
    ) -> task_template_pb2.TaskTemplate:
        session = await call.session()
        changes = changes_of(request, FIELDS, nullable=NULLABLE)
        await commands.change(session, call.principal.tenant, UUID(request.id), changes)
        return await _read(call, session, UUID(request.id))

    async def DeleteTaskTemplate(self, request: task_template_pb2.DeleteTaskTemplateRequest, call: Call) -> Empty:
        session = await call.session()
        template = await commands.delete(session, call.principal.tenant, UUID(request.id))
        call.notes.old_values = {"name": template.name, "template_type": template.template_type}
        return Empty()

    async def DuplicateTaskTemplate(
        self, request: task_template_pb2.DuplicateTaskTemplateRequest, call: Call
    ) -> task_template_pb2.TaskTemplate:
        session = await call.session()
        tenant = call.principal.tenant
        copied = await commands.duplicate(session, tenant, UUID(request.id), call.principal.user_id)
        return await _read(call, session, copied)

    async def RunRecurring(
        self, request: task_template_pb2.RunRecurringRequest, call: Call
    ) -> task_template_pb2.RunRecurringResponse:
        session = await call.session()
        tenant, now = call.principal.tenant, self._clock.now()
        zone = await refdata.time_zone(SessionReader(session), tenant)
        day = date.fromisoformat(request.date) if request.HasField("date") else now.astimezone(zone).date()
        frequency = commands.frequency_of(request.frequency) if request.HasField("frequency") else None
        answer = task_template_pb2.RunRecurringResponse(date=day.isoformat(), frequency=frequency)
        for template in await commands.active(session, tenant, frequency):
            answer.templates_considered += 1
            is_due = frequency is not None or recurring.due_on(template, day, zone) == day
            made = None
            if is_due and template.tasks:
                made = await recurring.make_tasks(session, template, day, now, call.principal.user_id)
            if made is None:
                answer.templates_skipped += 1
                continue
            answer.templates_generated += 1
            answer.tasks_created += made
            answer.details.add(template_id=str(template.id), template_name=template.name, created_count=made)
        return answer


async def _read(call: Call, session: Any, template_id: UUID) -> task_template_pb2.TaskTemplate:
    call.notes.entity_id = str(template_id)
    row = await queries.one_template(SessionReader(session), call.principal.tenant, template_id)
    return task_template_message(row, call.principal.language)
