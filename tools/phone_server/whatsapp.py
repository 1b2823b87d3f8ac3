"""WhatsApp's Cloud API: what it checks before it takes a message, and how it answers."""

import hashlib
import hmac
import json
import re
import time
from itertools import count
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.phone_server.faults import Faults

Object = dict[str, Any]
DAY_SECONDS = 24 * 3600
TEMPLATES: dict[str, int] = {
    "mizan_notice": 2,
    "onboarding_invite_v1": 4,
    "staff_weekly_schedule": 6,
    "clock_in_reminder": 5,
    "staff_clock_in": 4,
    "clock_out_reminder": 0,
    "clock_in_location_request": 0,
    "accepted_invite_confirmation": 1,
    "staff_invitation_eng": 2,
}
"""The approved templates, and how many words the body of each takes."""
LANGUAGES = frozenset({"en", "en_US", "fr_FR", "ar"})
_PHONE = re.compile(r"[1-9][0-9]{9,14}")


class Refused(Exception):
    """A message that WhatsApp refuses."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
        self.body: Object = {
            "error": {"message": f"(#{code}) {message}", "type": "OAuthException", "code": code, "fbtrace_id": "A1b2"}
        }


class WhatsApp:
    """One number at WhatsApp, with everybody's phones behind it."""

    def __init__(self, *, token: str, number_id: str, app_secret: str) -> None:
        self.number_id = number_id
        self.sent: list[Object] = []
        self.faults = Faults()
        self.templates = dict(TEMPLATES)
        self.languages = set(LANGUAGES)
        self._token = token
        self._secret = app_secret.encode()
        self._numbers = count(1)
        self._last_inbound: dict[str, float] = {}
        self._media: dict[str, tuple[bytes, str]] = {}
        self.routes = [
            Route("/{version}/{number}/messages", self._take, methods=["POST"]),
            Route("/media-files/{media}", self._download, methods=["GET"], name="media"),
            Route("/{version}/{media}", self._describe, methods=["GET"]),
        ]

    # What people do

    def inbound(self, phone: str, message: Object, *, name: str = "Somebody", message_id: str = "") -> Object:
        """The webhook that somebody's message makes; from now on texts may be sent to them for a day."""
        self._last_inbound[phone] = time.time()
        written = {
            "from": phone,
            "id": message_id or f"wamid.in{next(self._numbers)}-{self.number_id}-{time.time_ns()}",
            "timestamp": str(int(time.time())),
            **message,
        }
        return self._webhook({"contacts": [{"wa_id": phone, "profile": {"name": name}}], "messages": [written]})

    def status(self, sent: Object, state: str, **more: Any) -> Object:
        """The webhook that reports of a message that was sent."""
        report = {
            "id": sent["id"],
            "status": state,
            "timestamp": str(int(time.time())),
            "recipient_id": sent["to"],
            "biz_opaque_callback_data": sent.get("biz_opaque_callback_data", ""),
            **more,
        }
        return self._webhook({"statuses": [report]})

    def attach(self, content: bytes, mime_type: str) -> str:
        """Something that a message may carry; its id."""
        media_id = f"{next(self._numbers)}00000000"
        self._media[media_id] = (content, mime_type)
        return media_id

    def forget_window(self, phone: str) -> None:
        """Let a day pass since somebody wrote."""
        self._last_inbound[phone] = time.time() - DAY_SECONDS - 60

    def to(self, phone: str) -> list[Object]:
        """What arrived on a phone, in its order."""
        return [message for message in self.sent if message["to"] == phone]

    def signed(self, webhook: Object) -> tuple[bytes, dict[str, str]]:
        """A webhook as its body and headers."""
        body = json.dumps(webhook).encode()
        signature = hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        return body, {"X-Hub-Signature-256": f"sha256={signature}", "Content-Type": "application/json"}

    def _webhook(self, value: Object) -> Object:
        about = {"display_phone_number": "212500000000", "phone_number_id": self.number_id}
        change = {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": about, **value}}
        return {"object": "whatsapp_business_account", "entry": [{"id": "WABA", "changes": [change]}]}

    # The API

    async def _take(self, request: Request) -> Response:
        fault = self.faults.take()
        if fault is not None and not fault.accepts:
            return await fault.answer()
        try:
            self._check_token(request)
            if request.path_params["number"] != self.number_id:
                raise Refused(100, "Unsupported post request: the object does not exist")
            message = json.loads(await request.body())
            self._check(message)
        except Refused as refused:
            return JSONResponse(refused.body, refused.status)
        message_id = f"wamid.out{next(self._numbers)}-{time.time_ns()}"
        self.sent.append({**message, "id": message_id})
        if fault is not None:
            return await fault.answer()
        return JSONResponse(
            {
                "messaging_product": "whatsapp",
                "contacts": [{"input": message["to"], "wa_id": message["to"]}],
                "messages": [{"id": message_id}],
            }
        )

    async def _describe(self, request: Request) -> Response:
        try:
            self._check_token(request)
        except Refused as refused:
            return JSONResponse(refused.body, refused.status)
        media_id = request.path_params["media"]
        if media_id not in self._media:
            return JSONResponse(Refused(100, "Unsupported get request").body, 400)
        content, mime_type = self._media[media_id]
        return JSONResponse(
            {
                "messaging_product": "whatsapp",
                "id": media_id,
                "mime_type": mime_type,
                "sha256": hashlib.sha256(content).hexdigest(),
                "file_size": len(content),
                "url": str(request.url_for("media", media=media_id)),
            }
        )

    async def _download(self, request: Request) -> Response:
        try:
            self._check_token(request)
        except Refused as refused:
            return JSONResponse(refused.body, refused.status)
        content, mime_type = self._media[request.path_params["media"]]
        return Response(content, media_type=mime_type)

    def _check_token(self, request: Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {self._token}":
            raise Refused(190, "Invalid OAuth access token", 401)

    def _check(self, message: Object) -> None:
        if message.get("messaging_product") != "whatsapp" or not _PHONE.fullmatch(str(message.get("to"))):
            raise Refused(100, "Invalid parameter")
        kind = message.get("type")
        if kind == "template":
            self._check_template(message["template"])
            return
        if time.time() - self._last_inbound.get(message["to"], 0) >= DAY_SECONDS:
            raise Refused(131047, "Re-engagement message")
        if kind == "text":
            if not 0 < len(message["text"]["body"]) <= 4096:
                raise Refused(100, "Param text['body'] must be at most 4096 characters long")
        elif kind == "interactive":
            _check_interactive(message["interactive"])
        else:
            raise Refused(131051, "Unsupported message type")

    def _check_template(self, template: Object) -> None:
        name, language = template.get("name"), template.get("language", {}).get("code")
        if name not in self.templates or language not in self.languages:
            raise Refused(132001, "Template name does not exist in the translation", 404)
        words = [
            word
            for component in template.get("components", [])
            if component["type"] == "body"
            for word in component["parameters"]
        ]
        if len(words) != self.templates[name]:
            raise Refused(132000, "Number of parameters does not match the expected number of params")
        for word in words:
            text = word.get("text")
            if not text or "\n" in text or "\t" in text or "    " in text:
                raise Refused(132018, "There was an issue with the parameters in your template")
        if sum(len(word["text"]) for word in words) > 1024:
            raise Refused(132005, "Translated text too long")


def _check_interactive(content: Object) -> None:
    if not 0 < len(content["body"]["text"]) <= 1024:
        raise Refused(131009, "Body text length invalid")
    action = content["action"]
    match content["type"]:
        case "button":
            replies = [button["reply"] for button in action["buttons"]]
            if not 1 <= len(replies) <= 3 or any(not 0 < len(reply["title"]) <= 20 for reply in replies):
                raise Refused(131009, "Button title length invalid. Min length: 1, Max length: 20")
            if len({reply["id"] for reply in replies}) != len(replies):
                raise Refused(131009, "Duplicated button ids")
        case "list":
            rows = [row for section in action["sections"] for row in section["rows"]]
            if not 1 <= len(rows) <= 10 or any(not 0 < len(row["title"]) <= 24 for row in rows):
                raise Refused(131009, "Row title is too long. Max length is 24")
            if not 0 < len(action["button"]) <= 20:
                raise Refused(131009, "Button length invalid. Min length: 1, Max length: 20")
        case "location_request_message":
            if action != {"name": "send_location"}:
                raise Refused(131009, "Parameter value is not valid")
        case _:
            raise Refused(131051, "Unsupported message type")
