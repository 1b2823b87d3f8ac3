"""Checklists as people work through them, with everything that belongs to them, at a fixed number of statements."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import ARRAY

import refdata
from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.scheduling.models import (
    ChecklistAction,
    ChecklistExecution,
    ChecklistStep,
    ChecklistTemplate,
    Evidence,
    Incident,
    Shift,
    StepResponse,
    TaskCheckpoint,
)
from services.scheduling.models.checklist import OPEN
from services.scheduling.queries.checklist_templates import BY_IDS, PEOPLE, STEPS

NO_EXECUTION = "No ChecklistExecution matches the given query."
NO_RESPONSE = "No ChecklistStepResponse matches the given query."
NO_ACTION = "No ChecklistAction matches the given query."
_RESTAURANT = bindparam("restaurant_id", type_=sa.Uuid)
_IDS = bindparam("ids", type_=ARRAY(sa.Uuid))
_NOW = bindparam("now", type_=sa.DateTime(timezone=True))


def _optional(name: str, kind: Any) -> sa.BindParameter[Any]:
    return bindparam(name, None, type_=kind)


_STATUS, _PERSON = _optional("status", sa.Text), _optional("assigned_to", sa.Uuid)
_CATEGORY, _SEARCH = _optional("category", sa.Text), _optional("search", sa.Text)
_FROM, _TO = _optional("first", sa.DateTime(timezone=True)), _optional("last", sa.DateTime(timezone=True))
_NAMED = _optional("submitted_by", sa.Text)
_IS_OVERDUE = sa.and_(sa.or_(*(ChecklistExecution.status == word for word in OPEN)), ChecklistExecution.due_date < _NOW)
_TEMPLATE_NAME = (
    sa.select(ChecklistTemplate.name).where(ChecklistTemplate.id == ChecklistExecution.template_id).scalar_subquery()
)
_TEMPLATE_CATEGORY = (
    sa.select(ChecklistTemplate.category)
    .where(ChecklistTemplate.id == ChecklistExecution.template_id)
    .scalar_subquery()
)
_CHOSEN = sa.and_(
    ChecklistExecution.restaurant_id == _RESTAURANT,
    sa.or_(
        _STATUS.is_(None),
        sa.and_(_STATUS != "OVERDUE", ChecklistExecution.status == _STATUS),
        sa.and_(_STATUS == "OVERDUE", _IS_OVERDUE),
    ),
    sa.or_(_PERSON.is_(None), ChecklistExecution.assigned_to == _PERSON),
    sa.or_(_CATEGORY.is_(None), _TEMPLATE_CATEGORY == _CATEGORY),
    sa.or_(_FROM.is_(None), ChecklistExecution.completed_at >= _FROM),
    sa.or_(_TO.is_(None), ChecklistExecution.completed_at < _TO),
    sa.or_(
        _SEARCH.is_(None),
        sa.func.strpos(sa.func.lower(_TEMPLATE_NAME), sa.func.lower(_SEARCH)) > 0,
        sa.func.strpos(sa.func.lower(ChecklistExecution.completion_notes), sa.func.lower(_SEARCH)) > 0,
    ),
    sa.or_(
        _NAMED.is_(None),
        sa.exists().where(
            refdata.is_staff(ChecklistExecution.restaurant_id, ChecklistExecution.assigned_to),
            sa.or_(
                sa.func.strpos(sa.func.lower(refdata.FULL_NAME), sa.func.lower(_NAMED)) > 0,
                sa.cast(refdata.staff_ref.c.user_id, sa.Text) == _NAMED,
            ),
        ),
    ),
)
_SORTABLE = {
    "created_at": ChecklistExecution.created_at,
    "updated_at": ChecklistExecution.updated_at,
    "completed_at": ChecklistExecution.completed_at,
    "due_date": ChecklistExecution.due_date,
    "progress_percentage": ChecklistExecution.progress,
}
_COLUMNS = tuple(ChecklistExecution.__table__.columns)
_COUNT = Query(sa.select(sa.func.count()).select_from(ChecklistExecution).where(_CHOSEN))


def _rows(order: Any) -> Query:
    return Query(
        sa.select(*_COLUMNS)
        .where(_CHOSEN)
        .order_by(order, ChecklistExecution.id)
        .limit(bindparam("limit", type_=sa.Integer))
        .offset(bindparam("offset", type_=sa.Integer))
    )


_ORDERED = {name: _rows(column.asc().nulls_last()) for name, column in _SORTABLE.items()} | {
    f"-{name}": _rows(column.desc().nulls_last()) for name, column in _SORTABLE.items()
}
_BY_IDS = Query(
    sa.select(*_COLUMNS).where(ChecklistExecution.restaurant_id == _RESTAURANT, ChecklistExecution.id == sa.any_(_IDS))
)
_RESPONSES = Query(
    sa.select(*StepResponse.__table__.columns).where(
        StepResponse.restaurant_id == _RESTAURANT, StepResponse.execution_id == sa.any_(_IDS)
    )
)
_EVIDENCE = Query(
    sa.select(*Evidence.__table__.columns)
    .where(Evidence.restaurant_id == _RESTAURANT, Evidence.execution_id == sa.any_(_IDS))
    .order_by(Evidence.captured_at.desc(), Evidence.id)
)
_ACTIONS_OF = Query(
    sa.select(*ChecklistAction.__table__.columns)
    .where(ChecklistAction.restaurant_id == _RESTAURANT, ChecklistAction.execution_id == sa.any_(_IDS))
    .order_by(ChecklistAction.created_at.desc(), ChecklistAction.id)
)
_SHIFTS = Query(
    sa.select(
        Shift.id,
        Shift.shift_date,
        Shift.starts_at,
        Shift.ends_at,
        Shift.role,
        Shift.department,
        refdata.ZONE,
    )
    .outerjoin(refdata.restaurant_ref, refdata.restaurant_ref.c.id == Shift.restaurant_id)
    .where(Shift.restaurant_id == _RESTAURANT, Shift.id == sa.any_(_IDS))
)
_OWN = _optional("own", sa.Uuid)
_PRIORITY = _optional("priority", sa.Text)
_CHOSEN_ACTIONS = sa.and_(
    ChecklistAction.restaurant_id == _RESTAURANT,
    sa.or_(_OWN.is_(None), ChecklistAction.assigned_to == _OWN, ChecklistAction.created_by == _OWN),
    sa.or_(_STATUS.is_(None), ChecklistAction.status == _STATUS),
    sa.or_(_PRIORITY.is_(None), ChecklistAction.priority == _PRIORITY),
    sa.or_(_PERSON.is_(None), ChecklistAction.assigned_to == _PERSON),
    sa.or_(
        _SEARCH.is_(None),
        sa.func.strpos(sa.func.lower(ChecklistAction.title), sa.func.lower(_SEARCH)) > 0,
        sa.func.strpos(sa.func.lower(ChecklistAction.description), sa.func.lower(_SEARCH)) > 0,
    ),
)
_ACTION_COUNT = Query(sa.select(sa.func.count()).select_from(ChecklistAction).where(_CHOSEN_ACTIONS))
_ACTION_ROWS = Query(
    sa.select(*ChecklistAction.__table__.columns)
    .where(_CHOSEN_ACTIONS)
    .order_by(ChecklistAction.created_at.desc(), ChecklistAction.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_ACTION = Query(
    sa.select(*ChecklistAction.__table__.columns).where(
        ChecklistAction.restaurant_id == _RESTAURANT, ChecklistAction.id == bindparam("id", type_=sa.Uuid)
    )
)
_RESPONSE_COLUMNS = (*StepResponse.__table__.columns, ChecklistExecution.assigned_to.label("assigned_to"))
_RESPONSE = Query(
    sa.select(*_RESPONSE_COLUMNS)
    .join(ChecklistExecution, ChecklistExecution.id == StepResponse.execution_id)
    .where(StepResponse.restaurant_id == _RESTAURANT, StepResponse.id == bindparam("id", type_=sa.Uuid))
)
_MY_RESPONSES = sa.and_(
    StepResponse.restaurant_id == _RESTAURANT, ChecklistExecution.assigned_to == bindparam("own_id", type_=sa.Uuid)
)
_MY_RESPONSE_COUNT = Query(
    sa.select(sa.func.count())
    .select_from(StepResponse)
    .join(ChecklistExecution, ChecklistExecution.id == StepResponse.execution_id)
    .where(_MY_RESPONSES)
)
_MY_RESPONSE_ROWS = Query(
    sa.select(*_RESPONSE_COLUMNS)
    .join(ChecklistExecution, ChecklistExecution.id == StepResponse.execution_id)
    .where(_MY_RESPONSES)
    .order_by(StepResponse.created_at.desc(), StepResponse.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_STEPS_BY_IDS = Query(
    sa.select(*ChecklistStep.__table__.columns).where(
        ChecklistStep.restaurant_id == _RESTAURANT, ChecklistStep.id == sa.any_(_IDS)
    )
)
_ONE_EVIDENCE = Query(
    sa.select(*Evidence.__table__.columns, ChecklistExecution.assigned_to)
    .join(ChecklistExecution, ChecklistExecution.id == Evidence.execution_id)
    .where(Evidence.id == bindparam("id", type_=sa.Uuid))
)
_FILE_KEY = bindparam("file_key", type_=sa.Text)
_IS_NAMED = Query(
    sa.select(
        sa.or_(
            sa.exists().where(Evidence.restaurant_id == _RESTAURANT, Evidence.file_key == _FILE_KEY),
            sa.exists().where(TaskCheckpoint.restaurant_id == _RESTAURANT, TaskCheckpoint.file_key == _FILE_KEY),
            sa.exists().where(
                Incident.restaurant_id == _RESTAURANT,
                Incident.photo_evidence.contains(
                    sa.func.jsonb_build_array(sa.func.jsonb_build_object(sa.literal_column("'key'"), _FILE_KEY))
                ),
            ),
        )
    )
)
_IN_PERIOD = sa.and_(
    ChecklistExecution.restaurant_id == _RESTAURANT,
    ChecklistExecution.created_at >= bindparam("start", type_=sa.DateTime(timezone=True)),
    ChecklistExecution.created_at <= bindparam("end", type_=sa.DateTime(timezone=True)),
    sa.or_(_PERSON.is_(None), ChecklistExecution.assigned_to == _PERSON),
)
_COUNTS = Query(
    sa.select(
        ChecklistExecution.template_id,
        sa.func.max(_TEMPLATE_NAME).label("name"),
        sa.func.max(_TEMPLATE_CATEGORY).label("category"),
        sa.func.count().label("total"),
        sa.func.count().filter(ChecklistExecution.status == "COMPLETED").label("completed"),
        sa.func.count().filter(ChecklistExecution.status == "IN_PROGRESS").label("in_progress"),
        sa.func.count().filter(_IS_OVERDUE).label("overdue"),
    )
    .where(_IN_PERIOD)
    .group_by(ChecklistExecution.template_id)
    .order_by(sa.func.count().desc(), ChecklistExecution.template_id)
)
_ACTIONS_IN_PERIOD = Query(
    sa.select(
        sa.func.count()
        .filter(
            ChecklistAction.created_at >= bindparam("start", type_=sa.DateTime(timezone=True)),
            ChecklistAction.created_at <= bindparam("end", type_=sa.DateTime(timezone=True)),
        )
        .label("created"),
        sa.func.count()
        .filter(sa.or_(ChecklistAction.status == "OPEN", ChecklistAction.status == "IN_PROGRESS"))
        .label("open"),
    ).where(
        ChecklistAction.restaurant_id == _RESTAURANT, sa.or_(_PERSON.is_(None), ChecklistAction.assigned_to == _PERSON)
    )
)

People = dict[UUID, Any]


@dataclass(slots=True)
class Worked:
    """A checklist that somebody works through, with what belongs to it."""

    row: Any
    template: Any
    steps: list[Any] = field(default_factory=list)
    responses: dict[UUID, Any] = field(default_factory=dict)
    """By step."""
    evidence: dict[UUID, list[Any]] = field(default_factory=dict)
    """By answer."""
    actions: list[Any] = field(default_factory=list)
    shift: Any | None = None
    people: People = field(default_factory=dict)

    @property
    def photos(self) -> dict[UUID, int]:
        """How many pictures each step has."""
        return {
            step: sum(item.evidence_type == "PHOTO" for item in self.evidence.get(response.id, ()))
            for step, response in self.responses.items()
        }


async def page_of_executions(
    reader: Reader, restaurant_id: UUID, page: Page, now: datetime, ordering: str = "-created_at", **chosen: Any
) -> tuple[int, list[Worked]]:
    """How many checklists there are, and those of one page. Raises NotFound beyond the end."""
    rows = _ORDERED.get(ordering, _ORDERED["-created_at"])
    count, found = await read_page(reader, _COUNT, rows, page, restaurant_id=restaurant_id, now=now, **chosen)
    return count, await with_details(reader, restaurant_id, found)


async def one_execution(reading: Reading, restaurant_id: UUID, execution_id: UUID, own: UUID | None = None) -> Worked:
    """A checklist; with `own`, one of that person. Raises NotFound."""
    rows = await reading.all(_BY_IDS, restaurant_id=restaurant_id, ids=[execution_id])
    if not rows or (own is not None and rows[0].assigned_to != own):
        raise NotFound(NO_EXECUTION)
    return (await with_details(reading, restaurant_id, rows))[0]


async def with_details(reading: Reading, restaurant_id: UUID, rows: Sequence[Any]) -> list[Worked]:
    """Checklists with their steps, answers, evidence, follow-ups, shifts and people, in two round trips."""
    if not rows:
        return []
    mine = {"restaurant_id": restaurant_id}
    ids = [row.id for row in rows]
    template_ids = sorted({row.template_id for row in rows})
    templates, steps, responses, evidence, actions, shifts = await reading.batch(
        (BY_IDS, {**mine, "ids": template_ids}),
        (STEPS, {**mine, "ids": template_ids}),
        (_RESPONSES, {**mine, "ids": ids}),
        (_EVIDENCE, {**mine, "ids": ids}),
        (_ACTIONS_OF, {**mine, "ids": ids}),
        (_SHIFTS, {**mine, "ids": sorted({row.shift_id for row in rows if row.shift_id})}),
    )
    named = {person for row in rows for person in (row.assigned_to, row.reviewed_by)}
    named |= {template.created_by for template in templates} | _people_of(actions)
    people = await people_by_ids(reading, restaurant_id, named)
    by_id = {template.id: template for template in templates}
    shifts_by_id = {shift.id: shift for shift in shifts}
    steps_of, actions_of = _grouped(steps, "template_id"), _grouped(actions, "execution_id")
    responses_of, evidence_of = _grouped(responses, "execution_id"), _grouped(evidence, "execution_id")
    return [
        Worked(
            row,
            by_id[row.template_id],
            steps_of[row.template_id],
            {response.step_id: response for response in responses_of[row.id]},
            _grouped(evidence_of[row.id], "response_id"),
            actions_of[row.id],
            shifts_by_id.get(row.shift_id),
            people,
        )
        for row in rows
    ]


async def people_by_ids(reading: Reading, restaurant_id: UUID, ids: set[UUID | None]) -> People:
    """People of the restaurant by their ids."""
    wanted = sorted(person for person in ids if person is not None)
    return {row.user_id: row for row in await reading.all(PEOPLE, restaurant_id=restaurant_id, ids=wanted)}


async def page_of_actions(
    reader: Reader, restaurant_id: UUID, page: Page, **chosen: Any
) -> tuple[int, list[Any], People]:
    """How many follow-ups there are, those of one page, and their people."""
    count, rows = await read_page(reader, _ACTION_COUNT, _ACTION_ROWS, page, restaurant_id=restaurant_id, **chosen)
    return count, rows, await people_by_ids(reader, restaurant_id, set(_people_of(rows)))


async def one_action(reading: Reading, restaurant_id: UUID, action_id: UUID, own: UUID | None = None) -> Any:
    """A follow-up; with `own`, one that this person has or made. Raises NotFound."""
    row = await reading.first(_ACTION, restaurant_id=restaurant_id, id=action_id)
    if row is None or (own is not None and own not in (row.assigned_to, row.created_by)):
        raise NotFound(NO_ACTION)
    return row


async def people_of_action(reading: Reading, action: Any) -> People:
    """The people that a follow-up names."""
    return await people_by_ids(reading, action.restaurant_id, _people_of([action]))


async def one_response(reading: Reading, restaurant_id: UUID, response_id: UUID, own: UUID | None = None) -> Any:
    """An answer; with `own`, one of that person's checklists. Raises NotFound."""
    row = await reading.first(_RESPONSE, restaurant_id=restaurant_id, id=response_id)
    if row is None or (own is not None and row.assigned_to != own):
        raise NotFound(NO_RESPONSE)
    return row


async def page_of_responses(reader: Reader, restaurant_id: UUID, own: UUID, page: Page) -> tuple[int, list[Any]]:
    """How many answers a person gave, and those of one page."""
    return await read_page(reader, _MY_RESPONSE_COUNT, _MY_RESPONSE_ROWS, page, restaurant_id=restaurant_id, own_id=own)


async def around_responses(
    reading: Reading, restaurant_id: UUID, rows: Sequence[Any]
) -> tuple[dict[UUID, Any], dict[UUID, list[Any]]]:
    """The steps of answers, and their evidence by answer."""
    steps, evidence = await reading.batch(
        (_STEPS_BY_IDS, {"restaurant_id": restaurant_id, "ids": sorted({row.step_id for row in rows})}),
        (_EVIDENCE, {"restaurant_id": restaurant_id, "ids": sorted({row.execution_id for row in rows})}),
    )
    return {step.id: step for step in steps}, _grouped(evidence, "response_id")


async def one_evidence(reading: Reading, evidence_id: UUID) -> Any | None:
    """A piece of evidence and whose checklist it belongs to."""
    return await reading.first(_ONE_EVIDENCE, id=evidence_id)


async def is_named(reading: Reading, restaurant_id: UUID, file_key: str) -> bool:
    """Whether some evidence, note or report names a stored file."""
    row = await reading.first(_IS_NAMED, restaurant_id=restaurant_id, file_key=file_key)
    return row is not None and bool(row[0])


async def statistics(
    reader: Reader, restaurant_id: UUID, start: datetime, end: datetime, now: datetime, assigned_to: UUID | None
) -> tuple[list[Any], Any]:
    """The checklists of a period by template, and how many follow-ups there are."""
    period = {"restaurant_id": restaurant_id, "start": start, "end": end, "assigned_to": assigned_to}
    counts, actions = await reader.batch((_COUNTS, {**period, "now": now}), (_ACTIONS_IN_PERIOD, period))
    return list(counts), actions[0]


def _grouped(rows: Sequence[Any], name: str) -> defaultdict[UUID, list[Any]]:
    found: defaultdict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        found[getattr(row, name)].append(row)
    return found


def _people_of(actions: Sequence[Any]) -> set[UUID | None]:
    return {person for action in actions for person in (action.assigned_to, action.resolved_by, action.created_by)}
