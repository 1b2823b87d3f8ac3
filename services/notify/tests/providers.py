"""The providers of notify on this machine: phones and a mailbox, in a thread of their own."""

import asyncio
import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from servicekit.testing.events import eventually
from tools.mailbox import Mailbox, serve
from tools.phone_server.agent import Agent
from tools.phone_server.firebase import Firebase, service_account
from tools.phone_server.server import PhoneServer
from tools.phone_server.whatsapp import WhatsApp
from tools.stack.processes import LOOPBACK, free_port

TOKEN = "wa-token"
NUMBER = "1234567890"
APP_SECRET = "wa-app-secret"
VERIFY_TOKEN = "wa-verify"
AGENT_KEY = "agent-key"
AGENT_WEBHOOK_KEY = "agent-webhook-key"
AGENT_SECRET = "whsec_" + base64.b64encode(b"the key that signs what agents are told").decode()
START_SECONDS = 20


@dataclass(frozen=True)
class Providers:
    """Everything that notify sends to, and what it is told of them."""

    phones: PhoneServer
    mailbox: Mailbox
    settings: dict[str, Any]

    @property
    def whatsapp(self) -> WhatsApp:
        """Everybody's WhatsApp."""
        return self.phones.whatsapp

    @property
    def firebase(self) -> Firebase:
        """Everybody's devices."""
        return self.phones.firebase

    @property
    def agent(self) -> Agent:
        """The agent's server."""
        return self.phones.agent


async def _as_result(value: bool) -> bool:
    return value


@contextmanager
def providers() -> Iterator[Providers]:
    """Runs them while the context lasts."""
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    account = service_account(url)
    phones = PhoneServer(
        WhatsApp(token=TOKEN, number_id=NUMBER, app_secret=APP_SECRET),
        Firebase(account),
        Agent(api_key=AGENT_KEY, webhook_key=AGENT_WEBHOOK_KEY, secret=AGENT_SECRET),
    )
    mailbox = Mailbox()
    ready, stop = threading.Event(), threading.Event()
    smtp: list[str] = []

    async def run() -> None:
        server = uvicorn.Server(
            uvicorn.Config(
                phones.application, host=LOOPBACK, port=port, log_level="warning", timeout_graceful_shutdown=1
            )
        )
        async with serve(mailbox) as addresses:
            smtp.append(addresses.smtp_url)
            serving = asyncio.create_task(server.serve())
            await eventually(lambda: _as_result(server.started))
            ready.set()
            await asyncio.to_thread(stop.wait)
            server.should_exit = True
            await serving

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="local-providers", daemon=True)
    thread.start()
    assert ready.wait(START_SECONDS)
    try:
        yield Providers(
            phones,
            mailbox,
            {
                "smtp_url": smtp[0],
                "firebase_service_account_key": account,
                "fcm_url": url,
                "whatsapp_url": url,
                "whatsapp_access_token": TOKEN,
                "whatsapp_phone_number_id": NUMBER,
                "whatsapp_app_secret": APP_SECRET,
                "whatsapp_verify_token": VERIFY_TOKEN,
                "provider_timeout_seconds": 3,
                "agent_authenticated_url": f"{url}/agent/user-authenticated",
                "agent_events_url": f"{url}/agent/user-events",
                "agent_api_key": AGENT_KEY,
                "agent_webhook_key": AGENT_WEBHOOK_KEY,
                "agent_webhook_secret": AGENT_SECRET,
                "agent_timeout_seconds": 3,
            },
        )
    finally:
        stop.set()
        thread.join(START_SECONDS)
