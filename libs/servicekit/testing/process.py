"""A service as the process that runs in production."""

import http.client
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.stack.processes import LOOPBACK, Child, Spawner, free_port

TIMEOUT_SECONDS = 10.0
PREFIXED = frozenset({"database_url"})


@dataclass(frozen=True)
class ServiceProcess:
    """A process that answers its probes."""

    child: Child
    http_port: int

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of a request to the port for probes; 0 while nobody listens there."""
        connection = http.client.HTTPConnection(LOOPBACK, self.http_port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except ConnectionError:
            return 0, ""
        finally:
            connection.close()


@contextmanager
def service_process(service: str, settings: Mapping[str, Any], folder: Path) -> Iterator[ServiceProcess]:
    """Runs `python -m services.<service>` until it is ready and, in the end, until it has stopped.

    Raises ServerError when it does not become ready or does not stop.
    """
    port = free_port()
    prefix = f"{service.upper()}_"
    values = {(prefix if name in PREFIXED else "") + name.upper(): str(value) for name, value in settings.items()}
    environment = {**os.environ, **values, f"{prefix}HTTP_PORT": str(port)}
    spawner = Spawner()
    child = spawner.spawn(
        service, [sys.executable, "-m", f"services.{service}"], folder / f"{service}.log", environment=environment
    )
    process = ServiceProcess(child, port)
    try:
        child.wait_until(lambda: process.get("/readyz")[0] == 200)
        yield process
    finally:
        child.stop()
        spawner.close()
