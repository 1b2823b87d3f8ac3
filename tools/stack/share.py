"""One set of servers for many processes: a process of its own boots it and stops it with its last user.

A user is a connection to the Unix socket. On connecting it is told how to reach the servers; they end when the last
connection does, whether its process said goodbye or died. A last user who says goodbye is answered after the stop.
"""

import fcntl
import json
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tools.stack.processes import START_TIMEOUT, STOP_TIMEOUT, Child, ServerError
from tools.stack.stack import Endpoints, make_stack

ROOT = Path(__file__).resolve().parent.parent.parent
FIRST_USER_TIMEOUT = 180.0
GREETING_LIMIT = 65_536


@dataclass(frozen=True)
class User:
    """One process's hold on shared servers, and what it was told about them."""

    connection: socket.socket
    greeting: dict[str, Any]

    def leave(self) -> None:
        """Say goodbye; when this was the last user, the servers are stopped on return."""
        with self.connection:
            self.connection.settimeout(3 * STOP_TIMEOUT)
            self.connection.shutdown(socket.SHUT_WR)
            while self.connection.recv(1):
                pass


def serve(greeting: Mapping[str, Any], stop: Callable[[], object], address: Path) -> None:
    """Keep started servers until their last user leaves, or until it is plain that nobody comes, then stop them."""
    told = json.dumps(greeting).encode() + b"\n"
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as selector, ExitStack() as leaving:
        listener.bind(str(address))
        listener.listen()
        selector.register(listener, selectors.EVENT_READ)
        users = 0
        while ready := selector.select(None if users else FIRST_USER_TIMEOUT):
            for key, _ in ready:
                if key.data is None:
                    user, _ = listener.accept()
                    user.sendall(told)
                    selector.register(user, selectors.EVENT_READ, user)
                    users += 1
                    continue
                selector.unregister(key.data)
                users -= 1
                if users:
                    key.data.close()
                else:
                    leaving.callback(key.data.close)
            if not users:
                break
        listener.close()
        stop()


def join(address: Path) -> User | None:
    """A hold on the servers behind the address, or None when there are none or they are just ending."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(START_TIMEOUT)
    try:
        connection.connect(str(address))
        with connection.makefile("rb") as stream:
            greeting = stream.readline(GREETING_LIMIT)
    except (FileNotFoundError, ConnectionError):
        greeting = b""
    if not greeting:
        connection.close()
        return None
    return User(connection, json.loads(greeting))


@contextmanager
def shared(run_folder: Path, name: str, module: str) -> Iterator[dict[str, Any]]:
    """What is known about the servers that all processes of a run share, which the first one boots.

    They are booted by `python -m MODULE FOLDER SOCKET`. Raises ServerError when they do not come up.
    """
    with (run_folder / f"{name}.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        recorded = lock.read()
        user = join(Path(recorded)) if recorded else None
        if user is None:
            # The path of a Unix socket is limited to about 100 bytes, so it cannot be in the folder of the run.
            folder = Path(tempfile.mkdtemp(prefix="mizan-"))
            user = _boot(folder, name, module)
            lock.truncate(0)
            lock.write(str(folder / "socket"))
    try:
        yield user.greeting
    finally:
        user.leave()


@contextmanager
def shared_stack(run_folder: Path) -> Iterator[Endpoints]:
    """The endpoints of the stack that all processes of a run share. Raises ServerError when it does not come up."""
    with shared(run_folder, "stack", "tools.stack") as greeting:
        yield Endpoints(**greeting)


def _boot(folder: Path, name: str, module: str) -> User:
    """Start the process that owns the servers and join it."""
    # PostgreSQL's data may belong to another user than the folder.
    folder.chmod(0o711)
    address, log = folder / "socket", folder / "share.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module, folder / "data", address],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    child = Child(f"the shared {name}", process, log, 0)
    joined: list[User] = []

    def has_joined() -> bool:
        joined.extend(filter(None, [join(address)]))
        return bool(joined)

    try:
        child.wait_until(has_joined, 2 * START_TIMEOUT)
    except ServerError:
        child.kill()
        shutil.rmtree(folder)
        raise
    return joined[0]


def main(folder: Path, address: Path) -> None:
    """Boot a stack for tests, serve it, and remove what it left on disk."""
    with make_stack(folder, durable=False) as stack:
        serve(asdict(stack.endpoints), stack.stop, address)
    shutil.rmtree(address.parent)
