"""Child processes that end with their parent, and the wait for their readiness."""

import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

LOOPBACK = "127.0.0.1"
# Below the range from which the kernel takes the ports of outgoing connections, so that a server that is restarted
# finds its port free again.
PORT_RANGE = (20_000, 32_000)
START_TIMEOUT = 180.0
STOP_TIMEOUT = 20.0
POLL_INTERVAL = 0.01
TAIL_BYTES = 8192
# Locks between processes do not hold within one.
_reserved: set[int] = set()


class ServerError(RuntimeError):
    """A server did not start, did not become ready, or did not stop."""


def free_port() -> int:
    """A loopback port that nobody listens on, and that nobody else is given while this process lives.

    Raises ServerError when none is found.
    """
    for port in random.sample(range(*PORT_RANGE), k=200):
        if port in _reserved or not _reserve(port):
            continue
        _reserved.add(port)
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise ServerError(f"no free port between {PORT_RANGE[0]} and {PORT_RANGE[1]}")


def _reserve(port: int) -> bool:
    """Locks the port's byte of a file that all processes of this user share; False when another process has it."""
    try:
        fcntl.lockf(_reservations(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


@cache
def _reservations() -> int:
    """The file, open for as long as the process lives: to close it would give its locks up."""
    return os.open(Path(tempfile.gettempdir(), f"mizan-ports-{os.getuid()}"), os.O_RDWR | os.O_CREAT, 0o600)


def write_secret(path: Path, content: str) -> None:
    """Write a file that only its owner may read; the old content is replaced."""
    path.touch(mode=0o600)
    path.write_text(content)


class Child:
    """A running child process and the part of its log that it wrote itself."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path, log_start: int) -> None:
        self.name = name
        self.log = log
        self._process = process
        self._log_start = log_start

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._process.poll()

    def log_tail(self, lines: int = 20) -> str:
        """The last lines that this process wrote."""
        with self.log.open("rb") as log:
            log.seek(max(self._log_start, log.seek(0, 2) - TAIL_BYTES))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])

    def wait(self, timeout: float) -> int:
        """Wait for the end and return the status; raises subprocess.TimeoutExpired."""
        return self._process.wait(timeout)

    def wait_until(self, ready: Callable[[], bool], timeout: float = START_TIMEOUT) -> None:
        """Wait for a condition; raises ServerError when the process ends first or the time is over."""
        deadline = time.monotonic() + timeout
        while True:
            if self.status is None and ready():
                return
            try:
                status = self.wait(POLL_INTERVAL)
            except subprocess.TimeoutExpired:
                if time.monotonic() < deadline:
                    continue
                raise ServerError(f"{self.name} was not ready after {timeout:.0f} s:\n{self.log_tail()}") from None
            raise ServerError(f"{self.name} ended with status {status} before it was ready:\n{self.log_tail()}")

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if the process still runs."""
        self._process.send_signal(number)

    def stop(self, stop_signal: signal.Signals = signal.SIGTERM, timeout: float = STOP_TIMEOUT) -> None:
        """Ask it to end and wait; one that does not is killed, and ServerError says so."""
        self.send(stop_signal)
        self.wait_stopped(timeout)

    def wait_stopped(self, timeout: float = STOP_TIMEOUT) -> None:
        """Wait for the end of one that was asked to; kills it when the time is over and raises ServerError."""
        try:
            self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerError(f"{self.name} did not stop within {timeout:.0f} s and was killed") from None

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        self._process.kill()
        self._process.wait()


class Spawner:
    """Starts processes from one long-lived thread.

    The kernel signals a child when the *thread* that started it ends, so children are never started from the thread
    of a short-lived event loop or pool.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")

    def spawn(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        *,
        death_signal: signal.Signals = signal.SIGTERM,
        privileges: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Child:
        """Start a command with its output in a log file; it gets `death_signal` when this process dies.

        `privileges` are arguments of setpriv(1). The command gets a process group of its own, so that Ctrl-C reaches
        only the parent, which then stops its children in order. Raises ServerError where Linux has no setpriv.
        """
        wrapper: list[str] = []
        if setpriv := shutil.which("setpriv"):
            wrapper = [setpriv, "--pdeathsig", death_signal.name.removeprefix("SIG"), *privileges, "--"]
        elif privileges or sys.platform == "linux":
            raise ServerError("setpriv is missing; it is part of the package util-linux")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            start = output.tell()
            process = self._thread.submit(
                subprocess.Popen,
                [*wrapper, *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                process_group=0,
            ).result()
        return Child(name, process, log, start)

    def close(self) -> None:
        """End the thread; children that still run are signalled by the kernel."""
        self._thread.shutdown()
