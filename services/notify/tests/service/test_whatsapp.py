"""WhatsApp's webhooks, conversations with people nobody knows, and messages that agents send."""

import json
from typing import Any
from uuid import uuid4

import orjson
import pytest
import sqlalchemy as sa

from mizan.notify.v1 import whatsapp_pb2 as pb
from servicekit.db import SYSTEM
from servicekit.errors import Refusal
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS, Principal
from servicekit.testing.service import Api
from services.notify.models import WhatsAppMessage
from services.notify.tests.conftest import manager, waiter
from services.notify.tests.providers import VERIFY_TOKEN
from services.notify.tests.town import Town
from tools.phone_server.faults import Fault

AGENT = Principal(kind="AGENT", subject="platform", permissions=frozenset({"agent.messages"}))


def phone() -> str:
    return f"2126{uuid4().int % 10**8:08d}"


async def post(api: Api, town: Town, webhook: dict[str, Any], signature: str | None = None) -> bool:
    body, headers = town.world.whatsapp.signed(webhook)
    request = pb.ReceiveWebhookRequest(signature=headers["X-Hub-Signature-256"] if signature is None else signature)
    request.payload.data = body
    answer = await api.WhatsAppService.ReceiveWebhook(request, principal=ANONYMOUS)
    return bool(answer.success)


async def send(api: Api, *, principal: Principal = AGENT, key: str = "", **message: Any) -> pb.SendWhatsAppResponse:
    request = pb.SendWhatsAppRequest(**message)
    return await api.WhatsAppService.SendWhatsApp(request, principal=principal, idempotency_key=key)


def kept(town: Town, number: str) -> list[Any]:
    async def work() -> list[Any]:
        async with town.notify.database.write(SYSTEM) as session:
            rows = await session.scalars(
                sa.select(WhatsAppMessage).where(WhatsAppMessage.phone == number).order_by(WhatsAppMessage.seq)
            )
            return list(rows.all())

    return town.notify.run(work())


async def test_verification_echoes_any_challenge(api: Api) -> None:
    request = pb.VerifyWebhookRequest(mode="subscribe", verify_token=VERIFY_TOKEN, challenge="any <text> 1")
    answer = await api.WhatsAppService.VerifyWebhook(request, principal=ANONYMOUS)
    assert (answer.data, answer.content_type) == (b"any <text> 1", "text/plain; charset=utf-8")
    for token in ("", "wrong", VERIFY_TOKEN + "x"):
        with pytest.raises(RemoteRefusal) as refused:
            await api.WhatsAppService.VerifyWebhook(pb.VerifyWebhookRequest(verify_token=token), principal=ANONYMOUS)
        assert refused.value.code == "wrong_verify_token"


async def test_what_is_not_signed_changes_nothing(api: Api, town: Town) -> None:
    number = phone()
    webhook = town.world.whatsapp.inbound(number, {"type": "text", "text": {"body": "hi"}})
    for signature in ("", "sha256=" + "0" * 64, "nonsense"):
        with pytest.raises(RemoteRefusal) as refused:
            await post(api, town, webhook, signature)
        assert refused.value.code == "invalid_signature"
    assert kept(town, number) == []


async def test_a_message_that_comes_again_is_kept_once(api: Api, town: Town) -> None:
    number = phone()
    webhook = town.world.whatsapp.inbound(number, {"type": "text", "text": {"body": "clock in"}})
    for _ in range(3):
        assert await post(api, town, webhook)
    assert len(kept(town, number)) == 1


async def test_malformed_webhooks_are_acknowledged_and_have_no_effect(api: Api, town: Town) -> None:
    for content in ({}, {"entry": "no"}, {"entry": [{"changes": [{"value": {"messages": [{"id": 7}, None]}}]}]}):
        assert await post(api, town, content)
    other = town.world.whatsapp.inbound(phone(), {"type": "text", "text": {"body": "hi"}})
    other["entry"][0]["changes"][0]["value"]["metadata"]["phone_number_id"] = "999"
    assert await post(api, town, other)
    assert kept(town, other["entry"][0]["changes"][0]["value"]["messages"][0]["from"]) == []
    broken = pb.ReceiveWebhookRequest()
    body, headers = town.world.whatsapp.signed({})
    assert json.loads(body) == {}
    broken.payload.data, broken.signature = b"{", headers["X-Hub-Signature-256"]
    with pytest.raises(RemoteRefusal):
        await api.WhatsAppService.ReceiveWebhook(broken, principal=ANONYMOUS)


async def test_an_agent_sends_a_template_to_anybody_and_a_text_within_a_day(api: Api, town: Town) -> None:
    number = phone()
    words = [{"type": "body", "parameters": [{"type": "text", "text": "Amina"}, {"type": "text", "text": "Atlas"}]}]
    template: dict[str, Any] = {
        "type": "template",
        "template_name": "staff_invitation_eng",
        "components": json.dumps(words),
    }
    sent = await send(api, phone=f"+{number}", **template)
    answer = orjson.loads(sent.provider_response)
    assert (sent.success, answer["status_code"]) == (True, 200)
    assert answer["external_id"] == town.world.whatsapp.to(number)[0]["id"]

    closed = await send(api, phone=number, body="Hello")
    assert not closed.success
    assert "24 hours" in orjson.loads(closed.provider_response)["error"]
    assert await post(api, town, town.world.whatsapp.inbound(number, {"type": "sticker"}))
    free = await send(api, phone=number, body="Hello")
    assert free.success
    assert [one["type"] for one in town.world.whatsapp.to(number) if one.get("text", {}).get("body") == "Hello"] == [
        "text"
    ]


async def test_an_agents_message_goes_out_once_for_each_key(api: Api, town: Town) -> None:
    number, key = phone(), str(uuid4())
    template: dict[str, Any] = {
        "type": "template",
        "template_name": "clock_in_location_request",
        "language_code": "en_US",
    }
    first = await send(api, phone=number, key=key, **template)
    again = await send(api, phone=number, key=key, **template)
    assert first == again
    assert len(town.world.whatsapp.to(number)) == 1
    assert (await send(api, phone=number, **template)).success
    assert len(town.world.whatsapp.to(number)) == 2


async def test_what_whatsapp_refuses_is_told_in_a_success(api: Api, town: Town) -> None:
    number = phone()
    refused = await send(api, phone=number, type="template", template_name="unknown")
    assert not refused.success
    assert orjson.loads(refused.provider_response)["data"]["error"]["code"] == 132001
    assert orjson.loads((await send(api, phone="12", body="x")).provider_response) == {"error": "Invalid phone format"}
    town.world.whatsapp.faults.order(Fault(504))
    lost = await send(api, phone=number, type="template", template_name="clock_out_reminder")
    assert orjson.loads(lost.provider_response) == {"error": "WhatsApp does not answer"}


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"body": "x"}, "Phone required"),
        ({"phone": "+212612345678"}, "Body required"),
        ({"phone": "+212612345678", "type": "template"}, "Template name required"),
        ({"phone": "+212612345678", "type": "carrier pigeon", "body": "x"}, "Invalid type"),
    ],
)
async def test_what_an_agent_forgot_is_said(api: Api, message: dict[str, Any], error: str) -> None:
    with pytest.raises(RemoteRefusal) as refused:
        await send(api, **message)
    assert refused.value.message == error


async def test_people_are_no_agents(api: Api) -> None:
    for stranger in (waiter(uuid4()), manager(uuid4()), ANONYMOUS):
        with pytest.raises(Refusal):
            await send(api, principal=stranger, phone="+212612345678", body="x")
    for nobody in (waiter(uuid4()), ANONYMOUS):
        with pytest.raises(Refusal):
            await api.WhatsAppService.GetMedia(pb.GetMediaRequest(name=f"{uuid4()}.png"), principal=nobody)
