"""The platform in containers: locked down, replaced under load, backed up and restored."""

import asyncio
import json

import pytest
import stamina

from tests.chaos.rounds import Balancer, Rounds, callers, told
from tests.compose.composition import REPLICAS, Composition, figures
from tools.installation import GATEWAY
from tools.services import ORDER
from tools.stack.databases import Databases

pytestmark = pytest.mark.timeout(1800)

PEOPLE = 4
# Requests before and after a container is told to end, so that it happens under load.
BETWEEN = 25
SETTLED_SECONDS = 90


def until():
    """Tries again until it holds."""
    return stamina.retry_context(on=AssertionError, attempts=None, timeout=SETTLED_SECONDS, wait_max=1.0)


@pytest.mark.parametrize("component", [*ORDER, GATEWAY])
def test_a_container_is_locked_down(containers: Composition, component: str) -> None:
    (first, *_) = containers.containers_of(component)
    known = json.loads(containers.docker("inspect", first))[0]
    assert known["Config"]["User"] == "10001:10001"
    assert known["HostConfig"]["ReadonlyRootfs"] is True
    assert known["HostConfig"]["CapDrop"] == ["ALL"]
    labels = known["Config"]["Labels"]
    assert labels["org.opencontainers.image.title"] == f"mizan-{component}"
    writing = "import pathlib; pathlib.Path('/opt/mizan/app/written').touch()"
    tried = containers.docker("exec", first, "sh", "-c", f'python -c "{writing}" 2>&1 || true')
    assert "Read-only file system" in tried


def test_what_the_containers_take_is_written_down(containers: Composition, pytestconfig: pytest.Config) -> None:
    sizes, memory = figures(containers)
    file = pytestconfig.rootpath / "build" / "compose.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"image_megabytes": sizes, "memory": memory}, indent=2))
    assert len(memory) > len(ORDER) * REPLICAS


async def test_every_container_is_replaced_under_load(containers: Composition, pytestconfig: pytest.Config) -> None:
    """As a rolling update does it: the new one is ready first, then an old one is told to end."""
    balancer = Balancer(list(containers.gateways().values()))
    rounds = Rounds(balancer, ORDER)
    await rounds.start(PEOPLE)
    for service in ORDER:
        old = containers.containers_of(service)
        await asyncio.to_thread(containers.add_one, service)
        (new,) = set(containers.containers_of(service)) - set(old)
        for one in old:
            await rounds.more(BETWEEN)
            await asyncio.to_thread(containers.docker, "stop", "--time", "60", one)
            assert containers.exit_status(one) == 0
            await rounds.more(BETWEEN)
            # Callers look for addresses again when a connection ends, and then know the new one.
            for attempt in until():
                with attempt:
                    assert callers(await asyncio.to_thread(containers.metrics_of, new)) > 0
    for container, url in containers.gateways().items():
        await rounds.more(BETWEEN)
        balancer.withdraw(url)
        await asyncio.to_thread(containers.docker, "stop", "--time", "60", container)
        await rounds.more(BETWEEN)
        await asyncio.to_thread(containers.docker, "start", container)
        await asyncio.to_thread(containers.wait_ready, url)
        balancer.put_back(url)
    await rounds.more(BETWEEN)
    await rounds.leave()

    assert rounds.failures == []
    async for attempt in until():
        with attempt:
            assert await told(containers.site(), rounds.made) == []
    report = {"answered": rounds.answers.total(), "made": sum(map(len, rounds.made.values())), "failed": 0}
    (pytestconfig.rootpath / "build" / "rolling-containers.json").write_text(json.dumps(report, indent=2))


def test_a_backup_is_restored_into_an_empty_server(containers: Composition) -> None:
    """With the operator's image and the databases of a platform that goes on working."""
    saved = containers.operate("mizan", "backup", "/var/lib/mizan/files", "--verify")
    assert saved.count("restored and compared, the same") == len(ORDER)
    with containers.empty_server() as admin:
        databases = Databases(admin.outside, containers.settings["DATABASES_SECRET"])
        for name in ORDER:
            databases.create(name)
        said = containers.operate("mizan", "restore", "/var/lib/mizan/files", server=admin.name)
    assert said.count("restored and compared, the same") == len(ORDER)
