"""A mailbox for development and tests: takes every mail on loopback and shows it: `python -m tools.mailbox`.

`GET /` is a page for people. `GET /messages` is JSON, newest first; `?to=` narrows it to one recipient, and `?wait=5`
answers as soon as there is a message, or after so many seconds with none. `DELETE /messages` empties the mailbox.
"""

import argparse
import asyncio
import html
import re
import signal
import socket
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import uvicorn
from aiosmtpd.smtp import SMTP, Envelope, Session
from jinja2 import Environment
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

LOOPBACK = "127.0.0.1"
KEPT_MESSAGES = 200
LARGEST_MESSAGE = 10 * 1024 * 1024
LONGEST_WAIT = 30.0
LINK = re.compile(r"https?://[^\s\"'<>]+")
PAGE = Environment(autoescape=True).from_string(
    """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Mailbox</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }
article { border: 1px solid #ccc; border-radius: 8px; padding: 1rem; margin: 1rem 0 }
h2 { margin: 0; font-size: 1.1rem } p { margin: .3rem 0; color: #555 }
iframe { width: 100%; height: 24rem; border: 1px solid #eee } pre { white-space: pre-wrap }
</style>
<h1>Mailbox</h1>
{% for message in messages %}<article>
<h2 dir="auto">{{ message.subject }}</h2>
<p>to {{ message.to | join(", ") }} · {{ message.received_at }}</p>
{% for link in message.links %}<p><a href="{{ link }}">{{ link }}</a></p>
{% endfor %}{% if message.html %}<iframe sandbox srcdoc="{{ message.html }}"></iframe>
{% else %}<pre dir="auto">{{ message.text }}</pre>
{% endif %}</article>
{% else %}<p>No mail yet.</p>
{% endfor %}</html>
"""
)


@dataclass(frozen=True)
class Message:
    """One mail, as its recipient would read it."""

    id: int
    received_at: str
    sender: str
    to: list[str]
    subject: str
    text: str
    html: str
    links: list[str]
    attachments: list[str]


def find_links(text: str, markup: str) -> list[str]:
    """The addresses that a mail points to, each once, in their order."""
    found = [*LINK.findall(text), *map(html.unescape, LINK.findall(markup))]
    return list(dict.fromkeys(link.rstrip(".,;)") for link in found))


def read_part(mail: EmailMessage, kind: str) -> str:
    """The text of the mail's plain or html part, or an empty text."""
    part = mail.get_body((kind,))
    return str(part.get_content()) if part is not None else ""


class Mailbox:
    """Keeps the last messages; the handler of the SMTP server and the application of the web server."""

    def __init__(self, kept: int = KEPT_MESSAGES) -> None:
        self._messages: deque[Message] = deque(maxlen=kept)
        self._refusals: deque[str] = deque()
        self._arrival = asyncio.Condition()
        self._count = 0
        self.application = Starlette(
            routes=[
                Route("/", self._show_page),
                Route("/messages", self._list_messages, methods=["GET"]),
                Route("/messages", self._delete_messages, methods=["DELETE"]),
            ]
        )

    def messages(self, to: str | None = None) -> list[Message]:
        """The messages, newest first, of one recipient or all."""
        return [one for one in reversed(self._messages) if to is None or to.casefold() in map(str.casefold, one.to)]

    def refuse(self, reply: str) -> None:
        """Have the next mail answered with this instead of being kept, such as `550 No such mailbox`."""
        self._refusals.append(reply)

    async def wait_for(self, to: str | None, timeout: float) -> list[Message]:
        """The messages as soon as there are any; an empty list when the time is over."""
        try:
            async with asyncio.timeout(timeout), self._arrival:
                await self._arrival.wait_for(lambda: self.messages(to))
        except TimeoutError:
            return []
        return self.messages(to)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Keep a message that was sent to the SMTP server, or refuse it as was asked for."""
        if self._refusals:
            return self._refusals.popleft()
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        mail = message_from_bytes(content, policy=policy.default)
        text, markup = read_part(mail, "plain"), read_part(mail, "html")
        self._count += 1
        message = Message(
            id=self._count,
            received_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            sender=envelope.mail_from or "",
            to=[str(recipient) for recipient in envelope.rcpt_tos],
            subject=str(mail.get("subject", "")),
            text=text,
            html=markup,
            links=find_links(text, markup),
            attachments=[part.get_filename() or "unnamed" for part in mail.iter_attachments()],
        )
        async with self._arrival:
            self._messages.append(message)
            self._arrival.notify_all()
        return "250 kept"

    async def _show_page(self, _request: Request) -> Response:
        return HTMLResponse(PAGE.render(messages=self.messages()))

    async def _list_messages(self, request: Request) -> Response:
        to = request.query_params.get("to")
        try:
            wait = min(float(request.query_params.get("wait", 0)), LONGEST_WAIT)
        except ValueError:
            return JSONResponse({"message": "wait is a number of seconds"}, status_code=400)
        found = await self.wait_for(to, wait) if wait > 0 else self.messages(to)
        return JSONResponse([asdict(message) for message in found])

    async def _delete_messages(self, _request: Request) -> Response:
        self._messages.clear()
        return Response(status_code=204)


class WebServer(uvicorn.Server):
    """uvicorn that leaves signals to whoever embeds it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@dataclass(frozen=True)
class Addresses:
    """Where a running mailbox listens."""

    smtp_url: str
    web_url: str


@asynccontextmanager
async def serve(
    mailbox: Mailbox, smtp_port: int = 0, web_port: int = 0, *, host: str = LOOPBACK
) -> AsyncIterator[Addresses]:
    """Take mail and show it while the context lasts; port 0 takes a free one. Raises OSError when one is taken."""
    smtp = await asyncio.get_running_loop().create_server(
        lambda: SMTP(mailbox, hostname="localhost", enable_SMTPUTF8=True, data_size_limit=LARGEST_MESSAGE),
        host,
        smtp_port,
    )
    async with smtp:
        with socket.create_server((host, web_port)) as listener:
            web = WebServer(
                uvicorn.Config(mailbox.application, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
            )
            serving = asyncio.create_task(web.serve([listener]))
            smtp_bound: int = smtp.sockets[0].getsockname()[1]
            web_bound: int = listener.getsockname()[1]
            try:
                yield Addresses(f"smtp://{host}:{smtp_bound}", f"http://{host}:{web_bound}")
            finally:
                web.should_exit = True
                await serving


async def run(host: str, smtp_port: int, web_port: int) -> None:
    """Serve until SIGINT or SIGTERM."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with serve(Mailbox(), smtp_port, web_port, host=host) as addresses:
        print(f"mailbox: mail to {addresses.smtp_url}, read it at {addresses.web_url}", flush=True)
        await stopped.wait()


def main() -> None:
    """Run the mailbox as a process."""
    options = argparse.ArgumentParser(description="Takes mail and shows it on a page.")
    options.add_argument("--host", default=LOOPBACK, help="where it listens (default: %(default)s)")
    options.add_argument("--smtp-port", type=int, default=0)
    options.add_argument("--web-port", type=int, default=0)
    chosen = options.parse_args()
    asyncio.run(run(chosen.host, chosen.smtp_port, chosen.web_port))


if __name__ == "__main__":
    main()
