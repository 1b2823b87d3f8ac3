"""Checklists that people work through in conversation with an agent."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import refdata
from mizan.scheduling.v1 import agent_pb2, checklist_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SYSTEM, Scope, SessionReader
from servicekit.errors import Invalid, NotFound
from services.scheduling.agents import Agents, person_in
from services.scheduling.commands import checklists as commands
from services.scheduling.commands.checklist_sync import Sync
from services.scheduling.domain.checklists import is_done
from services.scheduling.filing import Filing
from services.scheduling.models import ChecklistTemplate
from services.scheduling.models.checklist import OPEN
from services.scheduling.queries import agents as queries
from services.scheduling.queries import checklist_templates as template_queries
from services.scheduling.queries.checklists import NO_EXECUTION, Worked, one_execution
from services.scheduling.service.checklists import shift_checklists, sync_arguments, sync_message

DEFAULT_NOTES = "Completed via Agent"


class AgentChecklistService:
    """Implements mizan.scheduling.v1.AgentChecklistService."""

    def __init__(self, agents: Agents, filing: Filing, clock: Clock) -> None:
        self._agents = agents
        self._filing = filing
        self._clock = clock

    async def ListAgentShiftChecklists(
        self, request: agent_pb2.ListAgentShiftChecklistsRequest, call: Call
    ) -> checklist_pb2.ShiftChecklists:
        _require_staff(request)
        acting = await self._agents.subject(request, call)
        person = acting.subject
        return await shift_checklists(call.read(acting.scope), acting.restaurant_id, person, self._clock.now())

    async def InitiateChecklist(
        self, request: agent_pb2.InitiateChecklistRequest, call: Call
    ) -> agent_pb2.InitiateChecklistResponse:
        _require_staff(request)
        acting = await self._agents.subject(request, call)
        tenant, person, now = acting.restaurant_id, acting.subject, self._clock.now()
        session = await call.session(acting.scope)
        reading = SessionReader(session)
        zone = await refdata.time_zone(reading, tenant)
        shift = await template_queries.shift_of_day(reading, tenant, person, now.astimezone(zone).date(), now)
        call.notes.skip = True
        if shift is None:
            return _nothing("no_shift", "No active shift found for today")
        listed = await template_queries.of_shift(reading, tenant, shift.task_templates)
        listed = listed or await template_queries.any_template(reading, tenant)
        if not listed:
            return _nothing("no_checklists", "No checklists assigned to this shift")
        if not listed[0].steps:
            return _nothing("empty_checklist", f"{listed[0].row.name} has no steps")
        # The first that is still to be done; when all are, the last answer stands for all.
        worked = None
        for one in listed:
            template = await session.get_one(ChecklistTemplate, one.row.id)
            execution_id, _ = await commands.begin_for(
                session, template, person, by=None, shift_id=shift.id, due_date=shift.ends_at
            )
            worked = await one_execution(reading, tenant, execution_id)
            if worked.row.status in OPEN and one.steps:
                break
        if worked is None or worked.row.status not in OPEN:
            return _nothing("completed", "All checklists of this shift are completed")
        execution = await commands.locked(session, tenant, worked.row.id)
        await commands.start(session, execution, now)
        call.notes.skip, call.notes.entity_id, call.notes.user_id = False, str(execution.id), person
        return _initiated(worked)

    async def SyncAgentExecution(
        self, request: agent_pb2.SyncAgentExecutionRequest, call: Call
    ) -> checklist_pb2.SyncResult:
        tenant, person = await self._whose(request, call)
        session = await call.session(Scope(tenant))
        execution = await commands.locked(session, tenant, UUID(request.execution_id))
        sync = Sync(session, self._filing, execution, person, self._clock.now())
        synced = await sync.run(**sync_arguments(request))
        call.notes.skip = not synced.has_changes
        call.notes.entity_id = request.execution_id
        return sync_message(synced, execution.sync_version)

    async def CompleteAgentExecution(
        self, request: agent_pb2.CompleteAgentExecutionRequest, call: Call
    ) -> agent_pb2.CompleteAgentExecutionResponse:
        tenant, person = await self._whose(request, call)
        session = await call.session(Scope(tenant))
        execution = await commands.own(session, person_in(tenant, person), UUID(request.execution_id))
        await commands.complete(session, execution, request.completion_notes or DEFAULT_NOTES, self._clock.now())
        call.notes.entity_id = request.execution_id
        return agent_pb2.CompleteAgentExecutionResponse(success=True, status=execution.status)

    async def _whose(self, request: Any, call: Call) -> tuple[UUID, UUID]:
        """The restaurant and the person of a checklist. Raises NotFound for one outside the agent's restaurant."""
        found = await queries.whose_execution(call.read(SYSTEM), UUID(request.execution_id))
        if call.principal.restaurant_id not in (None, found.restaurant_id):
            raise NotFound(NO_EXECUTION)
        call.notes.restaurant_id, call.notes.user_id = found.restaurant_id, found.assigned_to
        return found.restaurant_id, found.assigned_to


def _require_staff(request: Any) -> None:
    if not (request.staff_id or request.user_id or request.phone or request.session_id):
        raise Invalid("staff_id is required", code="required")


def _nothing(status: str, message: str) -> agent_pb2.InitiateChecklistResponse:
    return agent_pb2.InitiateChecklistResponse(status=status, message=message)


def _initiated(worked: Worked) -> agent_pb2.InitiateChecklistResponse:
    steps: Sequence[Any] = worked.steps
    open_steps = [step for step in steps if not is_done(worked.responses.get(step.id))]
    current = (open_steps or steps)[0]
    return agent_pb2.InitiateChecklistResponse(
        status="started",
        execution_id=str(worked.row.id),
        checklist=agent_pb2.InitiatedChecklist(
            id=str(worked.template.id), name=worked.template.name, total_steps=len(steps)
        ),
        current_step=_step(current, len(steps)),
        message=f"{worked.template.name}: {current.title}",
        all_steps=[
            _step(step, len(steps), worked.responses[step.id].status if step.id in worked.responses else "PENDING")
            for step in steps
        ],
    )


def _step(step: Any, total: int, status: str | None = None) -> agent_pb2.InitiatedStep:
    return agent_pb2.InitiatedStep(
        index=step.place,
        total=total,
        id=str(step.id),
        title=step.title,
        description=step.description,
        requires_photo=step.requires_photo,
        step_type=step.step_type,
        status=status,
    )
