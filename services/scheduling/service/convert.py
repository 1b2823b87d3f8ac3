"""Rows to messages."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from mizan.scheduling.v1 import shift_pb2, shift_task_pb2, task_category_pb2, task_template_pb2, template_pb2
from servicekit.clock import timestamp_of
from services.scheduling.commands.shifts import as_json
from services.scheduling.domain.clock import duration_text, length_text
from services.scheduling.domain.conflicts import Finding
from services.scheduling.domain.progress import share_done
from services.scheduling.queries.shifts import Planned

TEMPLATE_LISTS = (
    "sop_steps",
    "compliance_checks",
    "safety_requirements",
    "quality_standards",
    "verification_checklist",
    "required_equipment",
    "required_materials",
    "required_skills",
    "required_certifications",
)
"""Lists that templates and tasks keep among their details."""


def text_of(value: UUID | str | None) -> str | None:
    """An id as text."""
    return None if value is None else str(value)


def json_text(value: Any) -> str:
    """A JSON value as its text."""
    return orjson.dumps(value).decode()


def task_category_message(row: Any) -> task_category_pb2.TaskCategory:
    """A category."""
    message = task_category_pb2.TaskCategory(
        id=str(row.id), name=row.name, description=row.description, color=row.color
    )
    message.created_at.FromDatetime(row.created_at)
    return message


def shift_task_message(row: Any, subtasks: Sequence[Any] = ()) -> shift_task_pb2.ShiftTask:
    """A task of a shift, with the tasks under it."""
    message = shift_task_pb2.ShiftTask(
        id=str(row.id),
        shift=text_of(row.shift_id),
        category=text_of(row.category_id),
        category_name=row.category_name,
        title=row.title,
        description=row.description,
        priority=row.priority,
        status=row.status,
        assigned_to=text_of(row.assigned_to),
        assigned_to_name=row.assignee_name or None,
        estimated_duration=duration_text(row.estimated_minutes),
        due_date=row.due_date.isoformat() if row.due_date else None,
        parent_task=text_of(row.parent_id),
        notes=row.notes,
        created_by=text_of(row.created_by),
        created_by_name=row.author_name or None,
        progress_percentage=share_done(row.status, row.progress, [subtask.status for subtask in subtasks]),
        subtasks=[shift_task_message(subtask) for subtask in subtasks],
        template=template_name(row),
    )
    message.created_at.FromDatetime(row.created_at)
    message.updated_at.FromDatetime(row.updated_at)
    if row.started_at is not None:
        message.started_at.FromDatetime(row.started_at)
    if row.completed_at is not None:
        message.completed_at.FromDatetime(row.completed_at)
    if row.category_id is not None:
        category = message.category_details
        category.id, category.name, category.color = str(row.category_id), row.category_name, row.category_color
        if row.category_description is not None:
            category.description = row.category_description
        category.created_at.FromDatetime(row.category_created_at)
    return message


def template_name(row: Any) -> shift_task_pb2.TaskTemplateName | None:
    """The template that a task was made from."""
    if row.template_id is None:
        return None
    return shift_task_pb2.TaskTemplateName(
        id=str(row.template_id), name=row.template_name, description=row.template_description
    )


def shift_task_messages(rows: Sequence[Any], under: Sequence[Any] | None = None) -> list[shift_task_pb2.ShiftTask]:
    """Top-level tasks with those under them, which stand among the rows or in a list of their own."""
    children: dict[UUID, list[Any]] = {}
    for row in rows if under is None else under:
        if row.parent_id is not None:
            children.setdefault(row.parent_id, []).append(row)
    return [shift_task_message(row, children.get(row.id, ())) for row in rows if row.parent_id is None]


def task_template_fields(row: Any, language: str) -> dict[str, Any]:
    """The fields of a template of tasks, its texts in a language where it has a translation."""
    details = row.details
    words = row.i18n.get(language) if isinstance(row.i18n, dict) else None
    words = words if isinstance(words, dict) else {}
    return {
        "id": str(row.id),
        "restaurant": str(row.restaurant_id),
        "name": row.name,
        "description": row.description,
        "template_type": row.template_type,
        "frequency": row.frequency,
        "tasks": json_text(row.tasks),
        "i18n": json_text(row.i18n),
        "is_active": row.is_active,
        "is_critical": row.is_critical,
        "priority_level": row.priority_level,
        "ai_generated": row.ai_generated,
        "created_by": text_of(row.created_by),
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "localized_name": str(words.get("name") or row.name),
        "localized_description": str(words.get("description") or row.description),
        "localized_tasks": json_text(words.get("tasks") or row.tasks),
        "usage_count": row.usage_count,
        "last_used": row.last_used,
        "version": f"{row.version}.0",
        "sop_document": details.get("sop_document"),
        "sop_version": details.get("sop_version"),
        "verification_type": details.get("verification_type") or "NONE",
        "verification_required": bool(details.get("verification_required")),
        "verification_instructions": details.get("verification_instructions"),
        "estimated_duration": duration_text(details.get("estimated_minutes")),
        "difficulty_level": details.get("difficulty_level") or "INTERMEDIATE",
        **{name: json_text(details.get(name) or []) for name in TEMPLATE_LISTS},
    }


def task_template_message(row: Any, language: str) -> task_template_pb2.TaskTemplate:
    """A template of tasks."""
    return task_template_pb2.TaskTemplate(
        **task_template_fields(row, language),
        recurrence=row.recurrence,
        recurs_from=row.recurs_from.isoformat() if row.recurs_from else None,
    )


def shift_message(
    planned: Planned,
    *,
    language: str = "en",
    by_clock: bool = False,
    make: Callable[..., shift_pb2.AssignedShift] = shift_pb2.AssignedShift,
) -> shift_pb2.AssignedShift:
    """A shift; its times with the zone's offset, or as times of day.

    Its ids and its day may be texts already. `make` takes the fields; the `add` of a list spares a copy of the message.
    """
    row = planned.row
    starts, ends = row.starts_at.timestamp(), row.ends_at.timestamp()
    message = make(
        id=str(row.id),
        schedule=str(row.schedule_id),
        shift_date=str(row.shift_date),
        start_time=_shown(starts, row.timezone, by_clock),
        end_time=_shown(ends, row.timezone, by_clock),
        break_duration=length_text(row.break_minutes),
        role=row.role,
        status=row.status,
        notes=row.notes,
        is_confirmed=row.is_confirmed,
        color=row.color,
        actual_hours=_hours(ends - starts, row.break_minutes),
        workspace_location=row.workspace_location,
        department=row.department,
        preparation_instructions=row.preparation_instructions,
        required_skills=row.required_skills,
        required_certifications=row.required_certifications,
        equipment_needed=row.equipment_needed,
        is_recurring=row.is_recurring,
        recurrence_group_id=text_of(row.recurrence_group_id),
        created_at=timestamp_of(row.created_at),
        updated_at=timestamp_of(row.updated_at),
        version=row.version,
    )
    if planned.people:
        message.MergeFromString(
            _staffed(*[(one.user_id, one.first_name, one.last_name, one.email) for one in planned.people])
        )
    # Most shifts have neither; what is left out of a message costs nothing.
    if planned.tasks:
        message.tasks.extend(shift_task_messages(planned.tasks))
    if row.task_templates:
        message.task_templates.extend(map(str, row.task_templates))
        message.task_templates_details.extend(task_template_message(one, language) for one in planned.templates)
    if row.notified_at is not None:
        message.notification_sent = True
        message.notification_sent_at.FromDatetime(row.notified_at)
        message.notification_channels.extend(row.notified_channels)
    return message


@lru_cache(maxsize=4096)
def _staffed(*people: tuple[UUID | str, str | None, str | None, str | None]) -> bytes:
    """The part of a shift's message that says who works it, from ids, names and addresses.

    The same people work many shifts, and merging a part that is ready takes a third of the time of setting its fields.
    """
    shown = [
        shift_pb2.PersonInfo(id=str(identifier), first_name=first or "", last_name=last or "", email=email or "")
        for identifier, first, last, email in people
    ]
    first = shown[0]
    return shift_pb2.AssignedShift(
        staff=first.id,
        staff_name=full_name(first),
        staff_info=first,
        staff_email=first.email,
        staff_members=[person.id for person in shown],
        staff_members_details=[
            shift_pb2.PersonName(id=person.id, first_name=person.first_name, last_name=person.last_name)
            for person in shown
        ],
    ).SerializeToString()


def template_shift_message(row: Any) -> template_pb2.TemplateShift:
    """A shift of a template."""
    return template_pb2.TemplateShift(
        id=str(row.id),
        template=str(row.template_id),
        role=row.role,
        day_of_week=row.day_of_week,
        start_time=row.start_time.isoformat() if row.start_time else None,
        end_time=row.end_time.isoformat() if row.end_time else None,
        required_staff=row.required_staff,
    )


def person_info(row: Any) -> shift_pb2.PersonInfo:
    """A person as shifts name them."""
    return shift_pb2.PersonInfo(
        id=str(row.user_id), first_name=row.first_name or "", last_name=row.last_name or "", email=row.email or ""
    )


def full_name(row: Any) -> str:
    """First and last name."""
    return f"{row.first_name or ''} {row.last_name or ''}".strip()


def conflict_message(finding: Finding) -> shift_pb2.Conflict:
    """One thing that stands against a shift."""
    return shift_pb2.Conflict(**as_json(finding))


@lru_cache(maxsize=4096)
def _shown(instant: float, zone: str, by_clock: bool) -> str:
    """A Unix time with a zone's offset, or its time of day there; the shifts of a week share few of them."""
    local = datetime.fromtimestamp(instant, ZoneInfo(zone))
    return f"{local:%H:%M:%S}" if by_clock else local.isoformat(timespec="seconds")


@lru_cache(maxsize=4096)
def _hours(seconds: float, break_minutes: int) -> float:
    """The hours of a shift without its break, as `labour.net_hours` counts them; without a Period for each row."""
    return round(max(seconds - 60 * break_minutes, 0.0) / 3600, 2)
