"""WhatsApp's webhooks, and messages that agents send."""

import asyncio
import hmac
import mimetypes
import re
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import orjson
from google.api import httpbody_pb2
from google.protobuf import any_pb2

from mizan.notify.v1 import whatsapp_pb2 as pb
from mizan.options.v1 import files_pb2
from servicekit import context
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SYSTEM, Database
from servicekit.errors import Forbidden, Invalid, NotFound, Unauthenticated
from servicekit.files import Files
from services.notify.clients import whatsapp as messages
from services.notify.clients.whatsapp import WhatsApp
from services.notify.commands import deliveries
from services.notify.commands import whatsapp as commands
from services.notify.conversation.worker import FOLDER
from services.notify.domain.channels import WHATSAPP
from services.notify.domain.deliveries import SENDING, Sent
from services.notify.domain.whatsapp import is_signed, may_write_freely, phone_digits, read_webhook
from services.notify.queries import deliveries as queries

LONGEST_WAIT: Final = 5.0
_MEDIA: Final = re.compile(r"[0-9a-f-]{36}\.[a-z0-9]{2,5}")


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """What WhatsApp's webhooks are known by; what is empty refuses everything."""

    app_secret: str
    verify_token: str
    number_id: str


class WhatsAppService:
    """Implements mizan.notify.v1.WhatsAppService."""

    def __init__(
        self,
        database: Database,
        client: WhatsApp,
        files: Files,
        clock: Clock,
        secrets: WebhookSecrets,
        *,
        country_code: str,
        per_second: float,
    ) -> None:
        self._database = database
        self._client = client
        self._files = files
        self._clock = clock
        self._secrets = secrets
        self._country_code = country_code
        self._per_second = per_second

    async def VerifyWebhook(self, request: pb.VerifyWebhookRequest, _call: Call) -> httpbody_pb2.HttpBody:
        expected = self._secrets.verify_token
        if not expected or not hmac.compare_digest(request.verify_token.encode(), expected.encode()):
            raise Forbidden("The token is not the one that was agreed on.", code="wrong_verify_token")
        return httpbody_pb2.HttpBody(content_type="text/plain; charset=utf-8", data=request.challenge.encode())

    async def ReceiveWebhook(self, request: pb.ReceiveWebhookRequest, call: Call) -> pb.WebhookReceived:
        payload = request.payload.data
        if not is_signed(payload, request.signature, self._secrets.app_secret):
            raise Unauthenticated("The signature is not right.", code="invalid_signature")
        try:
            content: Any = orjson.loads(payload)
        except orjson.JSONDecodeError as error:
            raise Invalid("Invalid payload", code="invalid_payload") from error
        now = self._clock.now()
        inbound, reports = read_webhook(content, self._secrets.number_id, now)
        if inbound or reports:
            # Whose they are turns out when they are worked on.
            await commands.store(await call.session(SYSTEM), inbound, reports, now)
        return pb.WebhookReceived(success=True)

    async def GetMedia(self, request: pb.GetMediaRequest, call: Call) -> httpbody_pb2.HttpBody:
        if _MEDIA.fullmatch(request.name) is None:
            raise NotFound
        content = await self._files.read(f"{call.principal.tenant}/{FOLDER}/{request.name}")
        packed = any_pb2.Any()
        packed.Pack(files_pb2.Disposition(filename=request.name, inline=True))
        kind = mimetypes.guess_type(request.name)[0] or "application/octet-stream"
        return httpbody_pb2.HttpBody(content_type=kind, data=content, extensions=[packed])

    async def SendWhatsApp(self, request: pb.SendWhatsAppRequest, call: Call) -> pb.SendWhatsAppResponse:
        message = _message(request)
        to = phone_digits(request.phone, self._country_code)
        problem = await self._problem(to, message)
        if to is None or problem is not None:
            return _refused(problem or "Invalid phone format")
        answer = await self._send(to, message, call)
        await call.session(SYSTEM)
        call.notes.entity_id = answer.get("external_id") or ""
        return pb.SendWhatsAppResponse(
            success=answer.get("success", False),
            provider_response=orjson.dumps({k: v for k, v in answer.items() if k != "success"}).decode(),
        )

    async def _problem(self, to: str | None, message: dict[str, Any]) -> str | None:
        if to is None:
            return "Invalid phone format"
        if not self._client.is_configured:
            return "WhatsApp is not configured"
        if message["type"] == "text":
            last = await queries.last_inbound_at(self._database.read(SYSTEM), to)
            if not may_write_freely(last, self._clock.now()):
                return "The person has not written within 24 hours: only a template can be sent"
        return None

    async def _send(self, to: str, message: dict[str, Any], call: Call) -> dict[str, Any]:
        """Sends a message once for each Idempotency-Key, which is kept before WhatsApp is asked."""
        now = self._clock.now()
        key = f"agent {call.principal.subject} {context.current.get().idempotency_key or uuid4()}"[:200]
        row: dict[str, Any] = {
            "restaurant_id": call.principal.restaurant_id,
            "addressee": f"phone {to}",
            "channel": WHATSAPP,
            "key": key,
            "payload": {},
            "state": SENDING,
            "attempts": 1,
        }
        async with self._database.write(SYSTEM) as session:
            made = await deliveries.record(session, [row])
            turn = await deliveries.reserve(session, WHATSAPP, self._per_second, now)
        if not made:
            return {"success": False, "error": "This message was sent already"}
        await asyncio.sleep(min(LONGEST_WAIT, max(0.0, (turn - now).total_seconds())))
        answer = await self._client.send(to, message, reference=str(made[0]))
        async with self._database.write(SYSTEM) as session:
            # An agent repeats by itself what was not taken.
            await deliveries.settle(session, made[0], deliveries.final(answer.outcome), self._clock.now())
        if not answer.status:
            return {"success": False, "error": "WhatsApp does not answer"}
        sent = isinstance(answer.outcome, Sent)
        external_id = answer.outcome.provider_id if isinstance(answer.outcome, Sent) else None
        return {"success": sent, "status_code": answer.status, "data": answer.data, "external_id": external_id}


def _message(request: pb.SendWhatsAppRequest) -> dict[str, Any]:
    """What is to be sent. Raises Invalid when something is missing."""
    if not request.phone.strip():
        raise Invalid("Phone required", code="required")
    match request.type.strip().lower() or "text":
        case "text":
            if not request.body.strip():
                raise Invalid("Body required", code="required")
            return messages.text(request.body)
        case "template":
            if not request.template_name.strip():
                raise Invalid("Template name required", code="required")
            components = orjson.loads(request.components) if request.components else []
            if not isinstance(components, list | None):
                raise Invalid.field("components", "Must be a list.")
            return messages.template(request.template_name.strip(), request.language_code or "en", components or [])
    raise Invalid("Invalid type", code="invalid_type")


def _refused(problem: str) -> pb.SendWhatsAppResponse:
    return pb.SendWhatsAppResponse(success=False, provider_response=orjson.dumps({"error": problem}).decode())
