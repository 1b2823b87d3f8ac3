"""What the lists hold that a client missed, in the form in which it would have arrived."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit import wire
from servicekit.db import Query, Reading
from services.notify.live.messages import notification_body
from services.notify.models import Notification
from services.notify.queries.chat import messages_since
from services.notify.service.chat import message_of

_MISSED = Query(
    sa.select(
        Notification.id,
        Notification.title,
        Notification.message,
        Notification.kind,
        Notification.priority,
        Notification.data,
        Notification.created_at,
        Notification.read_at,
        Notification.related_shift_id,
        Notification.related_task_id,
    )
    .where(
        Notification.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
        Notification.recipient_id == bindparam("user_id", type_=sa.Uuid),
        Notification.created_at >= bindparam("since", type_=sa.DateTime(timezone=True)),
        Notification.deleted_at.is_(None),
    )
    .order_by(Notification.created_at.desc(), Notification.id)
    .limit(bindparam("limit", type_=sa.Integer))
)


async def missed_notifications(
    reading: Reading, restaurant_id: UUID, user_id: UUID, since: datetime, limit: int
) -> list[dict[str, Any]] | None:
    """A person's notifications since an instant, the oldest first; None where there are more than the limit."""
    rows = await reading.all(_MISSED, restaurant_id=restaurant_id, user_id=user_id, since=since, limit=limit + 1)
    if len(rows) > limit:
        return None
    return [
        notification_body(
            {
                "id": str(row.id),
                "title": row.title,
                "message": row.message,
                "notification_type": row.kind,
                "priority": row.priority,
                "created_at": row.created_at.isoformat(),
                "is_read": row.read_at is not None,
                "data": row.data,
                "related_shift_id": str(row.related_shift_id) if row.related_shift_id else None,
                "related_task_id": str(row.related_task_id) if row.related_task_id else None,
            }
        )
        for row in reversed(rows)
    ]


async def missed_messages(
    reading: Reading, restaurant_id: UUID, user_id: UUID, since: datetime, limit: int
) -> list[dict[str, Any]] | None:
    """What was written in a person's rooms since an instant, the oldest first; None where it is more than the limit."""
    rows = await messages_since(reading, restaurant_id, user_id, since, limit + 1)
    if len(rows) > limit:
        return None
    return [
        {"type": "chat_message", "room_id": str(row.room_id), "message": wire.encode(message_of(row, is_read=False))}
        for row in reversed(rows)
    ]
