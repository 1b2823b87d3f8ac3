"""Rooms, who is in them, and what was written there."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id
from servicekit.tables import one_of
from services.notify.domain.rooms import KINDS
from services.notify.models.base import Base


class ChatRoom(Base):
    """Where people write: the restaurant's own room, a conversation of two, or a group.

    `last_sequence` counts the messages and gives each its number, under the row's lock.
    """

    __tablename__ = "chat_rooms"
    __table_args__ = (sa.UniqueConstraint("restaurant_id", "name"), one_of("kind", *KINDS))

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(sa.String(10))
    name: Mapped[str] = mapped_column(sa.String(255))
    # What a group is called.
    title: Mapped[str | None] = mapped_column(sa.String(100))
    # Absent for the restaurant's own room.
    created_by: Mapped[UUID | None]
    last_sequence: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    last_message_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    created_at: Mapped[Created]


class ChatMember(Base):
    """A person in a room, and how far they have read it.

    In the restaurant's own room everybody is without a row; a row there only says how far somebody has read.
    """

    __tablename__ = "chat_members"
    __table_args__ = (sa.Index("ix_chat_members_person", "restaurant_id", "user_id"),)

    room_id: Mapped[UUID] = mapped_column(sa.ForeignKey("chat_rooms.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    restaurant_id: Mapped[UUID]
    read_sequence: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    joined_at: Mapped[Created]


class ChatMessage(Base):
    """Something that was written; `sequence` is its number in its room."""

    __tablename__ = "chat_messages"
    __table_args__ = (
        sa.UniqueConstraint("room_id", "sequence"),
        sa.Index("ix_chat_messages_time", "restaurant_id", "created_at"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    room_id: Mapped[UUID] = mapped_column(sa.ForeignKey("chat_rooms.id", ondelete="CASCADE"))
    sequence: Mapped[int] = mapped_column(sa.BigInteger)
    sender_id: Mapped[UUID]
    # In a conversation of two.
    recipient_id: Mapped[UUID | None]
    content: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[Created]
