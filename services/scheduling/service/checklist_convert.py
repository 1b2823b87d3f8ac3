"""Checklists to messages."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from mizan.scheduling.v1 import checklist_pb2, checklist_template_pb2
from servicekit.clock import timestamp_of
from servicekit.links import FileLinks
from services.scheduling.commands.checklists import summary_of
from services.scheduling.queries.checklist_templates import Listed
from services.scheduling.queries.checklists import People, Worked
from services.scheduling.service.convert import full_name, json_text, text_of


def evidence_path(evidence_id: UUID) -> str:
    """Where a stored file is served."""
    return f"/api/checklists/evidence/{evidence_id}/file/"


def person_message(row: Any | None, user_id: UUID | None = None) -> checklist_template_pb2.ChecklistPerson | None:
    """Somebody; the id alone for whom the copy of people does not know yet, None for nobody."""
    if row is None:
        return checklist_template_pb2.ChecklistPerson(id=str(user_id)) if user_id is not None else None
    return checklist_template_pb2.ChecklistPerson(
        id=str(row.user_id),
        email=row.email,
        first_name=row.first_name,
        last_name=row.last_name,
        role=row.role,
        phone=row.phone,
        restaurant=str(row.restaurant_id),
    )


def step_message(row: Any) -> checklist_template_pb2.ChecklistStep:
    """One step."""
    return checklist_template_pb2.ChecklistStep(
        id=str(row.id),
        title=row.title,
        description=row.description,
        step_type=row.step_type,
        order=row.place,
        is_required=row.is_required,
        requires_photo=row.requires_photo,
        requires_note=row.requires_note,
        requires_signature=row.requires_signature,
        measurement_type=row.measurement_type,
        measurement_unit=row.measurement_unit,
        min_value=_number(row.min_value),
        max_value=_number(row.max_value),
        target_value=_number(row.target_value),
        conditional_logic=json_text(row.conditional_logic),
        depends_on_step=text_of(row.depends_on_step),
        validation_rules=json_text(row.validation_rules),
    )


def template_message(
    row: Any, steps: Sequence[Any], author: Any | None = None
) -> checklist_template_pb2.ChecklistTemplate:
    """A checklist with its steps."""
    return checklist_template_pb2.ChecklistTemplate(
        id=str(row.id),
        name=row.name,
        description=row.description,
        category=row.category,
        template_type=row.category,
        version=row.label,
        is_active=row.is_active,
        estimated_duration=row.estimated_minutes,
        requires_supervisor_approval=row.requires_supervisor_approval,
        created_by=person_message(author, row.created_by),
        created_at=timestamp_of(row.created_at),
        updated_at=timestamp_of(row.updated_at),
        steps=[step_message(step) for step in steps],
        task_template=text_of(row.task_template_id),
    )


def listed_message(listed: Listed) -> checklist_template_pb2.ChecklistTemplate:
    """A checklist as lists of them hold it."""
    return template_message(listed.row, listed.steps, listed.author)


def shift_checklist(listed: Listed) -> checklist_pb2.ShiftChecklist:
    """A checklist that goes with a shift."""
    row = listed.row
    return checklist_pb2.ShiftChecklist(
        id=str(row.id),
        name=row.name,
        description=row.description,
        category=row.category,
        estimated_duration_minutes=row.estimated_minutes,
        requires_supervisor_approval=row.requires_supervisor_approval,
        total_steps=len(listed.steps),
        steps=[
            checklist_pb2.ShiftChecklistStep(
                id=str(step.id),
                order=step.place,
                title=step.title,
                description=step.description,
                step_type=step.step_type,
                is_required=step.is_required,
                requires_photo=step.requires_photo,
                requires_note=step.requires_note,
            )
            for step in listed.steps
        ],
    )


def evidence_message(row: Any, links: FileLinks) -> checklist_pb2.Evidence:
    """A file that goes with an answer, with an address that opens it."""
    path = row.url or ""
    if row.file_key is not None:
        path = links.link(evidence_path(row.id), row.file_key)
    return checklist_pb2.Evidence(
        id=str(row.id),
        evidence_type=row.evidence_type,
        type=row.evidence_type,
        filename=row.filename,
        file_size=row.file_size,
        mime_type=row.mime_type,
        file_path=path,
        thumbnail_path=path if row.mime_type.startswith("image/") and path else None,
        visibility=row.visibility,
        metadata=json_text(row.details),
        captured_at=timestamp_of(row.captured_at),
        uploaded_at=timestamp_of(row.uploaded_at),
    )


def response_message(row: Any, step: Any, evidence: Sequence[Any], links: FileLinks) -> checklist_pb2.StepResponse:
    """The answer to one step."""
    return checklist_pb2.StepResponse(
        id=str(row.id),
        step=step_message(step),
        is_completed=row.is_completed,
        status=row.status,
        text_response=row.text_response,
        measurement_value=_number(row.measurement_value),
        boolean_response=row.boolean_response,
        notes=row.notes,
        signature_data=row.signature_data,
        evidence=[evidence_message(item, links) for item in evidence],
        started_at=timestamp_of(row.started_at),
        completed_at=timestamp_of(row.completed_at),
        created_at=timestamp_of(row.created_at),
        updated_at=timestamp_of(row.updated_at),
        measurements=json_text(row.measurements),
    )


def action_message(row: Any, people: People) -> checklist_pb2.ChecklistAction:
    """Something to follow up."""
    return checklist_pb2.ChecklistAction(
        id=str(row.id),
        title=row.title,
        description=row.description,
        priority=row.priority,
        status=row.status,
        assigned_to=person_message(people.get(row.assigned_to), row.assigned_to),
        due_date=timestamp_of(row.due_date),
        resolved_at=timestamp_of(row.resolved_at),
        resolved_by=person_message(people.get(row.resolved_by), row.resolved_by),
        resolution_notes=row.resolution_notes,
        created_by=person_message(people.get(row.created_by), row.created_by),
        created_at=timestamp_of(row.created_at),
        updated_at=timestamp_of(row.updated_at),
        execution=str(row.execution_id),
        step_response=text_of(row.response_id),
    )


def execution_message(worked: Worked, links: FileLinks) -> checklist_pb2.ChecklistExecution:
    """A checklist that somebody works through, with everything that belongs to it."""
    row, people = worked.row, worked.people
    steps = {step.id: step for step in worked.steps}
    approved = row.review_status == "APPROVED"
    reviewer = people.get(row.reviewed_by)
    person = people.get(row.assigned_to)
    signed = [answer for answer in worked.responses.values() if answer.signature_data]
    return checklist_pb2.ChecklistExecution(
        id=str(row.id),
        template=template_message(worked.template, worked.steps, people.get(worked.template.created_by)),
        assigned_to=person_message(person, row.assigned_to),
        status=row.status,
        started_at=timestamp_of(row.started_at),
        completed_at=timestamp_of(row.completed_at),
        due_date=timestamp_of(row.due_date),
        current_step=step_message(steps[row.current_step]) if row.current_step in steps else None,
        progress_percentage=row.progress,
        completion_notes=row.completion_notes,
        supervisor_approved=approved,
        approved_by=person_message(reviewer, row.reviewed_by) if approved else None,
        approved_at=timestamp_of(row.reviewed_at) if approved else None,
        assigned_shift_id=text_of(row.shift_id),
        assigned_shift_info=_shift(worked.shift) if worked.shift is not None else None,
        compiled_summary=checklist_pb2.CompiledSummary(**asdict(summary_of(worked))),
        analysis_results=json_text(row.analysis_results),
        step_responses=[
            response_message(
                worked.responses[step.id], step, worked.evidence.get(worked.responses[step.id].id, ()), links
            )
            for step in worked.steps
            if step.id in worked.responses
        ],
        actions=[action_message(action, people) for action in worked.actions],
        created_at=timestamp_of(row.created_at),
        updated_at=timestamp_of(row.updated_at),
        last_synced_at=timestamp_of(row.last_synced_at),
        sync_version=row.sync_version,
        review_status=row.review_status,
        approved_by_name=full_name(reviewer) if approved and reviewer is not None else None,
        signed_by_name=full_name(person) if signed and person is not None else None,
        signed_at=timestamp_of(max((answer.completed_at for answer in signed if answer.completed_at), default=None)),
        task=text_of(row.task_id),
    )


def submission_message(worked: Worked) -> checklist_pb2.ChecklistSubmission:
    """A completed checklist as reviewers list it."""
    row, template = worked.row, worked.template
    person = worked.people.get(row.assigned_to)
    return checklist_pb2.ChecklistSubmission(
        id=str(row.id),
        template=checklist_pb2.SubmissionTemplate(
            id=str(template.id), name=template.name, description=template.description, category=template.category
        ),
        submitted_by=checklist_pb2.SubmissionPerson(
            id=str(row.assigned_to), name=full_name(person) if person is not None else ""
        ),
        submitted_at=timestamp_of(row.completed_at or row.updated_at),
        status=row.status,
        supervisor_approved=row.review_status == "APPROVED",
        approved_at=timestamp_of(row.reviewed_at) if row.review_status == "APPROVED" else None,
        notes=row.completion_notes,
        compiled_summary=checklist_pb2.CompiledSummary(**asdict(summary_of(worked))),
        analysis_results=json_text(row.analysis_results),
        review_status=row.review_status,
    )


def _shift(row: Any) -> checklist_pb2.ChecklistShift:
    zone = ZoneInfo(row.timezone)
    return checklist_pb2.ChecklistShift(
        id=str(row.id),
        shift_date=row.shift_date.isoformat(),
        start_time=row.starts_at.astimezone(zone).isoformat(timespec="seconds"),
        end_time=row.ends_at.astimezone(zone).isoformat(timespec="seconds"),
        role=row.role,
        department=row.department,
    )


def _number(value: Any) -> str | None:
    return None if value is None else str(value)
