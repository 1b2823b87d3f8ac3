"""Parts are killed, one after the other, while people work: nothing acknowledged is lost and nothing is done twice."""

import asyncio
import json
import signal
import time
from uuid import uuid4

import pytest
import stamina
from nats.errors import Error as NatsError

from tests.chaos.crowd import NO_ANSWER, Crowd
from tests.chaos.ledger import Listener, count, listening
from tools.installation import Installation

pytestmark = [pytest.mark.chaos, pytest.mark.long, pytest.mark.timeout(180)]

PEOPLE = 6
# What counts as being at work, before an outage and after it.
BUSY = 25
DEADLINE_SECONDS = 11.0
RECOVERY_SECONDS = 8.0
# NATS waits twelve seconds before it delivers again what a killed consumer had taken.
SETTLED_SECONDS = 45


async def settled(installation: Installation, listener: Listener, crowd: Crowd) -> None:
    """Waits until everything agrees with what was acknowledged. Raises AssertionError."""
    # JetStream answers with errors of its own while it starts.
    expected = (AssertionError, NatsError)
    async for attempt in stamina.retry_context(on=expected, timeout=SETTLED_SECONDS, attempts=None, wait_max=0.5):
        with attempt:
            complaints = (await count(installation.site, listener)).complaints(crowd)
            assert not complaints, "\n".join(complaints)


async def at_work(crowd: Crowd, since: float) -> None:
    """Waits until writes and reads succeed at a good pace."""
    await crowd.writes.wait_for(BUSY, since, 200, 201)
    await crowd.reads.wait_for(BUSY, since, 200)


@pytest.fixture
def note(pytestconfig: pytest.Config, request: pytest.FixtureRequest):
    """Keeps the measured times in build/chaos.json."""

    def keep(**figures: float) -> None:
        file = pytestconfig.rootpath / "build" / "chaos.json"
        file.parent.mkdir(exist_ok=True)
        known = json.loads(file.read_text()) if file.exists() else {}
        known[request.node.name] = {name: round(value, 3) for name, value in figures.items()}
        file.write_text(json.dumps(known, indent=2))

    return keep


@pytest.mark.parametrize("victim", ["identity", "nats", "postgres", "valkey"])
async def test_a_part_is_killed_under_load(own_installation: Installation, victim: str, note) -> None:
    crowd = Crowd(own_installation.url)
    async with listening(own_installation.site, f"chaos-{uuid4().hex}") as listener:
        await crowd.gather(PEOPLE)
        crowd.start()
        await at_work(crowd, 0)

        killed = time.monotonic()
        await asyncio.to_thread(own_installation.kill, victim)
        if victim in ("nats", "valkey"):
            # Work goes on: facts wait in the outbox, limits are counted by the gateway itself.
            await at_work(crowd, time.monotonic())
        else:
            await crowd.writes.wait_for(PEOPLE, killed, 503)
            await crowd.reads.wait_for(PEOPLE // 2, killed, 503)
        restarted = time.monotonic()
        await asyncio.to_thread(own_installation.restart, victim)
        ready = time.monotonic()
        await at_work(crowd, ready)
        await crowd.leave()
        await settled(own_installation, listener, crowd)

    answers = crowd.writes.statuses + crowd.reads.statuses
    assert crowd.wrong == []
    assert set(answers) <= ({200, 201} if victim in ("nats", "valkey") else {200, 201, 503})
    assert max(crowd.writes.slowest, crowd.reads.slowest) < DEADLINE_SECONDS
    recovery = max(crowd.writes.first_after(ready, 200, 201), crowd.reads.first_after(ready, 200))
    assert recovery < RECOVERY_SECONDS
    note(
        start_seconds=ready - restarted,
        recovery_seconds=recovery,
        slowest_seconds=max(crowd.writes.slowest, crowd.reads.slowest),
        settled_seconds=time.monotonic() - ready,
        acknowledged=answers[200] + answers[201],
        refused=answers[503],
    )


@pytest.mark.parametrize("leaver", ["identity", "gateway"])
async def test_who_is_asked_to_stop_finishes_what_was_begun(own_installation: Installation, leaver: str, note) -> None:
    crowd = Crowd(own_installation.url)
    async with listening(own_installation.site, f"chaos-{uuid4().hex}") as listener:
        await crowd.gather(PEOPLE)
        crowd.start()
        await at_work(crowd, 0)

        child = own_installation.supervisor.child(leaver)
        asked = time.monotonic()
        await asyncio.to_thread(own_installation.terminate, leaver)
        ended = time.monotonic()
        await asyncio.to_thread(own_installation.restart, leaver)
        await at_work(crowd, time.monotonic())
        await crowd.leave()
        await settled(own_installation, listener, crowd)

    # uvicorn drains and then lets the signal end it.
    assert child.status in (0, -signal.SIGTERM)
    assert crowd.wrong == []
    answers = crowd.writes.statuses + crowd.reads.statuses
    # Identity's callers are told; the gateway's own see its address closed.
    assert set(answers) <= {200, 201, 503 if leaver == "identity" else NO_ANSWER}
    assert max(crowd.writes.slowest, crowd.reads.slowest) < DEADLINE_SECONDS
    note(
        drain_seconds=ended - asked, acknowledged=answers[200] + answers[201], refused=answers[503] + answers[NO_ANSWER]
    )
