"""The history of shifts and weeks."""

from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import ARRAY

import refdata
from servicekit.db import Query, Reader
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.scheduling.models import ScheduleChange, Shift, WeeklySchedule

NO_CHANGE: Final = "No ScheduleChange matches the given query."

_RESTAURANT = bindparam("restaurant_id", type_=sa.Uuid)
# A condition per filter, so that a statement holds only those that are asked for and each finds its index.
_CONDITIONS: Final[dict[str, sa.ColumnElement[bool]]] = {
    "restaurant_id": ScheduleChange.restaurant_id == _RESTAURANT,
    "schedule_id": ScheduleChange.schedule_id == bindparam("schedule_id", type_=sa.Uuid),
    "viewer": ScheduleChange.people.contains(bindparam("viewer", type_=ARRAY(sa.Uuid))),
    "id": ScheduleChange.id == bindparam("id", type_=sa.Uuid),
}
_CHANGES = sa.select(
    ScheduleChange.id,
    ScheduleChange.schedule_id,
    ScheduleChange.subject,
    ScheduleChange.change_type,
    ScheduleChange.changed_by,
    sa.cast(ScheduleChange.before, sa.Text).label("before"),
    sa.cast(ScheduleChange.after, sa.Text).label("after"),
    ScheduleChange.changed_at,
    refdata.staff_ref.c.user_id,
    refdata.staff_ref.c.first_name,
    refdata.staff_ref.c.last_name,
    refdata.staff_ref.c.email,
).outerjoin(refdata.staff_ref, refdata.is_staff(ScheduleChange.restaurant_id, ScheduleChange.changed_by))
_SCHEDULE = bindparam("id", type_=sa.Uuid)
_IS_KNOWN = Query(
    sa.select(
        sa.or_(
            *(
                sa.exists().where(model.restaurant_id == _RESTAURANT, model.id == _SCHEDULE)
                for model in (Shift, WeeklySchedule)
            ),
            sa.exists().where(
                ScheduleChange.restaurant_id == _RESTAURANT,
                ScheduleChange.schedule_id == _SCHEDULE,
            ),
        )
    )
)


@lru_cache(maxsize=64)
def page_queries(filters: frozenset[str]) -> tuple[Query, Query]:
    """The statements that count the changes under some filters and read a page of them."""
    conditions = [_CONDITIONS[name] for name in sorted(filters)]
    return (
        Query(sa.select(sa.func.count()).select_from(ScheduleChange).where(*conditions)),
        Query(
            _CHANGES.where(*conditions)
            .order_by(ScheduleChange.changed_at.desc(), ScheduleChange.seq.desc())
            .limit(bindparam("limit", type_=sa.Integer))
            .offset(bindparam("offset", type_=sa.Integer))
        ),
    )


async def page_of_changes(
    reader: Reader, restaurant_id: UUID, page: Page, *, schedule_id: UUID | None, viewer: UUID | None
) -> tuple[int, list[Any]]:
    """How many changes there are, and those of one page, newest first; with a viewer, those that concern them.

    Raises NotFound for a shift or week that the restaurant never had, and beyond the end.
    """
    if schedule_id is not None and not await reader.scalar(_IS_KNOWN, restaurant_id=restaurant_id, id=schedule_id):
        raise NotFound("No Schedule matches the given query.")
    chosen = _given(restaurant_id, viewer, schedule_id=schedule_id)
    count, rows = page_queries(frozenset(chosen))
    return await read_page(reader, count, rows, page, **chosen)


async def one_change(reader: Reader, restaurant_id: UUID, change_id: UUID, viewer: UUID | None) -> Any:
    """A change; with a viewer, one that concerns them. Raises NotFound."""
    chosen = _given(restaurant_id, viewer, id=change_id)
    row = await reader.first(_one_query(frozenset(chosen)), **chosen)
    if row is None:
        raise NotFound(NO_CHANGE)
    return row


@lru_cache(maxsize=4)
def _one_query(filters: frozenset[str]) -> Query:
    return Query(_CHANGES.where(*(_CONDITIONS[name] for name in sorted(filters))))


def _given(restaurant_id: UUID, viewer: UUID | None, **ids: UUID | None) -> dict[str, Any]:
    """The parameters of what is asked for."""
    given: dict[str, Any] = {"restaurant_id": restaurant_id}
    if viewer is not None:
        given["viewer"] = [viewer]
    return given | {name: value for name, value in ids.items() if value is not None}
