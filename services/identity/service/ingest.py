"""Requests of staff that reach an agent, such as WhatsApp messages."""

from typing import Any
from uuid import UUID

import orjson

from mizan.identity.v1 import staff_request_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SYSTEM, Scope
from servicekit.errors import Invalid
from services.identity.commands import staff_requests as commands
from services.identity.commands.staff_requests import Wish
from services.identity.domain import staff_requests as rules
from services.identity.domain.agent_context import Clues, read_clues, whatsapp_name, whatsapp_senders
from services.identity.domain.staff_requests import Entry
from services.identity.queries.agent_context import AgentContext
from services.identity.queries.people import name_of
from services.identity.service.agents import ContextFinder

NEVER_ASKS = "SUPER_ADMIN"
"""The role whose holder is nobody's staff: a request from their phone is filed without a person."""


class RequestIngest:
    """Files what an agent sends under the restaurant and the person that it is about."""

    def __init__(self, finder: ContextFinder, clock: Clock) -> None:
        self._finder = finder
        self._clock = clock

    async def file(
        self, request: staff_request_pb2.IngestStaffRequestRequest, call: Call
    ) -> staff_request_pb2.IngestStaffRequestResponse:
        """Files a request, or finds it filed. Raises Invalid when it says nothing or names no restaurant."""
        description = request.description.strip()
        if not description:
            raise Invalid("description/message is required", code="required")
        metadata, messages, contacts = (_json(text) for text in (request.metadata, request.messages, request.contacts))
        if request.metadata and not isinstance(metadata, dict | None):
            raise Invalid.field("metadata", "Must be an object.")
        phones = [*([request.phone] if request.phone else []), *whatsapp_senders(messages, contacts)]
        found = await self._finder.find(
            call.read(SYSTEM), _clues(request, phones, metadata), call.principal.restaurant_id
        )
        wish = _wish(request, description, found, phones, metadata or {}, whatsapp_name(contacts))
        session = await call.session(Scope(wish.restaurant_id))
        now = self._clock.now()
        filed, is_new = await commands.file(session, wish, now)
        if is_new:
            commands.write(session, filed, None, Entry(rules.SYSTEM, rules.RECEIVED), now)
        call.notes.skip = not is_new
        call.notes.restaurant_id = wish.restaurant_id
        call.notes.entity_id = str(filed.id)
        call.notes.description = f"Filed a request of {wish.staff_name or 'somebody unknown'}"
        return staff_request_pb2.IngestStaffRequestResponse(success=True, id=str(filed.id), status=filed.status)


def _clues(request: staff_request_pb2.IngestStaffRequestRequest, phones: list[str], metadata: Any) -> Clues:
    return read_clues(
        restaurant_ids=(request.restaurant_id, request.restaurant_header),
        session_id=request.session_id,
        user_id=request.user_id,
        email=request.email,
        phones=phones,
        token=request.token,
        metadata=metadata,
    )


def _wish(
    request: staff_request_pb2.IngestStaffRequestRequest,
    description: str,
    found: AgentContext,
    phones: list[str],
    metadata: dict[str, Any],
    sender: str,
) -> Wish:
    person = found.person if found.person is not None and found.person.role != NEVER_ASKS else None
    phone = phones[0].strip() if phones else (person.phone or "") if person else ""
    name = name_of(person) if person else request.staff_name.strip() or sender.strip() or phone
    restaurant_id: UUID = found.restaurant.id
    return Wish(
        restaurant_id=restaurant_id,
        staff_id=person.id if person else None,
        staff_name=name,
        staff_phone=phone,
        category=rules.category_of(request.category),
        priority=rules.priority_of(request.priority),
        subject=rules.subject_of(request.subject, description),
        description=description,
        source=request.source.strip().lower() or "whatsapp",
        external_id=request.external_id.strip(),
        details=metadata,
    )


def _json(text: str) -> Any:
    return orjson.loads(text) if text else None
