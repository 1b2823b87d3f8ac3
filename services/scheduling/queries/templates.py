"""Templates of weeks."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import ARRAY

from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.scheduling.models import ScheduleTemplate, TemplateShift, TemplateVersion

MOST_TEMPLATES = 10_000
"""How many templates are read at once, of whatever is read without pages."""
NO_TEMPLATE = "No ScheduleTemplate matches the given query."

_MINE = ScheduleTemplate.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid)
_TEMPLATES = sa.select(*ScheduleTemplate.__table__.columns)
_COUNT = Query(sa.select(sa.func.count()).select_from(ScheduleTemplate).where(_MINE))
_ROWS = Query(
    _TEMPLATES.where(_MINE)
    .order_by(ScheduleTemplate.name, ScheduleTemplate.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_ONE = Query(_TEMPLATES.where(_MINE, ScheduleTemplate.id == bindparam("id", type_=sa.Uuid)))
_EVERY_SHIFT = (
    sa.select(*TemplateShift.__table__.columns)
    .where(TemplateShift.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid))
    .order_by(TemplateShift.day_of_week, TemplateShift.start_time, TemplateShift.role, TemplateShift.id)
)
_ALL_SHIFTS = Query(_EVERY_SHIFT)
_SHIFTS = Query(_EVERY_SHIFT.where(TemplateShift.template_id == sa.any_(bindparam("ids", type_=ARRAY(sa.Uuid)))))

_VERSIONS = sa.and_(
    TemplateVersion.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
    TemplateVersion.template_id == bindparam("template_id", type_=sa.Uuid),
)
_VERSION_COUNT = Query(sa.select(sa.func.count()).select_from(TemplateVersion).where(_VERSIONS))
_VERSION_ROWS = Query(
    sa.select(*TemplateVersion.__table__.columns)
    .where(_VERSIONS)
    .order_by(TemplateVersion.number.desc())
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)

Template = tuple[Any, list[Any]]
"""A template's row, and those of its shifts by day and start."""


async def page_of_templates(reader: Reader, restaurant_id: UUID, page: Page) -> tuple[int, list[Template]]:
    """How many templates there are, and those of one page, by name. Raises NotFound beyond the end."""
    count, rows = await read_page(reader, _COUNT, _ROWS, page, restaurant_id=restaurant_id)
    return count, await with_shifts(reader, restaurant_id, rows)


async def with_shifts(reading: Reading, restaurant_id: UUID, rows: Sequence[Any]) -> list[Template]:
    """Templates with their shifts, in one statement for all of them."""
    found = await reading.all(_SHIFTS, restaurant_id=restaurant_id, ids=[row.id for row in rows])
    return _together(rows, found)


async def all_templates(reading: Reading, restaurant_id: UUID) -> list[Template]:
    """Every template of a restaurant, by name."""
    rows, found = await reading.batch(
        (_ROWS, {"restaurant_id": restaurant_id, "limit": MOST_TEMPLATES, "offset": 0}),
        (_ALL_SHIFTS, {"restaurant_id": restaurant_id}),
    )
    return _together(rows, found)


def _together(rows: Sequence[Any], found: Sequence[Any]) -> list[Template]:
    shifts: defaultdict[UUID, list[Any]] = defaultdict(list)
    for shift in found:
        shifts[shift.template_id].append(shift)
    return [(row, shifts[row.id]) for row in rows]


async def one_template(reading: Reading, restaurant_id: UUID, template_id: UUID) -> Template:
    """A template. Raises NotFound."""
    rows, shifts = await reading.batch(
        (_ONE, {"restaurant_id": restaurant_id, "id": template_id}),
        (_SHIFTS, {"restaurant_id": restaurant_id, "ids": [template_id]}),
    )
    if not rows:
        raise NotFound(NO_TEMPLATE)
    return rows[0], list(shifts)


async def page_of_versions(reader: Reader, restaurant_id: UUID, template_id: UUID, page: Page) -> tuple[int, list[Any]]:
    """How many earlier states a template has, and those of one page, newest first."""
    return await read_page(
        reader, _VERSION_COUNT, _VERSION_ROWS, page, restaurant_id=restaurant_id, template_id=template_id
    )


async def one_template_shift(reading: Reading, restaurant_id: UUID, template_id: UUID, shift_id: UUID) -> Any:
    """One shift of a template. Raises NotFound."""
    for row in await template_shifts(reading, restaurant_id, template_id):
        if row.id == shift_id:
            return row
    raise no_shift()


def no_shift() -> NotFound:
    """The refusal for a shift that a template does not have."""
    return NotFound("No TemplateShift matches the given query.")


async def template_shifts(reading: Reading, restaurant_id: UUID, template_id: UUID) -> list[Any]:
    """The shifts of a template. Raises NotFound for a template that is not there."""
    return (await one_template(reading, restaurant_id, template_id))[1]
