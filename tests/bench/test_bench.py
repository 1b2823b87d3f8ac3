"""What the bench is made of measures what it says."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.bench.cpu import cpu_ms
from tests.bench.load import Job, Unanswered, percentile, run, status_of
from tests.bench.report import BARE, SKELETON, Measurement, Report
from tests.bench.scenario import Scenario, Target, http, scenarios


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: list[str]

    def do_GET(self) -> None:
        self.server.seen.append(self.path)  # type: ignore[attr-defined] # given below
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", "200000")
        self.end_headers()
        self.wfile.write(b"x" * 200_000)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@contextmanager
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.seen = []  # type: ignore[attr-defined] # read by the handler
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_load_counts_every_answer() -> None:
    with server() as running:
        requests = [http("GET", "/found"), http("GET", "/missing")]
        result = run(Job(running.server_port, requests, connections=3, seconds=0.3))
        seen = running.seen  # type: ignore[attr-defined] # given by server()
    assert result.answers == {"200": seen.count("/found"), "404": seen.count("/missing")}
    assert result.count == len(seen) > 3
    assert 0 < result.p50_ms <= result.p99_ms < 1000 * result.seconds
    assert result.rate == pytest.approx(result.count / result.seconds)


def test_answers_are_complete_or_not() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nx: y\r\n\r\n"
    assert [status_of(head[:20]), status_of(head + b"ab"), status_of(head + b"abc")] == ["", "", "200"]
    assert status_of(b"HTTP/1.1 204 No Content\r\n\r\n") == "204"
    with pytest.raises(Unanswered):
        status_of(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")


def test_percentiles() -> None:
    ordered = [float(number) for number in range(100)]
    assert (percentile(ordered, 0.5), percentile(ordered, 0.99), percentile([7.0], 0.99)) == (50.0, 99.0, 7.0)


def test_cpu_time_of_a_tree_includes_what_ended() -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    program = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}])\n"
        "print('done', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"done\n"
        used = cpu_ms({"parent": parent.pid, "nobody": 2**22})
        parent.communicate()
    assert 250 < used["parent"] < 2000
    assert used["nobody"] == 0
    assert cpu_ms({"here": os.getpid()})["here"] > 0


def test_every_scenario_is_found_by_its_module() -> None:
    found = scenarios()
    assert {"GET /api/auth/me/", "POST /api/auth/login/"} <= {one.name for one in found}
    assert [one.name for one in scenarios(["me"])] == ["GET /api/auth/me/"]
    with pytest.raises(KeyError):
        scenarios(["nothing"])


def test_the_verdict_leaves_the_hash_out_and_names_what_was_missed() -> None:
    def one(name: str, rate: float, cpu: float) -> Measurement:
        return Measurement(name, 16, rate, 1.0, 2.0, cpu, {"gateway": cpu}, 0.2)

    measured = [one(BARE, 1000, 0.1), one(SKELETON, 500, 1.0), one("login", 50, 22.0), one("me", 400, 1.1)]
    report = Report(measured, {"login": ["SELECT 1"] * 4}, hash_ms=20.0)
    login = Scenario("login", lambda _: [], bool, "identity", Target(cpu_ms=1.5), hashes=True)
    me = Scenario("me", lambda _: [], bool, "identity", Target(cpu_ms=1.2, share_of_skeleton=0.6))
    table = report.table([login, me]).splitlines()
    verdicts = {line.split()[0]: line for line in table[-4:-2]}
    assert verdicts["login"].split()[1:6] == ["4", "2.00", "<=", "1.5", "MISSED"]
    assert verdicts["me"].split()[1:] == ["0", "1.10", "<=", "1.2", "met", "0.80", ">=", "0.6", "met"]
