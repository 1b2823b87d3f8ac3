"""The states of templates."""

from typing import Any
from uuid import UUID

import orjson

from mizan.scheduling.v1 import template_version_pb2 as pb
from servicekit.call import Call
from servicekit.clock import timestamp_of
from servicekit.db import SessionReader
from servicekit.errors import Invalid
from servicekit.paging import page_of
from services.scheduling.commands import templates as commands
from services.scheduling.domain.template_states import differences
from services.scheduling.queries import template_versions as queries
from services.scheduling.queries.templates import one_template
from services.scheduling.service.convert import json_text, text_of


class TemplateVersionService:
    """Implements mizan.scheduling.v1.TemplateVersionService."""

    async def ListTemplateStates(
        self, request: pb.ListTemplateStatesRequest, call: Call
    ) -> pb.ListTemplateStatesResponse:
        reader, tenant = call.read(), call.principal.tenant
        template_id = UUID(request.template) if request.HasField("template") else None
        if template_id is not None:
            await one_template(reader, tenant, template_id)
        count, rows = await queries.page_of_states(
            reader,
            tenant,
            page_of(request),
            template_id=template_id,
            is_current=request.is_current if request.HasField("is_current") else None,
            ordering=request.ordering or queries.NEWEST,
        )
        return pb.ListTemplateStatesResponse(count=count, results=map(state_message, rows))

    async def ListStatesOfTemplate(
        self, request: pb.ListStatesOfTemplateRequest, call: Call
    ) -> pb.ListTemplateStatesResponse:
        reader, tenant, template_id = call.read(), call.principal.tenant, UUID(request.template)
        await one_template(reader, tenant, template_id)
        count, rows = await queries.page_of_states(reader, tenant, page_of(request), template_id=template_id)
        return pb.ListTemplateStatesResponse(count=count, results=map(state_message, rows))

    async def RestoreTemplateState(
        self, request: pb.RestoreTemplateStateRequest, call: Call
    ) -> pb.RestoreTemplateStateResponse:
        session, tenant, template_id = await call.session(), call.principal.tenant, UUID(request.id)
        reading = SessionReader(session)
        await one_template(reading, tenant, template_id)
        state = await queries.one_state(reading, tenant, UUID(request.version_id))
        if state.template_id != template_id:
            raise Invalid.field("version_id", "This is a state of another template.", code="two_templates")
        if state.is_current:
            raise Invalid.field("version_id", "The template is in this state.", code="present_state")
        await commands.restore(session, tenant, template_id, state.number, call.principal.user_id)
        row, _ = await one_template(reading, tenant, template_id)
        return pb.RestoreTemplateStateResponse(
            message=f"Version {state.number} was restored.", new_version=str(row.version)
        )

    async def GetTemplateState(self, request: pb.GetTemplateStateRequest, call: Call) -> pb.TemplateState:
        return state_message(await queries.one_state(call.read(), call.principal.tenant, UUID(request.id)))

    async def CompareTemplateStates(
        self, request: pb.CompareTemplateStatesRequest, call: Call
    ) -> pb.CompareTemplateStatesResponse:
        reader, tenant = call.read(), call.principal.tenant
        first, second = [
            await queries.one_state(reader, tenant, UUID(state)) for state in (request.id, request.compare_with)
        ]
        if first.template_id != second.template_id:
            raise Invalid.field("compare_with", "These are states of two templates.", code="two_templates")
        found = differences(orjson.loads(first.shifts), orjson.loads(second.shifts))
        return pb.CompareTemplateStatesResponse(
            version1=state_message(first),
            version2=state_message(second),
            differences=pb.TemplateDifferences(
                shifts_count=found.growth,
                time_difference=(second.made_at - first.made_at).days,
                added=json_text(found.added),
                removed=json_text(found.removed),
                changed=json_text(found.changed),
            ),
        )


def state_message(row: Any) -> pb.TemplateState:
    """A state of a template."""
    return pb.TemplateState(
        id=str(row.id),
        template=str(row.template_id),
        template_name=row.template_name,
        version_number=str(row.number),
        status="ACTIVE" if row.is_current else "ARCHIVED",
        description=row.description,
        created_by=text_of(row.made_by),
        created_by_name=row.made_by_name,
        created_at=timestamp_of(row.made_at),
        activated_at=timestamp_of(row.made_at),
        archived_at=timestamp_of(row.replaced_at),
        template_data=json_text({"name": row.name, "description": row.description}),
        shifts_data=row.shifts,
        is_current=row.is_current,
    )
