"""The alerts of the dashboard."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.notify.models import Alert

NO_ALERT = "No Alert matches the given query."
_MINE = Alert.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid)
_OPEN_ONLY = bindparam("open_only", type_=sa.Boolean)
_CHOSEN = sa.and_(_MINE, sa.or_(sa.not_(_OPEN_ONLY), Alert.resolved_at.is_(None)))
_COUNT = Query(sa.select(sa.func.count()).select_from(Alert).where(_CHOSEN))
_ROWS = Query(
    sa.select(*Alert.__table__.columns)
    .where(_CHOSEN)
    .order_by(Alert.created_at.desc(), Alert.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_ONE = Query(sa.select(*Alert.__table__.columns).where(_MINE, Alert.id == bindparam("id", type_=sa.Uuid)))


async def page_of_alerts(
    reader: Reader, restaurant_id: UUID, page: Page, *, open_only: bool = False
) -> tuple[int, list[Any]]:
    """How many alerts there are, and those of one page, the newest first. Raises NotFound beyond the end."""
    return await read_page(reader, _COUNT, _ROWS, page, restaurant_id=restaurant_id, open_only=open_only)


async def one_alert(reading: Reading, restaurant_id: UUID, alert_id: UUID) -> Any:
    """An alert. Raises NotFound."""
    row = await reading.first(_ONE, restaurant_id=restaurant_id, id=alert_id)
    if row is None:
        raise NotFound(NO_ALERT)
    return row
