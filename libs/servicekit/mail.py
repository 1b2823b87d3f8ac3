"""Handing mails to the mail server."""

from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit

import aiosmtplib

SMTP_TIMEOUT_SECONDS = 20.0
DEFAULT_PORTS = {"smtp": 587, "smtps": 465}


class MailServer:
    """Hands mails to the server that an address names: smtp://[user:password@]host:port, or smtps:// for TLS at once.

    Over smtp:// the connection is encrypted wherever the server offers it, and always before a password is sent.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
            raise ValueError("the mail server's address must look like smtp://host:port or smtps://host:port")
        self._options: dict[str, Any] = {
            "hostname": parts.hostname,
            "port": parts.port or DEFAULT_PORTS[parts.scheme],
            "use_tls": parts.scheme == "smtps",
            "timeout": SMTP_TIMEOUT_SECONDS,
        }
        if parts.username:
            self._options |= {"username": unquote(parts.username), "password": unquote(parts.password or "")}
            if parts.scheme == "smtp":
                self._options["start_tls"] = True

    async def send(self, message: EmailMessage) -> None:
        """Delivers one mail to the server. Raises aiosmtplib.SMTPException or TimeoutError."""
        await aiosmtplib.send(message, **self._options)


def is_permanent(error: BaseException) -> bool:
    """Whether the server will refuse the mail however often it is sent, such as for an address that does not exist."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return all(refused.code >= 500 for refused in error.recipients)
    return isinstance(error, aiosmtplib.SMTPResponseException) and error.code in (550, 551, 553, 554)


def in_short(error: BaseException) -> str:
    """What went wrong, in words that name no address."""
    answers = error.recipients if isinstance(error, aiosmtplib.SMTPRecipientsRefused) else [error]
    codes = sorted({str(answer.code) for answer in answers if isinstance(answer, aiosmtplib.SMTPResponseException)})
    return " ".join([type(error).__name__, *codes])
