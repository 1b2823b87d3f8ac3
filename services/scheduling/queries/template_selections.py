"""Which templates of tasks are chosen for whose shifts."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reading
from services.scheduling.models import TaskTemplate, TemplateSelection

_RESTAURANT = bindparam("restaurant_id", type_=sa.Uuid)
_CHOSEN = (
    sa.func.unnest(TemplateSelection.template_ids).table_valued("id", with_ordinality="place").render_derived("chosen")
)
_SELECTION = Query(
    sa.select(TaskTemplate.id)
    .select_from(TemplateSelection)
    .join(_CHOSEN, sa.true())
    .join(TaskTemplate, sa.and_(TaskTemplate.id == _CHOSEN.c.id, TaskTemplate.restaurant_id == _RESTAURANT))
    .where(
        TemplateSelection.restaurant_id == _RESTAURANT,
        TemplateSelection.staff_id == bindparam("staff_id", type_=sa.Uuid),
    )
    .order_by(_CHOSEN.c.place)
)


async def selection_of(reading: Reading, restaurant_id: UUID, staff_id: UUID) -> list[UUID]:
    """The templates that are chosen for a person, in their order; those that were removed are left out."""
    return [row.id for row in await reading.all(_SELECTION, restaurant_id=restaurant_id, staff_id=staff_id)]
