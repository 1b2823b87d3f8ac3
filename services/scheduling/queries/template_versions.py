"""The states of templates: those that were kept, and the present one of each."""

from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.orm import aliased

import refdata
from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.scheduling.models import ScheduleTemplate, TemplateShift, TemplateVersion

NO_VERSION: Final = "No ScheduleTemplateVersion matches the given query."
MOST_SHOWN: Final = 100
"""How many states a template is shown with."""
NEWEST: Final = "-created_at"

_RESTAURANT = bindparam("restaurant_id", type_=sa.Uuid)
_TEMPLATE = bindparam("template_id", None, type_=sa.Uuid)
_IS_CURRENT = sa.cast(bindparam("is_current", None, type_=sa.Boolean), sa.Boolean)
_INSTANT = sa.DateTime(timezone=True)

# What was kept when a state was replaced says when, and by whom, the next one was made.
_before = aliased(TemplateVersion)


_MADE_BY = sa.case((_before.id.is_(None), ScheduleTemplate.created_by), else_=_before.created_by)


def _follows(template: Any, number: Any) -> sa.ColumnElement[bool]:
    return sa.and_(_before.restaurant_id == _RESTAURANT, _before.template_id == template, _before.number == number - 1)


_SHIFTS_NOW = (
    sa.select(
        sa.func.coalesce(
            sa.func.jsonb_agg(
                aggregate_order_by(
                    sa.func.jsonb_build_object(
                        "role",
                        TemplateShift.role,
                        "day_of_week",
                        TemplateShift.day_of_week,
                        "start_time",
                        TemplateShift.start_time,
                        "end_time",
                        TemplateShift.end_time,
                        "required_staff",
                        TemplateShift.required_staff,
                    ),
                    TemplateShift.day_of_week,
                    TemplateShift.start_time,
                )
            ),
            sa.cast("[]", JSONB),
        )
    )
    .where(TemplateShift.restaurant_id == _RESTAURANT, TemplateShift.template_id == ScheduleTemplate.id)
    .scalar_subquery()
)
_STATES = sa.union_all(
    sa.select(
        TemplateVersion.id,
        TemplateVersion.template_id,
        ScheduleTemplate.name.label("template_name"),
        TemplateVersion.number,
        sa.false().label("is_current"),
        TemplateVersion.name,
        TemplateVersion.description,
        sa.cast(TemplateVersion.shifts, sa.Text).label("shifts"),
        _MADE_BY.label("made_by"),
        sa.func.coalesce(_before.created_at, ScheduleTemplate.created_at).label("made_at"),
        TemplateVersion.created_at.label("replaced_at"),
    )
    .join(ScheduleTemplate, ScheduleTemplate.id == TemplateVersion.template_id)
    .outerjoin(_before, _follows(TemplateVersion.template_id, TemplateVersion.number))
    .where(TemplateVersion.restaurant_id == _RESTAURANT),
    sa.select(
        ScheduleTemplate.state_id,
        ScheduleTemplate.id,
        ScheduleTemplate.name,
        ScheduleTemplate.version,
        sa.true(),
        ScheduleTemplate.name,
        ScheduleTemplate.description,
        sa.cast(_SHIFTS_NOW, sa.Text),
        _MADE_BY,
        sa.func.coalesce(_before.created_at, ScheduleTemplate.created_at),
        sa.cast(sa.null(), _INSTANT),
    )
    .outerjoin(_before, _follows(ScheduleTemplate.id, ScheduleTemplate.version))
    .where(ScheduleTemplate.restaurant_id == _RESTAURANT),
).subquery("states")
_CHOSEN = sa.and_(
    sa.or_(_TEMPLATE.is_(None), _STATES.c.template_id == _TEMPLATE),
    sa.or_(_IS_CURRENT.is_(None), _STATES.c.is_current == _IS_CURRENT),
)
_SHOWN = sa.select(*_STATES.c, refdata.FULL_NAME.label("made_by_name")).outerjoin(
    refdata.staff_ref, refdata.is_staff(_RESTAURANT, _STATES.c.made_by)
)
_COUNT = Query(sa.select(sa.func.count()).select_from(_STATES).where(_CHOSEN))
_ORDERS: Final = {
    "created_at": (_STATES.c.made_at, _STATES.c.number, _STATES.c.id),
    NEWEST: (_STATES.c.made_at.desc(), _STATES.c.number.desc(), _STATES.c.id),
    "version_number": (_STATES.c.number, _STATES.c.made_at, _STATES.c.id),
    "-version_number": (_STATES.c.number.desc(), _STATES.c.made_at.desc(), _STATES.c.id),
}
_PAGES: Final = {
    name: Query(
        _SHOWN.where(_CHOSEN)
        .order_by(*order)
        .limit(bindparam("limit", type_=sa.Integer))
        .offset(bindparam("offset", type_=sa.Integer))
    )
    for name, order in _ORDERS.items()
}
_ONE = Query(_SHOWN.where(_STATES.c.id == bindparam("id", type_=sa.Uuid)))


async def page_of_states(
    reader: Reader,
    restaurant_id: UUID,
    page: Page,
    *,
    template_id: UUID | None,
    is_current: bool | None = None,
    ordering: str = NEWEST,
) -> tuple[int, list[Any]]:
    """How many states there are, and those of one page. Raises NotFound beyond the end."""
    return await read_page(
        reader,
        _COUNT,
        _PAGES[ordering],
        page,
        restaurant_id=restaurant_id,
        template_id=template_id,
        is_current=is_current,
    )


async def states_of(reading: Reading, restaurant_id: UUID, template_id: UUID) -> list[Any]:
    """The last states of a template, newest first."""
    wanted = {"restaurant_id": restaurant_id, "template_id": template_id, "limit": MOST_SHOWN, "offset": 0}
    return list(await reading.all(_PAGES[NEWEST], **wanted))


async def one_state(reading: Reading, restaurant_id: UUID, state_id: UUID) -> Any:
    """A state. Raises NotFound."""
    row = await reading.first(_ONE, restaurant_id=restaurant_id, id=state_id)
    if row is None:
        raise NotFound(NO_VERSION)
    return row
