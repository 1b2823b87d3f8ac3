"""Boots the three servers together and says how to reach them."""

import fcntl
import hashlib
import os
import secrets
from abc import ABC, abstractmethod
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.stack.databases import Database, Databases
from tools.stack.nats import Nats
from tools.stack.postgres import Postgres
from tools.stack.processes import Child, ServerError, Spawner, write_secret
from tools.stack.server import Server
from tools.stack.valkey import Valkey

MODES = ("wheels", "containers", "external")


class StackUnavailable(RuntimeError):
    """The wanted kind of stack cannot run here; the message says why."""


@dataclass(frozen=True)
class Endpoints:
    """How the servers are reached."""

    admin_dsn: str
    nats_url: str
    redis_url: str
    # From which the passwords of the database roles are derived.
    secret: str
    # Put before the names of databases on a server that others use too.
    prefix: str = ""

    @property
    def databases(self) -> Databases:
        """Makes databases on the PostgreSQL server."""
        return Databases(self.admin_dsn, self.secret, self.prefix)


class Stack(ABC):
    """The servers, as a context manager: `with make_stack(folder) as stack: ...`."""

    @abstractmethod
    def start(self) -> None:
        """Boot all servers and wait until each answers; raises ServerError or StackUnavailable."""

    @abstractmethod
    def stop(self) -> None:
        """Stop all servers that run, PostgreSQL last; raises ServerError when one had to be killed."""

    @abstractmethod
    def kill(self, name: str) -> None:
        """SIGKILL `postgres`, `nats` or `valkey`."""

    @abstractmethod
    def restart(self, name: str) -> None:
        """Boot one server again on its port and data and wait until it answers."""

    @property
    @abstractmethod
    def endpoints(self) -> Endpoints:
        """How the servers are reached."""

    @property
    def admin_dsn(self) -> str:
        """Connection URL of PostgreSQL's superuser."""
        return self.endpoints.admin_dsn

    @property
    def nats_url(self) -> str:
        """Connection URL of NATS."""
        return self.endpoints.nats_url

    @property
    def redis_url(self) -> str:
        """Connection URL of Valkey or Redis."""
        return self.endpoints.redis_url

    def create_database(self, name: str, service: str | None = None) -> Database:
        """Make a database with its owner and application roles; what exists is kept and brought in line."""
        return self.endpoints.databases.create(name, service)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class WheelStack(Stack):
    """Servers from Python wheels, as child processes on loopback ports, with their data in a folder.

    Where `durable` is false, PostgreSQL does not wait for the disk: for tests, whose data is thrown away.
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder = folder.resolve()
        self._spawner = Spawner()
        self._lock = ExitStack()
        logs = self.folder / "logs"
        self.postgres = Postgres(self.folder / "postgres", logs / "postgres.log", self._spawner, durable=durable)
        self.nats = Nats(self.folder / "nats", logs / "nats.log", self._spawner)
        self.valkey = Valkey(self.folder / "valkey", logs / "valkey.log", self._spawner)

    @property
    def _servers(self) -> dict[str, Server]:
        return {server.name: server for server in (self.postgres, self.nats, self.valkey)}

    @property
    def endpoints(self) -> Endpoints:
        """How the servers are reached."""
        secret = (self.folder / "postgres" / "roles.secret").read_text()
        return Endpoints(self.postgres.dsn, self.nats.url, self.valkey.url, secret)

    def start(self) -> None:
        """Boot all servers side by side; raises ServerError when one does not come up or the folder is in use."""
        # Others may pass to PostgreSQL's data, which is another user's when root boots the stack; they see nothing.
        self.folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        (self.folder / "logs").mkdir(mode=0o700, exist_ok=True)
        self._take_folder()
        self._keep_secret(self.folder / "postgres" / "roles.secret")
        try:
            for server in self._servers.values():
                server.launch()
            for server in self._servers.values():
                server.wait_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all servers that run, PostgreSQL last; raises ServerError when one had to be killed."""
        with ExitStack() as stopping:
            stopping.callback(self._lock.close)
            for server in self._servers.values():
                stopping.callback(server.stop)

    def kill(self, name: str) -> None:
        """SIGKILL one server; raises ServerError when it does not run."""
        self._servers[name].kill()

    def restart(self, name: str) -> None:
        """Boot one server again on its port and data and wait until it answers."""
        self._servers[name].restart()

    def children(self) -> list[Child]:
        """The processes of the servers that were started."""
        return [server.child for server in self._servers.values() if server.child is not None]

    def _take_folder(self) -> None:
        file = self._lock.enter_context((self.folder / "lock").open("a"))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise ServerError(f"{self.folder} is in use by another stack; choose another folder") from None

    @staticmethod
    def _keep_secret(path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            write_secret(path, secrets.token_urlsafe(32))


class ExternalStack(Stack):
    """Servers that somebody else runs: ADMIN_DATABASE_URL, NATS_URL and REDIS_URL say where."""

    def __init__(self) -> None:
        names = ("ADMIN_DATABASE_URL", "NATS_URL", "REDIS_URL")
        if missing := [name for name in names if not os.environ.get(name)]:
            raise StackUnavailable(f"an external stack needs {' and '.join(missing)}")
        admin_dsn, nats_url, redis_url = (os.environ[name] for name in names)
        # Everybody who may administer the server derives the same passwords, so that runs side by side agree.
        secret = hashlib.sha256(admin_dsn.encode()).hexdigest()
        self._endpoints = Endpoints(admin_dsn, nats_url, redis_url, secret, prefix=f"t{secrets.token_hex(4)}_")

    @property
    def endpoints(self) -> Endpoints:
        """How the servers are reached."""
        return self._endpoints

    def start(self) -> None:
        """Nothing to boot."""

    def stop(self) -> None:
        """Drop the databases that were made through this stack."""
        self.endpoints.databases.drop_all()

    def kill(self, name: str) -> None:
        """Raises StackUnavailable: servers of others are not killed."""
        raise StackUnavailable(f"{name} is an external server and is not killed")

    def restart(self, name: str) -> None:
        """Raises StackUnavailable: servers of others are not restarted."""
        raise StackUnavailable(f"{name} is an external server and is not restarted")


def make_stack(folder: Path, *, durable: bool = True, mode: str | None = None) -> Stack:
    """The kind of stack that `mode` or TEST_STACK names: wheels (default), containers or external.

    Raises StackUnavailable when that kind cannot run here.
    """
    mode = mode or os.environ.get("TEST_STACK") or MODES[0]
    if mode == "wheels":
        return WheelStack(folder, durable=durable)
    if mode == "external":
        return ExternalStack()
    if mode == "containers":
        # Imported here: the Docker client takes a third of a second that no other kind needs.
        from tools.stack.containers import ContainerStack

        return ContainerStack()
    raise StackUnavailable(f"TEST_STACK={mode} is none of {', '.join(MODES)}")
