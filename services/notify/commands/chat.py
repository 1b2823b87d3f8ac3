"""Opening rooms, writing in them, and reading."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from servicekit.db import SessionReader
from servicekit.errors import Conflict, Forbidden, Invalid, NotFound
from services.notify import events
from services.notify.domain.rooms import (
    DIRECT,
    GROUP,
    MAX_LENGTH,
    MAX_MEMBERS,
    RESTAURANT,
    direct_room,
    group_room,
    restaurant_room,
)
from services.notify.models import ChatMember, ChatMessage, ChatRoom
from services.notify.queries import chat


async def open_restaurant_room(session: AsyncSession, restaurant_id: UUID) -> None:
    """Makes the restaurant's own room, unless it is there."""
    await _open(session, restaurant_id, RESTAURANT, restaurant_room(restaurant_id))


async def send_message(
    session: AsyncSession,
    restaurant_id: UUID,
    sender_id: UUID,
    content: str,
    *,
    room: str | None = None,
    recipient_id: UUID | None = None,
) -> Any:
    """Writes in a room, to a person, or in the restaurant's own room, and returns the message with its people.

    Raises Invalid for what is no message, NotFound for a room or a person that the sender does not see.
    """
    content = content.strip()
    if not content or len(content) > MAX_LENGTH:
        raise Invalid.field("message", f"A message has between 1 and {MAX_LENGTH} characters.")
    if recipient_id is not None:
        room_id = await open_conversation(session, restaurant_id, sender_id, recipient_id)
    else:
        room_id = await _room_to_write_in(session, restaurant_id, sender_id, room)
    # The row's lock gives the messages of a room one order, which is also that of their facts.
    row = (
        await session.execute(
            sa.update(ChatRoom)
            .where(ChatRoom.id == room_id, ChatRoom.restaurant_id == restaurant_id)
            .values(last_sequence=ChatRoom.last_sequence + 1, last_message_at=sa.func.clock_timestamp())
            .returning(ChatRoom.kind, ChatRoom.last_sequence, ChatRoom.last_message_at)
        )
    ).one()
    members = await _members(session, room_id) if row.kind != RESTAURANT else []
    message = ChatMessage(
        id=uuid4(),
        restaurant_id=restaurant_id,
        room_id=room_id,
        sequence=row.last_sequence,
        sender_id=sender_id,
        recipient_id=next((one for one in members if one != sender_id), None) if row.kind == DIRECT else None,
        content=content,
        created_at=row.last_message_at,
    )
    session.add(message)
    await session.flush()
    await _read_up_to(session, restaurant_id, room_id, sender_id, row.last_sequence)
    written = await chat.one_message(SessionReader(session), restaurant_id, room_id, message.id)
    events.chat_message_sent(session, written, members)
    return written


async def open_conversation(session: AsyncSession, restaurant_id: UUID, one: UUID, other: UUID) -> UUID:
    """The conversation of two people, made unless it is there. Raises NotFound for a stranger, Invalid for oneself."""
    if one == other:
        raise Invalid.field("recipient_id", "You cannot write to yourself.")
    await _require_people(session, restaurant_id, [other])
    room_id = await _open(session, restaurant_id, DIRECT, direct_room(one, other), created_by=one)
    await _join(session, restaurant_id, room_id, [one, other], read_sequence=0)
    return room_id


async def create_group(
    session: AsyncSession, restaurant_id: UUID, creator: UUID, title: str, others: Collection[UUID]
) -> UUID:
    """Opens a group. Raises NotFound for somebody who does not work in the restaurant."""
    people = {creator, *others}
    await _require_people(session, restaurant_id, people - {creator})
    room_id = uuid4()
    room = ChatRoom(
        id=room_id,
        restaurant_id=restaurant_id,
        kind=GROUP,
        name=group_room(room_id),
        title=title,
        created_by=creator,
    )
    session.add(room)
    await session.flush()
    await _join(session, restaurant_id, room_id, people, read_sequence=0)
    return room_id


async def add_members(
    session: AsyncSession, restaurant_id: UUID, viewer: UUID, room_id: UUID, people: Collection[UUID]
) -> None:
    """Brings people into a group that the viewer is in. Raises NotFound, and Conflict for what is no group or full."""
    room = await _group(session, restaurant_id, viewer, room_id)
    await _require_people(session, restaurant_id, people)
    if len({*await _members(session, room_id), *people}) > MAX_MEMBERS:
        raise Conflict(f"A group has at most {MAX_MEMBERS} members.", code="room_full")
    # What was written before is there to be read, but does not count as unread.
    await _join(session, restaurant_id, room_id, people, read_sequence=room.last_sequence)


async def remove_member(session: AsyncSession, restaurant_id: UUID, viewer: UUID, room_id: UUID, user_id: UUID) -> None:
    """Takes somebody out of a group. Raises NotFound, and Forbidden for another person unless the viewer made it."""
    room = await _group(session, restaurant_id, viewer, room_id)
    if user_id != viewer and room.created_by != viewer:
        raise Forbidden("Only who made the group may take others out of it.")
    left = await session.execute(
        sa.delete(ChatMember)
        .where(ChatMember.restaurant_id == restaurant_id, ChatMember.room_id == room_id, ChatMember.user_id == user_id)
        .returning(ChatMember.user_id)
    )
    if left.first() is None:
        raise NotFound("No ChatMember matches the given query.")


async def mark_read(
    session: AsyncSession, restaurant_id: UUID, viewer: UUID, room_id: UUID, message_id: UUID | None
) -> int:
    """Says that a room was read up to a message or to its end; how much is left. Raises NotFound."""
    reading = SessionReader(session)
    room = await chat.one_room(reading, restaurant_id, viewer, room_id)
    sequence: int = room.last_sequence
    if message_id is not None:
        sequence = (await chat.one_message(reading, restaurant_id, room_id, message_id)).sequence
    moved = await _read_up_to(session, restaurant_id, room_id, viewer, sequence)
    if moved:
        members = await _members(session, room_id) if room.kind != RESTAURANT else []
        events.chat_room_read(session, room, viewer, sequence, members)
    return int(room.last_sequence - (sequence if moved else room.read_sequence))


async def _room_to_write_in(session: AsyncSession, restaurant_id: UUID, sender_id: UUID, room: str | None) -> UUID:
    own = restaurant_room(restaurant_id)
    wanted = room or own
    found = await chat.find_room(SessionReader(session), restaurant_id, sender_id, wanted)
    if found is not None:
        return UUID(str(found.id))
    if wanted in (own, str(restaurant_id)):
        return await _open(session, restaurant_id, RESTAURANT, own)
    raise NotFound(chat.NO_ROOM)


async def _open(
    session: AsyncSession, restaurant_id: UUID, kind: str, name: str, created_by: UUID | None = None
) -> UUID:
    """A room of which there is one by its name; two who open it at once open the same."""
    await session.execute(
        insert(ChatRoom)
        .values(id=uuid4(), restaurant_id=restaurant_id, kind=kind, name=name, created_by=created_by)
        .on_conflict_do_nothing()
    )
    found = await session.execute(
        sa.select(ChatRoom.id).where(ChatRoom.restaurant_id == restaurant_id, ChatRoom.name == name)
    )
    return UUID(str(found.scalar_one()))


async def _group(session: AsyncSession, restaurant_id: UUID, viewer: UUID, room_id: UUID) -> Any:
    """A group that the viewer is in, locked against other changes of its members."""
    room = await chat.one_room(SessionReader(session), restaurant_id, viewer, room_id)
    if room.kind != GROUP:
        raise Conflict("Only groups have members that come and go.", code="not_a_group")
    await session.execute(sa.select(ChatRoom.id).where(ChatRoom.id == room_id).with_for_update())
    return room


async def _require_people(session: AsyncSession, restaurant_id: UUID, people: Collection[UUID]) -> None:
    staff = refdata.staff_ref
    found = await session.scalars(
        sa.select(staff.c.user_id).where(
            staff.c.restaurant_id == restaurant_id, staff.c.user_id.in_(people), staff.c.is_active
        )
    )
    if set(found) != set(people):
        raise NotFound("No User matches the given query.")


async def _join(
    session: AsyncSession, restaurant_id: UUID, room_id: UUID, people: Collection[UUID], *, read_sequence: int
) -> None:
    await session.execute(
        insert(ChatMember).on_conflict_do_nothing(),
        [
            {
                "room_id": room_id,
                "user_id": person,
                "restaurant_id": restaurant_id,
                "read_sequence": read_sequence,
            }
            for person in sorted(people)
        ],
    )


async def _members(session: AsyncSession, room_id: UUID) -> Sequence[UUID]:
    return (await session.scalars(sa.select(ChatMember.user_id).where(ChatMember.room_id == room_id))).all()


async def _read_up_to(session: AsyncSession, restaurant_id: UUID, room_id: UUID, user_id: UUID, sequence: int) -> bool:
    """Moves the mark of what a person has read forward; says whether it moved."""
    moved = insert(ChatMember).values(
        room_id=room_id, user_id=user_id, restaurant_id=restaurant_id, read_sequence=sequence
    )
    outcome = await session.execute(
        moved.on_conflict_do_update(
            index_elements=["room_id", "user_id"],
            set_={"read_sequence": moved.excluded.read_sequence},
            where=ChatMember.read_sequence < moved.excluded.read_sequence,
        ).returning(ChatMember.user_id)
    )
    return outcome.first() is not None
