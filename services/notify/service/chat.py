"""Rooms and messages over gRPC."""

from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

import refdata
from mizan.notify.v1 import chat_pb2
from servicekit.call import Call
from servicekit.clock import timestamp_of
from servicekit.db import Reading, SessionReader
from servicekit.errors import Invalid
from servicekit.paging import page_of
from services.notify.commands import chat as commands
from services.notify.domain.rooms import DIRECT, RESTAURANT
from services.notify.queries import chat as queries


class ChatService:
    """Implements mizan.notify.v1.ChatService."""

    async def ListMessages(self, request: chat_pb2.ListMessagesRequest, call: Call) -> chat_pb2.ListMessagesResponse:
        viewer, restaurant_id, reader = call.principal.user_id, call.principal.tenant, call.read()
        if not request.room_name:
            return chat_pb2.ListMessagesResponse()
        room = await queries.one_room(reader, restaurant_id, viewer, request.room_name)
        count, rows = await queries.page_of_messages(reader, restaurant_id, room, page_of(request))
        return chat_pb2.ListMessagesResponse(
            count=count,
            results=[
                message_of(row, is_read=row.sequence <= _read_of(room, is_own=row.sender_id == viewer)) for row in rows
            ],
        )

    async def SendMessage(self, request: chat_pb2.SendMessageRequest, call: Call) -> chat_pb2.ChatMessage:
        written = await commands.send_message(
            await call.session(),
            call.principal.tenant,
            call.principal.user_id,
            request.message,
            room=request.room_name or None,
            recipient_id=UUID(request.recipient_id) if request.recipient_id else None,
        )
        return message_of(written, is_read=False)

    async def ListRooms(self, request: chat_pb2.ListRoomsRequest, call: Call) -> chat_pb2.ListRoomsResponse:
        viewer, restaurant_id, reader = call.principal.user_id, call.principal.tenant, call.read()
        count, rooms, members = await queries.page_of_rooms(reader, restaurant_id, viewer, page_of(request))
        name = await _restaurant_name(reader, restaurant_id)
        return chat_pb2.ListRoomsResponse(
            count=count, results=[room_of(room, members, viewer=viewer, restaurant=name) for room in rooms]
        )

    async def CreateRoom(self, request: chat_pb2.CreateRoomRequest, call: Call) -> chat_pb2.ChatRoom:
        viewer, restaurant_id = call.principal.user_id, call.principal.tenant
        session = await call.session()
        others = {UUID(member) for member in request.member_ids} - {viewer}
        if not others:
            raise Invalid.field("member_ids", "A room needs somebody else.")
        if request.title:
            room_id = await commands.create_group(session, restaurant_id, viewer, request.title, others)
        elif len(others) == 1:
            room_id = await commands.open_conversation(session, restaurant_id, viewer, others.pop())
        else:
            raise Invalid.field("title", "A group needs a title.")
        call.notes.entity_id = str(room_id)
        return await _room(SessionReader(session), restaurant_id, viewer, room_id)

    async def GetRoom(self, request: chat_pb2.RoomRequest, call: Call) -> chat_pb2.ChatRoom:
        return await _room(call.read(), call.principal.tenant, call.principal.user_id, UUID(request.id))

    async def AddMembers(self, request: chat_pb2.AddMembersRequest, call: Call) -> chat_pb2.ChatRoom:
        viewer, restaurant_id, room_id = call.principal.user_id, call.principal.tenant, UUID(request.id)
        session = await call.session()
        people = {UUID(member) for member in request.member_ids}
        await commands.add_members(session, restaurant_id, viewer, room_id, people)
        call.notes.entity_id = request.id
        return await _room(SessionReader(session), restaurant_id, viewer, room_id)

    async def RemoveMember(self, request: chat_pb2.RemoveMemberRequest, call: Call) -> Empty:
        await commands.remove_member(
            await call.session(),
            call.principal.tenant,
            call.principal.user_id,
            UUID(request.id),
            UUID(request.user_id),
        )
        call.notes.entity_id = request.id
        return Empty()

    async def MarkRoomRead(self, request: chat_pb2.MarkRoomReadRequest, call: Call) -> chat_pb2.UnreadMessages:
        unread = await commands.mark_read(
            await call.session(),
            call.principal.tenant,
            call.principal.user_id,
            UUID(request.id),
            UUID(request.message_id) if request.message_id else None,
        )
        return chat_pb2.UnreadMessages(unread_count=unread)

    async def GetUnreadMessages(self, _request: Empty, call: Call) -> chat_pb2.UnreadMessages:
        unread = await queries.unread_messages(call.read(), call.principal.tenant, call.principal.user_id)
        return chat_pb2.UnreadMessages(unread_count=unread)


def message_of(row: Any, *, is_read: bool) -> chat_pb2.ChatMessage:
    """A message with its people."""
    message = chat_pb2.ChatMessage(
        id=str(row.id),
        sender=str(row.sender_id),
        sender_info=_user(row, "sender"),
        room_name=row.room_name,
        content=row.content,
        timestamp=timestamp_of(row.created_at),
        is_read=is_read,
    )
    if row.recipient_id is not None:
        message.recipient = str(row.recipient_id)
        message.recipient_info.CopyFrom(_user(row, "recipient"))
    return message


def room_of(room: Any, members: Any, *, viewer: UUID, restaurant: str) -> chat_pb2.ChatRoom:
    """A room with those of the members who are in it."""
    present = [member for member in members if member.room_id == room.id]
    if room.kind == RESTAURANT:
        title = restaurant
    elif room.kind == DIRECT:
        others = [f"{one.first_name or ''} {one.last_name or ''}".strip() for one in present if one.user_id != viewer]
        title = others[0] if others else ""
    else:
        title = room.title or ""
    message = chat_pb2.ChatRoom(
        id=str(room.id),
        room_name=room.name,
        kind=room.kind,
        title=title,
        members=[_chat_user(member.user_id, member) for member in present],
        created_at=timestamp_of(room.created_at),
        last_message_at=timestamp_of(room.last_message_at),
        unread_count=room.unread_count,
    )
    if room.created_by is not None:
        message.created_by = str(room.created_by)
    return message


def _user(row: Any, part: str) -> chat_pb2.ChatUser:
    return chat_pb2.ChatUser(
        id=str(getattr(row, f"{part}_id")),
        email=getattr(row, f"{part}_email") or "",
        first_name=getattr(row, f"{part}_first_name") or "",
        last_name=getattr(row, f"{part}_last_name") or "",
        role=getattr(row, f"{part}_role") or "",
    )


def _chat_user(user_id: UUID, person: Any) -> chat_pb2.ChatUser:
    return chat_pb2.ChatUser(
        id=str(user_id),
        email=person.email or "",
        first_name=person.first_name or "",
        last_name=person.last_name or "",
        role=person.role or "",
    )


def _read_of(room: Any, *, is_own: bool) -> int:
    return int(room.others_read if is_own else room.read_sequence)


async def _room(reading: Reading, restaurant_id: UUID, viewer: UUID, room_id: UUID) -> chat_pb2.ChatRoom:
    room = await queries.one_room(reading, restaurant_id, viewer, room_id)
    members = await queries.members_of(reading, restaurant_id, [room_id])
    return room_of(room, members, viewer=viewer, restaurant=await _restaurant_name(reading, restaurant_id))


async def _restaurant_name(reading: Reading, restaurant_id: UUID) -> str:
    restaurant = await refdata.restaurant(reading, restaurant_id)
    return "" if restaurant is None else str(restaurant.name)
