"""Checklists as people work through them."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from google.api import httpbody_pb2
from google.protobuf.empty_pb2 import Empty

import refdata
from mizan.scheduling.v1 import checklist_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SYSTEM, SessionReader
from servicekit.errors import Forbidden, Invalid, NotFound, Unauthenticated
from servicekit.links import FileLinks
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from servicekit.zones import local_instant
from services.scheduling.commands import checklists as commands
from services.scheduling.commands.checklist_sync import Sync, Synced, change_action
from services.scheduling.filing import Filing
from services.scheduling.models import ChecklistAction, StepResponse
from services.scheduling.queries import checklist_templates as template_queries
from services.scheduling.queries import checklists as queries
from services.scheduling.service.checklist_convert import (
    action_message,
    evidence_message,
    evidence_path,
    execution_message,
    response_message,
    shift_checklist,
    submission_message,
)

PAGE = ("page", "page_size")
NO_EVIDENCE = "No ChecklistEvidence matches the given query."
PERIOD = timedelta(days=30)
STATES = {"PENDING": "NOT_STARTED"}
ANSWER_FIELDS = (
    "is_completed",
    "status",
    "text_response",
    "measurement_value",
    "boolean_response",
    "notes",
    "signature_data",
)
ACTION_FIELDS = ("title", "description", "priority", "status", "due_date", "assigned_to_id", "resolution_notes")


class ChecklistService:
    """Implements mizan.scheduling.v1.ChecklistService."""

    def __init__(self, filing: Filing, links: FileLinks, clock: Clock) -> None:
        self._filing = filing
        self._links = links
        self._clock = clock

    async def ListExecutions(
        self, request: checklist_pb2.ListExecutionsRequest, call: Call
    ) -> checklist_pb2.ListExecutionsResponse:
        chosen = values_of(request, without=(*PAGE, "ordering"))
        if not call.principal.may(commands.PLAN):
            chosen["assigned_to"] = call.principal.user_id
        return await self._list(request, call, request.ordering, chosen)

    async def ListMyExecutions(
        self, request: checklist_pb2.ListMyExecutionsRequest, call: Call
    ) -> checklist_pb2.ListExecutionsResponse:
        chosen = values_of(request, without=(*PAGE, "ordering"))
        return await self._list(request, call, request.ordering, {**chosen, "assigned_to": call.principal.user_id})

    async def ListOverdueExecutions(
        self, request: checklist_pb2.ListOverdueExecutionsRequest, call: Call
    ) -> checklist_pb2.ListExecutionsResponse:
        return await self._list(request, call, "due_date", {"status": "OVERDUE", "assigned_to": _own(call)})

    async def _list(
        self, request: Any, call: Call, ordering: str, chosen: dict[str, Any]
    ) -> checklist_pb2.ListExecutionsResponse:
        if "status" in chosen:
            chosen["status"] = STATES.get(chosen["status"], chosen["status"])
        count, found = await queries.page_of_executions(
            call.read(), call.principal.tenant, page_of(request), self._clock.now(), ordering or "-created_at", **chosen
        )
        return checklist_pb2.ListExecutionsResponse(
            count=count, results=[execution_message(worked, self._links) for worked in found]
        )

    async def ListSubmissions(
        self, request: checklist_pb2.ListSubmissionsRequest, call: Call
    ) -> checklist_pb2.ListSubmissionsResponse:
        reader, tenant = call.read(), call.principal.tenant
        chosen: dict[str, Any] = {"status": "COMPLETED"}
        if request.HasField("date"):
            zone = await refdata.time_zone(reader, tenant)
            day = date.fromisoformat(request.date)
            chosen["first"] = local_instant(day, time(), zone)
            chosen["last"] = local_instant(day + timedelta(days=1), time(), zone)
        if request.HasField("submitted_by"):
            chosen["submitted_by"] = request.submitted_by
        if request.HasField("type"):
            chosen["category"] = request.type
        count, found = await queries.page_of_executions(
            reader, tenant, page_of(request), self._clock.now(), "-completed_at", **chosen
        )
        return checklist_pb2.ListSubmissionsResponse(count=count, results=[submission_message(one) for one in found])

    async def GetExecution(
        self, request: checklist_pb2.GetExecutionRequest, call: Call
    ) -> checklist_pb2.ChecklistExecution:
        worked = await queries.one_execution(call.read(), call.principal.tenant, UUID(request.id), _own(call))
        return execution_message(worked, self._links)

    async def CreateExecution(
        self, request: checklist_pb2.CreateExecutionRequest, call: Call
    ) -> checklist_pb2.ChecklistExecution:
        session = await call.session()
        made = await commands.create(session, call.principal, values_of(request))
        return await self._read(call, session, made)

    async def AssignChecklist(
        self, request: checklist_pb2.AssignChecklistRequest, call: Call
    ) -> checklist_pb2.ChecklistExecution:
        session = await call.session()
        made = await commands.assign(session, call.principal, UUID(request.id), values_of(request))
        return await self._read(call, session, made)

    async def EnsureForTask(
        self, request: checklist_pb2.EnsureForTaskRequest, call: Call
    ) -> checklist_pb2.ChecklistExecution:
        session = await call.session()
        execution_id, is_new = await commands.ensure_for_task(session, call.principal, UUID(request.task_id))
        call.notes.skip = not is_new
        return await self._read(call, session, execution_id)

    async def UpdateExecution(
        self, request: checklist_pb2.UpdateExecutionRequest, call: Call
    ) -> checklist_pb2.ChecklistExecution:
        session = await call.session()
        execution = await commands.locked(session, call.principal.tenant, UUID(request.id))
        if not call.principal.may(commands.PLAN) and execution.assigned_to != call.principal.user_id:
            raise NotFound(queries.NO_EXECUTION)
        changes = changes_of(request, ("status", "completion_notes", "current_step"), nullable=("completion_notes",))
        if "completion_notes" in changes:
            execution.completion_notes = changes["completion_notes"]
        if "current_step" in changes:
            worked = await queries.one_execution(SessionReader(session), call.principal.tenant, execution.id)
            if changes["current_step"] not in {step.id for step in worked.steps}:
                raise NotFound("No ChecklistStep matches the given query.")
            execution.current_step = changes["current_step"]
        status = changes.get("status")
        if status == "CANCELLED":
            await commands.cancel(session, execution)
        elif status in ("IN_PROGRESS", "COMPLETED"):
            execution = await commands.own(session, call.principal, execution.id)
            if status == "IN_PROGRESS":
                await commands.start(session, execution, self._clock.now())
            elif execution.status != "COMPLETED":
                await commands.complete(session, execution, None, self._clock.now())
        elif status is not None and status != execution.status:
            raise Invalid.field("status", "A checklist that was begun cannot be made new.")
        await session.flush()
        return await self._read(call, session, execution.id)

    async def DeleteExecution(self, request: checklist_pb2.DeleteExecutionRequest, call: Call) -> Empty:
        session = await call.session()
        execution = await commands.delete(session, call.principal.tenant, UUID(request.id))
        call.notes.old_values = {"status": execution.status, "assigned_to": str(execution.assigned_to)}
        return Empty()

    async def StartExecution(
        self, request: checklist_pb2.StartExecutionRequest, call: Call
    ) -> checklist_pb2.ChecklistExecution:
        session = await call.session()
        execution = await commands.own(session, call.principal, UUID(request.id))
        await commands.start(session, execution, self._clock.now())
        return await self._read(call, session, execution.id)

    async def CompleteExecution(
        self, request: checklist_pb2.CompleteExecutionRequest, call: Call
    ) -> checklist_pb2.ChecklistExecution:
        session = await call.session()
        execution = await commands.own(session, call.principal, UUID(request.id))
        notes = request.completion_notes if request.HasField("completion_notes") else None
        await commands.complete(session, execution, notes, self._clock.now())
        return await self._read(call, session, execution.id)

    async def SyncExecution(self, request: checklist_pb2.SyncExecutionRequest, call: Call) -> checklist_pb2.SyncResult:
        if request.execution_id and request.execution_id.lower() != request.id.lower():
            raise Invalid.field("execution_id", "Names another checklist than the address does.")
        session = await call.session()
        execution = await commands.own(session, call.principal, UUID(request.id))
        sync = Sync(session, self._filing, execution, call.principal.user_id, self._clock.now())
        synced = await sync.run(**sync_arguments(request))
        call.notes.skip = not synced.has_changes
        return sync_message(synced, execution.sync_version)

    async def ReviewExecution(
        self, request: checklist_pb2.ReviewExecutionRequest, call: Call
    ) -> checklist_pb2.ChecklistExecution:
        session = await call.session()
        execution_id = UUID(request.id)
        await commands.review(
            session, call.principal, execution_id, request.decision, request.reason.strip(), self._clock.now()
        )
        return await self._read(call, session, execution_id)

    async def LogSubmission(
        self, request: checklist_pb2.LogSubmissionRequest, call: Call
    ) -> checklist_pb2.LogSubmissionResponse:
        session = await call.session()
        made = await commands.log_submission(session, call.principal, UUID(request.id), request.status, request.message)
        return checklist_pb2.LogSubmissionResponse(success=True, id=str(made))

    async def ListShiftChecklists(
        self, _request: checklist_pb2.ListShiftChecklistsRequest, call: Call
    ) -> checklist_pb2.ShiftChecklists:
        return await shift_checklists(call.read(), call.principal.tenant, call.principal.user_id, self._clock.now())

    async def GetChecklistStatistics(
        self, request: checklist_pb2.GetChecklistStatisticsRequest, call: Call
    ) -> checklist_pb2.ChecklistStatistics:
        reader, tenant, now = call.read(), call.principal.tenant, self._clock.now()
        zone = await refdata.time_zone(reader, tenant)
        end = _moment(request.end_date, "end_date", zone, end_of_day=True) if request.HasField("end_date") else now
        start = _moment(request.start_date, "start_date", zone) if request.HasField("start_date") else end - PERIOD
        rows, actions = await queries.statistics(reader, tenant, start, end, now, _own(call))
        total, completed = sum(row.total for row in rows), sum(row.completed for row in rows)
        return checklist_pb2.ChecklistStatistics(
            total_executions=total,
            completed_executions=completed,
            in_progress_executions=sum(row.in_progress for row in rows),
            overdue_executions=sum(row.overdue for row in rows),
            average_completion_rate=_percent(completed, total),
            total_actions_created=actions.created,
            open_actions=actions.open,
            template_usage=[
                checklist_pb2.ChecklistTemplateUsage(
                    template_name=row.name,
                    template_type=row.category,
                    usage_count=row.total,
                    completion_rate=_percent(row.completed, row.total),
                )
                for row in rows
            ],
        )

    async def ListStepResponses(
        self, request: checklist_pb2.ListStepResponsesRequest, call: Call
    ) -> checklist_pb2.ListStepResponsesResponse:
        reader, tenant = call.read(), call.principal.tenant
        count, rows = await queries.page_of_responses(reader, tenant, call.principal.user_id, page_of(request))
        steps, evidence = await queries.around_responses(reader, tenant, rows)
        return checklist_pb2.ListStepResponsesResponse(
            count=count,
            results=[response_message(row, steps[row.step_id], evidence.get(row.id, ()), self._links) for row in rows],
        )

    async def GetStepResponse(
        self, request: checklist_pb2.GetStepResponseRequest, call: Call
    ) -> checklist_pb2.StepResponse:
        return await self._response(call, call.read(), UUID(request.id))

    async def CreateStepResponse(
        self, request: checklist_pb2.CreateStepResponseRequest, call: Call
    ) -> checklist_pb2.StepResponse:
        session = await call.session()
        execution = await commands.own(session, call.principal, UUID(request.execution))
        sync = Sync(session, self._filing, execution, call.principal.user_id, self._clock.now())
        response = await sync.answer_to(UUID(request.step))
        await sync.answer_one(response, values_of(request, without=("execution", "step")))
        call.notes.entity_id = str(response.id)
        return await self._response(call, SessionReader(session), response.id)

    async def DeleteStepResponse(self, request: checklist_pb2.DeleteStepResponseRequest, call: Call) -> Empty:
        session = await call.session()
        sync, response = await self._answering(call, session, UUID(request.id))
        call.notes.old_values = {"status": response.status, "notes": response.notes}
        await sync.take_back(response)
        return Empty()

    async def UpdateStepResponse(
        self, request: checklist_pb2.UpdateStepResponseRequest, call: Call
    ) -> checklist_pb2.StepResponse:
        session = await call.session()
        sync, response = await self._answering(call, session, UUID(request.id))
        changes = changes_of(request, ANSWER_FIELDS, nullable=ANSWER_FIELDS)
        await sync.answer_one(response, changes)
        call.notes.entity_id = request.id
        return await self._response(call, SessionReader(session), response.id)

    async def AddEvidence(self, request: checklist_pb2.AddEvidenceRequest, call: Call) -> checklist_pb2.Evidence:
        session = await call.session()
        sync, response = await self._answering(call, session, UUID(request.id))
        values = {**values_of(request, without=("file", "id")), "filename": request.file.filename}
        made = await sync.add_file(response, request.file.content, values)
        await session.refresh(made)
        call.notes.entity_id = str(made.id)
        return evidence_message(made, self._links)

    async def DownloadEvidence(
        self, request: checklist_pb2.DownloadEvidenceRequest, call: Call
    ) -> httpbody_pb2.HttpBody:
        evidence_id = UUID(request.id)
        if request.HasField("signature"):
            found = await queries.one_evidence(call.read(SYSTEM), evidence_id)
            key = found.file_key if found is not None else None
            self._links.check(evidence_path(evidence_id), key, request.expires, request.signature)
        else:
            if call.principal.kind == "ANONYMOUS":
                raise Unauthenticated("Authentication credentials were not provided.")
            found = await queries.one_evidence(call.read(), evidence_id)
            if found is not None and _own(call) not in (None, found.assigned_to):
                found = None
        if found is None or found.file_key is None:
            raise NotFound(NO_EVIDENCE)
        return await self._filing.body(found.file_key, found.mime_type, found.filename)

    async def ListActions(
        self, request: checklist_pb2.ListActionsRequest, call: Call
    ) -> checklist_pb2.ListActionsResponse:
        return await self._actions(request, call, {**values_of(request, without=PAGE), "own": _own(call)})

    async def ListMyActions(
        self, request: checklist_pb2.ListMyActionsRequest, call: Call
    ) -> checklist_pb2.ListActionsResponse:
        chosen = {**values_of(request, without=PAGE), "assigned_to": call.principal.user_id}
        return await self._actions(request, call, chosen)

    async def _actions(self, request: Any, call: Call, chosen: dict[str, Any]) -> checklist_pb2.ListActionsResponse:
        count, rows, people = await queries.page_of_actions(
            call.read(), call.principal.tenant, page_of(request), **chosen
        )
        return checklist_pb2.ListActionsResponse(count=count, results=[action_message(row, people) for row in rows])

    async def GetAction(self, request: checklist_pb2.GetActionRequest, call: Call) -> checklist_pb2.ChecklistAction:
        reading, action_id = call.read(), UUID(request.id)
        row = await queries.one_action(reading, call.principal.tenant, action_id, _own(call))
        return action_message(row, await queries.people_of_action(reading, row))

    async def CreateAction(
        self, request: checklist_pb2.CreateActionRequest, call: Call
    ) -> checklist_pb2.ChecklistAction:
        session = await call.session()
        values = values_of(request)
        execution = await commands.locked(session, call.principal.tenant, values["execution"])
        if _own(call) not in (None, execution.assigned_to):
            raise NotFound(queries.NO_EXECUTION)
        if "step_response" in values:
            response = await queries.one_response(
                SessionReader(session), call.principal.tenant, values["step_response"]
            )
            if response.execution_id != execution.id:
                raise NotFound(queries.NO_RESPONSE)
        made = await commands.add_action(session, execution, values, call.principal.user_id)
        return await self._action(call, session, made)

    async def UpdateAction(
        self, request: checklist_pb2.UpdateActionRequest, call: Call
    ) -> checklist_pb2.ChecklistAction:
        session = await call.session()
        action = await self._own_action(call, session, UUID(request.id))
        changes = changes_of(request, ACTION_FIELDS)
        await change_action(session, action, changes, call.principal.user_id, self._clock.now())
        return await self._action(call, session, action)

    async def DeleteAction(self, request: checklist_pb2.DeleteActionRequest, call: Call) -> Empty:
        session = await call.session()
        action = await self._own_action(call, session, UUID(request.id))
        call.notes.old_values = {"title": action.title, "status": action.status}
        await session.delete(action)
        return Empty()

    async def ResolveAction(
        self, request: checklist_pb2.ResolveActionRequest, call: Call
    ) -> checklist_pb2.ChecklistAction:
        session = await call.session()
        action = await self._own_action(call, session, UUID(request.id))
        if action.status == "RESOLVED":
            raise Invalid("This action is resolved already.", code="already_resolved")
        changes = {"status": "RESOLVED", "resolution_notes": request.resolution_notes or None}
        await change_action(session, action, changes, call.principal.user_id, self._clock.now())
        return await self._action(call, session, action)

    async def _read(self, call: Call, session: Any, execution_id: UUID) -> checklist_pb2.ChecklistExecution:
        call.notes.entity_id = str(execution_id)
        worked = await queries.one_execution(SessionReader(session), call.principal.tenant, execution_id)
        return execution_message(worked, self._links)

    async def _response(self, call: Call, reading: Any, response_id: UUID) -> checklist_pb2.StepResponse:
        tenant = call.principal.tenant
        row = await queries.one_response(reading, tenant, response_id, _own(call))
        steps, evidence = await queries.around_responses(reading, tenant, [row])
        return response_message(row, steps[row.step_id], evidence.get(row.id, ()), self._links)

    async def _answering(self, call: Call, session: Any, response_id: UUID) -> tuple[Sync, StepResponse]:
        """The caller's own answer, with its checklist held against others."""
        tenant = call.principal.tenant
        row = await queries.one_response(SessionReader(session), tenant, response_id, _own(call))
        execution = await commands.own(session, call.principal, row.execution_id)
        response = await session.get_one(StepResponse, response_id)
        return Sync(session, self._filing, execution, call.principal.user_id, self._clock.now()), response

    async def _own_action(self, call: Call, session: Any, action_id: UUID) -> ChecklistAction:
        await queries.one_action(SessionReader(session), call.principal.tenant, action_id, _own(call))
        action: ChecklistAction = await session.get_one(ChecklistAction, action_id, with_for_update=True)
        return action

    async def _action(self, call: Call, session: Any, action: ChecklistAction) -> checklist_pb2.ChecklistAction:
        await session.refresh(action)
        call.notes.entity_id = str(action.id)
        return action_message(action, await queries.people_of_action(SessionReader(session), action))


async def shift_checklists(reading: Any, tenant: UUID, person: UUID, now: datetime) -> checklist_pb2.ShiftChecklists:
    """The checklists of somebody's shift of today, in the restaurant's zone."""
    zone = await refdata.time_zone(reading, tenant)
    shift = await template_queries.shift_of_day(reading, tenant, person, now.astimezone(zone).date(), now)
    if shift is None:
        return checklist_pb2.ShiftChecklists(message="No active shift found for today")
    listed = await template_queries.of_shift(reading, tenant, shift.task_templates)
    return checklist_pb2.ShiftChecklists(
        shift_id=str(shift.id),
        shift_date=shift.shift_date.isoformat(),
        shift_start=shift.starts_at.astimezone(zone).isoformat(timespec="seconds"),
        checklists=[shift_checklist(one) for one in listed],
        message=f"{len(listed)} checklists for this shift" if listed else "No checklists assigned to this shift",
    )


def sync_arguments(request: Any) -> dict[str, Any]:
    """What a client brings, as Python values."""
    answers = []
    for answer in request.step_responses:
        values = values_of(answer, without=("evidence",))
        values["evidence"] = [values_of(item) for item in answer.evidence]
        answers.append({"step_id": "", **values})
    return {
        "answers": answers,
        "evidence": [values_of(item) for item in request.evidence],
        "actions": [values_of(action) for action in request.actions],
        "seen_version": request.last_sync_version if request.HasField("last_sync_version") else None,
    }


def sync_message(synced: Synced, version: int) -> checklist_pb2.SyncResult:
    """What became of each thing that was sent."""
    return checklist_pb2.SyncResult(
        success=True,
        synced_items=[checklist_pb2.SyncedItem(**item) for item in synced.items],
        conflicts=[checklist_pb2.SyncConflict(**conflict) for conflict in synced.conflicts],
        sync_version=version,
    )


def _own(call: Call) -> UUID | None:
    """The caller, when they may see no checklists but their own."""
    if call.principal.kind != "USER":
        raise Forbidden
    return None if call.principal.may(commands.PLAN) else call.principal.user_id


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0


def _moment(text: str, field: str, zone: ZoneInfo, *, end_of_day: bool = False) -> datetime:
    """An instant, or a day's beginning or end. Raises Invalid for anything else."""
    try:
        if len(text) == len("2031-03-03"):
            day = date.fromisoformat(text) + timedelta(days=int(end_of_day))
            return local_instant(day, time(), zone)
        moment = datetime.fromisoformat(text.strip().replace(" ", "+"))
    except (ValueError, OverflowError) as error:
        raise Invalid.field(field, "Use a day or an instant in ISO 8601.") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
