"""Somebody's own notifications."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import aggregate_order_by

import refdata
from refdata import staff_ref
from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page
from services.notify.models import Attachment, Delivery, Notification

NO_NOTIFICATION = "No Notification matches the given query."

_MOMENT = sa.DateTime(timezone=True)
_TENANT = bindparam("restaurant_id", type_=sa.Uuid)
_OWN = sa.and_(
    Notification.restaurant_id == _TENANT,
    Notification.recipient_id == bindparam("user_id", type_=sa.Uuid),
    Notification.deleted_at.is_(None),
)
_KIND = bindparam("kind", type_=sa.Text)
_PRIORITY = bindparam("priority", type_=sa.Text)
_IS_READ = sa.cast(bindparam("is_read", type_=sa.Boolean), sa.Boolean)
_SINCE = sa.cast(bindparam("since", type_=_MOMENT), _MOMENT)
_UNTIL = sa.cast(bindparam("until", type_=_MOMENT), _MOMENT)
_WANTED = sa.and_(
    _OWN,
    sa.or_(_KIND == "", Notification.kind == _KIND),
    sa.or_(_PRIORITY == "", Notification.priority == _PRIORITY),
    sa.or_(_IS_READ.is_(None), Notification.read_at.is_not(None) == _IS_READ),
    sa.or_(_SINCE.is_(None), Notification.created_at >= _SINCE),
    sa.or_(_UNTIL.is_(None), Notification.created_at < _UNTIL),
)
_PAGE = (
    sa.select(
        *(
            column
            for column in Notification.__table__.columns
            if column.name not in {"restaurant_id", "key", "language", "words", "data", "deleted_at"}
        ),
        sa.cast(Notification.data, sa.Text).label("data"),
    )
    .where(_WANTED)
    .order_by(Notification.created_at.desc(), Notification.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
    .subquery()
)
_DELIVERIES = (
    sa.select(
        sa.func.jsonb_object_agg(Delivery.channel, sa.func.jsonb_build_array(Delivery.state, Delivery.updated_at))
    )
    .where(Delivery.notification_id == _PAGE.c.id)
    .scalar_subquery()
)
_FILES = (
    sa.select(
        sa.func.jsonb_agg(
            aggregate_order_by(
                sa.func.jsonb_build_array(
                    Attachment.id,
                    Attachment.key,
                    Attachment.original_name,
                    Attachment.content_type,
                    Attachment.size,
                    Attachment.uploaded_at,
                ),
                Attachment.uploaded_at,
                Attachment.id,
            )
        )
    )
    .where(Attachment.restaurant_id == _TENANT, Attachment.announcement_id == _PAGE.c.announcement_id)
    .scalar_subquery()
)
_NOTIFICATIONS = Query(
    sa.select(
        *_PAGE.c,
        refdata.FULL_NAME.label("sender_name"),
        staff_ref.c.email.label("sender_email"),
        _DELIVERIES.label("deliveries"),
        sa.case((_PAGE.c.announcement_id.is_not(None), _FILES)).label("files"),
    )
    .select_from(_PAGE)
    .outerjoin(staff_ref, refdata.is_staff(_TENANT, _PAGE.c.sender_id))
    .order_by(_PAGE.c.created_at.desc(), _PAGE.c.id)
)
_COUNT = Query(sa.select(sa.func.count()).select_from(Notification).where(_WANTED))
# Filters that may be absent have the server plan a count anew each time, which costs more than counting.
_COUNT_ALL = Query(sa.select(sa.func.count()).select_from(Notification).where(_OWN))
_TOLD = sa.select(
    Notification.id,
    Notification.message,
    Notification.read_at,
    Notification.created_at,
    Notification.related_shift_id,
    Notification.recipient_id,
).where(_OWN)
_ONE = Query(_TOLD.where(Notification.id == bindparam("id", type_=sa.Uuid), Notification.kind == _KIND))
_BY_KEY = Query(_TOLD.where(Notification.key == bindparam("key", type_=sa.Text)))
_STATS = Query(
    sa.select(
        Notification.kind,
        Notification.priority,
        sa.func.count().label("total"),
        sa.func.count().filter(Notification.read_at.is_(None)).label("unread"),
    )
    .where(_OWN)
    .group_by(Notification.kind, Notification.priority)
)


async def notifications(
    reader: Reader,
    restaurant_id: UUID,
    user_id: UUID,
    page: Page,
    *,
    kind: str = "",
    priority: str = "",
    is_read: bool | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> tuple[int, list[Any]]:
    """A page of somebody's notifications, the newest first; how many there are, and the rows."""
    own = {"restaurant_id": restaurant_id, "user_id": user_id}
    filters = {"kind": kind, "priority": priority, "is_read": is_read, "since": since, "until": until}
    is_filtered = any(value not in (None, "") for value in filters.values())
    counted, rows = await reader.batch(
        (_COUNT, {**own, **filters}) if is_filtered else (_COUNT_ALL, own),
        (_NOTIFICATIONS, {**own, **filters, "limit": page.limit, "offset": page.offset}),
    )
    count = int(counted[0][0])
    page.check(count)
    return count, rows


async def own(reading: Reading, restaurant_id: UUID, user_id: UUID, notification_id: UUID, kind: str) -> Any:
    """One of somebody's notifications of a kind. Raises NotFound."""
    row = await reading.first(_ONE, restaurant_id=restaurant_id, user_id=user_id, id=notification_id, kind=kind)
    if row is None:
        raise NotFound(NO_NOTIFICATION)
    return row


async def by_key(reading: Reading, restaurant_id: UUID, user_id: UUID, key: str) -> Any:
    """What somebody was told under a key. Raises NotFound."""
    row = await reading.first(_BY_KEY, restaurant_id=restaurant_id, user_id=user_id, key=key)
    if row is None:
        raise NotFound(NO_NOTIFICATION)
    return row


async def stats(reading: Reading, restaurant_id: UUID, user_id: UUID) -> list[Any]:
    """How many notifications somebody has, by kind and priority."""
    return list(await reading.all(_STATS, restaurant_id=restaurant_id, user_id=user_id))
