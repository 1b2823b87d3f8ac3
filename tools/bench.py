"""`python -m tools.bench`: what requests cost on this machine, as ratios to two controls of the same run (make bench).

Each scenario of tests/bench/scenarios is sent over 1, 16 and 64 connections, its turn between those of a bare FastAPI
endpoint and of a skeleton with one gRPC call and one row read. CPU time per request, over all server processes, is the
steadiest figure; rates depend on what else the machine does. The figures are also written as JSON.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import cycle
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import stamina
from argon2 import PasswordHasher

from services.identity.vault import HASHES_AT_ONCE
from tests.bench.controls.pair import Controls, controls
from tests.bench.cpu import cpu_ms
from tests.bench.load import Job, Result
from tests.bench.population import PASSWORD, Population
from tests.bench.report import BARE, SKELETON, Measurement, Report
from tests.bench.scenario import Scenario, scenarios
from tests.bench.statements import start_counting, statements_of
from tools.installation import GATEWAY, Installation
from tools.services import ROOT
from tools.stack.stack import WheelStack

CONNECTIONS = (1, 16, 64)
WARM_UP_SECONDS = 1.0
IDLE_SECONDS = 2.0
HASHES = 40
LOAD_TIMEOUT = 60
# High enough to refuse nothing, and low enough that the gateway still fetches its share from Redis as it does in life.
SETTINGS = {
    "GATEWAY_LIMIT_ADDRESS": "3000/second",
    "GATEWAY_LIMIT_ACCOUNT": "3000/second",
    "GATEWAY_LIMIT_RESTAURANT": "3000/second",
    "GATEWAY_LIMIT_CREDENTIALS": "100000/minute;1000000/hour",
    # An agent's server is optional; one that was told of ten thousand logins would be told for long after.
    "LUA_USER_AUTHENTICATION_WEBHOOK": "",
    "LUA_USER_EVENTS_WEBHOOK": "",
}


class WrongAnswer(RuntimeError):
    """A server answered with another status or body than the scenario expects."""


@dataclass(frozen=True)
class Subject:
    """One kind of request, where it goes, and the processes that serve it."""

    name: str
    port: int
    requests: list[str]
    processes: Callable[[], Mapping[str, int]]
    # Of a right answer.
    status: str = "200"
    # Before each load.
    reset: Callable[[], object] = dict


def load(subject: Subject, connections: int, seconds: float) -> Result:
    """Sends the subject's requests from a process of its own. Raises WrongAnswer."""
    subject.reset()
    job = Job(subject.port, subject.requests, connections, seconds)
    answer = subprocess.run(
        [sys.executable, "-m", "tests.bench.load"],
        cwd=ROOT,
        input=json.dumps(asdict(job)),
        capture_output=True,
        text=True,
        timeout=LOAD_TIMEOUT,
        check=False,
    )
    if answer.returncode != 0:
        raise WrongAnswer(f"{subject.name}: {answer.stderr[-2000:]}")
    result = Result(**json.loads(answer.stdout))
    if set(result.answers) != {subject.status}:
        raise WrongAnswer(f"{subject.name} over {connections} connections was answered with {result.answers}")
    return result


def measure(subject: Subject, connections: int, seconds: float) -> Measurement:
    """The figures of one subject over so many connections."""
    before = cpu_ms(subject.processes())
    result = load(subject, connections, seconds)
    after = cpu_ms(subject.processes())
    parts = {name: (after[name] - before[name]) / result.count for name in after}
    return Measurement(
        subject.name,
        connections,
        result.rate,
        result.p50_ms,
        result.p99_ms,
        sum(parts.values()),
        parts,
        result.client_cpu_seconds / result.seconds,
    )


def better(first: Measurement, second: Measurement) -> Measurement:
    """Of two measurements of one thing, the times of the faster and the CPU of the cheaper."""
    faster = max(first, second, key=lambda one: one.rate)
    cheaper = min(first, second, key=lambda one: one.cpu_ms)
    return replace(faster, cpu_ms=cheaper.cpu_ms, cpu_parts_ms=cheaper.cpu_parts_ms)


def processes_of(installation: Installation, stack: WheelStack) -> dict[str, int]:
    """The server processes of an installation."""
    names = [*installation.services, GATEWAY]
    servers = {child.name: child.pid for child in stack.children()}
    return {**{name: installation.supervisor.child(name).pid for name in names}, **servers}


def subjects_of(
    chosen: Sequence[Scenario], installation: Installation, stack: WheelStack, people: Population, control: Controls
) -> list[Subject]:
    """The controls and the scenarios, whose data is put where they need it."""
    for one in chosen:
        if one.prepare is not None:
            one.prepare(installation.site, people)
    skeleton = {"gateway": control.front.pid, "service": control.back.pid}
    return [
        Subject(BARE, control.bare_port, [control.bare_request], lambda: {"bare": control.bare.pid}),
        Subject(
            SKELETON,
            control.skeleton_port,
            [control.skeleton_request],
            lambda: {**skeleton, "postgres": processes_of(installation, stack)["postgres"]},
        ),
        *(
            Subject(
                one.name,
                installation.port,
                one.requests(people),
                partial(processes_of, installation, stack),
                one.status,
                partial(one.reset, installation.site, people) if one.reset is not None else dict,
            )
            for one in chosen
        ),
    ]


def check(scenario: Scenario, subject: Subject, upcoming: Iterator[str]) -> None:
    """Asks once, the next of the requests, and looks at the body. Raises WrongAnswer."""
    head, _, body = next(upcoming).partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    method, path, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    request = Request(f"http://127.0.0.1:{subject.port}{path}", body.encode() or None, headers, method=method)
    with urlopen(request, timeout=LOAD_TIMEOUT) as answer:  # noqa: S310 - our own server
        content = answer.read()
    if not scenario.is_right(content):
        raise WrongAnswer(f"{scenario.name} was answered with {content[:500]!r}")


def cost_of_a_hash(stored: str) -> float:
    """Milliseconds of CPU that the check of one password takes where as many are checked at once as identity does."""
    hasher = PasswordHasher()
    with ThreadPoolExecutor(HASHES_AT_ONCE) as threads:
        begun = time.process_time()
        for _ in threads.map(partial(hasher.verify, stored), [PASSWORD] * HASHES):
            pass
        return (time.process_time() - begun) * 1000 / HASHES


def count_statements(
    chosen: Sequence[Scenario], subjects: Mapping[str, Subject], installation: Installation
) -> dict[str, list[str]]:
    """The statements of each scenario, on a PostgreSQL that counts them. Raises WrongAnswer."""
    start_counting(installation)
    counted = {}
    for scenario in chosen:
        subject = subjects[scenario.name]
        subject.reset()
        ask = partial(check, scenario, subject, cycle(subject.requests))
        for attempt in stamina.retry_context(on=(URLError, WrongAnswer), timeout=LOAD_TIMEOUT, attempts=None):
            with attempt:
                ask()
        counted[scenario.name] = statements_of(installation, scenario.service, ask)
    return counted


def idle(control: Subject, processes: Callable[[], Mapping[str, int]]) -> float:
    """Milliseconds of CPU per second that the processes use while only the control is asked for anything."""
    before = sum(cpu_ms(processes()).values())
    seconds = load(control, 1, IDLE_SECONDS).seconds
    return (sum(cpu_ms(processes()).values()) - before) / seconds


@contextmanager
def benched(chosen: Sequence[Scenario]) -> Iterator[tuple[Installation, WheelStack]]:
    """An installation of the services that the scenarios need, on PostgreSQL as `make run` has it."""
    with tempfile.TemporaryDirectory(prefix="mizan-bench-") as folder:
        stack = WheelStack(Path(folder) / "data")
        services = ["identity", *(scenario.service for scenario in chosen)]
        with Installation(stack.folder, stack, services=services, settings=SETTINGS) as installation:
            yield installation, stack


def run(chosen: Sequence[Scenario], seconds: float, rounds: int) -> Report:
    """Boots an installation and the controls and measures. Raises WrongAnswer or ServerError."""
    report = Report()
    with ExitStack() as leaving:
        installation, stack = leaving.enter_context(benched(chosen))
        control = leaving.enter_context(controls(installation, installation.logs))
        people = Population.create(installation.site)
        subjects = subjects_of(chosen, installation, stack, people, control)
        by_name = {subject.name: subject for subject in subjects}
        for scenario in chosen:
            by_name[scenario.name].reset()
            check(scenario, by_name[scenario.name], iter(by_name[scenario.name].requests))
        for subject in subjects:
            load(subject, 16, WARM_UP_SECONDS)
        report.hash_ms = cost_of_a_hash(people.password_hash)
        report.idle_ms = idle(subjects[0], partial(processes_of, installation, stack))
        for connections in CONNECTIONS:
            best: dict[str, Measurement] = {}
            for _ in range(rounds):
                for subject in subjects:
                    one = measure(subject, connections, seconds)
                    best[subject.name] = better(best.get(subject.name, one), one)
            report.measurements += best.values()
        report.statements = count_statements(chosen, by_name, installation)
    return report


def main() -> None:
    """Reads the command line, measures, prints and writes."""
    parser = argparse.ArgumentParser(description="Measures requests against controls of the same run.")
    parser.add_argument("scenario", nargs="*", help="modules of tests/bench/scenarios; all when none is named")
    parser.add_argument("--seconds", type=float, default=0.7, help="of load per measurement")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each kind; the best counts")
    parser.add_argument(
        "--json", type=Path, default=ROOT / "build" / "bench.json", help="where the figures are written"
    )
    options = parser.parse_args()
    chosen = scenarios(options.scenario)
    stamina.instrumentation.set_on_retry_hooks([])
    report = run(chosen, options.seconds, options.rounds)
    report.write(options.json)
    print(report.table(chosen))


if __name__ == "__main__":
    main()
