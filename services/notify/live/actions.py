"""What people do over a socket: write and read in rooms, and tell the kitchen's progress."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from servicekit.db import Database, Scope
from servicekit.errors import Forbidden, Invalid, NotFound
from services.notify.commands import chat as commands
from services.notify.live.connection import Connection
from services.notify.live.door import Door
from services.notify.live.neighbours import Neighbours
from services.notify.live.topics import Viewer
from services.notify.queries import chat as queries

_PREPARE: Final = "prepare"
_COMPLETE: Final = "complete"


class Actions:
    """Does what the REST API does too, with the same commands and checks."""

    def __init__(self, database: Database, door: Door, neighbours: Neighbours) -> None:
        self._database = database
        self._door = door
        self._neighbours = neighbours

    async def write(self, connection: Connection, request: Mapping[str, Any]) -> None:
        """Writes a message: {message, recipient_id?, room_id or room_name?}; everybody in the room gets it.

        A `client_id` comes back with the answer, so that the client can tell which of its messages was taken. Raises
        Invalid or NotFound.
        """
        viewer, restaurant_id = _member(connection)
        content, recipient = _text(request, "message"), _text(request, "recipient_id")
        room = _text(request, "room_id") or _text(request, "room_name")
        async with self._database.write(Scope(restaurant_id)) as session:
            written = await commands.send_message(
                session,
                restaurant_id,
                UUID(viewer.user_id),
                content,
                room=room or None,
                recipient_id=_id(recipient, "recipient_id") if recipient else None,
            )
        connection.send_json({"type": "sent", "id": str(written.id), "client_id": request.get("client_id")})

    async def read(self, connection: Connection, request: Mapping[str, Any]) -> None:
        """Says that a room was read: {room_id, message_id?}. Raises Invalid or NotFound."""
        viewer, restaurant_id = _member(connection)
        room_id, message = _id(_text(request, "room_id"), "room_id"), _text(request, "message_id")
        async with self._database.write(Scope(restaurant_id)) as session:
            unread = await commands.mark_read(
                session, restaurant_id, UUID(viewer.user_id), room_id, _id(message, "message_id") if message else None
            )
        connection.send_json({"type": "read", "room_id": str(room_id), "unread_count": unread})

    async def prepare(self, connection: Connection, request: Mapping[str, Any]) -> None:
        """Begins or finishes what the kitchen makes for an order: {order_id, action: prepare or complete}.

        Raises Invalid, NotFound for an order without open tickets, or what pos refuses with.
        """
        viewer, _ = _member(connection)
        action, order_id = _text(request, "action"), str(_id(_text(request, "order_id"), "order_id"))
        if action not in (_PREPARE, _COMPLETE):
            raise Invalid.field("action", f"It is {_PREPARE} or {_COMPLETE}.")
        if "kitchen.work" not in viewer.permissions:
            raise Forbidden("You do not have permission to perform this action.")
        principal = await self._door.session(viewer.session_id)
        tickets = [one for one in await self._neighbours.open_tickets(principal) if one.order == order_id]
        if not tickets:
            raise NotFound("No Order matches the given query.")
        for ticket in tickets:
            if action == _COMPLETE:
                await self._neighbours.bump_ticket(principal, ticket.id)
            elif ticket.status == "NEW":
                await self._neighbours.start_ticket(principal, ticket.id)
        connection.send_json({"type": "done", "request": "kitchen", "order_id": order_id, "action": action})

    async def require_room(self, viewer: Viewer, room: str) -> None:
        """Raises NotFound for a room that a person is not in."""
        if viewer.restaurant_id is None:
            raise NotFound(queries.NO_ROOM)
        reader = self._database.read(Scope(viewer.restaurant_id))
        await queries.one_room(reader, viewer.restaurant_id, UUID(viewer.user_id), room)


def _member(connection: Connection) -> tuple[Viewer, UUID]:
    viewer = connection.viewer
    if viewer is None or viewer.restaurant_id is None:
        raise Invalid("No restaurant associated", code="no_restaurant")
    return viewer, viewer.restaurant_id


def _text(request: Mapping[str, Any], key: str) -> str:
    value = request.get(key)
    return value if isinstance(value, str) else ""


def _id(text: str, field: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid.field(field, "This is no id.") from error
