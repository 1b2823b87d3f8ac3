"""People: who joins and leaves, invitations, requests, documents."""

from uuid import UUID

import sqlalchemy as sa
from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.identity.events.v1 import events_pb2 as facts
from servicekit.clock import Clock
from servicekit.events import Envelope
from servicekit.inbox import Handler
from services.notify.commands.chat import open_restaurant_room
from services.notify.commands.deliveries import record
from services.notify.commands.preferences import register_person
from services.notify.commands.telling import News, queue
from services.notify.domain.channels import WHATSAPP
from services.notify.domain.deliveries import PENDING, SKIPPED
from services.notify.domain.whatsapp import phone_digits
from services.notify.events import INVITATION
from services.notify.models import DeviceToken, WhatsAppSession
from services.notify.reactions.base import Reactions, day
from services.notify.texts import Coded, Day

PRIORITIES = {"LOW": "LOW", "MEDIUM": "MEDIUM", "HIGH": "HIGH", "URGENT": "URGENT"}


class IdentityReactions(Reactions):
    """Reacts to identity's facts."""

    def __init__(self, clock: Clock, country_code: str) -> None:
        super().__init__(clock)
        self._country_code = country_code

    def handlers(self) -> dict[type[Message], Handler]:
        """Its handlers, by event."""
        return {
            facts.StaffJoined: self.staff_joined,
            facts.StaffDeactivated: self.staff_deactivated,
            facts.StaffInvited: self.staff_invited,
            facts.StaffRequestCreated: self.request_created,
            facts.StaffRequestUpdated: self.request_updated,
            facts.StaffRequestCommented: self.request_commented,
            facts.DocumentExpiring: self.document_expiring,
        }

    async def staff_joined(self, session: AsyncSession, event: facts.StaffJoined, _envelope: Envelope) -> None:
        """Gives a new member of staff the standard preferences, and a restaurant the room in which everybody is."""
        restaurant_id = UUID(event.staff.restaurant_id)
        await register_person(session, restaurant_id, UUID(event.staff.user_id))
        await open_restaurant_room(session, restaurant_id)

    async def staff_deactivated(
        self, session: AsyncSession, event: facts.StaffDeactivated, _envelope: Envelope
    ) -> None:
        """Sends nothing to the devices of somebody who left, and forgets what they were talking about."""
        person = UUID(event.staff.user_id)
        await session.execute(
            sa.delete(DeviceToken).where(
                DeviceToken.restaurant_id == UUID(event.staff.restaurant_id), DeviceToken.user_id == person
            )
        )
        await session.execute(
            sa.update(WhatsAppSession)
            .where(WhatsAppSession.user_id == person)
            .values(user_id=None, restaurant_id=None, state="idle", context={})
        )

    async def staff_invited(self, session: AsyncSession, event: facts.StaffInvited, envelope: Envelope) -> None:
        """Brings an invitation to its phone; one that is sent again is brought again."""
        if not event.by_whatsapp:
            return
        to = phone_digits(event.phone, self._country_code)
        row = {
            "restaurant_id": UUID(event.restaurant_id),
            "addressee": f"{INVITATION}{event.invitation_id}",
            "channel": WHATSAPP,
            "key": f"invited {envelope.id}",
            "state": PENDING if to else SKIPPED,
            "error": None if to else "no phone",
            "payload": {
                "to": to or "",
                "first_name": event.first_name,
                "restaurant": event.restaurant_name,
                "language": event.language,
            },
        }
        for delivery_id in await record(session, [row]):
            if to:
                await queue(session, delivery_id)

    async def request_created(
        self, session: AsyncSession, event: facts.StaffRequestCreated, _envelope: Envelope
    ) -> None:
        """Tells the managers."""
        request = event.request
        managers = await self.managers(session, request.restaurant_id)
        await self.tell(
            session,
            request.restaurant_id,
            managers,
            _request_news(request, "created", "staff_request_created", name=request.staff_name),
            but=request.staff_id,
        )

    async def request_updated(
        self, session: AsyncSession, event: facts.StaffRequestUpdated, _envelope: Envelope
    ) -> None:
        """Tells whoever asked of a new status, and whoever it was given to."""
        request = event.request
        if request.status != event.previous_status:
            news = _request_news(request, f"v{request.version}", "staff_request_updated")
            await self.tell(session, request.restaurant_id, [request.staff_id], news, but=event.actor_id)
        if request.assigned_to:
            news = _request_news(
                request, f"assigned {request.assigned_to}", "staff_request_created", name=request.staff_name
            )
            await self.tell(session, request.restaurant_id, [request.assigned_to], news, but=event.actor_id)

    async def request_commented(
        self, session: AsyncSession, event: facts.StaffRequestCommented, _envelope: Envelope
    ) -> None:
        """Tells whoever asked, and whoever it was given to."""
        request = event.request
        news = _request_news(
            request, f"comment {event.comment_id}", "staff_request_commented", comment=event.body[:200]
        )
        await self.tell(
            session, request.restaurant_id, [request.staff_id, request.assigned_to], news, but=event.author_id
        )

    async def document_expiring(self, session: AsyncSession, event: facts.DocumentExpiring, envelope: Envelope) -> None:
        """Reminds the person, and the managers."""
        words = {"document": event.title, "date": Day(day(event.expires_on))}
        data = {"document_id": event.document_id, "staff_id": event.staff_id}
        key = f"document {event.document_id} {envelope.occurred_at:%Y-%m-%d}"
        own = News(key=key, kind="COMPLIANCE_ALERT", text="document_expiring", words=words, data=data)
        await self.tell(session, event.restaurant_id, [event.staff_id], own)
        name = await self.name(session, event.restaurant_id, event.staff_id)
        report = News(
            key=f"{key} of",
            kind="COMPLIANCE_ALERT",
            text="document_expiring_of",
            words={**words, "name": name},
            channels=("app",),
            priority="MEDIUM",
            data=data,
        )
        managers = await self.managers(session, event.restaurant_id)
        await self.tell(session, event.restaurant_id, managers, report, but=event.staff_id)


def _request_news(request: facts.StaffRequestFacts, what: str, text: str, **words: str) -> News:
    return News(
        key=f"request {request.id} {what}",
        kind="STAFF_REQUEST",
        text=text,
        words={"subject": request.subject, "status": Coded(request.status), **words},
        priority=PRIORITIES.get(request.priority),
        data={"staff_request_id": request.id, "route": f"/dashboard/staff-requests/{request.id}"},
    )
