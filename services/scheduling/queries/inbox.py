"""Checklists as things to decide."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

import refdata
from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.scheduling.models import ChecklistAction, ChecklistExecution, ChecklistTemplate

_INSTANT = sa.DateTime(timezone=True)
_RESTAURANT = bindparam("restaurant_id", type_=sa.Uuid)
_WANTED_PRIORITY, _WANTED_STATUS = bindparam("priority", type_=sa.Text), bindparam("status", type_=sa.Text)

_CAME_AT = sa.func.coalesce(
    ChecklistExecution.completed_at, ChecklistExecution.started_at, ChecklistExecution.created_at
)
_WAITS = sa.and_(
    ChecklistExecution.status == "COMPLETED",
    ChecklistExecution.review_status.is_(None),
    ChecklistTemplate.requires_supervisor_approval,
)
_STATUS = sa.case(
    (ChecklistExecution.status != "COMPLETED", "IN_PROGRESS"),
    (ChecklistExecution.review_status.is_not(None), ChecklistExecution.review_status),
    (ChecklistTemplate.requires_supervisor_approval, "PENDING"),
    else_="COMPLETED",
)
_FOLLOW_UPS = sa.exists().where(
    ChecklistAction.execution_id == ChecklistExecution.id,
    sa.or_(ChecklistAction.status == "OPEN", ChecklistAction.status == "IN_PROGRESS"),
)
_PRIORITY = sa.case(
    (_FOLLOW_UPS.where(ChecklistAction.priority == "URGENT"), "CRITICAL"),
    (sa.or_(_FOLLOW_UPS, _WAITS), "HIGH"),
    else_="MEDIUM",
)
_ITEMS = (
    sa.select(
        ChecklistExecution.id,
        ChecklistTemplate.name.label("title"),
        ChecklistTemplate.description,
        _PRIORITY.label("priority"),
        _CAME_AT.label("came_at"),
        ChecklistExecution.assigned_to,
        refdata.FULL_NAME.label("staff_name"),
        _STATUS.label("status"),
        ChecklistExecution.progress,
    )
    .select_from(ChecklistExecution)
    .join(ChecklistTemplate, ChecklistTemplate.id == ChecklistExecution.template_id)
    .outerjoin(refdata.staff_ref, refdata.is_staff(ChecklistExecution.restaurant_id, ChecklistExecution.assigned_to))
    .where(
        ChecklistExecution.restaurant_id == _RESTAURANT,
        sa.or_(ChecklistExecution.status == "IN_PROGRESS", ChecklistExecution.status == "COMPLETED"),
    )
)
_CHOSEN = _ITEMS.where(
    bindparam("since", type_=_INSTANT) <= _CAME_AT,
    bindparam("until", type_=_INSTANT) > _CAME_AT,
    sa.or_(_WANTED_PRIORITY.is_(None), _PRIORITY == _WANTED_PRIORITY),
    sa.or_(_WANTED_STATUS.is_(None), _STATUS == _WANTED_STATUS),
)
_COUNT = Query(sa.select(sa.func.count()).select_from(_CHOSEN.subquery()))
_ROWS = Query(
    _CHOSEN.order_by(_CAME_AT.desc(), ChecklistExecution.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_ONE = Query(_ITEMS.where(ChecklistExecution.id == bindparam("id", type_=sa.Uuid)))


async def page_of_items(
    reader: Reader,
    restaurant_id: UUID,
    page: Page,
    *,
    since: datetime,
    until: datetime,
    priority: str | None,
    status: str | None,
) -> tuple[int, list[Any]]:
    """How many came in a period, and those of one page, the newest first. Raises NotFound beyond the end."""
    return await read_page(
        reader,
        _COUNT,
        _ROWS,
        page,
        restaurant_id=restaurant_id,
        since=since,
        until=until,
        priority=priority,
        status=status,
    )


async def item(reading: Reading, restaurant_id: UUID, item_id: UUID) -> Any:
    """One of them. Raises NotFound."""
    row = await reading.first(_ONE, restaurant_id=restaurant_id, id=item_id)
    if row is None:
        raise NotFound("No task matches the given query.")
    return row
