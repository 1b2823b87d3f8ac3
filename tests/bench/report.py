"""The bench's figures, as a table for people and as JSON for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.bench.scenario import Scenario

BARE = "bare FastAPI"
SKELETON = "skeleton"


@dataclass
class Measurement:
    """One kind of request over so many connections."""

    name: str
    connections: int
    rate: float
    p50_ms: float
    p99_ms: float
    # Of all server processes per request, and the part of each.
    cpu_ms: float
    cpu_parts_ms: dict[str, float]
    client_cpu_share: float


@dataclass
class Report:
    """All figures of one run."""

    measurements: list[Measurement] = field(default_factory=list)
    statements: dict[str, list[str]] = field(default_factory=dict)
    # CPU of one hash of a password, alone on this machine in this run.
    hash_ms: float = 0.0
    # CPU of the whole installation per second in which nobody asks for anything.
    idle_ms: float = 0.0

    def of(self, name: str, connections: int) -> Measurement:
        """One measurement. Raises KeyError."""
        for measurement in self.measurements:
            if (measurement.name, measurement.connections) == (name, connections):
                return measurement
        raise KeyError(name, connections)

    def write(self, path: Path) -> None:
        """Keeps the figures as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=2))

    def table(self, scenarios: Sequence[Scenario]) -> str:
        """The figures with their ratios to the controls, the targets beside them."""
        lines = [
            f"{'request':34}{'conn':>5}{'req/s':>8}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms':>9}{'x bare':>8}{'x skel':>8}"
            f"{'rate/skel':>11}  CPU by process"
        ]
        lines += [self._row(measurement) for measurement in self.measurements]
        lines += ["", f"{'per request':34}{'statements':>12}{'CPU ms':>9}{'target':>16}{'rate/skel':>14}{'target':>16}"]
        lines += [self._verdict(scenario) for scenario in scenarios]
        lines += [
            "",
            f"one hash of a password: {self.hash_ms:.1f} ms of CPU; the idle installation: {self.idle_ms:.0f} ms/s",
        ]
        return "\n".join(lines)

    def _row(self, one: Measurement) -> str:
        bare, skeleton = self.of(BARE, one.connections), self.of(SKELETON, one.connections)
        parts = sorted(one.cpu_parts_ms.items(), key=lambda part: -part[1])
        told = ", ".join(f"{name} {ms:.2f}" for name, ms in parts if ms >= one.cpu_ms / 100)
        return (
            f"{one.name:34}{one.connections:5}{one.rate:8.0f}{one.p50_ms:9.2f}{one.p99_ms:9.2f}{one.cpu_ms:9.3f}"
            f"{one.cpu_ms / bare.cpu_ms:8.1f}{one.cpu_ms / skeleton.cpu_ms:8.2f}{one.rate / skeleton.rate:11.2f}"
            f"  {told}"
        )

    def _verdict(self, scenario: Scenario) -> str:
        """The best of the busy measurements against what was aimed at."""
        busy = [one for one in self.measurements if one.name == scenario.name and one.connections > 1]
        cpu = min(one.cpu_ms for one in busy) - (self.hash_ms if scenario.hashes else 0)
        share = max(one.rate / self.of(SKELETON, one.connections).rate for one in busy)
        wanted_cpu, wanted_share = scenario.target.cpu_ms, scenario.target.share_of_skeleton
        statements = len(self.statements.get(scenario.name, ()))
        return (
            f"{scenario.name:34}{statements:12}{cpu:9.2f}{_target('<=', wanted_cpu, cpu):>16}"
            f"{share:14.2f}{_target('>=', wanted_share, share):>16}"
            + ("   (CPU without the hash)" if scenario.hashes else "")
        )


def _target(sign: str, wanted: float | None, reached: float) -> str:
    if wanted is None:
        return "-"
    met = reached <= wanted if sign == "<=" else reached >= wanted
    return f"{sign} {wanted:g} {'met' if met else 'MISSED'}"
