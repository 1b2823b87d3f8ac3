"""What till systems tell: never believed without a signature, and only ever a hint."""

import asyncio
import json
import random
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from google.protobuf.empty_pb2 import Empty

from mizan.pos.v1 import webhook_pb2
from refdata import DEFAULT_TIME_ZONE
from servicekit.identity import ANONYMOUS
from servicekit.testing.clock import MovableClock
from servicekit.testing.service import Api, RunningService
from servicekit.zones import day_of
from services.pos import tasks
from services.pos.tests.conftest import manager, run_jobs
from services.pos.tests.neighbours import FakeIdentity
from services.pos.tests.providers.conftest import (
    SQUARE_URL,
    connect,
    connect_square,
    refusal,
    rows,
    status,
    summary,
    tell_square,
)
from tools.till_server.server import TillServer


async def test_forged_webhooks_change_nothing(pos: RunningService, api: Api, tills: TillServer) -> None:
    hooks = api.WebhookService
    before = rows(pos, "SELECT count(*) FROM provider_events")
    event = tills.square.event("M", "order.updated", "O1")
    body, headers = tills.square.signed(event, SQUARE_URL)
    right = headers["x-square-hmacsha256-signature"]
    _, for_another_url = tills.square.signed(event, "https://evil.example/")
    for signature, sent in (
        ("", body),
        (right, body + b" "),
        (right[:-2] + "x=", body),
        (for_another_url["x-square-hmacsha256-signature"], body),
        ("é", body),
    ):
        square = webhook_pb2.SquareEvent(signature=signature)
        square.payload.data = sent
        assert (await refusal(hooks.ReceiveSquareEvent(square, principal=ANONYMOUS))).code == "invalid_signature"
    event = tills.toast.event("guid", "T1")
    body, signed = tills.toast.signed(event)
    for signature, sent in (
        ("", body),
        (signed["Toast-Signature"], json.dumps({**event, "guid": "another"}).encode()),
        (signed["Toast-Signature"], b"[]"),
    ):
        toast = webhook_pb2.ToastEvent(signature=signature)
        toast.payload.data = sent
        assert (await refusal(hooks.ReceiveToastEvent(toast, principal=ANONYMOUS))).code == "invalid_signature"
    body, _ = tills.clover.signed(tills.clover.events("M", ("O:1", "UPDATE")))
    for code in ("", "wrong"):
        clover = webhook_pb2.CloverEvent(code=code)
        clover.payload.data = body
        assert (await refusal(hooks.ReceiveCloverEvent(clover, principal=ANONYMOUS))).code == "invalid_signature"
    body, headers = tills.square.signed({"type": "order.updated"}, SQUARE_URL)
    whole = webhook_pb2.SquareEvent(signature=headers["x-square-hmacsha256-signature"])
    whole.payload.data = body
    assert (await refusal(hooks.ReceiveSquareEvent(whole, principal=ANONYMOUS))).code == "invalid_payload"
    set_up = webhook_pb2.CloverEvent()
    set_up.payload.data = b'{"verificationCode": "clover-verifies"}'
    assert (await hooks.ReceiveCloverEvent(set_up, principal=ANONYMOUS)).status == "received"
    assert rows(pos, "SELECT code FROM verification_codes WHERE provider = 'CLOVER'")[0].code == "clover-verifies"
    for number in range(22):
        set_up.payload.data = json.dumps({"verificationCode": f"c{number}"}).encode()
        await hooks.ReceiveCloverEvent(set_up, principal=ANONYMOUS)
    assert rows(pos, "SELECT count(*) FROM verification_codes")[0][0] == 20
    assert rows(pos, "SELECT count(*) FROM provider_events") == before


async def test_square_events_of_one_restaurant_must_be_about_its_merchant(
    pos: RunningService, api: Api, tills: TillServer
) -> None:
    chef = manager(uuid4())
    merchant = await connect_square(pos, api, tills, chef)

    def told(restaurant_id: object, merchant_id: str) -> webhook_pb2.SquareEventOf:
        event = tills.square.event(merchant_id, "order.updated", "O1")
        body, headers = tills.square.signed(event, f"{SQUARE_URL}{restaurant_id}/")
        request = webhook_pb2.SquareEventOf(
            restaurant_id=str(restaurant_id), signature=headers["x-square-hmacsha256-signature"]
        )
        request.payload.data = body
        return request

    receive = api.WebhookService.ReceiveSquareEventOf
    assert (await receive(told(chef.tenant, merchant), principal=ANONYMOUS)).status == "received"
    assert (await refusal(receive(told(chef.tenant, "M-other"), principal=ANONYMOUS))).code == "merchant_mismatch"
    assert (await refusal(receive(told(uuid4(), merchant), principal=ANONYMOUS))).code == "unknown_restaurant"
    moved = told(chef.tenant, merchant)
    moved.restaurant_id = str(uuid4())
    assert (await refusal(receive(moved, principal=ANONYMOUS))).code == "invalid_signature"
    run_jobs(pos)


async def test_shuffled_repeated_and_lost_events_end_in_the_providers_day(
    pos: RunningService, api: Api, tills: TillServer, identity: FakeIdentity, clock: MovableClock
) -> None:
    dice = random.Random(7)
    square, toast, clover = manager(uuid4()), manager(uuid4()), manager(uuid4())
    merchant = await connect_square(pos, api, tills, square)
    guid, shop = str(uuid4()), f"C{uuid4().hex[:8]}"
    await connect(pos, api, identity, toast, "TOAST", guid, tills.toast.restaurant(guid))
    await connect(pos, api, identity, clover, "CLOVER", shop, tills.clover.merchant(shop))
    now = clock.now()
    sent: list[Any] = []
    for step in range(3):
        at = now + timedelta(seconds=step)
        for number in range(4):
            key, state = f"X{number}", ("OPEN", "OPEN", "COMPLETED")[step]
            tills.square.order(merchant, key, 1000 + 100 * step, tip=50, state=state, at=at)
            wrapped = {"order_updated": {"order_id": key}}
            event = tills.square.event(merchant, "order.updated", key, wrapped)
            sent.append(("square", *tills.square.signed(event, SQUARE_URL)))
            tills.toast.order(guid, key, 10.5 + step, tip=1.1, closed=step == 2, at=at)
            sent.append(("toast", *tills.toast.signed(tills.toast.event(guid, key))))
            tills.clover.order(shop, key, 2000 + step, tip=7, paid=step == 2, at=at)
            kind = f"P:P-{key}" if number % 2 else f"O:{key}"
            sent.append(("clover", *tills.clover.signed(tills.clover.events(shop, (kind, "UPDATE")))))
    repeated = [*sent, *sent]
    dice.shuffle(repeated)
    arrived = [one for one in repeated if dice.random() > 0.2]

    async def deliver(kind: str, body: bytes, headers: dict[str, str]) -> None:
        signature = next(iter(headers.values()))
        if kind == "square":
            request: Any = webhook_pb2.SquareEvent(signature=signature)
            receive = api.WebhookService.ReceiveSquareEvent
        elif kind == "toast":
            request, receive = webhook_pb2.ToastEvent(signature=signature), api.WebhookService.ReceiveToastEvent
        else:
            request, receive = webhook_pb2.CloverEvent(code=signature), api.WebhookService.ReceiveCloverEvent
        request.payload.data = body
        assert (await receive(request, principal=ANONYMOUS)).status == "received"

    for start in range(0, len(arrived), 8):
        await asyncio.gather(*(deliver(*one) for one in arrived[start : start + 8]))
    run_jobs(pos)
    # What no event told is found by asking.
    clock.advance(timedelta(minutes=1))
    run_jobs(pos, tasks.POLL)
    day = day_of(now, DEFAULT_TIME_ZONE).isoformat()
    for chef, orders, revenue, tips in (
        (square, 4, Decimal(48), Decimal(2)),
        (toast, 4, Decimal(50), Decimal("4.4")),
        (clover, 4, Decimal("80.08"), Decimal("0.28")),
    ):
        found = await summary(api, chef.tenant, day)
        assert (found.total_orders, Decimal(found.total_revenue), Decimal(found.total_tips)) == (orders, revenue, tips)
    assert rows(pos, "SELECT count(*) FROM provider_events WHERE processed_at IS NULL")[0][0] == 0
    distinct = rows(pos, "SELECT count(*) FROM external_objects WHERE restaurant_id = :id", id=square.tenant)
    assert distinct[0][0] == 4
    del tills.clover.orders[shop]["X0"]
    await deliver("clover", *tills.clover.signed(tills.clover.events(shop, ("O:X0", "DELETE"))))
    run_jobs(pos)
    assert (await summary(api, clover.tenant, day)).total_orders == 3


async def test_a_withdrawn_consent_ends_the_connection_and_an_old_word_of_it_does_not(
    pos: RunningService, api: Api, tills: TillServer
) -> None:
    chef = manager(uuid4())
    merchant = await connect_square(pos, api, tills, chef)
    await tell_square(api, tills, tills.square.event(merchant, "oauth.authorization.revoked"))
    run_jobs(pos)
    assert (await status(api, chef)).is_connected
    tills.square.revoke_all(merchant)
    assert (await refusal(api.ProviderService.SyncMenu(Empty(), principal=chef))).code == "provider_refused"
    assert (await status(api, chef)).sync_status == "ERROR"
    await tell_square(api, tills, tills.square.event(merchant, "oauth.authorization.revoked"))
    run_jobs(pos)
    assert (await status(api, chef)).sync_status == "DISCONNECTED"
