"""What identity does in the background: mails, reminders of what expires, and forgetting what is over."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import aiosmtplib
import sqlalchemy as sa
import structlog

from servicekit.clock import Clock, local_date
from servicekit.db import SYSTEM, Database, Scope
from servicekit.jobs import Job, Task
from servicekit.jobs.task import Handler
from servicekit.mail import MailServer, in_short, is_permanent
from services.identity import filing, mails
from services.identity.commands import documents, invitations
from services.identity.domain.contact import is_generated_email
from services.identity.domain.documents import REMINDER_DAYS, due_reminder
from services.identity.domain.invitations import standing
from services.identity.models import InvitationDelivery
from services.identity.queries import documents as document_queries
from services.identity.queries import files as file_queries
from services.identity.queries.invitations import DELIVERY
from services.identity.queries.one_time_links import LINK
from services.identity.vault import Vault

CLEAN_INVITATIONS = Task("identity.clean_invitations", cron="17 3 * * *", max_attempts=3)
INVITATIONS_KEPT = timedelta(days=90)
"""After they expired, so that they can be sent again and counted for a while."""

REMIND_OF_EXPIRY = Task("identity.remind_of_expiry", cron="30 5 * * *", max_attempts=5)
"""Every day; a day that was missed is made up for by the next one."""

DOCUMENTS_AT_ONCE = 200

_NOT_SENT = (aiosmtplib.SMTPException, TimeoutError, OSError)

log = structlog.get_logger(__name__)


class MailJobs:
    """Sends mails that were queued; their tokens are made here, so that no queue ever holds one."""

    def __init__(
        self, database: Database, vault: Vault, clock: Clock, server: MailServer, *, sender: str, frontend_url: str
    ) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._server = server
        self._sender = sender
        self._frontend_url = frontend_url

    def handlers(self) -> Mapping[Task, Handler]:
        """The tasks that it carries out."""
        return {mails.MAIL_LINK: self.mail_link, mails.MAIL_INVITATIONS: self.mail_invitations}

    async def mail_link(self, _job: Job, *, token_id: str) -> None:
        """Mails a one-time link unless it was used, replaced or came too late. Raises what sending raised."""
        row = await self._database.read(SYSTEM).first(LINK, token_id=UUID(token_id))
        if row is None or row.expires_at <= self._clock.now() or is_generated_email(row.email):
            return
        letter = mails.link_letter(
            row.purpose,
            row.language,
            frontend_url=self._frontend_url,
            token=self._vault.reference(row.purpose, row.id, 1),
            name=row.first_name,
            lifetime=row.expires_at - row.created_at,
        )
        try:
            await self._server.send(mails.addressed(letter, sender=self._sender, to=row.email, reference=row.id))
        except _NOT_SENT as error:
            if not is_permanent(error):
                raise
            log.warning("mail_refused", purpose=row.purpose, token_id=token_id, error=in_short(error))

    async def mail_invitations(self, job: Job, *, delivery_ids: Sequence[str]) -> None:
        """Mails those of the invitations that wait for it, and notes what became of each.

        Raises what sending raised when the server is away; a later run goes on where this one stopped.
        """
        for place, delivery_id in enumerate(delivery_ids):
            try:
                await self._mail_invitation(UUID(delivery_id))
            except _NOT_SENT as error:
                if job.last_attempt:
                    for given_up in delivery_ids[place:]:
                        await self._note(UUID(given_up), "FAILED", in_short(error))
                raise

    async def _mail_invitation(self, delivery_id: UUID) -> None:
        row = await self._database.read(SYSTEM).first(DELIVERY, delivery_id=delivery_id)
        if row is None or row.delivery_status != "PENDING":
            return
        now = self._clock.now()
        # An invitation that was redirected meanwhile has another link, which the old address must not get.
        if standing(row.status, row.expires_at, now) != "PENDING" or row.email != row.recipient:
            await self._note(delivery_id, "FAILED", "The invitation was closed or changed before it was sent.")
            return
        letter = mails.invitation_letter(
            row.language,
            frontend_url=self._frontend_url,
            token=self._vault.reference(invitations.REFERENCE, row.invitation_id, row.token_generation),
            name=row.first_name or "",
            restaurant=row.restaurant_name,
            lifetime=row.expires_at - now,
        )
        try:
            await self._server.send(
                mails.addressed(letter, sender=self._sender, to=row.recipient, reference=delivery_id)
            )
        except _NOT_SENT as error:
            if not is_permanent(error):
                raise
            await self._note(delivery_id, "FAILED", in_short(error))
        else:
            await self._note(delivery_id, "SENT", None)

    async def _note(self, delivery_id: UUID, status: str, problem: str | None) -> None:
        async with self._database.write(SYSTEM) as session:
            await session.execute(
                sa.update(InvitationDelivery)
                .where(InvitationDelivery.id == delivery_id, InvitationDelivery.status == "PENDING")
                .values(
                    status=status,
                    error_message=problem,
                    attempts=InvitationDelivery.attempts + 1,
                    sent_at=self._clock.now(),
                )
            )


class Cleaning:
    """Deletes what nobody will ask for again."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def handlers(self) -> Mapping[Task, Handler]:
        """The tasks that it carries out."""
        return {CLEAN_INVITATIONS: self.clean_invitations}

    async def clean_invitations(self, _job: Job, **_tick: Any) -> None:
        """Deletes invitations that expired long ago."""
        async with self._database.write(SYSTEM) as session:
            deleted = len(await invitations.delete_unaccepted(session, self._clock.now(), kept_for=INVITATIONS_KEPT))
        log.info("invitations_cleaned", deleted=deleted)


class RecordJobs:
    """Removes files that nobody names, and says which documents run out."""

    def __init__(self, database: Database, files: filing.Filing, clock: Clock) -> None:
        self._database = database
        self._files = files
        self._clock = clock

    def handlers(self) -> Mapping[Task, Handler]:
        """The tasks that it carries out."""
        return {filing.RECLAIM: self.reclaim, REMIND_OF_EXPIRY: self.remind_of_expiry}

    async def reclaim(self, _job: Job, *, restaurant_id: str, key: str) -> None:
        """Removes a file unless a row names it; repeating it changes nothing."""
        tenant = UUID(restaurant_id)
        if not await file_queries.is_named(self._database.read(Scope(tenant)), tenant, key):
            await self._files.remove(key)

    async def remind_of_expiry(self, _job: Job) -> None:
        """Publishes a reminder for every document that needs one today, in its restaurant's time zone."""
        now = self._clock.now()
        # Days of the time zones are at most one day before or after those of UTC.
        earliest = now.date() - timedelta(days=1)
        latest = now.date() + timedelta(days=REMINDER_DAYS[0] + 1)
        after = UUID(int=0)
        while True:
            rows = await document_queries.expiring(
                self._database.read(SYSTEM), earliest, latest, after=after, limit=DOCUMENTS_AT_ONCE
            )
            if not rows:
                return
            async with self._database.write(SYSTEM) as session:
                for row in rows:
                    days = due_reminder(local_date(now, row.timezone), row.expires_on, row.reminded_days)
                    if days is not None:
                        await documents.remind(session, row, days)
            after = rows[-1].id
