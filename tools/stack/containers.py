"""The stack as containers, wherever a Docker engine answers."""

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import docker
import psycopg
import stamina
from docker.errors import DockerException
from testcontainers.core.container import DockerContainer

from tools.stack import nats, valkey
from tools.stack.processes import START_TIMEOUT, ServerError, free_port
from tools.stack.stack import Endpoints, Stack, StackUnavailable

ENGINE_TIMEOUT = 5
CONNECT_TIMEOUT = 5


class NotReady(Exception):
    """A container runs and its server does not answer yet."""


@dataclass(frozen=True)
class Member:
    """One container and how to tell that its server answers."""

    name: str
    container: DockerContainer
    is_ready: Callable[[], bool]

    def wait_ready(self) -> None:
        """Wait until the server answers; raises ServerError with the container's log when it does not."""
        try:
            for attempt in stamina.retry_context(
                on=NotReady, attempts=None, timeout=START_TIMEOUT, wait_initial=0.05, wait_max=0.5
            ):
                with attempt:
                    if not self.is_ready():
                        raise NotReady
        except NotReady:
            log = b"\n".join(self.container.get_logs()).decode(errors="replace")
            raise ServerError(f"{self.name} was not ready after {START_TIMEOUT:.0f} s:\n{log[-4000:]}") from None


def postgres_answers(dsn: str) -> bool:
    """Whether PostgreSQL accepts the connection."""
    try:
        psycopg.connect(dsn, connect_timeout=CONNECT_TIMEOUT).close()
    except psycopg.OperationalError:
        return False
    return True


class ContainerStack(Stack):
    """postgres:18, nats:2 and redis:7 on ports of their own, which a restart keeps."""

    def __init__(self) -> None:
        try:
            client = docker.from_env(timeout=ENGINE_TIMEOUT)
            client.ping()
            client.close()
        except DockerException as error:
            raise StackUnavailable(f"no Docker engine answers: {error}") from error
        self._password = secrets.token_urlsafe(24)
        self._secret = secrets.token_urlsafe(32)
        self._ports = {name: free_port() for name in ("postgres", "nats", "valkey")}
        self._members: dict[str, Member] = {}
        self._host = ""

    @property
    def endpoints(self) -> Endpoints:
        """How the servers are reached."""
        address = {name: f"{self._host}:{port}" for name, port in self._ports.items()}
        return Endpoints(
            f"postgresql://postgres:{self._password}@{address['postgres']}/postgres",
            f"nats://mizan:{self._password}@{address['nats']}",
            f"redis://:{self._password}@{address['valkey']}/0",
            self._secret,
        )

    def start(self) -> None:
        """Create and start the containers; raises ServerError when one does not come up."""
        containers = {
            "postgres": DockerContainer("postgres:18")
            .with_env("POSTGRES_PASSWORD", self._password)
            .with_command("-c max_connections=300 -c fsync=off -c jit=off")
            .with_bind_ports(5432, self._ports["postgres"]),
            "nats": DockerContainer("nats:2")
            .with_command(f"--jetstream --user mizan --pass {self._password}")
            .with_bind_ports(4222, self._ports["nats"]),
            "valkey": DockerContainer("redis:7")
            .with_command(f"redis-server --bind 0.0.0.0 --requirepass {self._password} --save ''")
            .with_bind_ports(6379, self._ports["valkey"]),
        }
        probes: dict[str, Callable[[], bool]] = {
            "postgres": lambda: postgres_answers(self.admin_dsn),
            "nats": lambda: nats.answers(self._host, self._ports["nats"]),
            "valkey": lambda: valkey.answers(self._host, self._ports["valkey"], self._password),
        }
        try:
            for name, container in containers.items():
                self._members[name] = Member(name, container.start(), probes[name])
                self._host = container.get_container_host_ip()
            for member in self._members.values():
                member.wait_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Remove the containers, PostgreSQL last."""
        with ExitStack() as stopping:
            for member in self._members.values():
                stopping.callback(member.container.stop)
        self._members = {}

    def kill(self, name: str) -> None:
        """SIGKILL the server of one container."""
        self._members[name].container.get_wrapped_container().kill()

    def restart(self, name: str) -> None:
        """Start one container again on its port and data and wait until it answers."""
        self._members[name].container.get_wrapped_container().restart()
        self._members[name].wait_ready()
