"""The agent's server hears of logins and incidents once, signed, and again when it certainly did not take them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from mizan.identity.events.v1 import events_pb2 as identity
from mizan.scheduling.events.v1 import events_pb2 as scheduling
from servicekit.testing.clock import MovableClock
from servicekit.testing.events import Bus, eventually, handled
from services.notify.clients.agent import Agent, AgentAddress
from services.notify.domain.agent import is_news, signing_keys
from services.notify.domain.deliveries import Refused, Skipped
from services.notify.tests.providers import AGENT_KEY, AGENT_SECRET, AGENT_WEBHOOK_KEY
from services.notify.tests.town import Someone, Town
from tools.phone_server.faults import Fault

CONSUMER = "notify-agent"


def logged_in(someone: Someone) -> identity.SessionOpened:
    return identity.SessionOpened(
        session_id=str(uuid4()), user_id=str(someone.id), restaurant_id=str(someone.restaurant_id), origin="PASSWORD"
    )


def incident(place: UUID, reporter: str = "") -> scheduling.IncidentReported:
    facts = scheduling.IncidentFacts(
        id=str(uuid4()),
        restaurant_id=str(place),
        incident_type="Maintenance",
        title="The oven is broken",
        severity="LOW",
        status="REPORTED",
        reporter_id=reporter,
    )
    return scheduling.IncidentReported(incident=facts)


async def happens(town: Town, message: Any, place: UUID) -> None:
    await handled(town.notify, CONSUMER, await town.bus.publish(message, restaurant_id=place))


def webhook(town: Town, key: str) -> Any:
    (row,) = [row for row in town.addressed("agent") if row.key == key]
    return row


async def settled(town: Town, key: str, state: str) -> Any:
    async def reached() -> Any:
        row = webhook(town, key)
        return row if row.state == state else None

    return await eventually(reached)


async def test_a_login_is_told_once_without_a_credential(town: Town, bus: Bus) -> None:
    place = await town.restaurant()
    amina = await town.person(place, role="MANAGER", language="ar")
    login = logged_in(amina)
    await happens(town, login, place)
    await happens(town, login, place)
    await settled(town, f"session {login.session_id}", "SENT")
    assert town.world.agent.heard("user_authenticated", amina.email) == [
        {
            "emailAddress": amina.email,
            "mobileNumber": amina.phone,
            "fullName": "Amina Idrissi",
            "restaurantId": str(place),
            "restaurantName": "Dar Atlas",
            "role": "manager",
            "language": "ar",
            "rtl": True,
            "metadata": {
                "userId": str(amina.id),
                "sessionId": f"tenant-{place}-user-{amina.id}",
                "language": "ar",
            },
        }
    ]


async def test_an_incident_is_told_with_its_reporter_or_with_nobody(town: Town) -> None:
    place = await town.restaurant()
    amina = await town.person(place)
    signed, anonymous = incident(place, str(amina.id)), incident(place)
    for one in (signed, anonymous):
        await happens(town, one, place)
        await settled(town, f"incident {one.incident.id}", "SENT")
    (told,) = town.world.agent.heard("incident_reported", signed.incident.id)
    assert (told["staffId"], told["role"], told["details"]["phone"]) == (str(amina.id), "waiter", f"+{amina.phone}")
    assert told["details"]["incidentDescription"] == "The oven is broken"
    (told,) = town.world.agent.heard("incident_reported", anonymous.incident.id)
    assert (told["staffId"], told["staffName"], told["details"]["phone"]) == ("", "", "")


async def test_who_is_not_known_yet_is_told_of_later(town: Town) -> None:
    place = await town.restaurant()
    stranger = Someone(place, uuid4(), "Nobody", "", "", "en")
    login = logged_in(stranger)
    await happens(town, login, place)
    row = await settled(town, f"session {login.session_id}", "PENDING")
    assert row.attempts <= 1
    assert town.world.agent.heard("user_authenticated", str(stranger.id)) == []


async def test_what_happened_long_ago_is_no_news(town: Town, clock: MovableClock) -> None:
    place = await town.restaurant()
    amina = await town.person(place)
    login = logged_in(amina)
    clock.advance(timedelta(hours=2))
    try:
        await happens(town, login, place)
    finally:
        clock.advance(-timedelta(hours=2))
    assert [row for row in town.addressed("agent") if row.key == f"session {login.session_id}"] == []
    assert town.world.agent.heard("user_authenticated", amina.email) == []


@pytest.mark.parametrize(
    ("event", "hours"), [("user_authenticated", 1), ("staff_invite", 24), ("incident_reported", 24)]
)
def test_what_is_news_depends_on_what_it_is(event: str, hours: int) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert is_news(event, now - timedelta(hours=hours), now)
    assert not is_news(event, now - timedelta(hours=hours, seconds=1), now)


@pytest.mark.parametrize(
    ("fault", "state", "asked", "told"),
    [
        (Fault(429, headers={"Retry-After": "1"}), "SENT", 2, 1),
        (Fault(503), "SENT", 2, 1),
        (Fault(500), "SENT", 2, 1),
        (Fault(404), "FAILED", 1, 0),
        (Fault(307, headers={"Location": "http://127.0.0.1:9/"}), "FAILED", 1, 0),
        (Fault(504), "UNCERTAIN", 1, 0),
        (Fault(502, accepts=True), "UNCERTAIN", 1, 1),
        (Fault(delay=4, accepts=True), "UNCERTAIN", 1, 1),
    ],
    ids=["too many", "away", "failed", "no such page", "elsewhere", "gateway", "answer lost", "timeout"],
)
async def test_the_agent_fails(town: Town, fault: Fault, state: str, asked: int, told: int) -> None:
    place = await town.restaurant()
    report = incident(place)
    before = town.world.agent.asked
    town.world.agent.faults.order(fault)
    await happens(town, report, place)
    await settled(town, f"incident {report.incident.id}", state)
    assert town.world.agent.asked - before == asked
    assert len(town.world.agent.heard("incident_reported", report.incident.id)) == told


def address(town: Town, **other: str) -> AgentAddress:
    given = {
        "authenticated_url": town.world.settings["agent_authenticated_url"],
        "events_url": town.world.settings["agent_events_url"],
        "api_key": AGENT_KEY,
        "webhook_key": AGENT_WEBHOOK_KEY,
        "secrets": AGENT_SECRET,
    }
    return AgentAddress(**{**given, **other})


REPORT = {
    "eventType": "incident_reported",
    "staffId": "",
    "staffName": "",
    "role": "",
    "details": dict.fromkeys(("incidentDescription", "phone", "ticket_id", "incident_type", "severity"), "x"),
    "timestamp": "2026-11-22T19:00:00+00:00",
}
OTHER_SECRET = "whsec_" + "QUJD" * 10


@pytest.mark.parametrize(
    ("other", "outcome"),
    [
        ({"secrets": OTHER_SECRET}, Refused("HTTP 401")),
        ({"api_key": "another"}, Refused("HTTP 401")),
        ({"webhook_key": ""}, Refused("HTTP 401")),
        ({"secrets": ""}, Skipped("the agent's server is not configured")),
        ({"events_url": ""}, Skipped("the agent's server is not configured")),
    ],
)
async def test_nothing_unsigned_is_sent_or_taken(
    town: Town, clock: MovableClock, other: dict[str, str], outcome: object
) -> None:
    agent = Agent(address(town, **other), timeout=3)
    reference = str(uuid4())
    assert await agent.tell_event(REPORT, reference, clock.now()) == outcome
    assert reference not in [one["id"] for one in town.world.agent.took]
    await agent.stop()


async def test_while_secrets_are_exchanged_both_sign(town: Town, clock: MovableClock) -> None:
    agent = Agent(address(town, secrets=f"{OTHER_SECRET} {AGENT_SECRET}"), timeout=3)
    reference = str(uuid4())
    await agent.tell_event(REPORT, reference, clock.now())
    assert reference in [one["id"] for one in town.world.agent.took]
    await agent.stop()


@pytest.mark.parametrize("secret", ["whsec_QUJD", "QUJD" * 10, "whsec_no base64 at all"])
def test_a_secret_that_is_none_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        signing_keys(secret)
