"""Checklists that can be worked through."""

from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.scheduling.v1 import checklist_template_pb2
from servicekit.call import Call
from servicekit.db import SessionReader
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.scheduling.commands import checklist_templates as commands
from services.scheduling.domain.clock import length_text
from services.scheduling.queries import checklist_templates as queries
from services.scheduling.service.checklist_convert import listed_message

FIELDS = (
    "name",
    "description",
    "category",
    "version",
    "is_active",
    "estimated_duration",
    "requires_supervisor_approval",
    "task_template",
)
NULLABLE = ("description", "category", "estimated_duration", "task_template")


class ChecklistTemplateService:
    """Implements mizan.scheduling.v1.ChecklistTemplateService."""

    async def ListChecklistTemplates(
        self, request: checklist_template_pb2.ListChecklistTemplatesRequest, call: Call
    ) -> checklist_template_pb2.ListChecklistTemplatesResponse:
        chosen = values_of(request, without=("page", "page_size", "ordering"))
        count, found = await queries.page_of_templates(
            call.read(), call.principal.tenant, page_of(request), request.ordering or "-created_at", **chosen
        )
        return checklist_template_pb2.ListChecklistTemplatesResponse(
            count=count, results=[listed_message(listed) for listed in found]
        )

    async def GetChecklistTemplate(
        self, request: checklist_template_pb2.GetChecklistTemplateRequest, call: Call
    ) -> checklist_template_pb2.ChecklistTemplate:
        return listed_message(await queries.one_template(call.read(), call.principal.tenant, UUID(request.id)))

    async def CreateChecklistTemplate(
        self, request: checklist_template_pb2.CreateChecklistTemplateRequest, call: Call
    ) -> checklist_template_pb2.ChecklistTemplate:
        session = await call.session()
        steps = [values_of(step) for step in request.steps]
        values = values_of(request, without=("steps",))
        made = await commands.create(session, call.principal.tenant, values, steps, call.principal.user_id)
        return await _read(call, session, made)

    async def UpdateChecklistTemplate(
        self, request: checklist_template_pb2.UpdateChecklistTemplateRequest, call: Call
    ) -> checklist_template_pb2.ChecklistTemplate:
        session = await call.session()
        template_id = UUID(request.id)
        changes = changes_of(request, FIELDS, nullable=NULLABLE)
        await commands.change(session, call.principal.tenant, template_id, changes)
        return await _read(call, session, template_id)

    async def DeleteChecklistTemplate(
        self, request: checklist_template_pb2.DeleteChecklistTemplateRequest, call: Call
    ) -> Empty:
        session = await call.session()
        template = await commands.delete(session, call.principal.tenant, UUID(request.id))
        call.notes.old_values = {"name": template.name}
        return Empty()

    async def DuplicateChecklistTemplate(
        self, request: checklist_template_pb2.DuplicateChecklistTemplateRequest, call: Call
    ) -> checklist_template_pb2.ChecklistTemplate:
        session = await call.session()
        made = await commands.duplicate(session, call.principal.tenant, UUID(request.id), call.principal.user_id)
        return await _read(call, session, made)

    async def GetChecklistUsage(
        self, request: checklist_template_pb2.GetChecklistUsageRequest, call: Call
    ) -> checklist_template_pb2.ChecklistUsage:
        reader, tenant = call.read(), call.principal.tenant
        await queries.one_template(reader, tenant, UUID(request.id))
        row = await queries.usage(reader, tenant, UUID(request.id))
        return checklist_template_pb2.ChecklistUsage(
            total_executions=row.total,
            completed_executions=row.completed,
            in_progress_executions=row.in_progress,
            average_completion_time=length_text(round(row.seconds / 60)) if row.seconds is not None else None,
            success_rate=round(100 * row.completed / row.total, 1) if row.total else 0.0,
        )


async def _read(call: Call, session: Any, template_id: UUID) -> checklist_template_pb2.ChecklistTemplate:
    call.notes.entity_id = str(template_id)
    return listed_message(await queries.one_template(SessionReader(session), call.principal.tenant, template_id))
