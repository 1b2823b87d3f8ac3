"""Starts the controls beside an installation, on its PostgreSQL."""

import http.client
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.bench.controls import skeleton
from tests.bench.scenario import http as request
from tools.installation import Installation
from tools.stack import free_port
from tools.stack.processes import LOOPBACK, Child, Spawner
from tools.supervisor import answers_ready


class Controls:
    """The running controls: their ports, their processes, and the requests that they answer."""

    def __init__(self, bare: Child, front: Child, back: Child, ports: tuple[int, int]) -> None:
        self.bare, self.front, self.back = bare, front, back
        self.bare_port, self.skeleton_port = ports
        self.bare_request = request("GET", "/")
        self.skeleton_request = request("GET", "/me", token=skeleton.TOKEN)


def _answers(port: int) -> bool:
    """Whether the skeleton finds its row."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        connection.request("GET", "/me", headers={"authorization": f"Bearer {skeleton.TOKEN}"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@contextmanager
def controls(installation: Installation, logs: Path) -> Iterator[Controls]:
    """Runs the controls. Raises ServerError when one does not come up."""
    database = installation.stack.create_database("control")
    skeleton.prepare(database.owner_dsn)
    ports = [free_port() for _ in range(3)]
    spawner, running = Spawner(), []

    def start(name: str, *arguments: str) -> Child:
        child = spawner.spawn(name, [sys.executable, "-m", *arguments], logs / f"{name}.log")
        running.append(child)
        return child

    try:
        bare = start("bare", "tests.bench.controls.bare", str(ports[0]))
        back = start("skeleton-service", skeleton.__name__, "service", str(ports[1]), database.app_dsn)
        front = start("skeleton-gateway", skeleton.__name__, "gateway", str(ports[2]), f"{LOOPBACK}:{ports[1]}")
        bare.wait_until(partial(answers_ready, ports[0], "/"))
        front.wait_until(partial(_answers, ports[2]))
        yield Controls(bare, front, back, (ports[0], ports[2]))
    finally:
        for child in running:
            child.stop()
        spawner.close()
