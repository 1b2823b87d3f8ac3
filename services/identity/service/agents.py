"""Whom an agent's request is about, for identity's own methods and for the other services."""

from uuid import UUID

import orjson

from mizan.identity.v1 import agent_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SYSTEM, Reading
from servicekit.errors import Invalid, Unauthenticated
from services.identity.domain.agent_context import Clues, read_clues
from services.identity.domain.permissions import standard_permissions
from services.identity.queries import agent_context as queries
from services.identity.queries.agent_context import AgentContext
from services.identity.queries.people import name_of
from services.identity.vault import Vault


class ContextFinder:
    """Finds restaurant and person by the clues in a request."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock

    async def find(self, reading: Reading, clues: Clues, within: UUID | None) -> AgentContext:
        """Whom the clues mean. Raises Invalid when they name no restaurant, NotFound for one that is not the key's."""
        return await queries.resolve(
            reading, clues, within=within, token_user=await self._user_of_token(reading, clues.tokens)
        )

    async def _user_of_token(self, reading: Reading, tokens: tuple[str, ...]) -> UUID | None:
        now = self._clock.now()
        for token in tokens:
            try:
                session_id = self._vault.read_access(token, now)
            except Unauthenticated:
                # The last of the clues; one that is worth nothing is passed over like any other.
                continue
            user_id = await queries.user_of_session(reading, session_id, now)
            if user_id is not None:
                return user_id
        return None


class AgentService:
    """Implements mizan.identity.v1.AgentService."""

    def __init__(self, finder: ContextFinder) -> None:
        self._finder = finder

    async def ResolveContext(
        self, request: agent_pb2.ResolveContextRequest, call: Call
    ) -> agent_pb2.ResolveContextResponse:
        clues = read_clues(
            restaurant_ids=request.restaurant_ids,
            session_id=request.session_id,
            user_id=request.user_id,
            email=request.email,
            phones=request.phones,
            token=request.token,
            metadata=_json(request.metadata),
        )
        within = UUID(request.within_restaurant_id) if request.HasField("within_restaurant_id") else None
        return _message(await self._finder.find(call.read(SYSTEM), clues, within))


def _json(text: str) -> object:
    try:
        return orjson.loads(text) if text else None
    except orjson.JSONDecodeError as error:
        raise Invalid.field("metadata", "Must be JSON.") from error


def _message(found: AgentContext) -> agent_pb2.ResolveContextResponse:
    restaurant, person = found.restaurant, found.person
    message = agent_pb2.ResolveContextResponse(
        restaurant_id=str(restaurant.id),
        restaurant_name=restaurant.name,
        currency=restaurant.currency,
        timezone=restaurant.timezone,
        language=restaurant.language,
    )
    if person is not None:
        permissions = standard_permissions(person.role) if person.permissions is None else frozenset(person.permissions)
        message.language = person.preferred_language or restaurant.language
        message.person.CopyFrom(
            agent_pb2.ContextPerson(
                id=str(person.id),
                name=name_of(person),
                email=person.email,
                phone=person.phone,
                role=person.role,
                permissions=sorted(permissions),
            )
        )
    return message
