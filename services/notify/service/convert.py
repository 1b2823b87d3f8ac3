"""Rows to messages."""

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from mizan.notify.v1 import announcement_pb2, notification_pb2, preference_pb2
from servicekit.clock import timestamp_of
from servicekit.links import FileLinks
from services.notify.domain.announcements import Targeting
from services.notify.domain.channels import CHANNELS
from services.notify.domain.deliveries import TAKEN
from services.notify.domain.notifications import time_ago
from services.notify.domain.preferences import QUIET_HOURS, STANDARD, SWITCHES


def preferences_message(row: Any | None, user_id: UUID) -> preference_pb2.Preferences:
    """What somebody chose; the standard for a person who is not registered yet."""
    message = preference_pb2.Preferences(user=str(user_id))
    for name in SWITCHES:
        setattr(message, name, STANDARD[name] if row is None else getattr(row, name))
    if row is None:
        message.channel_exceptions = "{}"
        return message
    if row.timezone is not None:
        message.timezone = row.timezone
    message.channel_exceptions = orjson.dumps(row.channel_exceptions).decode()
    message.id = row.id
    for name in QUIET_HOURS:
        time = getattr(row, name)
        if time is not None:
            setattr(message, name, time.isoformat())
    message.created_at.FromDatetime(row.created_at)
    message.updated_at.FromDatetime(row.updated_at)
    return message


def notification_message(row: Any, links: FileLinks, now: datetime) -> notification_pb2.Notification:
    """A row of somebody's list."""
    deliveries = row.deliveries or {}
    message = notification_pb2.Notification(
        id=str(row.id),
        recipient=str(row.recipient_id),
        sender_name=(row.sender_name or row.sender_email or "System") if row.sender_id else "System",
        title=row.title,
        message=row.message,
        notification_type=row.kind,
        priority=row.priority,
        data=row.data,
        is_read=row.read_at is not None,
        read_at=timestamp_of(row.read_at),
        channels_sent=[channel for channel in CHANNELS if channel in deliveries and deliveries[channel][0] in TAKEN],
        delivery_status=orjson.dumps(
            {channel: {"status": state, "timestamp": moment} for channel, (state, moment) in deliveries.items()}
        ).decode(),
        expires_at=timestamp_of(row.expires_at),
        created_at=timestamp_of(row.created_at),
        time_ago=time_ago(row.created_at, now),
        attachments=[_attachment(file, links) for file in row.files or ()],
        acknowledged_at=timestamp_of(row.acknowledged_at),
    )
    for name in ("sender_id", "related_shift_id", "related_task_id"):
        value = getattr(row, name)
        if value is not None:
            setattr(message, name.removesuffix("_id") if name == "sender_id" else name, str(value))
    return message


def attachment_path(attachment_id: str) -> str:
    """Where a file of an announcement is served."""
    return f"/api/notifications/attachments/{attachment_id}/"


def _attachment(file: list[Any], links: FileLinks) -> notification_pb2.NotificationAttachment:
    attachment_id, key, name, content_type, size, uploaded_at = file
    return notification_pb2.NotificationAttachment(
        name=name,
        original_name=name,
        url=links.link(attachment_path(attachment_id), key),
        content_type=content_type,
        size=size,
        uploaded_at=timestamp_of(datetime.fromisoformat(uploaded_at)),
    )


def announcement_message(row: Any) -> announcement_pb2.Announcement:
    """An announcement; with what became of it, where the row says so."""
    return announcement_pb2.Announcement(
        id=str(row.id),
        title=row.title,
        message=row.message,
        priority=row.priority,
        tags=row.tags,
        status=row.status,
        sender=str(row.sender_id),
        sender_name=getattr(row, "sender_name", ""),
        created_at=timestamp_of(row.created_at),
        scheduled_for=timestamp_of(row.scheduled_for) if row.is_scheduled else None,
        sent_at=timestamp_of(row.sent_at),
        expires_at=timestamp_of(row.expires_at),
        targeted=Targeting.from_json(row.targeting).is_targeted,
        recipient_count=getattr(row, "recipient_count", 0),
        read_count=getattr(row, "read_count", 0),
        acknowledged_count=getattr(row, "acknowledged_count", 0),
        failed_count=getattr(row, "failed_count", 0),
    )
