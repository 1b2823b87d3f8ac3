"""Whom an agent's request is about, and what the agent may do there."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson

from mizan.identity.v1 import agent_pb2
from servicekit.call import Call
from servicekit.db import Scope
from servicekit.errors import Forbidden, Invalid, NotFound
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import Principal
from services.scheduling.clients import Identity

PLAN: Final = "schedule.manage"
NO_CONTEXT: Final = "Unable to resolve restaurant context."
NO_STAFF: Final = "Staff not found"
_UNRESOLVED: Final = "context_unresolved"
_OF_AGENTS: Final = frozenset({"schedule.view", PLAN})
"""What an agent may do in a restaurant when it acts for nobody in particular."""


@dataclass(frozen=True, slots=True)
class Acting:
    """An agent in a restaurant: in somebody's name, or in nobody's."""

    restaurant_id: UUID
    restaurant_name: str
    timezone: str
    person: Any | None
    principal: Principal

    @property
    def actor(self) -> UUID | None:
        """Who is responsible for what it changes."""
        return UUID(self.person.id) if self.person is not None else None

    @property
    def scope(self) -> Scope:
        """The rows it may touch."""
        return Scope(self.restaurant_id)

    @property
    def subject(self) -> UUID:
        """The person; raises NotFound when there is none."""
        if self.person is None:
            raise NotFound(NO_STAFF)
        return UUID(self.person.id)

    def require(self, permission: str) -> None:
        """Raises Forbidden when the person that the agent acts for may not do this."""
        if not self.principal.may(permission):
            raise Forbidden("The person you are asking for is not allowed to do this.")


class Agents:
    """Finds restaurant and person of agents' requests by asking identity."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    async def acting(self, request: Any, call: Call, *, about: str = "", place: UUID | None = None) -> Acting:
        """Where and for whom an agent acts, by the clues in its request.

        `about` names whom the request is about, and `place` where what it is about is; they find the restaurant when
        nothing else does, and the person is nobody that the agent acts for. Raises Invalid when nothing names a
        restaurant, NotFound for one that is not the key's.
        """
        clues = _clues(request, call)
        try:
            found = await self._identity.resolve(clues)
        except RemoteRefusal as refusal:
            if refusal.code != _UNRESOLVED or not (about or place):
                raise Invalid(NO_CONTEXT, code=_UNRESOLVED) if refusal.code == _UNRESOLVED else refusal from None
            if place is not None:
                clues.restaurant_ids.append(str(place))
            else:
                clues.user_id = about
            found = await self._identity.resolve(clues)
            found.ClearField("person")
        return _acting(found, call)

    async def subject(self, request: Any, call: Call) -> Acting:
        """Where an agent acts, and the person whom it acts for and who is the subject, named by id or by phone.

        Raises NotFound for somebody who does not work there.
        """
        clues = _clues(request, call)
        if request.HasField("staff_id"):
            clues.user_id = request.staff_id
        try:
            found = await self._identity.resolve(clues)
        except RemoteRefusal as refusal:
            if refusal.code != _UNRESOLVED:
                raise
            raise NotFound(NO_STAFF) from refusal
        acting = _acting(found, call)
        named = request.staff_id if request.HasField("staff_id") else ""
        if acting.person is None or (named and named.lower() != acting.person.id):
            raise NotFound(NO_STAFF)
        return acting


def person_in(restaurant_id: UUID, user_id: UUID) -> Principal:
    """Somebody whose own work an agent does in their name; with no further right."""
    return Principal(kind="USER", subject=str(user_id), restaurant_id=restaurant_id)


def _clues(request: Any, call: Call) -> agent_pb2.ResolveContextRequest:
    return agent_pb2.ResolveContextRequest(
        restaurant_ids=[text for text in (request.restaurant_id, request.restaurant_header) if text],
        session_id=request.session_id,
        user_id=request.user_id,
        email=request.email,
        phones=[text for text in (request.phone, *_senders(request)) if text][:10],
        token=request.token,
        metadata=request.metadata,
        within_restaurant_id=str(call.principal.restaurant_id) if call.principal.restaurant_id else None,
    )


def _senders(request: Any) -> list[str]:
    """The phones in what WhatsApp delivers: `messages[].from`, then `contacts[].wa_id`."""
    found = []
    for text, keys in ((request.messages, ("from",)), (request.contacts, ("wa_id", "waId"))):
        items = orjson.loads(text) if text else []
        for item in items if isinstance(items, list) else ():
            if isinstance(item, dict):
                found += [item[key] for key in keys if isinstance(item.get(key), str)]
    return found


def _acting(found: agent_pb2.ResolveContextResponse, call: Call) -> Acting:
    restaurant_id = UUID(found.restaurant_id)
    person = found.person if found.HasField("person") else None
    if person is None:
        principal = Principal(
            kind=call.principal.kind,
            subject=call.principal.subject,
            restaurant_id=restaurant_id,
            permissions=_OF_AGENTS,
            language=found.language,
        )
    else:
        principal = Principal(
            kind="USER",
            subject=person.id,
            restaurant_id=restaurant_id,
            role=person.role,
            permissions=frozenset(person.permissions),
            name=person.name,
            language=found.language,
        )
    call.notes.restaurant_id = restaurant_id
    return Acting(restaurant_id, found.restaurant_name, found.timezone, person, principal)
