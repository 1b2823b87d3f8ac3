"""How the channels do, in one restaurant."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reading
from services.notify.models import Delivery, DeviceToken, Preferences

_TENANT = bindparam("restaurant_id", type_=sa.Uuid)
_EVERYWHERE = sa.cast(_TENANT, sa.Uuid).is_(None)


def _count(model: Any, *conditions: Any) -> Any:
    here = sa.or_(_EVERYWHERE, model.restaurant_id == _TENANT)
    return sa.select(sa.func.count()).select_from(model).where(here, *conditions).scalar_subquery()


_COUNTS = Query(
    sa.select(
        _count(DeviceToken, DeviceToken.is_active).label("device_tokens"),
        _count(Preferences, sa.not_(Preferences.announcement_notifications)).label("announcements_off"),
        _count(
            Delivery,
            Delivery.state == "FAILED",
            Delivery.updated_at >= bindparam("since", type_=sa.DateTime(timezone=True)),
        ).label("failed"),
        _count(Delivery, Delivery.state == "PENDING").label("pending"),
    )
)


async def counts(reading: Reading, restaurant_id: UUID | None, since: datetime) -> Any:
    """Tokens in use, people without announcements, deliveries that failed since then and that wait.

    Of one restaurant, or of all.
    """
    return await reading.first(_COUNTS, restaurant_id=restaurant_id, since=since)
