"""The mails that identity sends: what they say in each language, and how they are queued."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit import jobs
from servicekit.backoff import Backoff
from services.identity.models import OneTimeToken

LANGUAGES = ("en", "fr", "ar")
_RIGHT_TO_LEFT = frozenset({"ar"})
# A server that is away for a day loses no mail: the pauses grow from ten seconds to two hours.
_PATIENT = Backoff(first=10.0, cap=7200.0)
MAIL_LINK = jobs.Task("identity.mail_link", max_attempts=24, timeout=60, backoff=_PATIENT)
MAIL_INVITATIONS = jobs.Task("identity.mail_invitations", max_attempts=24, timeout=600, backoff=_PATIENT)

_LETTERS = {"VERIFY_EMAIL": "verify_email", "RESET_PASSWORD": "reset_password"}
_PAGES = {"VERIFY_EMAIL": "/verify-email", "RESET_PASSWORD": "/reset-password"}
INVITATION_LETTER = "staff_invitation"

_LOADER = FileSystemLoader(Path(__file__).parent / "templates")
_HTML = Environment(loader=_LOADER, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
_TEXT = Environment(
    loader=_LOADER,
    autoescape=False,  # noqa: S701 - plain text has nothing to escape
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail before it is addressed."""

    subject: str
    text: str
    html: str


async def queue_one_time_link(session: AsyncSession, token: OneTimeToken) -> None:
    """Has the link of a one-time token mailed once the session's transaction commits."""
    await jobs.defer(session, MAIL_LINK, token_id=str(token.id))


async def queue_invitations(session: AsyncSession, delivery_ids: Sequence[UUID]) -> None:
    """Has invitations mailed once the session's transaction commits."""
    if delivery_ids:
        await jobs.defer(session, MAIL_INVITATIONS, delivery_ids=[str(one) for one in delivery_ids])


def accept_url(frontend_url: str, token: str) -> str:
    """Where the holder of an invitation's token accepts it."""
    return _link(frontend_url, "/accept-invitation", token)


def link_letter(
    purpose: str, language: str, *, frontend_url: str, token: str, name: str, lifetime: timedelta
) -> Letter:
    """The mail with the link of a one-time token."""
    hours = round(lifetime.total_seconds() / 3600)
    link = _link(frontend_url, _PAGES[purpose], token)
    return _render(_LETTERS[purpose], language, name=name, link=link, hours=hours)


def invitation_letter(
    language: str, *, frontend_url: str, token: str, name: str, restaurant: str, lifetime: timedelta
) -> Letter:
    """The mail that invites somebody to a restaurant."""
    days = max(1, round(lifetime / timedelta(days=1)))
    link = accept_url(frontend_url, token)
    return _render(INVITATION_LETTER, language, name=name, link=link, restaurant=restaurant, days=days)


def _link(frontend_url: str, page: str, token: str) -> str:
    return f"{frontend_url.rstrip('/')}{page}?{urlencode({'token': token})}"


def _render(letter: str, language: str, **values: Any) -> Letter:
    language = language if language in LANGUAGES else "en"
    direction = "rtl" if language in _RIGHT_TO_LEFT else "ltr"
    # A name with a line break in it must not become a header of its own.
    plain = {key: " ".join(value.split()) if isinstance(value, str) else value for key, value in values.items()}
    context = {**plain, "language": language, "direction": direction}
    name = f"{language}/{letter}.jinja"
    text = _TEXT.get_template(name)
    subject = "".join(text.blocks["subject"](text.new_context({**context, "layout": "layout.txt.jinja"})))
    return Letter(
        subject=subject.strip(),
        text=text.render(context, layout="layout.txt.jinja"),
        html=_HTML.get_template(name).render(context, layout="layout.html.jinja"),
    )


def addressed(letter: Letter, *, sender: str, to: str, reference: UUID) -> EmailMessage:
    """The mail as it is sent. Its Message-ID is made from what it is about, so that a repetition is seen to be one."""
    domain = parseaddr(sender)[1].partition("@")[2]
    message = EmailMessage()
    message["From"] = sender
    message["To"] = to
    message["Subject"] = letter.subject
    message["Date"] = formatdate(usegmt=True)
    message["Message-ID"] = f"<{reference}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    return message
