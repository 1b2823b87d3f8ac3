"""What notify publishes, and how each fact is made from its rows."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.notify.events.v1 import events_pb2 as facts
from servicekit import events
from servicekit.clock import timestamp_of
from services.notify.domain.deliveries import version_of
from services.notify.models import Alert, Delivery, Preferences

AlertEvent = facts.AlertCreated | facts.AlertUpdated | facts.AlertDeleted
RECIPIENTS_AT_ONCE: Final = 1000
INVITATION: Final = "invitation "
"""Before the id of an invitation that is the addressee of a delivery."""


def preferences_updated(session: AsyncSession, preferences: Preferences, changed: list[str]) -> None:
    """Somebody wants to be told in another way."""
    message = facts.PreferencesUpdated(
        user_id=str(preferences.user_id),
        restaurant_id=str(preferences.restaurant_id),
        changed_fields=changed,
        version=preferences.version,
    )
    events.emit(
        session,
        message,
        restaurant_id=preferences.restaurant_id,
        aggregate_id=preferences.user_id,
        version=preferences.version,
    )


def notifications_created(session: AsyncSession, restaurant_id: UUID, rows: Sequence[Mapping[str, Any]]) -> None:
    """People have the same new thing in their lists."""
    for start in range(0, len(rows), RECIPIENTS_AT_ONCE):
        some = rows[start : start + RECIPIENTS_AT_ONCE]
        first = some[0]
        message = facts.NotificationCreated(
            restaurant_id=str(restaurant_id),
            recipients=[
                facts.NotificationRecipient(user_id=str(row["recipient_id"]), notification_id=str(row["id"]))
                for row in some
            ],
            title=first["title"],
            message=first["message"],
            notification_type=first["kind"],
            priority=first["priority"],
            created_at=timestamp_of(first["created_at"]),
            data_json=orjson.dumps(first["data"]).decode(),
            related_shift_id=str(first["related_shift_id"] or ""),
            related_task_id=str(first["related_task_id"] or ""),
        )
        events.emit(session, message, restaurant_id=restaurant_id, aggregate_id=first["id"], version=1)


def invitation_delivery_settled(session: AsyncSession, delivery: Delivery) -> None:
    """It is known what became of an invitation."""
    message = facts.InvitationDeliverySettled(
        invitation_id=delivery.addressee.removeprefix(INVITATION),
        restaurant_id=str(delivery.restaurant_id),
        status=delivery.state,
        provider_id=delivery.provider_id or "",
        error=delivery.error or "",
    )
    events.emit(session, message, restaurant_id=delivery.restaurant_id, aggregate_id=delivery.id)


def notification_delivery_settled(session: AsyncSession, delivery: Delivery, told: Any) -> None:
    """It is known what became of a notification on one channel; `told` is the notification."""
    message = facts.NotificationDeliverySettled(
        notification_id=str(told.id),
        restaurant_id=str(delivery.restaurant_id),
        user_id=str(told.recipient_id),
        notification_type=told.kind,
        channel=delivery.channel,
        status=delivery.state,
        error=delivery.error or "",
        related_shift_id=str(told.related_shift_id or ""),
    )
    events.emit(
        session,
        message,
        restaurant_id=delivery.restaurant_id,
        aggregate_id=delivery.id,
        version=version_of(delivery.state),
    )


def chat_message_sent(session: AsyncSession, written: Any, members: Sequence[UUID]) -> None:
    """Somebody wrote in a room; without members, in the restaurant's own."""
    message = facts.ChatMessageSent(
        id=str(written.id),
        restaurant_id=str(written.restaurant_id),
        room_id=str(written.room_id),
        room_name=written.room_name,
        sender=_chat_person(written, "sender"),
        recipient=_chat_person(written, "recipient") if written.recipient_id else None,
        content=written.content,
        created_at=timestamp_of(written.created_at),
        member_ids=[str(member) for member in members],
        sequence=written.sequence,
    )
    events.emit(session, message, restaurant_id=written.restaurant_id, aggregate_id=written.room_id)


def chat_room_read(session: AsyncSession, room: Any, reader: UUID, sequence: int, members: Sequence[UUID]) -> None:
    """Somebody has read a room."""
    message = facts.ChatRoomRead(
        restaurant_id=str(room.restaurant_id),
        room_id=str(room.id),
        room_name=room.name,
        user_id=str(reader),
        sequence=sequence,
        member_ids=[str(member) for member in members],
    )
    events.emit(session, message, restaurant_id=room.restaurant_id, aggregate_id=room.id)


def _chat_person(written: Any, part: str) -> facts.ChatPerson:
    return facts.ChatPerson(
        id=str(getattr(written, f"{part}_id")),
        email=getattr(written, f"{part}_email") or "",
        first_name=getattr(written, f"{part}_first_name") or "",
        last_name=getattr(written, f"{part}_last_name") or "",
        role=getattr(written, f"{part}_role") or "",
    )


def alert_changed(session: AsyncSession, kind: type[AlertEvent], alert: Alert) -> None:
    """An alert of the dashboard was made, changed or removed."""
    about = facts.AlertFacts(
        id=str(alert.id),
        restaurant_id=str(alert.restaurant_id),
        message=alert.message,
        alert_type=alert.alert_type,
        is_resolved=alert.resolved_at is not None,
        created_by=str(alert.created_by),
        resolved_by=str(alert.resolved_by or ""),
        created_at=timestamp_of(alert.created_at),
        version=alert.version,
    )
    events.emit(
        session,
        kind(alert=about),
        restaurant_id=alert.restaurant_id,
        aggregate_id=alert.id,
        version=alert.version,
    )
