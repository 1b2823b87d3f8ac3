"""`make run`, as a person uses it: everything comes up, Ctrl-C takes everything down, the data stays."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from servicekit.identity import KeyRing, Principal, TokenMinter, TokenVerifier
from tools.devkeys import DevKeys
from tools.services import ROOT, service_names
from tools.stack import free_port
from tools.tests.processes import descendants, survivors, watch

READY_TIMEOUT = 90
pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]


class Running:
    """A development installation in a process of its own."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self.output = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tools.dev", "--port", str(port), "--data", str(folder)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def read_until(self, text: str) -> None:
        """Collect the output until the text is in it; fails when the process ends or says nothing for too long."""
        assert self.process.stdout is not None
        while text not in self.output:
            assert select.select([self.process.stdout], [], [], READY_TIMEOUT)[0], f"silent after:\n{self.output}"
            chunk = os.read(self.process.stdout.fileno(), 65_536)
            assert chunk, f"ended after:\n{self.output}"
            self.output += chunk.decode()

    def finish(self) -> int:
        """The exit status, once the process has ended."""
        self.output += self.process.communicate(timeout=60)[0].decode()
        return self.process.returncode


@contextmanager
def running(folder: Path, port: int) -> Iterator[Running]:
    installation = Running(folder, port)
    try:
        yield installation
    finally:
        if installation.process.poll() is None:
            installation.process.kill()
            installation.process.communicate(timeout=60)


def test_it_comes_up_serves_and_however_it_ends_leaves_nothing(tmp_path: Path) -> None:
    with running(tmp_path / "data", free_port()) as first:
        first.read_until("Ctrl-C stops everything.")
        assert httpx.get(first.url + "/healthz", timeout=10).status_code == 200
        assert httpx.get(first.url + "/api/swagger-ui/", timeout=10, follow_redirects=True).status_code == 200
        mailbox = re.search(r"mailbox +(http://\S+)", first.output)
        assert mailbox is not None
        assert isinstance(httpx.get(mailbox[1] + "/messages", timeout=10).json(), list)
        processes = descendants(first.process.pid)
        for name in (*(f"services.{service}" for service in service_names()), "-m gateway", "nats-server", "valkey"):
            assert any(name in command for command in processes.values()), name
        assert (tmp_path / "data" / "env").stat().st_mode & 0o777 == 0o600
        watched = watch(processes)
        first.process.send_signal(signal.SIGINT)
        assert first.finish() == 0, first.output
        assert survivors(watched) == []
        assert not (tmp_path / "data" / "env").exists()

    with running(tmp_path / "data", free_port()) as second:
        second.read_until("Ctrl-C stops everything.")
        assert "migrated" not in second.output
        processes = descendants(second.process.pid)
        watched = watch(processes)
        (victim,) = [pid for pid, command in processes.items() if "services.identity" in command]
        os.kill(victim, signal.SIGKILL)
        assert second.finish() == 1
        assert "identity ended with status -9" in second.output
        assert survivors(watched) == []

    with running(tmp_path / "data", free_port()) as third:
        third.read_until("Ctrl-C stops everything.")
        watched = watch(descendants(third.process.pid))
        third.process.kill()
        assert survivors(watched) == []


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, running(tmp_path, taken.getsockname()[1]) as installation:
        assert installation.finish() == 1
        assert f"port {taken.getsockname()[1]} is not free" in installation.output


def test_dropping_data(tmp_path: Path) -> None:
    def drop() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tools.dev", "--drop-data", "--data", str(tmp_path / "data")]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert "nothing to drop" in drop().stdout
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "lock").touch()
    assert drop().returncode == 0
    assert not (tmp_path / "data").exists()


class TestDevKeys:
    def test_made_once_and_private(self, tmp_path: Path) -> None:
        first, again = DevKeys(tmp_path / "secrets"), DevKeys(tmp_path / "secrets")
        assert first.text("pepper") == again.text("pepper") != first.text("salt")
        assert first.fernet_key("key") == again.fernet_key("key")
        for keys in (first, again):
            keys.make_internal_keys(["identity", "gateway"])
            keys.make_jwt_key()
        files = [path for path in (tmp_path / "secrets").rglob("*") if path.is_file()]
        assert sorted(path.name for path in files if path.suffix == ".pem") == [
            "access.pem",
            "gateway.pem",
            "identity.pem",
        ]
        assert {path.stat().st_mode & 0o777 for path in files if path.suffix != ".pub"} == {0o600}
        assert {path.stat().st_mode & 0o777 for path in (tmp_path / "secrets", first.internal_keys)} == {0o700}

    def test_pairs_fit(self, tmp_path: Path) -> None:
        keys = DevKeys(tmp_path)
        keys.make_internal_keys(["gateway"])
        token = TokenMinter.from_folder("gateway", keys.internal_keys).token_for(Principal(kind="USER", subject="x"))
        assert TokenVerifier(KeyRing(keys.internal_keys)).principal_of(token).subject == "x"
