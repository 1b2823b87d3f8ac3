"""The local phones as a web server: all providers' APIs, their webhooks, and the controls that stand for the world."""

import asyncio
import base64
import html
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from tools.phone_server.agent import Agent
from tools.phone_server.faults import Fault
from tools.phone_server.firebase import Firebase
from tools.phone_server.whatsapp import WhatsApp

Object = dict[str, Any]
DELIVERY_TIMEOUT = 10.0
DELIVERY_ATTEMPTS = 5
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Phones</title>
<style>body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }}
pre {{ white-space: pre-wrap; border: 1px solid #ccc; border-radius: 8px; padding: 1rem }}</style>
<h1>Phones</h1>{content}</html>"""


class PhoneServer:
    """Everything behind one port; what people write goes to `webhook_url`, when there is one."""

    def __init__(self, whatsapp: WhatsApp, firebase: Firebase, agent: Agent, webhook_url: str = "") -> None:
        self.whatsapp = whatsapp
        self.firebase = firebase
        self.agent = agent
        self._webhook_url = webhook_url
        self._client: httpx.AsyncClient | None = None
        self.application = Starlette(
            routes=[
                Route("/", self._show, methods=["GET"]),
                Route("/readyz", self._ready, methods=["GET"]),
                Route("/control/{action}", self._control, methods=["POST"]),
                *agent.routes,
                *firebase.routes,
                *whatsapp.routes,
            ],
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, _application: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(timeout=DELIVERY_TIMEOUT) as client:
            self._client = client
            yield

    async def _deliver(self, webhook: Object) -> int:
        """Posts a webhook until it is acknowledged, as WhatsApp does; the status of the last answer."""
        body, headers = self.whatsapp.signed(webhook)
        status = 0
        for attempt in range(DELIVERY_ATTEMPTS):
            try:
                if self._client is not None and self._webhook_url:
                    status = (await self._client.post(self._webhook_url, content=body, headers=headers)).status_code
            except httpx.HTTPError as error:
                print(f"phones: a webhook was not delivered: {error!r}", flush=True)
            if status == 200 or not self._webhook_url:
                break
            await asyncio.sleep(0.2 * 2**attempt)
        return status

    async def _control(self, request: Request) -> Response:
        """What the world does: `write`, `report`, `attach`, `retire`, `fail`; `look` shows what arrived."""
        asked = await request.json()
        match request.path_params["action"]:
            case "write":
                webhook = self.whatsapp.inbound(asked["from"], asked["message"], message_id=asked.get("id", ""))
                return JSONResponse({"status": await self._deliver(webhook)})
            case "report":
                (sent,) = [one for one in self.whatsapp.sent if one["id"] == asked["id"]]
                return JSONResponse({"status": await self._deliver(self.whatsapp.status(sent, asked["state"]))})
            case "attach":
                content = base64.b64decode(asked["content"])
                return JSONResponse({"id": self.whatsapp.attach(content, asked["mime_type"])})
            case "retire":
                self.firebase.gone.add(asked["token"])
            case "fail":
                providers: dict[str, WhatsApp | Firebase | Agent] = {
                    "whatsapp": self.whatsapp,
                    "push": self.firebase,
                    "agent": self.agent,
                }
                providers[asked["provider"]].faults.order(Fault(**asked.get("fault", {})), asked.get("times", 1))
            case "look":
                return JSONResponse(
                    {
                        "whatsapp": self.whatsapp.to(asked["phone"]) if "phone" in asked else self.whatsapp.sent,
                        "push": self.firebase.on(asked["token"]) if "token" in asked else self.firebase.sent,
                        "agent": self.agent.took,
                    }
                )
            case _:
                return JSONResponse({"message": "no such control"}, 404)
        return JSONResponse({"done": True})

    async def _show(self, _request: Request) -> Response:
        shown = [*self.whatsapp.sent[-50:], *self.firebase.sent[-50:], *self.agent.took[-50:]]
        blocks = "".join(f"<pre>{html.escape(str(message))}</pre>" for message in reversed(shown))
        return HTMLResponse(PAGE.format(content=blocks or "<p>Nothing arrived yet.</p>"))

    async def _ready(self, _request: Request) -> Response:
        return JSONResponse({"ready": True})
