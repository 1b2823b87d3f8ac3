"""Every process is replaced while people work, as a rolling update does it: no request fails and no event is lost."""

import asyncio
import json
from collections.abc import Iterator

import httpx
import pytest
import stamina

from tests.chaos.rounds import Balancer, Rounds, callers, told
from tests.support.breakable import breakable
from tools.installation import GATEWAY, Installation

pytestmark = [pytest.mark.chaos, pytest.mark.long, pytest.mark.timeout(180)]

SERVICES = ("identity", "pos")
PEOPLE = 3
# Requests between two steps, so that each step happens under load.
BETWEEN = 25
SETTLED_SECONDS = 45


@pytest.fixture(scope="module")
def two_of_each(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Two processes of identity, of pos and of the gateway."""
    with breakable(tmp_path_factory, SERVICES, replicas=2) as installation:
        yield installation


def callers_of(installation: Installation, name: str) -> int:
    """How many connections a process of a service has."""
    return callers(httpx.get(f"{installation.site.health_urls[name]}/metrics/", timeout=5).text)


async def found(installation: Installation, name: str, connected: int) -> None:
    """Waits until so many are connected to a process, which each of them tries again every two seconds at least.

    In a cluster, the pods' `minReadySeconds` are that wait. Raises AssertionError.
    """
    async for attempt in stamina.retry_context(on=AssertionError, timeout=SETTLED_SECONDS, attempts=None, wait_max=0.2):
        with attempt:
            assert await asyncio.to_thread(callers_of, installation, name) >= connected


async def test_processes_are_replaced_under_load(two_of_each: Installation, pytestconfig: pytest.Config) -> None:
    gateways = two_of_each.replicas_of(GATEWAY)
    balancer = Balancer([two_of_each.url_of(name) for name in gateways])
    rounds = Rounds(balancer, SERVICES)
    await rounds.start(PEOPLE)
    for component in SERVICES:
        for name in two_of_each.replicas_of(component):
            await found(two_of_each, name, len(gateways))
    for component in (*SERVICES, GATEWAY):
        for name in two_of_each.replicas_of(component):
            await rounds.more(BETWEEN)
            if component == GATEWAY:
                balancer.withdraw(two_of_each.url_of(name))
            else:
                connected = callers_of(two_of_each, name)
            await asyncio.to_thread(two_of_each.terminate, name)
            await rounds.more(BETWEEN)
            await asyncio.to_thread(two_of_each.restart, name)
            if component == GATEWAY:
                balancer.put_back(two_of_each.url_of(name))
            else:
                await found(two_of_each, name, connected)
    await rounds.more(BETWEEN)
    await rounds.leave()

    assert rounds.failures == []
    assert rounds.answers.keys() <= {200, 201}
    async for attempt in stamina.retry_context(on=AssertionError, timeout=SETTLED_SECONDS, attempts=None, wait_max=0.5):
        with attempt:
            assert await told(two_of_each.site, rounds.made) == []
    report = {"answered": rounds.answers.total(), "made": sum(map(len, rounds.made.values())), "failed": 0}
    file = pytestconfig.rootpath / "build" / "rolling.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(report, indent=2))
