"""Processes that run together end together."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tools.stack.processes import Spawner
from tools.supervisor import ProcessDied, Supervisor, answers_ready

SERVER = (
    "import signal, sys\n"
    "def stop(*_):\n    open(sys.argv[1], 'a').write(sys.argv[2] + '\\n'); sys.exit(0)\n"
    "signal.signal(signal.SIGTERM, stop)\nprint('ready', flush=True)\nsignal.pause()"
)


@pytest.fixture
def spawner() -> Iterator[Spawner]:
    made = Spawner()
    yield made
    made.close()


def python(program: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    return [sys.executable, "-c", program, *arguments], dict(os.environ)


def test_groups_stop_in_reverse(tmp_path: Path, spawner: Spawner) -> None:
    supervisor, order = Supervisor(tmp_path, spawner), tmp_path / "order"
    first = supervisor.start_group({"database": python(SERVER, str(order), "database")})
    second = supervisor.start_group({"web": python(SERVER, str(order), "web")})
    for child in (*first.values(), *second.values()):
        child.wait_until(lambda child=child: child.log_tail() == "ready", 10)  # type: ignore[misc] # bound at once
    assert supervisor.stop() == []
    assert order.read_text().split() == ["web", "database"]
    assert [child.status for child in (*first.values(), *second.values())] == [0, 0]


def test_a_killed_process_is_restarted_in_its_place(tmp_path: Path, spawner: Spawner) -> None:
    supervisor, order = Supervisor(tmp_path, spawner), tmp_path / "order"
    supervisor.start_group({"database": python(SERVER, str(order), "database")})
    killed = supervisor.child("database")
    killed.kill()
    again = supervisor.restart("database")
    assert again is supervisor.child("database") is not killed
    again.wait_until(lambda: again.log_tail() == "ready", 10)
    assert supervisor.stop() == []
    assert (killed.status, again.status) == (-signal.SIGKILL, 0)
    assert order.read_text() == "database\n"


def test_a_death_is_reported_with_its_log(tmp_path: Path, spawner: Spawner) -> None:
    supervisor = Supervisor(tmp_path, spawner)
    supervisor.start_group({"steady": python("import signal; signal.pause()")})
    supervisor.start_group({"frail": python("print('the reason'); raise SystemExit(3)")})
    with pytest.raises(ProcessDied, match="frail ended with status 3:\nthe reason"):
        supervisor.wait_for_death(list)
    assert supervisor.stop() == []


def test_a_death_while_waiting_wakes(tmp_path: Path, spawner: Spawner) -> None:
    supervisor = Supervisor(tmp_path, spawner)
    child = supervisor.start_group({"victim": python("import signal; signal.pause()")})["victim"]
    killer = threading.Timer(0.2, os.kill, (child.pid, signal.SIGKILL))
    killer.start()
    with pytest.raises(ProcessDied, match="victim ended with status -9"):
        supervisor.wait_for_death(list)
    killer.join()
    supervisor.stop()


def test_errors_reach_the_console(tmp_path: Path, spawner: Spawner, capfd: pytest.CaptureFixture[str]) -> None:
    supervisor = Supervisor(tmp_path, spawner)
    lines = (
        '{"level":"info","event":"fine"}',
        '{"level":"error","event":"broken pipe"}',
        "Traceback (most recent call last):",
    )
    child = supervisor.start_group({"talker": python("import sys; print(sys.argv[1])", "\n".join(lines))})["talker"]
    assert child.wait(10) == 0
    supervisor.stop()
    shown = capfd.readouterr().out
    assert 'talker: {"level":"error","event":"broken pipe"}' in shown
    assert "talker: Traceback" in shown
    assert "fine" not in shown


def test_ready_means_200() -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/readyz" else 503)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        assert answers_ready(server.server_port)
        assert not answers_ready(server.server_port, "/other")
        server.shutdown()
        thread.join()
    assert not answers_ready(server.server_port)
