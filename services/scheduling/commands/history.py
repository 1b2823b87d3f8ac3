"""Keeping what is done to the plan. The rows travel with the commit of what they tell of."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import get_history

from servicekit.postponed import BulkInsert, postpone
from services.scheduling.models import ScheduleChange, Shift, WeeklySchedule

State = Mapping[str, Any]

_PLAIN: Final = (
    "status",
    "role",
    "break_minutes",
    "department",
    "workspace_location",
    "color",
    "is_recurring",
    "required_skills",
    "required_certifications",
    "equipment_needed",
)
_COLUMNS: Final = (
    "notes",
    "preparation_instructions",
    "starts_at",
    "ends_at",
    "bidding_deadline",
    "task_templates",
    *_PLAIN,
)
_ROW: Final = BulkInsert(ScheduleChange.__table__, without=("seq", "changed_at"))  # type: ignore[arg-type] # a table


def state_of(shift: Shift, people: Sequence[UUID]) -> State:
    """A shift as it stands now, in the form that the history keeps."""
    return _state({name: getattr(shift, name) for name in _COLUMNS}, people)


def state_before(shift: Shift, people: Sequence[UUID]) -> State:
    """A shift as the database still has it, below changes that were not flushed yet."""
    values = {}
    for name in _COLUMNS:
        history = get_history(shift, name)
        values[name] = history.deleted[0] if history.deleted else getattr(shift, name)
    return _state(values, people)


def shift_created(session: AsyncSession, shift: Shift, people: Sequence[UUID], actor: UUID | None) -> None:
    """A shift was planned."""
    _keep(session, shift, "CREATE", {}, state_of(shift, people), actor)


def shift_changed(
    session: AsyncSession, shift: Shift, before: State, people: Sequence[UUID], actor: UUID | None
) -> None:
    """A shift was changed; what left it as it was is not kept."""
    after = state_of(shift, people)
    if after != before:
        _keep(session, shift, "UPDATE", before, after, actor)


def shift_deleted(session: AsyncSession, shift: Shift, people: Sequence[UUID], actor: UUID | None) -> None:
    """A shift was taken out of the plan."""
    _keep(session, shift, "DELETE", state_of(shift, people), {}, actor)


def week_created(session: AsyncSession, week: WeeklySchedule, actor: UUID | None) -> None:
    """A week was begun on purpose; one that its first shift begins is told of by that shift."""
    after = {**_week(week), "is_published": False}
    _write(session, week.restaurant_id, week.id, "WEEK", "CREATE", (), {}, after, actor)


def week_published(
    session: AsyncSession,
    week: WeeklySchedule,
    people: Iterable[UUID],
    actor: UUID | None,
    *,
    number: int,
    was_published: bool,
    shifts: int,
) -> None:
    """A week was published, or published again, which was news for these people."""
    before = {**_week(week), "is_published": was_published, "publications": number - 1}
    after = {**_week(week), "is_published": True, "publications": number, "shifts": shifts}
    _write(session, week.restaurant_id, week.id, "WEEK", "UPDATE", people, before, after, actor)


def week_unpublished(session: AsyncSession, week: WeeklySchedule, actor: UUID | None) -> None:
    """A week was taken back to a draft."""
    before, after = ({**_week(week), "is_published": published} for published in (True, False))
    _write(session, week.restaurant_id, week.id, "WEEK", "UPDATE", (), before, after, actor)


def week_deleted(session: AsyncSession, week: WeeklySchedule, actor: UUID | None) -> None:
    """A week was removed; its shifts are told of one by one."""
    before = {**_week(week), "is_published": week.is_published}
    _write(session, week.restaurant_id, week.id, "WEEK", "DELETE", (), before, {}, actor)


def _state(values: Mapping[str, Any], people: Sequence[UUID]) -> State:
    deadline = values["bidding_deadline"]
    return {
        "title": values["notes"] or "Shift",
        "description": values["preparation_instructions"],
        "start_time": values["starts_at"].astimezone(UTC).isoformat(),
        "end_time": values["ends_at"].astimezone(UTC).isoformat(),
        "bidding_deadline": deadline.astimezone(UTC).isoformat() if deadline else None,
        "staff": [str(person) for person in people],
        "task_templates": [str(template) for template in values["task_templates"] or ()],
        **{name: values[name] for name in _PLAIN},
    }


def _week(week: WeeklySchedule) -> dict[str, Any]:
    return {"title": f"Week of {week.week_start:%Y-%m-%d}", "week_start": week.week_start.isoformat()}


def _keep(session: AsyncSession, shift: Shift, kind: str, before: State, after: State, actor: UUID | None) -> None:
    people = {UUID(person) for state in (before, after) for person in state.get("staff", ())}
    _write(session, shift.restaurant_id, shift.id, "SHIFT", kind, people, before, after, actor)


def _write(
    session: AsyncSession,
    restaurant_id: UUID,
    schedule_id: UUID,
    subject: str,
    kind: str,
    people: Iterable[UUID],
    before: State,
    after: State,
    actor: UUID | None,
) -> None:
    row = {
        "id": uuid4(),
        "restaurant_id": restaurant_id,
        "schedule_id": schedule_id,
        "subject": subject,
        "change_type": kind,
        "changed_by": actor,
        "people": sorted(people),
        "before": before,
        "after": after,
    }
    postpone(session, _ROW, row)
