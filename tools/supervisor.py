"""Runs the processes of a development installation together and stops them together."""

import http.client
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tools.stack.processes import LOOPBACK, Child, ServerError, Spawner

PROBE_TIMEOUT = 2.0
ECHO_INTERVAL = 0.25
IMPORTANT = re.compile(rb'"level": ?"(error|critical)"|^(ERROR|CRITICAL|Traceback)\b')


class ProcessDied(RuntimeError):
    """A process ended that should have gone on; the message holds the end of its log."""


def answers_ready(port: int, path: str = "/readyz") -> bool:
    """Whether an HTTP server on the loopback port says that it is ready."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=PROBE_TIMEOUT)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class ErrorEcho:
    """Prints the lines of log files that report an error, while they are written."""

    def __init__(self) -> None:
        self._offsets: dict[Path, int] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="error-echo", daemon=True)

    def watch(self, log: Path) -> None:
        """Follow a log from its present end."""
        self._offsets[log] = log.stat().st_size

    def start(self) -> None:
        """Begin to print."""
        self._thread.start()

    def stop(self) -> None:
        """Print what is left and end."""
        self._stopped.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._stopped.wait(ECHO_INTERVAL):
            self._print_new()
        self._print_new()

    def _print_new(self) -> None:
        for path, offset in list(self._offsets.items()):
            with path.open("rb") as log:
                log.seek(offset)
                for line in log:
                    if not line.endswith(b"\n"):
                        break  # still being written
                    offset += len(line)
                    if IMPORTANT.search(line):
                        print(f"{path.stem}: {line.decode(errors='replace').rstrip()}", flush=True)
            self._offsets[path] = offset


Command = tuple[Sequence[str], Mapping[str, str]]
"""A command line and its environment."""


class Supervisor:
    """Starts processes with a log file each, watches them, and stops them in the reverse order of their groups."""

    def __init__(self, logs: Path, spawner: Spawner) -> None:
        self._logs = logs
        self._spawner = spawner
        self._groups: list[list[str]] = []
        self._commands: dict[str, Command] = {}
        self._children: dict[str, Child] = {}
        self._echo = ErrorEcho()

    def start_group(self, commands: Mapping[str, Command]) -> dict[str, Child]:
        """Start processes side by side; they are stopped side by side too."""
        if not self._groups:
            self._echo.start()
        self._groups.append([])
        for name, command in commands.items():
            log = self._log_of(name)
            log.touch()
            self._echo.watch(log)
            self._commands[name] = command
            self._spawn(name)
            self._groups[-1].append(name)
        return {name: self._children[name] for name in commands}

    def child(self, name: str) -> Child:
        """The process under a name. Raises KeyError when none was started."""
        return self._children[name]

    def restart(self, name: str) -> Child:
        """Start a process again with its command line and environment, after it was stopped if it still runs."""
        self._children[name].stop()
        return self._spawn(name)

    def wait_for_death(self, others: Callable[[], list[Child]]) -> None:
        """Block until a process ends, of this supervisor or of the others; raises ProcessDied."""
        with woken_by_children() as wake_up:
            while True:
                for child in [*self._children.values(), *others()]:
                    if child.status is not None:
                        raise ProcessDied(f"{child.name} ended with status {child.status}:\n{child.log_tail()}")
                wake_up.recv(1024)

    def _log_of(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def _spawn(self, name: str) -> Child:
        command, environment = self._commands[name]
        self._children[name] = self._spawner.spawn(name, command, self._log_of(name), environment=environment)
        return self._children[name]

    def stop(self) -> list[str]:
        """Stop every group, the newest first; returns what went wrong."""
        complaints: list[str] = []
        while self._groups:
            group = [self._children[name] for name in self._groups.pop()]
            for child in group:
                child.send(signal.SIGTERM)
            for child in group:
                try:
                    child.wait_stopped()  # a second signal would cut the drain short
                except ServerError as error:
                    complaints.append(str(error))
            if not self._groups:
                self._echo.stop()
        return complaints


@contextmanager
def woken_by_children() -> Iterator[socket.socket]:
    """A socket that becomes readable whenever a child process changes its state."""
    readable, writable = socket.socketpair()
    writable.setblocking(False)
    earlier_handler = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    earlier_fd = signal.set_wakeup_fd(writable.fileno(), warn_on_full_buffer=False)
    try:
        yield readable
    finally:
        signal.set_wakeup_fd(earlier_fd)
        signal.signal(signal.SIGCHLD, earlier_handler)
        readable.close()
        writable.close()
