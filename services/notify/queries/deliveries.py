"""One delivery with everything that sending it takes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from refdata import restaurant_ref, staff_ref
from servicekit.db import Query, Reading
from services.notify.models import Delivery, DeviceToken, Notification, WhatsAppSession

_DELIVERY = Query(
    sa.select(
        Delivery.id,
        Delivery.restaurant_id,
        Delivery.addressee,
        Delivery.channel,
        Delivery.state,
        Delivery.payload,
        Delivery.not_before,
        Delivery.is_critical,
        Delivery.notification_id,
        Notification.recipient_id,
        Notification.kind,
        Notification.priority,
        Notification.title,
        Notification.message,
        Notification.language,
        Notification.words,
        Notification.data,
        Notification.expires_at,
        staff_ref.c.email,
        staff_ref.c.phone,
        staff_ref.c.first_name,
        staff_ref.c.is_active,
        restaurant_ref.c.name.label("restaurant"),
    )
    .select_from(Delivery)
    .outerjoin(Notification, Notification.id == Delivery.notification_id)
    .outerjoin(
        staff_ref,
        sa.and_(staff_ref.c.restaurant_id == Delivery.restaurant_id, staff_ref.c.user_id == Notification.recipient_id),
    )
    .outerjoin(restaurant_ref, restaurant_ref.c.id == Delivery.restaurant_id)
    .where(Delivery.id == bindparam("id", type_=sa.Uuid))
)
_TOKENS = Query(
    sa.select(DeviceToken.token)
    .where(
        DeviceToken.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
        DeviceToken.user_id == bindparam("user_id", type_=sa.Uuid),
        DeviceToken.is_active,
    )
    .order_by(DeviceToken.last_used.desc())
    .limit(bindparam("limit", type_=sa.Integer))
)
_LAST_INBOUND = Query(
    sa.select(WhatsAppSession.last_inbound_at).where(WhatsAppSession.phone == bindparam("phone", type_=sa.Text))
)


async def delivery(reading: Reading, delivery_id: UUID) -> Any | None:
    """A delivery with its notification, its person and its restaurant as they are now."""
    return await reading.first(_DELIVERY, id=delivery_id)


async def tokens(reading: Reading, restaurant_id: UUID, user_id: UUID, limit: int) -> Sequence[str]:
    """The push tokens of a person that are in use, the last used first."""
    rows = await reading.all(_TOKENS, restaurant_id=restaurant_id, user_id=user_id, limit=limit)
    return [row.token for row in rows]


async def last_inbound_at(reading: Reading, phone: str) -> datetime | None:
    """When somebody last wrote from a number."""
    moment: datetime | None = await reading.scalar(_LAST_INBOUND, phone=phone)
    return moment
