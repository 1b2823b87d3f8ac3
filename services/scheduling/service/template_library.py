"""Templates of weeks as a library."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from google.api import httpbody_pb2

from mizan.options.v1 import files_pb2
from mizan.scheduling.v1 import template_library_pb2 as pb
from mizan.scheduling.v1 import template_pb2
from servicekit.call import Call
from servicekit.db import Reading, SessionReader
from servicekit.errors import Invalid, Refusal
from servicekit.paging import page_of
from servicekit.patch import values_of
from servicekit.spreadsheet import BYTE_ORDER_MARK, lines
from services.scheduling.commands import template_library as commands
from services.scheduling.commands import templates
from services.scheduling.domain.template_library import (
    HEADER,
    cost_of,
    hours_by_role,
    mean,
    mean_wages,
    read_table,
    shifts_text,
)
from services.scheduling.queries.agents import active_staff
from services.scheduling.queries.template_library import DEFAULT_ORDER, FILTERS, search
from services.scheduling.queries.template_versions import states_of
from services.scheduling.queries.templates import Template, all_templates, one_template
from services.scheduling.service.convert import full_name
from services.scheduling.service.template_versions import state_message
from services.scheduling.service.templates import changes_to, draft_of, template_message

Wages = Callable[[UUID], Awaitable[Mapping[UUID, int]]]

HOUR = timedelta(hours=1)
RECENT = 5

log = structlog.get_logger(__name__)


class TemplateLibraryService:
    """Implements mizan.scheduling.v1.TemplateLibraryService."""

    def __init__(self, wages: Wages) -> None:
        self._wages = wages

    async def SearchTemplates(self, request: pb.SearchTemplatesRequest, call: Call) -> pb.SearchTemplatesResponse:
        filters = {name: value for name, value in values_of(request).items() if name in FILTERS}
        ordering = request.ordering or DEFAULT_ORDER
        count, found = await search(call.read(), call.principal.tenant, page_of(request), ordering, **filters)
        return pb.SearchTemplatesResponse(count=count, results=map(template_message, found))

    async def GetLibraryTemplate(
        self, request: template_pb2.GetScheduleTemplateRequest, call: Call
    ) -> pb.LibraryTemplate:
        return await _shown(call.read(), call.principal.tenant, UUID(request.id))

    async def CreateLibraryTemplate(
        self, request: template_pb2.CreateScheduleTemplateRequest, call: Call
    ) -> pb.LibraryTemplate:
        session, tenant = await call.session(), call.principal.tenant
        made = await templates.create(session, tenant, draft_of(request), call.principal.user_id)
        call.notes.entity_id = str(made)
        return await _shown(SessionReader(session), tenant, made)

    async def UpdateLibraryTemplate(
        self, request: template_pb2.UpdateScheduleTemplateRequest, call: Call
    ) -> pb.LibraryTemplate:
        session, tenant, template_id = await call.session(), call.principal.tenant, UUID(request.id)
        await templates.change(session, tenant, template_id, changes_to(request), call.principal.user_id)
        return await _shown(SessionReader(session), tenant, template_id)

    async def DuplicateScheduleTemplate(
        self, request: pb.DuplicateScheduleTemplateRequest, call: Call
    ) -> template_pb2.ScheduleTemplate:
        session, tenant = await call.session(), call.principal.tenant
        copied = await commands.duplicate(session, tenant, UUID(request.id), call.principal.user_id)
        call.notes.entity_id = str(copied)
        return template_message(await one_template(SessionReader(session), tenant, copied))

    async def ToggleFavoriteTemplate(
        self, request: pb.ToggleFavoriteTemplateRequest, call: Call
    ) -> pb.ToggleFavoriteTemplateResponse:
        marked = await commands.toggle_favorite(await call.session(), call.principal.tenant, UUID(request.id))
        message = "Template added to favorites" if marked else "Template removed from favorites"
        return pb.ToggleFavoriteTemplateResponse(is_favorite=marked, message=message)

    async def ActOnTemplates(self, request: pb.ActOnTemplatesRequest, call: Call) -> pb.TemplatesDone:
        ids = [UUID(one) for one in request.template_ids]
        done, errors = await commands.act(
            await call.session(), call.principal.tenant, ids, request.action, call.principal.user_id
        )
        call.notes.description = f"Templates: {request.action}"
        return pb.TemplatesDone(success=done, failed=len(errors), errors=errors)

    async def GetTemplateStatistics(
        self, _request: pb.GetTemplateStatisticsRequest, call: Call
    ) -> pb.TemplateStatistics:
        found = await all_templates(call.read(), call.principal.tenant)
        work = [hours_by_role(shifts) for _, shifts in found]
        wages = await self._mean_wages(call)
        costs = [cost for one in work if one and (cost := cost_of(one, wages)) is not None]
        rows = [row for row, _ in found]
        most = max(found, key=lambda one: one[0].usage_count, default=None)
        return pb.TemplateStatistics(
            total_templates=len(rows),
            active_templates=sum(row.is_active for row in rows),
            favorite_templates=sum(row.is_favorite for row in rows),
            categories=sorted({row.category for row in rows if row.category}),
            total_usage=sum(row.usage_count for row in rows),
            avg_labor_hours=mean([_total(one) / HOUR for one in work]),
            avg_cost=mean([cost / 100 for cost in costs]) if costs else None,
            most_used=template_message(most) if most is not None and most[0].usage_count else None,
            recently_created=_latest(found, "created_at"),
            recently_updated=_latest(found, "updated_at"),
        )

    async def ExportTemplates(self, _request: pb.ExportTemplatesRequest, call: Call) -> httpbody_pb2.HttpBody:
        reader, tenant = call.read(), call.principal.tenant
        wages = await self._mean_wages(call)
        names = {row.user_id: full_name(row) for row in await active_staff(reader, tenant)}
        rows = [_cells(template, wages, names) for template in await all_templates(reader, tenant)]
        text = BYTE_ORDER_MARK + lines([HEADER, *rows])
        body = httpbody_pb2.HttpBody(content_type="text/csv; charset=utf-8", data=text.encode())
        body.extensions.add().Pack(files_pb2.Disposition(filename="schedule_templates.csv"))
        return body

    async def ImportTemplates(self, request: pb.ImportTemplatesRequest, call: Call) -> pb.TemplatesDone:
        if not request.HasField("file"):
            raise Invalid.field("file", "This field is required.", code="required")
        try:
            table = read_table(request.file.content)
        except ValueError as error:
            raise Invalid.field("file", str(error), code="no_table") from error
        drafts = [draft for _, draft in table.templates]
        made = await commands.take_in(await call.session(), call.principal.tenant, drafts, call.principal.user_id)
        call.notes.description = f"Imported {len(made)} templates"
        return pb.TemplatesDone(success=len(made), failed=len(table.errors), errors=table.errors)

    async def _mean_wages(self, call: Call) -> dict[str, float]:
        """What an hour of each role costs; nothing while identity cannot say."""
        tenant = call.principal.tenant
        try:
            wages = await self._wages(tenant)
        except Refusal as error:
            log.warning("wages_unknown", error=error.code)
            return {}
        staff = await active_staff(call.read(), tenant)
        return mean_wages((row.role, wages[row.user_id]) for row in staff if wages.get(row.user_id))


async def _shown(reading: Reading, restaurant_id: UUID, template_id: UUID) -> pb.LibraryTemplate:
    template = template_message(await one_template(reading, restaurant_id, template_id))
    states = await states_of(reading, restaurant_id, template_id)
    fields = {field.name: value for field, value in template.ListFields()}
    return pb.LibraryTemplate(**fields, versions=map(state_message, states))


def _total(work: Mapping[str, timedelta]) -> timedelta:
    return sum(work.values(), timedelta())


def _latest(found: list[Template], column: str) -> list[template_pb2.ScheduleTemplate]:
    newest = sorted(found, key=lambda one: getattr(one[0], column), reverse=True)
    return [template_message(one) for one in newest[:RECENT]]


def _cells(template: Template, wages: Mapping[str, float], names: Mapping[UUID, str]) -> tuple[Any, ...]:
    row, shifts = template
    work = hours_by_role(shifts)
    cost = cost_of(work, wages) if work else None
    return (
        row.id,
        row.name,
        row.description,
        row.category,
        str(row.is_active).lower(),
        str(row.is_favorite).lower(),
        row.created_at.isoformat(timespec="seconds"),
        names.get(row.created_by, "") if row.created_by is not None else "",
        len(shifts),
        0,
        row.usage_count,
        f"{_total(work) / HOUR:.2f}",
        f"{cost / 100:.2f}" if cost is not None else "",
        ", ".join(row.tags),
        shifts_text(shifts),
    )
