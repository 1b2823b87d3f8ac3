"""What is sent over each channel, made of a delivery's row, and whom it is given to."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import aiosmtplib

from servicekit.db import SYSTEM, Database
from servicekit.errors import Refusal, Unavailable
from servicekit.mail import MailServer, in_short, is_permanent
from services.notify.briefing import Briefing
from services.notify.clients import whatsapp
from services.notify.clients.neighbours import Neighbours
from services.notify.clients.push import MOST_TOKENS, Push
from services.notify.clients.whatsapp import NO_SUCH_TEMPLATE, OUTSIDE_WINDOW, Answer, WhatsApp
from services.notify.domain.channels import AGENT, EMAIL, PUSH, WHATSAPP
from services.notify.domain.deliveries import Outcome, Postponed, Refused, Sent, Skipped, Unknown
from services.notify.domain.whatsapp import (
    FALLBACK_LANGUAGE,
    INVITATION,
    LANGUAGE_CODES,
    LONGEST_TEXT,
    NOTICE,
    TEMPLATES,
    body_of,
    may_write_freely,
    phone_digits,
)
from services.notify.events import INVITATION as INVITED
from services.notify.letters import letter
from services.notify.queries import deliveries as queries

CLOCK_IN_NOW: Final = "clock_in_now"
CLOCK_OUT_NOW: Final = "clock_out_now"
BUTTONS: Final = {
    "CLOCK_IN_REMINDER": (CLOCK_IN_NOW, {"en": "Clock in", "fr": "Pointer l'arrivée", "ar": "تسجيل الحضور"}),
    "CLOCK_OUT_REMINDER": (CLOCK_OUT_NOW, {"en": "Clock out", "fr": "Pointer le départ", "ar": "تسجيل الانصراف"}),
}
"""The button that goes with some kinds, where texts may be sent: its id, and what it says."""

_NOT_TAKEN = (
    aiosmtplib.SMTPConnectError,
    aiosmtplib.SMTPConnectTimeoutError,
    aiosmtplib.SMTPResponseException,
    aiosmtplib.SMTPRecipientsRefused,
)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a delivery, and the push tokens that turned out to be gone."""

    outcome: Outcome
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manner:
    """How we present ourselves."""

    mail_from: str
    frontend_url: str
    country_code: str
    brand: str
    support: str
    templates: Mapping[str, str]
    """Names of WhatsApp's templates, by text, where they are not the usual ones."""


class Sender:
    """Sends deliveries; reads what it needs and changes nothing."""

    def __init__(
        self,
        database: Database,
        whatsapp_client: WhatsApp,
        push: Push,
        mail: MailServer | None,
        neighbours: Neighbours,
        briefing: Briefing,
        manner: Manner,
    ) -> None:
        self._database = database
        self._whatsapp = whatsapp_client
        self._push = push
        self._mail = mail
        self._neighbours = neighbours
        self._briefing = briefing
        self._manner = manner
        self._channels: dict[str, Callable[[Any, datetime], Awaitable[Result]]] = {
            WHATSAPP: self._by_whatsapp,
            PUSH: self._by_push,
            EMAIL: self._by_email,
            AGENT: self._to_agent,
        }

    async def send(self, row: Any, now: datetime) -> Result:
        """Asks the channel's provider to carry a delivery that was claimed."""
        if row.notification_id is not None:
            if row.recipient_id is None or not row.is_active:
                return Result(Skipped("no longer a member"))
            if row.expires_at is not None and now >= row.expires_at:
                return Result(Skipped("over"))
        return await self._channels[row.channel](row, now)

    # WhatsApp

    async def _by_whatsapp(self, row: Any, now: datetime) -> Result:
        if row.addressee.startswith(INVITED):
            return Result(await self._invite(row))
        if row.notification_id is None:
            # Checked when it was made: an answer follows a message, and agents are told at once.
            return Result((await self._post(row.payload["to"], row.payload["message"], row)).outcome)
        to = phone_digits(row.phone, self._manner.country_code)
        if to is None:
            return Result(Skipped("no phone"))
        last = await queries.last_inbound_at(self._database.read(SYSTEM), to)
        if may_write_freely(last, now):
            answer = await self._post(to, _free(row), row)
            if answer.code != OUTSIDE_WINDOW:
                return Result(answer.outcome)
        return Result(await self._by_template(to, row))

    async def _by_template(self, to: str, row: Any) -> Outcome:
        name, words = self._template(row)
        return await self._use_template(to, name, row.language, words, row)

    def _template(self, row: Any) -> tuple[str, list[Any]]:
        text = str(row.words.get("text", ""))
        use = TEMPLATES.get(text, NOTICE)
        known = {**row.words, "title": row.title, "message": row.message}
        return self._manner.templates.get(text, use.name), [known.get(word, "") for word in use.words]

    async def _use_template(self, to: str, name: str, language: str, words: list[Any], row: Any) -> Outcome:
        """In the person's language, or else in the one that every template has."""
        code = LANGUAGE_CODES.get(language, FALLBACK_LANGUAGE)
        answer = await self._post(to, whatsapp.template(name, code, body_of(words)), row)
        if answer.code in NO_SUCH_TEMPLATE and code != FALLBACK_LANGUAGE:
            answer = await self._post(to, whatsapp.template(name, FALLBACK_LANGUAGE, body_of(words)), row)
        return answer.outcome

    async def _invite(self, row: Any) -> Outcome:
        """The link is a secret: it is asked for now and kept nowhere."""
        about = row.payload
        try:
            link = await self._neighbours.invitation_link(row.addressee.removeprefix(INVITED))
        except Unavailable as away:
            return Postponed(away.code)
        except Refusal as refusal:
            return Skipped(f"the invitation is over ({refusal.code})")
        known = {
            "brand": self._manner.brand,
            "first_name": about["first_name"],
            "restaurant": about["restaurant"],
            "link": link,
            "support": self._manner.support,
        }
        name = self._manner.templates.get("invitation", INVITATION.name)
        return await self._use_template(
            about["to"], name, about["language"], [known[word] for word in INVITATION.words], row
        )

    async def _post(self, to: str, message: Mapping[str, Any], row: Any) -> Answer:
        return await self._whatsapp.send(to, message, reference=str(row.id))

    # Push and e-mail

    async def _by_push(self, row: Any, _now: datetime) -> Result:
        tokens = await queries.tokens(self._database.read(SYSTEM), row.restaurant_id, row.recipient_id, MOST_TOKENS)
        pushed = await self._push.send(
            tokens,
            title=row.title,
            message=row.message,
            data={"notification_id": str(row.notification_id), "notification_type": row.kind},
            tag=str(row.notification_id),
            urgent=row.is_critical or row.priority in ("HIGH", "URGENT"),
        )
        return Result(pushed.outcome, pushed.gone)

    async def _by_email(self, row: Any, _now: datetime) -> Result:
        if self._mail is None:
            return Result(Skipped("no mail server is configured"))
        if not row.email or _is_generated(row.email):
            return Result(Skipped("no e-mail address"))
        mail = letter(
            title=row.title,
            message=row.message,
            language=row.language,
            restaurant=row.restaurant or "",
            sender=self._manner.mail_from,
            to=row.email,
            reference=row.id,
            url=self._manner.frontend_url,
        )
        try:
            await self._mail.send(mail)
        except (aiosmtplib.SMTPException, TimeoutError, OSError) as error:
            return Result(_mail_problem(error))
        return Result(Sent(str(mail["Message-ID"])))

    async def _to_agent(self, row: Any, now: datetime) -> Result:
        return Result(await self._briefing.send(row, now))


def _free(row: Any) -> dict[str, Any]:
    """A notification as a text, with the button that its kind has."""
    body = f"*{row.title}*\n\n{row.message}"[:LONGEST_TEXT]
    if row.kind in BUTTONS:
        key, titles = BUTTONS[row.kind]
        return whatsapp.buttons(body, [(key, titles[row.language])])
    return whatsapp.text(body)


def _mail_problem(error: BaseException) -> Outcome:
    if is_permanent(error):
        return Refused(in_short(error))
    if isinstance(error, _NOT_TAKEN):
        return Postponed(in_short(error))
    return Unknown(in_short(error))


def _is_generated(email: str) -> bool:
    """Whether an address was made from a phone number; nobody reads it."""
    local, _, domain = email.partition("@")
    return domain == "mizan.ai" and local.isdigit()
