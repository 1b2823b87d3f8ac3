"""Notifications as mails."""

from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.notify import texts

_HTML = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


def letter(
    *, title: str, message: str, language: str, restaurant: str, sender: str, to: str, reference: UUID, url: str
) -> EmailMessage:
    """A notification as the mail that is sent. Its Message-ID is made from the delivery's id."""
    footer = texts.render("footer", language, {"restaurant": restaurant}, ZoneInfo("UTC")).message
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = to
    mail["Subject"] = " ".join(title.split())
    mail["Date"] = formatdate(usegmt=True)
    mail["Message-ID"] = f"<{reference}@{parseaddr(sender)[1].partition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["Content-Language"] = language
    mail.set_content(f"{title}\n\n{message}\n\n{url}\n\n{footer}\n")
    mail.add_alternative(
        _HTML.get_template("notification.html.jinja").render(
            title=title,
            lines=message.splitlines(),
            footer=footer,
            url=url,
            language=language,
            direction="rtl" if language in texts.RIGHT_TO_LEFT else "ltr",
        ),
        subtype="html",
    )
    return mail
