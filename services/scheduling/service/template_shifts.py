"""The shifts of a template, one by one."""

from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.scheduling.v1 import template_pb2
from mizan.scheduling.v1 import template_shift_pb2 as pb
from servicekit.call import Call
from servicekit.db import Reading, SessionReader
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.scheduling.commands import template_shifts as commands
from services.scheduling.queries import templates as queries
from services.scheduling.service.convert import template_shift_message

FIELDS = ("role", "day_of_week", "start_time", "end_time", "required_staff")


class TemplateShiftService:
    """Implements mizan.scheduling.v1.TemplateShiftService."""

    async def ListTemplateShifts(
        self, request: pb.ListTemplateShiftsRequest, call: Call
    ) -> pb.ListTemplateShiftsResponse:
        rows = await queries.template_shifts(call.read(), call.principal.tenant, UUID(request.template))
        page = page_of(request)
        page.check(len(rows))
        shown = rows[page.offset : page.offset + page.limit]
        return pb.ListTemplateShiftsResponse(count=len(rows), results=map(template_shift_message, shown))

    async def GetTemplateShift(self, request: pb.GetTemplateShiftRequest, call: Call) -> template_pb2.TemplateShift:
        return await _read(call.read(), call, request.template, UUID(request.id))

    async def CreateTemplateShift(
        self, request: pb.CreateTemplateShiftRequest, call: Call
    ) -> template_pb2.TemplateShift:
        session = await call.session()
        values = {**values_of(request), "day_of_week": request.day_of_week}
        made = await commands.create(
            session, call.principal.tenant, UUID(request.template), values, call.principal.user_id
        )
        call.notes.entity_id = str(made)
        return await _read(SessionReader(session), call, request.template, made)

    async def UpdateTemplateShift(
        self, request: pb.UpdateTemplateShiftRequest, call: Call
    ) -> template_pb2.TemplateShift:
        session, shift_id = await call.session(), UUID(request.id)
        changes = changes_of(request, FIELDS, nullable=("start_time", "end_time"))
        await commands.change(
            session, call.principal.tenant, UUID(request.template), shift_id, changes, call.principal.user_id
        )
        return await _read(SessionReader(session), call, request.template, shift_id)

    async def DeleteTemplateShift(self, request: pb.DeleteTemplateShiftRequest, call: Call) -> Empty:
        session = await call.session()
        template_id, shift_id = UUID(request.template), UUID(request.id)
        gone = await commands.delete(session, call.principal.tenant, template_id, shift_id, call.principal.user_id)
        call.notes.old_values = {"role": gone.role, "day_of_week": gone.day_of_week}
        return Empty()


async def _read(reading: Reading, call: Call, template: str, shift_id: UUID) -> template_pb2.TemplateShift:
    row = await queries.one_template_shift(reading, call.principal.tenant, UUID(template), shift_id)
    return template_shift_message(row)
