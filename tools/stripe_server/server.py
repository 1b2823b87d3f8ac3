"""The local Stripe as a web server: its API, its pages, its webhooks, and the controls that stand for the world."""

import asyncio
import html
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from stripe import WebhookSignature

from tools.stripe_server.account import Account, Object
from tools.stripe_server.api import Api
from tools.stripe_server.payments import EVENTS
from tools.stripe_server.refusals import Refused

DELIVERY_TIMEOUT = 10.0
DELIVERY_ATTEMPTS = 5
MOST_WAITING = 10_000
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 30rem; margin: 4rem auto; padding: 0 1rem }}
button {{ font: inherit; padding: .6rem 1.2rem }}</style><h1>{title}</h1>{content}</html>"""


class StripeServer:
    """Everything behind one port; events go to `webhook_url` signed with the secret, when there is one.

    Those about card payments go to an endpoint of their own, with its own secret.
    """

    def __init__(
        self,
        secret_key: str,
        webhook_secret: str,
        webhook_url: str = "",
        *,
        payment_secret: str = "",
        payment_url: str = "",
    ) -> None:
        self.account = Account()
        self.api = Api(self.account, secret_key)
        self._webhook = webhook_url, webhook_secret
        self._payment_webhook = payment_url, payment_secret
        self._waiting: asyncio.Queue[Object] = asyncio.Queue(MOST_WAITING)
        self.application = Starlette(
            routes=[
                *self.api.routes,
                Route("/pay/{session}", self._show_checkout, methods=["GET"]),
                Route("/pay/{session}", self._pay, methods=["POST"]),
                Route("/portal/{customer}", self._show_portal, methods=["GET"]),
                Route("/control/{action}", self._control, methods=["POST"]),
                Route("/readyz", self._ready, methods=["GET"]),
            ],
            lifespan=self._lifespan,
        )

    def signed(self, event: Object, *, timestamp: int | None = None) -> tuple[bytes, dict[str, str]]:
        """An event as a webhook's body, and its headers."""
        payload = json.dumps(event)
        signature = WebhookSignature.generate_signature_header(payload, self._endpoint(event)[1], timestamp)
        return payload.encode(), {"Stripe-Signature": signature, "Content-Type": "application/json"}

    def _endpoint(self, event: Object) -> tuple[str, str]:
        """URL and secret of the webhook that an event goes to."""
        return self._payment_webhook if event["type"].startswith(EVENTS) else self._webhook

    @asynccontextmanager
    async def _lifespan(self, _application: Starlette) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        if not (self._webhook[0] or self._payment_webhook[0]):
            yield
            return

        def deliver(event: Object) -> None:
            if self._endpoint(event)[0]:
                loop.call_soon_threadsafe(self._waiting.put_nowait, event)

        self.account.on_event = deliver
        delivering = asyncio.create_task(self._deliver())
        yield
        delivering.cancel()

    async def _deliver(self) -> None:
        async with httpx.AsyncClient(timeout=DELIVERY_TIMEOUT) as client:
            while True:
                event = await self._waiting.get()
                for attempt in range(DELIVERY_ATTEMPTS):
                    body, headers = self.signed(event)
                    try:
                        if (await client.post(self._endpoint(event)[0], content=body, headers=headers)).is_success:
                            break
                    except httpx.HTTPError as error:
                        print(f"stripe: {event['type']} was not delivered: {error!r}", flush=True)
                    await asyncio.sleep(0.2 * 2**attempt)

    async def _show_checkout(self, request: Request) -> Response:
        session = self.account.sessions.get(request.path_params["session"])
        if session is None:
            return HTMLResponse(PAGE.format(title="Nothing to pay here", content=""), 404)
        price = self.account.prices[session["_price"]]
        amount = f"{price['unit_amount'] / 100:.2f} {price['currency'].upper()} a {price['recurring']['interval']}"
        back = html.escape(session["cancel_url"], quote=True)
        content = f'<p>{amount}</p><form method="post"><button>Pay</button></form><p><a href="{back}">Leave</a></p>'
        return HTMLResponse(PAGE.format(title="Checkout (local)", content=content))

    async def _pay(self, request: Request) -> Response:
        session = self.account.sessions.get(request.path_params["session"])
        if session is None:
            return HTMLResponse(PAGE.format(title="Nothing to pay here", content=""), 404)
        try:
            paid = self.account.complete_checkout(session["id"])
        except Refused:
            return HTMLResponse(PAGE.format(title="This was paid already", content=""), 409)
        if paid is None:
            return HTMLResponse(PAGE.format(title="Your card was declined", content=""), 402)
        return RedirectResponse(session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"]), 303)

    async def _show_portal(self, request: Request) -> Response:
        customer = self.account.customers.get(request.path_params["customer"])
        if customer is None:
            return HTMLResponse(PAGE.format(title="Nobody", content=""), 404)
        mine = [invoice for invoice in self.account.invoices.values() if invoice["customer"] == customer["id"]]
        rows = "".join(
            f"<li>{invoice['number']} {invoice['total'] / 100:.2f} {invoice['status']}</li>" for invoice in mine
        )
        return HTMLResponse(PAGE.format(title="Customer portal (local)", content=f"<ul>{rows}</ul>"))

    async def _control(self, request: Request) -> Response:
        """What the world does: `decline`, `accept`, `advance`, `pay`, `confirm`, `redeliver`; `look` shows it."""
        asked = await request.json()
        account = self.account
        match request.path_params["action"]:
            case "decline" | "accept" as action:
                account.decline_cards(asked["customer"], declined=action == "decline")
            case "advance":
                account.advance(asked["customer"], asked["days"])
            case "pay":
                account.pay_invoice(asked["invoice"])
            case "redeliver":
                for event in list(account.events):
                    account.on_event(event)
            case "confirm":
                account.payments.confirm(asked["intent"], declined=asked.get("declined", False))
            case "look":
                with account.lock:
                    mine = [one for one in account.subscriptions.values() if one["customer"] == asked["customer"]]
                    invoices = [one for one in account.invoices.values() if one["customer"] == asked["customer"]]
                return JSONResponse({"subscriptions": mine, "invoices": invoices})
            case _:
                return JSONResponse({"message": "no such control"}, 404)
        return JSONResponse({"now": account.now(asked.get("customer"))})

    async def _ready(self, _request: Request) -> Response:
        return JSONResponse({"ready": True})
