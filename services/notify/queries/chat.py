"""Rooms and messages, as one person sees them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import ARRAY

import refdata
from servicekit.db import Query, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page
from services.notify.domain.rooms import RESTAURANT, restaurant_room
from services.notify.models import ChatMember, ChatMessage, ChatRoom

NO_ROOM = "No ChatRoom matches the given query."
_TENANT = bindparam("restaurant_id", type_=sa.Uuid)
_VIEWER = bindparam("viewer", type_=sa.Uuid)
_LIMIT, _OFFSET = bindparam("limit", type_=sa.Integer), bindparam("offset", type_=sa.Integer)
_own = sa.orm.aliased(ChatMember)
_other = sa.orm.aliased(ChatMember)
_sender, _recipient = refdata.staff_ref.alias("sender"), refdata.staff_ref.alias("recipient")

# Who has no row in the restaurant's own room has never opened it: nothing there counts as unread.
_READ = sa.func.coalesce(_own.read_sequence, ChatRoom.last_sequence)
_UNREAD = ChatRoom.last_sequence - _READ
_OTHERS_READ = (
    sa.select(sa.func.coalesce(sa.func.max(_other.read_sequence), 0))
    .where(_other.room_id == ChatRoom.id, _other.user_id != _VIEWER)
    .scalar_subquery()
)
_SEEN = sa.and_(ChatRoom.restaurant_id == _TENANT, sa.or_(ChatRoom.kind == RESTAURANT, _own.user_id.is_not(None)))
_MINE = sa.and_(_own.room_id == ChatRoom.id, _own.user_id == _VIEWER)
_ROOMS = (
    sa.select(
        *ChatRoom.__table__.columns,
        _READ.label("read_sequence"),
        _UNREAD.label("unread_count"),
        _OTHERS_READ.label("others_read"),
    )
    .outerjoin(_own, _MINE)
    .where(_SEEN)
)
_ONE = Query(
    _ROOMS.where(
        sa.or_(ChatRoom.name == bindparam("name", type_=sa.Text), ChatRoom.id == bindparam("id", type_=sa.Uuid))
    )
)
_COUNT = Query(sa.select(sa.func.count()).select_from(ChatRoom).outerjoin(_own, _MINE).where(_SEEN))
_PAGE = Query(
    _ROOMS.order_by(sa.desc(sa.func.coalesce(ChatRoom.last_message_at, ChatRoom.created_at)), ChatRoom.id)
    .limit(_LIMIT)
    .offset(_OFFSET)
)
_UNREAD_IN_ALL = Query(
    sa.select(sa.func.coalesce(sa.func.sum(_UNREAD), 0)).select_from(ChatRoom).outerjoin(_own, _MINE).where(_SEEN)
)
_MEMBERS = Query(
    sa.select(
        ChatMember.room_id,
        ChatMember.user_id,
        refdata.staff_ref.c.email,
        refdata.staff_ref.c.first_name,
        refdata.staff_ref.c.last_name,
        refdata.staff_ref.c.role,
    )
    .join(ChatRoom, ChatRoom.id == ChatMember.room_id)
    .outerjoin(refdata.staff_ref, refdata.is_staff(ChatMember.restaurant_id, ChatMember.user_id))
    .where(
        ChatMember.restaurant_id == _TENANT,
        ChatMember.room_id == sa.any_(bindparam("rooms", type_=ARRAY(sa.Uuid))),
        ChatRoom.kind != RESTAURANT,
    )
    .order_by(ChatMember.room_id, refdata.staff_ref.c.first_name, ChatMember.user_id)
)


def _people(person: sa.FromClause, prefix: str) -> list[sa.ColumnElement[Any]]:
    return [person.c[name].label(f"{prefix}_{name}") for name in ("email", "first_name", "last_name", "role")]


_WRITTEN = (
    sa.select(
        *ChatMessage.__table__.columns,
        ChatRoom.name.label("room_name"),
        *_people(_sender, "sender"),
        *_people(_recipient, "recipient"),
    )
    .join(ChatRoom, ChatRoom.id == ChatMessage.room_id)
    .outerjoin(
        _sender,
        sa.and_(_sender.c.restaurant_id == ChatMessage.restaurant_id, _sender.c.user_id == ChatMessage.sender_id),
    )
    .outerjoin(
        _recipient,
        sa.and_(
            _recipient.c.restaurant_id == ChatMessage.restaurant_id,
            _recipient.c.user_id == ChatMessage.recipient_id,
        ),
    )
)
_MESSAGES = Query(
    _WRITTEN.where(ChatMessage.restaurant_id == _TENANT, ChatMessage.room_id == bindparam("room_id", type_=sa.Uuid))
    .order_by(ChatMessage.sequence.desc())
    .limit(_LIMIT)
    .offset(_OFFSET)
)
_ONE_MESSAGE = Query(
    _WRITTEN.where(
        ChatMessage.restaurant_id == _TENANT,
        ChatMessage.room_id == bindparam("room_id", type_=sa.Uuid),
        ChatMessage.id == bindparam("id", type_=sa.Uuid),
    )
)
_MISSED = Query(
    _WRITTEN.outerjoin(_own, _MINE)
    .where(
        ChatMessage.restaurant_id == _TENANT,
        ChatMessage.created_at >= bindparam("since", type_=sa.DateTime(timezone=True)),
        sa.or_(ChatRoom.kind == RESTAURANT, _own.user_id.is_not(None)),
    )
    .order_by(ChatMessage.created_at.desc(), ChatMessage.sequence.desc())
    .limit(_LIMIT)
)


async def find_room(reading: Reading, restaurant_id: UUID, viewer: UUID, room: str | UUID) -> Any | None:
    """A room that the viewer is in, by its name or its id, or None."""
    if isinstance(room, str):
        try:
            room_id: UUID | None = UUID(room)
        except ValueError:
            room_id = None
        # The restaurant's own room also goes by the restaurant's id.
        name = restaurant_room(restaurant_id) if room_id == restaurant_id else room
    else:
        room_id, name = room, ""
    return await reading.first(_ONE, restaurant_id=restaurant_id, viewer=viewer, name=name, id=room_id)


async def one_room(reading: Reading, restaurant_id: UUID, viewer: UUID, room: str | UUID) -> Any:
    """A room that the viewer is in, by its name or its id. Raises NotFound."""
    row = await find_room(reading, restaurant_id, viewer, room)
    if row is None:
        raise NotFound(NO_ROOM)
    return row


async def page_of_rooms(
    reading: Reading, restaurant_id: UUID, viewer: UUID, page: Page
) -> tuple[int, Sequence[Any], Sequence[Any]]:
    """How many rooms the viewer is in, those of one page, the liveliest first, and who is in them."""
    scope = {"restaurant_id": restaurant_id, "viewer": viewer}
    counted, rooms = await reading.batch(
        (_COUNT, scope), (_PAGE, {**scope, "limit": page.limit, "offset": page.offset})
    )
    page.check(int(counted[0][0]))
    members = await members_of(reading, restaurant_id, [room.id for room in rooms])
    return int(counted[0][0]), rooms, members


async def members_of(reading: Reading, restaurant_id: UUID, rooms: list[UUID]) -> Sequence[Any]:
    """Who is in rooms; nobody in the restaurant's own, in which everybody is."""
    return await reading.all(_MEMBERS, restaurant_id=restaurant_id, rooms=rooms)


async def page_of_messages(reading: Reading, restaurant_id: UUID, room: Any, page: Page) -> tuple[int, Sequence[Any]]:
    """How many messages a room has, and those of one page, the newest first. Raises NotFound beyond the end."""
    page.check(room.last_sequence)
    rows = await reading.all(
        _MESSAGES, restaurant_id=restaurant_id, room_id=room.id, limit=page.limit, offset=page.offset
    )
    return room.last_sequence, rows


async def one_message(reading: Reading, restaurant_id: UUID, room_id: UUID, message_id: UUID) -> Any:
    """A message of a room. Raises NotFound."""
    row = await reading.first(_ONE_MESSAGE, restaurant_id=restaurant_id, room_id=room_id, id=message_id)
    if row is None:
        raise NotFound("No ChatMessage matches the given query.")
    return row


async def messages_since(reading: Reading, restaurant_id: UUID, viewer: UUID, since: Any, limit: int) -> Sequence[Any]:
    """What was written in the viewer's rooms since an instant, the newest first."""
    return await reading.all(_MISSED, restaurant_id=restaurant_id, viewer=viewer, since=since, limit=limit)


async def unread_messages(reading: Reading, restaurant_id: UUID, viewer: UUID) -> int:
    """How much the viewer has not read, over all rooms."""
    return int(await reading.scalar(_UNREAD_IN_ALL, restaurant_id=restaurant_id, viewer=viewer))
