"""Taking the messages of one phone in their order, and keeping where its conversation stands."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

import refdata
from refdata.queries import DEFAULT_TIME_ZONE
from servicekit.clock import Clock
from servicekit.db import SYSTEM, Database, Scope
from servicekit.errors import Refusal, Unavailable
from servicekit.files import IMAGES, Accept, Files
from servicekit.grpc_client import RemoteRefusal
from servicekit.jobs import Job, Task
from servicekit.jobs.task import Handler
from services.notify import tasks
from services.notify.clients.whatsapp import WhatsApp, text
from services.notify.commands import whatsapp as commands
from services.notify.commands.deliveries import record
from services.notify.commands.telling import queue
from services.notify.conversation.desk import Desk, Person
from services.notify.conversation.dialogue import Dialogue, Place, Scene, Turn, welcome
from services.notify.domain.talk import IDLE, command_of, read
from services.notify.models import WhatsAppMessage, WhatsAppSession
from services.notify.texts.talk import talk

MOST_IN_A_ROW: Final = 50
LARGEST_PICTURE: Final = 8 * 1024 * 1024
FOLDER: Final = "whatsapp"

log = structlog.get_logger(__name__)


class PhotoAlbum:
    """Keeps pictures that people send among the restaurant's files."""

    def __init__(self, client: WhatsApp, files: Files, public_url: str) -> None:
        self._client = client
        self._files = files
        self._public_url = public_url.rstrip("/")

    async def fetch(self, media_id: str) -> tuple[bytes, str]:
        """A picture and its type. Raises Unavailable when WhatsApp does not give it."""
        return await self._client.media(media_id)

    async def keep(self, person: Person, media_id: str) -> str:
        """Where a picture is shown to those who may see it. Raises Invalid for what is none."""
        content, _ = await self.fetch(media_id)
        accept = Accept(IMAGES, max_bytes=LARGEST_PICTURE)
        stored = await self._files.put(person.restaurant_id, FOLDER, content, accept=accept)
        return f"{self._public_url}/api/notifications/whatsapp/media/{stored.key.rpartition('/')[2]}/"


class Conversations:
    """Answers what people write."""

    def __init__(self, database: Database, desk: Desk, dialogue: Dialogue, clock: Clock, remembered: timedelta) -> None:
        self._database = database
        self._desk = desk
        self._dialogue = dialogue
        self._clock = clock
        self._remembered = remembered

    def handlers(self) -> Mapping[Task, Handler]:
        """The tasks that it carries out."""
        return {tasks.CONVERSE: self.converse}

    async def converse(self, job: Job, *, phone: str) -> None:
        """Answers the waiting messages of a phone, one after the other. Raises Unavailable for another try."""
        for _ in range(MOST_IN_A_ROW):
            async with self._database.write(SYSTEM) as session:
                message = await commands.waiting(session, phone)
                conversation = await commands.conversation(session, phone) if message is not None else None
            if message is None or conversation is None:
                return
            turn, person, outcome = await self._take(message, conversation, last_attempt=job.last_attempt)
            await self._keep(message, turn, person, outcome)

    async def _take(
        self, message: WhatsAppMessage, conversation: WhatsAppSession, *, last_attempt: bool
    ) -> tuple[Turn, Person | None, str]:
        """What follows a message; what it changes elsewhere carries a key, so that taking it again acts once."""
        now = self._clock.now()
        unchanged = Turn(conversation.state, context=conversation.context)
        if now - message.sent_at > commands.TOO_OLD:
            return unchanged, None, "too old"
        person: Person | None = None
        try:
            person = await self._desk.who(message.phone)
            return await self._answer(message, conversation, person, now), person, "answered"
        except Unavailable as away:
            if not last_attempt:
                raise
            log.warning("conversation_failed", code=away.code)
            return _with(unchanged, person, "later"), person, "failed"
        except RemoteRefusal as refusal:
            if refusal.code == "idempotency_key_in_use" and not last_attempt:
                raise
            return _with(unchanged, person, "refused", reason=refusal.message), person, "refused"
        except Refusal as refusal:
            return _with(unchanged, person, "refused", reason=refusal.message), person, "refused"

    async def _answer(
        self, message: WhatsAppMessage, conversation: WhatsAppSession, person: Person | None, now: datetime
    ) -> Turn:
        said = read(message.message)
        flow = said.flow or {}
        if command_of(said) == "accept" or flow.get("invite_accepted") == "yes":
            return await self._accept(message, flow, person)
        if person is None:
            phrase = "help" if command_of(said) == "help" else "link_phone"
            return Turn(IDLE, (text(talk(phrase, "en")),))
        is_remembered = conversation.expires_at is None or conversation.expires_at > now
        is_same = conversation.user_id in (None, person.id)
        scene = Scene(
            phone=message.phone,
            message_id=message.id,
            said=said,
            state=conversation.state if is_remembered and is_same else IDLE,
            context=conversation.context if is_remembered and is_same else {},
            person=person,
            place=await self._place(person.restaurant_id),
            now=now,
        )
        return await self._dialogue.answer(scene)

    async def _accept(self, message: WhatsAppMessage, flow: Mapping[str, Any], person: Person | None) -> Turn:
        token = flow.get("flow_token")
        language = person.language if person is not None else "en"
        accepted = await self._desk.accept_invitation(
            message.phone, token if isinstance(token, str) else "", f"whatsapp accept {message.id}"[:200]
        )
        if accepted is None:
            return Turn(IDLE, (text(talk("no_invitation", language)),))
        return Turn(IDLE, welcome(language, *accepted))

    async def _place(self, restaurant_id: UUID) -> Place:
        row = await refdata.restaurant(self._database.read(Scope(restaurant_id)), restaurant_id)
        if row is None:
            return Place(DEFAULT_TIME_ZONE)
        # Where a fence has corners, the time clock knows it better than a radius does.
        if not row.geofence_enabled or row.geofence_polygon or row.latitude is None or row.longitude is None:
            return Place(ZoneInfo(row.timezone))
        return Place(ZoneInfo(row.timezone), float(row.latitude), float(row.longitude), float(row.radius))

    async def _keep(self, message: WhatsAppMessage, turn: Turn, person: Person | None, outcome: str) -> None:
        """The conversation's new state, its answers and the mark on the message, all in one transaction."""
        now = self._clock.now()
        async with self._database.write(SYSTEM) as session:
            waiting = await session.get(WhatsAppMessage, message.id, with_for_update=True)
            if waiting is None or waiting.processed_at is not None:
                return
            waiting.processed_at, waiting.outcome = now, outcome
            conversation = await commands.conversation(session, message.phone)
            conversation.state = turn.state
            conversation.context = dict(turn.context)
            conversation.expires_at = None if turn.state == IDLE else now + self._remembered
            conversation.version += 1
            if person is not None:
                conversation.user_id, conversation.restaurant_id = person.id, person.restaurant_id
            rows = commands.answer_rows(
                person.restaurant_id if person is not None else None, message.phone, message.id, turn.answers
            )
            if rows:
                for delivery_id in await record(session, rows):
                    await queue(session, delivery_id, after=f"to {message.phone}")


def _with(turn: Turn, person: Person | None, phrase: str, **words: Any) -> Turn:
    language = person.language if person is not None else "en"
    return Turn(turn.state, (text(talk(phrase, language, **words)),), turn.context)
