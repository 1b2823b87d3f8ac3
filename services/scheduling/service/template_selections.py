"""Which templates of tasks are chosen for whose shifts."""

from typing import Any
from uuid import UUID

import refdata
from mizan.scheduling.v1 import template_selection_pb2 as pb
from servicekit.call import Call
from servicekit.db import Reading, SessionReader
from servicekit.errors import Forbidden
from services.scheduling.commands import template_selections as commands
from services.scheduling.queries.template_selections import selection_of
from services.scheduling.service.shifts import only_own


class TemplateSelectionService:
    """Implements mizan.scheduling.v1.TemplateSelectionService."""

    async def GetTemplateSelection(self, request: pb.GetTemplateSelectionRequest, call: Call) -> pb.TemplateSelection:
        reader = call.read()
        person = await _person(reader, request, call)
        chosen = await selection_of(reader, call.principal.tenant, person)
        return pb.TemplateSelection(staff_id=str(person), template_ids=map(str, chosen))

    async def SaveTemplateSelection(
        self, request: pb.SaveTemplateSelectionRequest, call: Call
    ) -> pb.TemplateSelectionDone:
        session = await call.session()
        person = await _person(SessionReader(session), request, call)
        call.notes.entity_id = str(person)
        await commands.save(session, call.principal.tenant, person, [UUID(one) for one in request.template_ids])
        return pb.TemplateSelectionDone(message="The selection was saved.")

    async def ClearTemplateSelection(
        self, request: pb.ClearTemplateSelectionRequest, call: Call
    ) -> pb.TemplateSelectionDone:
        session = await call.session()
        person = await _person(SessionReader(session), request, call)
        call.notes.entity_id = str(person)
        await commands.clear(session, call.principal.tenant, person)
        return pb.TemplateSelectionDone(message="The selection was cleared.")


async def _person(reading: Reading, request: Any, call: Call) -> UUID:
    """Whose choice is meant. Raises NotFound for strangers, and Forbidden for others unless the caller plans."""
    if not request.HasField("staff_id"):
        return call.principal.user_id
    person = UUID(request.staff_id)
    await refdata.member(reading, call.principal.tenant, person)
    if only_own(call) not in (None, person):
        raise Forbidden("You can only choose for yourself.")
    return person
