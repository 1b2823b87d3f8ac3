"""What a screen is shown of each fact: its topic, who may see it, and its JSON."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from google.protobuf.message import Message as Proto

from mizan.identity.events.v1 import events_pb2 as identity
from mizan.notify.events.v1 import events_pb2 as notify
from mizan.pos.events.v1 import events_pb2 as pos
from mizan.scheduling.events.v1 import events_pb2 as scheduling
from mizan.timeclock.events.v1 import events_pb2 as timeclock
from servicekit import events, live, wire
from services.notify.live.backlog import Fact
from services.notify.live.topics import CHAT, SETTINGS

PERSONAL_ID: Final = "00000000-0000-0000-0000-000000000000"
"""Stands where each recipient's own id goes, which is as long."""

_KITCHEN_ORDER: Final = (
    "id",
    "order_number",
    "order_type",
    "status",
    "table_id",
    "server_id",
    "business_date",
    "guest_count",
    "version",
)
_KITCHEN_LINE: Final = ("id", "menu_item_id", "name", "quantity", "modifier_ids")


@dataclass(frozen=True, slots=True)
class Message:
    """One message for the followers of a topic in one restaurant.

    It goes to those who hold `permission`, if that is set, and to no others than `to`, if that is not None. `ids` are
    for what everybody has a copy of: the people it is for, with the id that takes PERSONAL_ID's place for each.
    """

    topic: str
    body: Mapping[str, Any]
    permission: str = ""
    to: frozenset[str] | None = None
    ids: Mapping[str, str] | None = None
    # Of chat, for those who follow that room alone.
    room: str = ""

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics whose followers it is for."""
        return (self.topic, f"{self.topic}:{self.room}") if self.room else (self.topic,)

    def is_for(self, user_id: str, permissions: frozenset[str]) -> bool:
        """Whether a person with these permissions may see it."""
        if self.permission and self.permission not in permissions:
            return False
        if self.ids is not None:
            return user_id in self.ids
        return self.to is None or user_id in self.to

    def frame(self, cursor: str) -> bytes:
        """The WebSocket frame of it."""
        return text_frame(orjson.dumps({**self.body, "cursor": cursor}))

    def frame_for(self, user_id: str, frame: bytes) -> bytes:
        """The frame as one person gets it."""
        return frame if self.ids is None else frame.replace(PERSONAL_ID.encode(), self.ids[user_id].encode())


def text_frame(payload: bytes) -> bytes:
    """An unmasked, final text frame, as a server sends it."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def notification_body(notification: Mapping[str, Any]) -> dict[str, Any]:
    """A notification as clients read it: some look for it under one key, some under the other."""
    return {"type": "notification_message", "notification": notification, "message": notification}


def _notification(event: notify.NotificationCreated, _fact: Fact) -> Message:
    shown = {
        "id": PERSONAL_ID,
        "title": event.title,
        "message": event.message,
        "notification_type": event.notification_type,
        "priority": event.priority,
        "created_at": wire.encode_timestamp(event.created_at),
        "is_read": False,
        "data": wire.encode_json_text(event.data_json) if event.data_json else {},
        "related_shift_id": event.related_shift_id or None,
        "related_task_id": event.related_task_id or None,
    }
    ids = {recipient.user_id: recipient.notification_id for recipient in event.recipients}
    return Message(live.NOTIFICATIONS, notification_body(shown), ids=ids)


def chat_message_body(event: notify.ChatMessageSent) -> dict[str, Any]:
    """Something that was written, as the REST API shows it to others than its writer."""
    return {
        "type": "chat_message",
        "room_id": event.room_id,
        "message": {
            "id": event.id,
            "sender": event.sender.id,
            "sender_info": wire.encode(event.sender),
            "recipient": event.recipient.id if event.HasField("recipient") else None,
            "recipient_info": wire.encode(event.recipient) if event.HasField("recipient") else None,
            "room_name": event.room_name,
            "content": event.content,
            "timestamp": wire.encode_timestamp(event.created_at),
            "is_read": False,
        },
    }


def _chat_message(event: notify.ChatMessageSent, _fact: Fact) -> Message:
    return Message(CHAT, chat_message_body(event), to=_members(event.member_ids), room=event.room_id)


def _chat_read(event: notify.ChatRoomRead, _fact: Fact) -> Message:
    body = {"type": "chat_read", "room_id": event.room_id, "room_name": event.room_name, "user_id": event.user_id}
    return Message(CHAT, {**body, "sequence": event.sequence}, to=_members(event.member_ids), room=event.room_id)


def _members(ids: Any) -> frozenset[str] | None:
    return frozenset(ids) or None


def _order(event: Any, fact: Fact) -> Message:
    whole = wire.encode(event.order)
    shown: dict[str, Any] = {name: whole[name] for name in _KITCHEN_ORDER}
    shown["line_items"] = [{name: line[name] for name in _KITCHEN_LINE} for line in whole["lines"]]
    body = {"type": "order_update", "event": _event_name(fact.subject), "order": shown}
    return Message(live.KITCHEN, body, permission="kitchen.work")


def _ticket(event: Any, fact: Fact) -> Message:
    body = {"type": "ticket_update", "event": _event_name(fact.subject), "ticket": wire.encode(event.ticket)}
    return Message(live.KITCHEN, body, permission="kitchen.work")


def _settings(event: identity.RestaurantUpdated, fact: Fact) -> Message:
    about = event.restaurant
    payload = {
        "restaurant_id": about.id,
        "updated_fields": list(event.changed_fields),
        "restaurant": {"id": about.id, "name": about.name},
        "timestamp": fact.at.isoformat(),
    }
    return Message(SETTINGS, {"type": "settings_update", "payload": payload})


def _shift(event: Any, fact: Fact) -> Message:
    # What is not published yet is for those who plan.
    return _board(event, fact, "schedule.view" if event.shift.is_published else "schedule.manage")


def _task(event: Any, fact: Fact) -> Message:
    return _board(event, fact, "schedule.view")


def _checklist(event: Any, fact: Fact) -> Message:
    return _board(event, fact, "schedule.manage")


def _attendance(event: Any, fact: Fact) -> Message:
    return _board(event, fact, "attendance.view")


def _alert(event: Any, fact: Fact) -> Message:
    return _board(event, fact, "")


def _board(event: Proto, fact: Fact, permission: str) -> Message:
    body = {"type": "board_update", "event": _event_name(fact.subject), "data": wire.encode(event)}
    return Message(live.BOARD, body, permission=permission)


def _event_name(subject: str) -> str:
    """`order.opened` of `evt.pos.order.opened.v1`."""
    _, _, name = subject.removesuffix(".v1").split(".", 2)
    return name


_SHOWN: Final[dict[type[Proto], Callable[[Any, Fact], Message]]] = {
    notify.NotificationCreated: _notification,
    notify.ChatMessageSent: _chat_message,
    notify.ChatRoomRead: _chat_read,
    notify.AlertCreated: _alert,
    notify.AlertUpdated: _alert,
    notify.AlertDeleted: _alert,
    identity.RestaurantUpdated: _settings,
    pos.OrderOpened: _order,
    pos.OrderUpdated: _order,
    pos.OrderCompleted: _order,
    pos.OrderVoided: _order,
    pos.TicketOpened: _ticket,
    pos.TicketChanged: _ticket,
    scheduling.ShiftCreated: _shift,
    scheduling.ShiftUpdated: _shift,
    scheduling.ShiftDeleted: _shift,
    scheduling.ShiftMissed: _attendance,
    scheduling.TaskCreated: _task,
    scheduling.TaskUpdated: _task,
    scheduling.TaskDeleted: _task,
    scheduling.TaskOverdue: _task,
    scheduling.ChecklistStarted: _checklist,
    scheduling.ChecklistCompleted: _checklist,
    timeclock.SessionOpened: _attendance,
    timeclock.SessionChanged: _attendance,
    timeclock.SessionClosed: _attendance,
    timeclock.SessionDiscarded: _attendance,
    timeclock.AttendanceLate: _attendance,
    timeclock.AttendanceAbsent: _attendance,
    timeclock.AttendanceLeftEarly: _attendance,
}
_BY_SUBJECT: Final = {events.type_of(kind).subject: (kind, show) for kind, show in _SHOWN.items()}

SUBJECTS: Final = tuple(sorted(_BY_SUBJECT))
"""Where the facts that screens are shown are found."""


def message_of(fact: Fact) -> Message:
    """What screens are shown of a fact. Raises DecodeError for one that is malformed."""
    kind, show = _BY_SUBJECT[fact.subject]
    return show(kind.FromString(fact.data), fact)


def published_message(topic: str, body: Mapping[str, Any], to: frozenset[str] | None, permission: str) -> Message:
    """What was published for open screens by a service, under its topic; the topic is the type where it names none."""
    return Message(topic, {"type": topic.partition(":")[0], **body}, "" if to else permission, to)
