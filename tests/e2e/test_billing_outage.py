"""Billing reaches others within two seconds, is missed by nobody while it is away, and loses nothing when killed."""

import asyncio
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import httpx
import nats
import psycopg
import pytest
import stamina
from nats.js.api import DeliverPolicy
from typer.testing import CliRunner

from mizan.billing.events.v1 import events_pb2 as facts
from servicekit.broker import EVENTS_STREAM
from servicekit.events import MESSAGE_ID, type_of
from services.billing.cli import app as billing_commands
from tests.e2e.test_billing_journey import World, ok
from tests.support import browser
from tests.support.breakable import breakable
from tests.support.people import Person, Restaurant, register
from tests.support.waiting import eventually
from tools.installation import Installation

pytestmark = [pytest.mark.chaos, pytest.mark.long, pytest.mark.timeout(240)]

SECONDS = 2.0
SLOWER_THAN_CONTROL = 3.0
CHANGES = 5
BUYERS = 8
PATIENCE_SECONDS = 40.0
QUIET_SECONDS = 2.0
SITE = "http://127.0.0.1:8081/"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One whose billing may be broken."""
    with breakable(tmp_path_factory, ["identity", "pos", "billing"]) as installation:
        command(installation, "put-plan", "free", "--name", "Free", "--price", "0", "--base")
        command(installation, "put-plan", "plus", "--name", "Plus", "--price", "0", "--entitles-to", "api_access",
                "--trial-days", "14")  # fmt: skip
        yield installation


@pytest.fixture(scope="module")
def client(installation: Installation) -> Iterator[httpx.Client]:
    with browser.client(installation.url) as client:
        yield client


def command(installation: Installation, *arguments: str) -> str:
    """What a command of billing's prints."""
    done = CliRunner().invoke(billing_commands, list(arguments), env=installation.site.environment)
    assert done.exit_code == 0, done.output
    return done.output


def copies(installation: Installation) -> list[str]:
    """The services that keep a copy of what restaurants may use."""
    found = []
    for service in installation.services:
        with psycopg.connect(installation.site.database_url(service)) as connection:
            if connection.execute("SELECT to_regclass('entitlement_ref')").fetchone() != (None,):
                found.append(service)
    return found


def soon(installation: Installation, service: str, question: str, about: tuple[Any, ...]) -> float:
    """The moment at which a service's database gives an answer."""
    with psycopg.connect(installation.site.database_url(service), autocommit=True) as connection:
        connection.execute("SELECT set_config('mizan.scope', 'system', false)")
        eventually(lambda: connection.execute(question, about).fetchone(), seconds=PATIENCE_SECONDS)
    return time.monotonic()


def key_for_integrators(owner: Person) -> tuple[int, str]:
    """The status and the code with which a key is given or refused."""
    answer = owner.post("/api/api-keys/", {"name": "Books", "kind": "INTEGRATION", "scopes": ["menu.view"]})
    return answer.status_code, answer.json().get("code", "")


def told(installation: Installation, kind: type[Any], restaurants: set[str]) -> dict[str, list[Any]]:
    """The events of one kind about restaurants, each once, in the order in which they were published."""

    async def take() -> dict[str, list[Any]]:
        found: dict[str, dict[str, Any]] = {restaurant_id: {} for restaurant_id in restaurants}
        client = await nats.connect(installation.site.environment["NATS_URL"])
        try:
            stream = client.jetstream()
            subscription = await stream.subscribe(
                type_of(kind).subject, stream=EVENTS_STREAM, ordered_consumer=True, deliver_policy=DeliverPolicy.ALL
            )
            while True:
                try:
                    message = await subscription.next_msg(timeout=QUIET_SECONDS)
                except TimeoutError:  # everything has come
                    break
                event = kind.FromString(message.data)
                about = getattr(event, "subscription", event)
                if about.restaurant_id in found:
                    found[about.restaurant_id][(message.headers or {})[MESSAGE_ID]] = event
        finally:
            await client.close()
        return {restaurant_id: list(events.values()) for restaurant_id, events in found.items()}

    return asyncio.run(take())


def test_every_copy_knows_a_change_within_two_seconds(installation: Installation, client: httpx.Client) -> None:
    restaurant = register(client, "DarCopy")
    restaurant_id = restaurant.data["id"]
    keepers = copies(installation)
    assert "identity" in keepers
    soon(installation, "billing", "SELECT 1 FROM subscriptions WHERE restaurant_id = %s", (restaurant_id,))
    changed: list[float] = []
    control: list[float] = []
    for number in range(CHANGES):
        begun = time.monotonic()
        command(installation, "grant", restaurant_id, f"feature_{number}")
        for service in keepers:
            question = "SELECT 1 FROM entitlement_ref WHERE restaurant_id = %s AND %s = ANY(features)"
            changed.append(soon(installation, service, question, (restaurant_id, f"feature_{number}")) - begun)
        begun = time.monotonic()
        ok(restaurant.owner.request("PATCH", "/api/auth/me/", json={"first_name": f"Amina {number}"}))
        question = "SELECT 1 FROM staff_ref WHERE restaurant_id = %s AND first_name = %s"
        control.append(soon(installation, "pos", question, (restaurant_id, f"Amina {number}")) - begun)
    assert max(changed) <= max(SECONDS, SLOWER_THAN_CONTROL * max(control)), (changed, control)


def sell(owner: Person) -> None:
    """An order, taken and paid."""
    dish = ok(owner.post("/api/menu/items/", {"name": f"Tea {uuid4()}", "price": "12.00"}), 201)
    lines = [{"product_id": dish["id"], "quantity": 1}]
    order = ok(owner.post("/api/pos/orders/", {"order_type": "TAKEOUT", "items": lines}), 201)
    paid = {"payment_method": "CASH", "amount": order["total_amount"]}
    ok(owner.post(f"/api/pos/orders/{order['id']}/process_payment/", paid))
    assert ok(owner.get(f"/api/pos/orders/{order['id']}/"))["is_paid"]


def test_nobody_misses_billing_while_it_is_away(installation: Installation, client: httpx.Client) -> None:
    granted, bare = register(client, "DarGranted"), register(client, "DarBare")
    for restaurant in (granted, bare):
        soon(installation, "billing", "SELECT 1 FROM subscriptions WHERE restaurant_id = %s", (restaurant.data["id"],))
    command(installation, "grant", granted.data["id"], "api_access")
    knows = "SELECT 1 FROM entitlement_ref WHERE restaurant_id = %s AND reason = 'base' AND %s = cardinality(features)"
    soon(installation, "identity", knows, (granted.data["id"], 1))
    soon(installation, "identity", knows, (bare.data["id"], 0))
    before = [key_for_integrators(one.owner) for one in (granted, bare)]
    assert before == [(201, ""), (403, "not_in_plan")]

    installation.terminate("billing")
    away = granted.owner.get("/api/billing/subscription/")
    assert away.status_code == 503, away.text
    assert away.json()["message"]
    for restaurant in (granted, bare):
        sell(restaurant.owner)
    assert [key_for_integrators(one.owner) for one in (granted, bare)] == before
    # Of whom billing could say nothing yet, nothing is asked.
    newcomer = register(client, "DarNew")
    sell(newcomer.owner)
    assert key_for_integrators(newcomer.owner) == (201, "")
    for service in ("identity", "pos"):
        assert httpx.get(f"{installation.site.health_urls[service]}/readyz", timeout=10).status_code == 200
    assert client.get("/readyz").status_code in {200, 404}

    installation.restart("billing")
    eventually(lambda: key_for_integrators(newcomer.owner), lambda answer: answer == (403, "not_in_plan"), 60)
    assert [key_for_integrators(one.owner) for one in (granted, bare)] == before


class Away(Exception):
    """A service did not answer, and asks to be asked again."""


@stamina.retry(on=Away, timeout=PATIENCE_SECONDS, attempts=None, wait_initial=0.2, wait_max=1.0)
def until_answered(person: Person, path: str, body: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
    """What a person's request is answered with, once the service is there. Raises Away when it never is."""
    answer = person.get(path) if body is None else person.post(path, body, headers=headers)
    if answer.status_code == 503:
        raise Away(answer.text)
    found: dict[str, Any] = ok(answer)
    return found


def test_what_was_acknowledged_before_a_kill_is_there_once(installation: Installation, client: httpx.Client) -> None:
    command(installation, "seed-plans")
    buyers = [register(client, f"DarBuyer{number}") for number in range(BUYERS)]
    ids = {one.data["id"] for one in buyers}
    for restaurant_id in ids:
        soon(installation, "billing", "SELECT 1 FROM subscriptions WHERE restaurant_id = %s", (restaurant_id,))

    def try_plus(restaurant: Restaurant) -> dict[str, Any]:
        key = {"Idempotency-Key": f"trial-{restaurant.data['id']}"}
        return until_answered(restaurant.owner, "/api/billing/subscription/trial/", {"plan": "plus"}, **key)

    with ThreadPoolExecutor(BUYERS) as people:
        first = people.submit(try_plus, buyers[0])
        rest = [people.submit(try_plus, buyer) for buyer in buyers[1:]]
        first.result()
        installation.kill("billing")
        assert installation.supervisor.child("billing").wait(PATIENCE_SECONDS) == -signal.SIGKILL
        installation.restart("billing")
        trials = [first.result(), *(one.result() for one in rest)]
    assert {trial["status"] for trial in trials} == {"trialing"}

    world = World(installation.site)
    addresses = {"plan": "premium", "success_url": SITE, "cancel_url": SITE}
    pages = [until_answered(buyer.owner, "/api/billing/subscription/checkout/", addresses) for buyer in buyers]
    for page in pages:
        assert world.pay(page["url"]) == 303
    # Somewhere between the first webhook that was stored and the last that was acted on.
    installation.kill("billing")
    installation.restart("billing")
    world.control("redeliver")
    for buyer in buyers:
        eventually(
            partial(until_answered, buyer.owner, "/api/billing/subscription/"),
            lambda found: found["plan"]["slug"] == "premium",
            PATIENCE_SECONDS,
        )
    world.close()
    in_the_end = "SELECT 1 FROM entitlements WHERE restaurant_id = %s AND plan = 'premium'"
    for restaurant_id in ids:
        soon(installation, "billing", in_the_end, (restaurant_id,))
        soon(installation, "identity", in_the_end.replace("entitlements", "entitlement_ref"), (restaurant_id,))

    for events in told(installation, facts.EntitlementChanged, ids).values():
        assert [event.version for event in events] == list(range(1, len(events) + 1))
        # What was left of the trial came along.
        assert (events[-1].plan, events[-1].reason) == ("premium", "trial")
    for events in told(installation, facts.SubscriptionUpdated, ids).values():
        began = [event for event in events if event.previous_status == "incomplete"]
        assert len(began) == 1
        versions = [event.subscription.version for event in events]
        assert versions == sorted(set(versions))
    with psycopg.connect(installation.site.database_url("billing")) as connection:
        connection.execute("SELECT set_config('mizan.scope', 'system', true)")
        rows = connection.execute(
            "SELECT restaurant_id, count(*) FROM invoices WHERE restaurant_id = ANY(%s) GROUP BY 1",
            ([UUID(one) for one in ids],),
        ).fetchall()
        assert {count for _, count in rows} <= {1}
        left = "SELECT count(*) FROM provider_events WHERE processed_at IS NULL"
    eventually(lambda: count(installation, left), lambda waiting: waiting == 0, PATIENCE_SECONDS)


def count(installation: Installation, question: str) -> int:
    """What a question counts in billing's database."""
    with psycopg.connect(installation.site.database_url("billing")) as connection:
        connection.execute("SELECT set_config('mizan.scope', 'system', true)")
        ((found,),) = connection.execute(question).fetchall()
    return int(found)
