"""What scheduling publishes, and how each fact is made from its rows."""

from collections.abc import Sequence
from datetime import date, time
from typing import Any
from uuid import UUID

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.scheduling.events.v1 import events_pb2 as facts
from servicekit import events
from servicekit.clock import timestamp_of
from services.scheduling.models import (
    Availability,
    ChecklistAction,
    ChecklistExecution,
    ChecklistTemplate,
    Incident,
    Procedure,
    Process,
    ProcessTask,
    Recognition,
    SafetyChecklist,
    ScheduleTemplate,
    Shift,
    ShiftTask,
    SwapRequest,
    Task,
    TaskCategory,
    TaskTemplate,
    WeeklySchedule,
)

ShiftEvent = facts.ShiftCreated | facts.ShiftUpdated | facts.ShiftDeleted
BidEvent = facts.ShiftBidPlaced | facts.ShiftBidsDecided
TaskEvent = facts.TaskCreated | facts.TaskUpdated | facts.TaskDeleted | facts.TaskOverdue
ProcessEvent = facts.ProcessCreated | facts.ProcessUpdated | facts.ProcessDeleted
ProcessTaskEvent = facts.ProcessTaskCreated | facts.ProcessTaskUpdated | facts.ProcessTaskDeleted
CategoryEvent = facts.TaskCategoryCreated | facts.TaskCategoryUpdated | facts.TaskCategoryDeleted
ProcedureEvent = facts.ProcedureCreated | facts.ProcedureUpdated | facts.ProcedureDeleted
SafetyChecklistEvent = facts.SafetyChecklistCreated | facts.SafetyChecklistUpdated | facts.SafetyChecklistDeleted
IncidentEvent = facts.IncidentReported | facts.IncidentUpdated | facts.IncidentDeleted
RecognitionEvent = facts.RecognitionCreated | facts.RecognitionUpdated | facts.RecognitionDeleted
AvailabilityEvent = facts.AvailabilityCreated | facts.AvailabilityUpdated | facts.AvailabilityDeleted
TemplateEvent = facts.TemplateCreated | facts.TemplateUpdated | facts.TemplateDeleted
ChecklistEvent = (
    facts.ChecklistAssigned
    | facts.ChecklistStarted
    | facts.ChecklistCompleted
    | facts.ChecklistReviewed
    | facts.ChecklistCancelled
)


def task_category_changed(session: AsyncSession, kind: type[CategoryEvent], category: TaskCategory) -> None:
    """A category of tasks was made, changed or removed."""
    about = facts.TaskCategoryFacts(
        id=str(category.id),
        restaurant_id=str(category.restaurant_id),
        name=category.name,
        color=category.color,
        version=category.version,
    )
    events.emit(
        session,
        kind(category=about),
        restaurant_id=category.restaurant_id,
        aggregate_id=category.id,
        version=category.version,
    )


def shift_facts(shift: Shift, people: Sequence[UUID], *, is_published: bool) -> facts.ShiftFacts:
    """A shift as other services hear of it."""
    about = facts.ShiftFacts(
        id=str(shift.id),
        restaurant_id=str(shift.restaurant_id),
        schedule_id=str(shift.schedule_id),
        shift_date=shift.shift_date.isoformat(),
        break_minutes=shift.break_minutes,
        role=shift.role,
        status=shift.status,
        staff_ids=[str(person) for person in people],
        title=shift.notes or "",
        department=shift.department or "",
        workspace_location=shift.workspace_location or "",
        is_published=is_published,
        version=shift.version,
    )
    about.starts_at.FromDatetime(shift.starts_at)
    about.ends_at.FromDatetime(shift.ends_at)
    return about


def shift_changed(session: AsyncSession, message: ShiftEvent) -> None:
    """A shift was planned, changed or taken out of the plan."""
    about = message.shift
    events.emit(
        session,
        message,
        restaurant_id=UUID(about.restaurant_id),
        aggregate_id=about.id,
        version=about.version,
    )


def bid_placed(session: AsyncSession, message: facts.ShiftBidPlaced) -> None:
    """Somebody asked for an open shift."""
    _about_bids(session, message, f"{message.shift.id}:{message.staff_id}:bid")


def bids_decided(session: AsyncSession, message: facts.ShiftBidsDecided) -> None:
    """An open shift was given to one of those who asked for it."""
    _about_bids(session, message, f"{message.shift.id}:bids")


def _about_bids(session: AsyncSession, message: BidEvent, aggregate: str) -> None:
    about = message.shift
    events.emit(
        session, message, restaurant_id=UUID(about.restaurant_id), aggregate_id=aggregate, version=about.version
    )


def shift_missed(session: AsyncSession, message: facts.ShiftMissed) -> None:
    """Somebody has not come to their shift."""
    about = message.shift
    aggregate = f"{about.id}:{':'.join(message.staff_ids)}:missed"
    events.emit(
        session, message, restaurant_id=UUID(about.restaurant_id), aggregate_id=aggregate, version=about.version
    )


def schedule_published(
    session: AsyncSession,
    week: WeeklySchedule,
    number: int,
    shifts: int,
    personal: Sequence[facts.StaffSchedulePublished],
) -> None:
    """A week was published; each person for whom something is new or changed gets one message of their own."""
    events.emit(
        session,
        facts.SchedulePublished(
            id=str(week.id),
            restaurant_id=str(week.restaurant_id),
            week_start=week.week_start.isoformat(),
            number=number,
            shifts=shifts,
            staff_ids=[message.staff_id for message in personal],
        ),
        restaurant_id=week.restaurant_id,
        aggregate_id=week.id,
        version=week.version,
    )
    for message in personal:
        events.emit(
            session,
            message,
            restaurant_id=week.restaurant_id,
            aggregate_id=f"{week.id}:{message.staff_id}",
            version=number,
        )


def swap_facts(swap: SwapRequest, shift: facts.ShiftFacts) -> facts.SwapFacts:
    """An offer of a shift as other services hear of it."""
    return facts.SwapFacts(
        id=str(swap.id),
        restaurant_id=str(swap.restaurant_id),
        shift=shift,
        requester_id=str(swap.requester_id),
        receiver_id=str(swap.receiver_id or ""),
        status=swap.status,
        message=swap.request_message or "",
        version=swap.version,
    )


def swap_changed(session: AsyncSession, message: facts.SwapRequested | facts.SwapDecided) -> None:
    """A shift was offered, or what was offered is decided."""
    about = message.swap
    events.emit(
        session,
        message,
        restaurant_id=UUID(about.restaurant_id),
        aggregate_id=about.id,
        version=about.version,
    )


def task_facts(task: ShiftTask | Task) -> facts.TaskFacts:
    """A task as other services hear of it."""
    if isinstance(task, Task):
        kind, people, due_at = "ALONE", list(task.assigned_to), task.due_time
    else:
        kind, people, due_at = "SHIFT", [task.assigned_to] if task.assigned_to else [], task.due_at
    return facts.TaskFacts(
        id=str(task.id),
        restaurant_id=str(task.restaurant_id),
        kind=kind,
        title=task.title,
        status=task.status,
        priority=task.priority,
        assigned_to=[str(person) for person in people],
        shift_id=str(task.shift_id or ""),
        due_date=_iso(task.due_date),
        due_at=timestamp_of(due_at),
        created_by=str(task.created_by or ""),
        completed_at=timestamp_of(task.completed_at),
        version=task.version,
    )


def task_changed(session: AsyncSession, message: TaskEvent) -> None:
    """A task was made, changed, removed, or its time has passed."""
    about = message.task
    aggregate = f"{about.id}:overdue" if isinstance(message, facts.TaskOverdue) else about.id
    events.emit(
        session, message, restaurant_id=UUID(about.restaurant_id), aggregate_id=aggregate, version=about.version
    )


def checklist_facts(execution: ChecklistExecution, template: ChecklistTemplate) -> facts.ChecklistFacts:
    """A checklist that somebody works through, as other services hear of it."""
    return facts.ChecklistFacts(
        id=str(execution.id),
        restaurant_id=str(execution.restaurant_id),
        template_id=str(execution.template_id),
        name=template.name,
        category=template.category or "",
        assigned_to=str(execution.assigned_to),
        shift_id=str(execution.shift_id or ""),
        task_id=str(execution.task_id or ""),
        status=execution.status,
        due_at=timestamp_of(execution.due_date),
        completed_at=timestamp_of(execution.completed_at),
        progress=execution.progress,
        requires_approval=template.requires_supervisor_approval,
        review_status=execution.review_status or "",
        version=execution.version,
    )


def checklist_changed(session: AsyncSession, message: ChecklistEvent) -> None:
    """A checklist was given to somebody, begun, handed in, reviewed or taken back."""
    about = message.checklist
    _emit(session, message, about)


def action_opened(session: AsyncSession, action: ChecklistAction) -> None:
    """Something of a checklist is to be followed up."""
    message = facts.ChecklistActionOpened(
        id=str(action.id),
        restaurant_id=str(action.restaurant_id),
        checklist_id=str(action.execution_id),
        title=action.title,
        description=action.description,
        priority=action.priority,
        assigned_to=str(action.assigned_to or ""),
        due_at=timestamp_of(action.due_date),
    )
    events.emit(session, message, restaurant_id=action.restaurant_id, aggregate_id=action.id)


def process_changed(session: AsyncSession, kind: type[ProcessEvent], process: Process) -> None:
    """A process was made, changed or removed."""
    about = facts.ProcessFacts(
        id=str(process.id),
        restaurant_id=str(process.restaurant_id),
        name=process.name,
        status=process.status,
        priority=process.priority,
        is_active=process.is_active,
        is_critical=process.is_critical,
        version=process.version,
    )
    _emit(session, kind(process=about), about)


def process_task_changed(session: AsyncSession, kind: type[ProcessTaskEvent], task: ProcessTask) -> None:
    """A task of a process was made, changed or removed."""
    about = facts.ProcessTaskFacts(
        id=str(task.id),
        restaurant_id=str(task.restaurant_id),
        process_id=str(task.process_id),
        title=task.title,
        status=task.status,
        priority=task.priority,
        assigned_to=str(task.assigned_to or ""),
        due_date=_iso(task.due_date),
        progress=task.progress,
        completed_at=timestamp_of(task.completed_at),
        version=task.version,
    )
    _emit(session, kind(task=about), about)


_TEMPLATE_KINDS = {ScheduleTemplate: "SHIFTS", TaskTemplate: "TASKS", ChecklistTemplate: "CHECKLIST"}


def template_changed(
    session: AsyncSession, kind: type[TemplateEvent], template: ScheduleTemplate | TaskTemplate | ChecklistTemplate
) -> None:
    """A template was made, changed or removed."""
    about = facts.TemplateFacts(
        id=str(template.id),
        restaurant_id=str(template.restaurant_id),
        kind=_TEMPLATE_KINDS[type(template)],
        name=template.name,
        is_active=template.is_active,
        version=template.version,
    )
    _emit(session, kind(template=about), about)


def procedure_changed(session: AsyncSession, kind: type[ProcedureEvent], procedure: Procedure) -> None:
    """A standard operating procedure was made, changed or removed."""
    about = facts.ProcedureFacts(
        id=str(procedure.id),
        restaurant_id=str(procedure.restaurant_id),
        title=procedure.title,
        category=procedure.category,
        safety_level=procedure.safety_level,
        version=procedure.version,
    )
    _emit(session, kind(procedure=about), about)


def incident_changed(
    session: AsyncSession, kind: type[IncidentEvent], incident: Incident, *, is_edit: bool = False
) -> None:
    """A report was made, changed or removed; one that is edited is as far as it was."""
    about = facts.IncidentFacts(
        id=str(incident.id),
        restaurant_id=str(incident.restaurant_id),
        incident_type=incident.incident_type,
        title=incident.title,
        severity=incident.severity,
        status=incident.status,
        reporter_id=str(incident.reporter_id or ""),
        version=incident.version,
        assigned_to=str(incident.assigned_to or ""),
    )
    message = kind(incident=about)
    if isinstance(message, facts.IncidentUpdated):
        message.is_edit = is_edit
    _emit(session, message, about)


def recognition_changed(session: AsyncSession, kind: type[RecognitionEvent], recognition: Recognition) -> None:
    """Somebody was given an award, or one was changed or removed."""
    about = facts.RecognitionFacts(
        id=str(recognition.id),
        restaurant_id=str(recognition.restaurant_id),
        staff_id=str(recognition.staff_id),
        title=recognition.title,
        recognition_type=recognition.recognition_type,
        points=recognition.points,
        awarded_by=str(recognition.awarded_by or ""),
        version=recognition.version,
    )
    _emit(session, kind(recognition=about), about)


def availability_changed(session: AsyncSession, kind: type[AvailabilityEvent], entry: Availability) -> None:
    """Somebody said when they can work or are away, or such an entry was changed, decided about or removed."""
    about = facts.AvailabilityFacts(
        id=str(entry.id),
        restaurant_id=str(entry.restaurant_id),
        staff_id=str(entry.staff_id),
        availability_type=entry.availability_type,
        status=entry.status,
        is_available=entry.is_available,
        day_of_week=entry.day_of_week,
        first_day=_iso(entry.first_day),
        last_day=_iso(entry.last_day),
        start_time=_iso(entry.start_time),
        end_time=_iso(entry.end_time),
        is_continuous=entry.is_continuous,
        version=entry.version,
    )
    _emit(session, kind(availability=about), about)


def safety_checklist_changed(
    session: AsyncSession, kind: type[SafetyChecklistEvent], checklist: SafetyChecklist
) -> None:
    """A safety checklist was made, changed, ticked off or removed."""
    about = facts.SafetyChecklistFacts(
        id=str(checklist.id),
        restaurant_id=str(checklist.restaurant_id),
        title=checklist.title,
        category=checklist.category,
        frequency=checklist.frequency,
        is_completed=checklist.is_completed,
        version=checklist.version,
    )
    _emit(session, kind(checklist=about), about)


def _iso(moment: date | time | None) -> str:
    return moment.isoformat() if moment is not None else ""


def _emit(session: AsyncSession, message: Message, about: Any) -> None:
    """Publishes the facts about one thing, which say whose they are, of what and in which version."""
    events.emit(session, message, restaurant_id=UUID(about.restaurant_id), aggregate_id=about.id, version=about.version)
