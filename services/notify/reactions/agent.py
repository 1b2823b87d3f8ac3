"""What the agent's server hears of: logins, invitations, incidents; each once, and while it is news."""

from typing import Any, Final
from uuid import UUID

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.identity.events.v1 import events_pb2 as identity
from mizan.scheduling.events.v1 import events_pb2 as scheduling
from servicekit.clock import Clock
from servicekit.events import Envelope
from servicekit.inbox import Handler
from services.notify.commands.deliveries import record
from services.notify.commands.telling import queue
from services.notify.domain import agent as domain
from services.notify.domain.channels import AGENT
from services.notify.domain.deliveries import PENDING

ADDRESSEE: Final = "agent"


class AgentReactions:
    """Queues a webhook for each fact that the agent's server takes."""

    def __init__(self, clock: Clock, *, logins: bool, events: bool) -> None:
        self._clock = clock
        self._logins = logins
        self._events = events

    def handlers(self) -> dict[type[Message], Handler]:
        """Its handlers, by event; none for what the agent's server has no address for."""
        logins: dict[type[Message], Handler] = {identity.SessionOpened: self.session_opened}
        events: dict[type[Message], Handler] = {
            identity.StaffInvited: self.staff_invited,
            identity.InvitationAccepted: self.invitation_accepted,
            scheduling.IncidentReported: self.incident_reported,
        }
        return {**(logins if self._logins else {}), **(events if self._events else {})}

    async def session_opened(self, session: AsyncSession, event: identity.SessionOpened, envelope: Envelope) -> None:
        """Somebody logged in to a restaurant."""
        if event.restaurant_id:
            about = {"user_id": event.user_id}
            key = f"session {event.session_id}"
            await self._tell(session, envelope, event.restaurant_id, key, domain.USER_AUTHENTICATED, about)

    async def staff_invited(self, session: AsyncSession, event: identity.StaffInvited, envelope: Envelope) -> None:
        """Somebody was invited over WhatsApp."""
        if not event.by_whatsapp or not event.phone:
            return
        about = {
            "invitation_id": event.invitation_id,
            "first_name": event.first_name,
            "last_name": event.last_name,
            "role": event.role,
            "phone": event.phone,
            "language": event.language,
            "restaurant": event.restaurant_name,
        }
        key = f"invited {envelope.id}"
        await self._tell(session, envelope, event.restaurant_id, key, domain.STAFF_INVITE, about)

    async def invitation_accepted(
        self, session: AsyncSession, event: identity.InvitationAccepted, envelope: Envelope
    ) -> None:
        """Somebody took the role that they were offered."""
        about = {"invitation_id": event.invitation_id, "user_id": event.user_id}
        key = f"accepted {event.invitation_id}"
        await self._tell(session, envelope, event.restaurant_id, key, domain.INVITATION_ACCEPTED, about)

    async def incident_reported(
        self, session: AsyncSession, event: scheduling.IncidentReported, envelope: Envelope
    ) -> None:
        """Something happened or might."""
        incident = event.incident
        about = {
            "incident_id": incident.id,
            "type": incident.incident_type,
            "title": incident.title,
            "severity": incident.severity,
            "reporter_id": incident.reporter_id,
        }
        key = f"incident {incident.id}"
        await self._tell(session, envelope, incident.restaurant_id, key, domain.INCIDENT_REPORTED, about)

    async def _tell(
        self,
        session: AsyncSession,
        envelope: Envelope,
        restaurant_id: str,
        key: str,
        event: str,
        about: dict[str, Any],
    ) -> None:
        if not domain.is_news(event, envelope.occurred_at, self._clock.now()):
            return
        row = {
            "restaurant_id": UUID(restaurant_id),
            "addressee": ADDRESSEE,
            "channel": AGENT,
            "key": key,
            "state": PENDING,
            "payload": {"event": event, "at": envelope.occurred_at.isoformat(), **about},
        }
        for delivery_id in await record(session, [row]):
            await queue(session, delivery_id)
