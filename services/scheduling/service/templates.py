"""Templates of weeks."""

from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.scheduling.v1 import template_pb2
from servicekit.call import Call
from servicekit.clock import timestamp_of
from servicekit.db import SessionReader
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.scheduling.commands import templates as commands
from services.scheduling.queries import templates as queries
from services.scheduling.queries.templates import Template
from services.scheduling.service.convert import json_text, template_shift_message, text_of

FIELDS = ("name", "is_active", "description", "shifts", "recurrence", "recurs_from", "weeks_ahead", "category", "tags")


class ScheduleTemplateService:
    """Implements mizan.scheduling.v1.ScheduleTemplateService."""

    async def ListScheduleTemplates(
        self, request: template_pb2.ListScheduleTemplatesRequest, call: Call
    ) -> template_pb2.ListScheduleTemplatesResponse:
        count, found = await queries.page_of_templates(call.read(), call.principal.tenant, page_of(request))
        return template_pb2.ListScheduleTemplatesResponse(
            count=count, results=[template_message(template) for template in found]
        )

    async def GetScheduleTemplate(
        self, request: template_pb2.GetScheduleTemplateRequest, call: Call
    ) -> template_pb2.ScheduleTemplate:
        return template_message(await queries.one_template(call.read(), call.principal.tenant, UUID(request.id)))

    async def CreateScheduleTemplate(
        self, request: template_pb2.CreateScheduleTemplateRequest, call: Call
    ) -> template_pb2.ScheduleTemplate:
        session = await call.session()
        tenant, actor = call.principal.tenant, call.principal.user_id
        template_id = await commands.create(session, tenant, draft_of(request), actor)
        return template_message(await queries.one_template(SessionReader(session), tenant, template_id))

    async def UpdateScheduleTemplate(
        self, request: template_pb2.UpdateScheduleTemplateRequest, call: Call
    ) -> template_pb2.ScheduleTemplate:
        session = await call.session()
        tenant, template_id = call.principal.tenant, UUID(request.id)
        await commands.change(session, tenant, template_id, changes_to(request), call.principal.user_id)
        return template_message(await queries.one_template(SessionReader(session), tenant, template_id))

    async def ListTemplateVersions(
        self, request: template_pb2.ListTemplateVersionsRequest, call: Call
    ) -> template_pb2.ListTemplateVersionsResponse:
        reader, tenant, template_id = call.read(), call.principal.tenant, UUID(request.id)
        await queries.one_template(reader, tenant, template_id)
        count, rows = await queries.page_of_versions(reader, tenant, template_id, page_of(request))
        return template_pb2.ListTemplateVersionsResponse(
            count=count,
            results=[
                template_pb2.TemplateVersion(
                    id=str(row.id),
                    template=str(row.template_id),
                    version_number=row.number,
                    name=row.name,
                    description=row.description,
                    shifts=json_text(row.shifts),
                    created_by=text_of(row.created_by),
                    created_at=timestamp_of(row.created_at),
                )
                for row in rows
            ],
        )

    async def RestoreTemplateVersion(
        self, request: template_pb2.RestoreTemplateVersionRequest, call: Call
    ) -> template_pb2.ScheduleTemplate:
        session = await call.session()
        tenant, template_id = call.principal.tenant, UUID(request.id)
        await commands.restore(session, tenant, template_id, request.version_number, call.principal.user_id)
        return template_message(await queries.one_template(SessionReader(session), tenant, template_id))

    async def DeleteScheduleTemplate(self, request: template_pb2.DeleteScheduleTemplateRequest, call: Call) -> Empty:
        session = await call.session()
        template = await commands.delete(session, call.principal.tenant, UUID(request.id))
        call.notes.old_values = {"name": template.name}
        return Empty()


def draft_of(request: template_pb2.CreateScheduleTemplateRequest) -> dict[str, Any]:
    """A new template as commands take it."""
    return {**values_of(request), "shifts": _drafts(request)}


def changes_to(request: template_pb2.UpdateScheduleTemplateRequest) -> dict[str, Any]:
    """What is sent of a template."""
    changes = changes_of(request, FIELDS, nullable=("description", "recurrence", "recurs_from", "category"))
    if "shifts" in changes:
        changes["shifts"] = _drafts(request)
    return changes


def _drafts(request: Any) -> list[dict[str, Any]]:
    return [values_of(draft) for draft in request.shifts]


def template_message(template: Template) -> template_pb2.ScheduleTemplate:
    """A template with its shifts."""
    row, shifts = template
    message = template_pb2.ScheduleTemplate(
        id=str(row.id),
        restaurant=str(row.restaurant_id),
        name=row.name,
        is_active=row.is_active,
        description=row.description,
        version=row.version,
        recurrence=row.recurrence,
        recurs_from=row.recurs_from.isoformat() if row.recurs_from else None,
        weeks_ahead=row.weeks_ahead,
        category=row.category,
        tags=row.tags,
        is_favorite=row.is_favorite,
        usage_count=row.usage_count,
        created_by=text_of(row.created_by),
        shifts=map(template_shift_message, shifts),
    )
    message.created_at.FromDatetime(row.created_at)
    message.updated_at.FromDatetime(row.updated_at)
    return message
