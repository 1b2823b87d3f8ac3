"""The audit entry that every change leaves, written to the outbox in the change's own transaction."""

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.audit.events.v1 import events_pb2
from servicekit import events, wire
from servicekit.methods import carries_secret, is_secret

if TYPE_CHECKING:
    from servicekit.call import Call

MAX_VALUE_CHARACTERS = 2_000
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def record(session: AsyncSession, call: "Call", request: Any, response: Message | None) -> None:
    """Adds the entry of one call: what the method declares, overlaid with what its handler noted."""
    notes, method, principal = call.notes, call.method, call.principal
    restaurant_id = notes.restaurant_id or principal.restaurant_id
    user_id = notes.user_id or (UUID(principal.subject) if principal.kind == "USER" else None)
    entity_id = notes.entity_id or _id_in(request) or _id_in(response)
    entry = events_pb2.EntryRecorded(
        actor=notes.actor or principal.name or principal.kind,
        action=notes.action or method.audit_action,
        entity_type=notes.entity_type or method.audit_entity,
        description=notes.description or _WORDS.sub(" ", method.name),
        user_agent=call.context.user_agent[:500],
        request_id=call.context.request_id,
        service=method.service.split(".")[1],
    )
    entry.occurred_at.GetCurrentTime()
    if restaurant_id is not None:
        entry.restaurant_id = str(restaurant_id)
    if user_id is not None:
        entry.user_id = str(user_id)
    if entity_id:
        entry.entity_id = entity_id
    if call.context.client_ip:
        entry.ip_address = call.context.client_ip
    entry.old_values.update(_plain(notes.old_values))
    entry.new_values.update(_plain(notes.new_values or visible_values(request)))
    events.emit(session, entry, restaurant_id=restaurant_id, aggregate_id=uuid4())


def visible_values(request: Any) -> dict[str, Any]:
    """A request's set fields in the REST dialect without the secret ones; empty for a stream."""
    if not isinstance(request, Message):
        return {}
    shown = request
    if carries_secret(request.DESCRIPTOR):
        shown = type(request)()
        shown.CopyFrom(request)
        _clear_secrets(shown)
    given = {field.name for field, _ in shown.ListFields()}
    return {name: value for name, value in wire.encode(shown).items() if name in given}


def _clear_secrets(message: Message) -> None:
    for field, value in message.ListFields():
        if is_secret(field):
            message.ClearField(field.name)
        elif field.message_type is not None and carries_secret(field.message_type):
            for inner in value if field.is_repeated else (value,):
                _clear_secrets(inner)


def _id_in(message: Any) -> str:
    value = getattr(message, "id", "")
    return value if isinstance(value, str) else ""


def _plain(value: Any) -> Any:
    """The value as JSON knows it: texts cut, everything foreign as text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value[:MAX_VALUE_CHARACTERS]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value[:100]]
    return str(value)[:MAX_VALUE_CHARACTERS]
