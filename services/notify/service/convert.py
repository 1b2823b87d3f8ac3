"""Rows to messages."""

from typing import Any
from uuid import UUID

import orjson

from mizan.notify.v1 import preference_pb2
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
