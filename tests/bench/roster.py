"""Measures the optimizer: public benchmark instances, and a restaurant of a hundred people with quarter-hourly demand.

    python -m tests.bench.roster [DIRECTORY OF INSTANCES] --seconds 60

Each run has a process of its own, so that memory and processor time are its own too. Seconds are wall clock; a machine
that does other work leaves fewer of them to the solver, so the processor time and the load are printed as well.
"""

import argparse
import math
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

from services.scheduling.rostering.design import design
from services.scheduling.rostering.engine import run
from services.scheduling.rostering.model import IntervalDemand, Limit, Person, Problem, Progress, Rule

BEST_KNOWN = {1: 607, 3: 1001, 5: 1143, 7: 1056, 9: 439, 11: 3443, 13: 1348, 15: 3834, 17: 5746, 19: 3149}
ROLES = {"waiter": 5, "cook": 4, "host": 1, "bar": 2, "runner": 3, "dishwasher": 2, "barista": 2, "manager": 1}
RULES = (
    Rule(Limit.MIN_REST, "rest between shifts", 660),
    Rule(Limit.MAX_WEEK_MINUTES, "weekly hours", 2_880),
    Rule(Limit.MAX_CONSECUTIVE_DAYS, "days in a row", 6),
    Rule(Limit.MIN_WEEK_DAYS_OFF, "weekly day off", 1),
)


def restaurant(people: int, seed: int) -> Problem:
    """A week of lunch and dinner peaks for eight roles; half of the people full time, some with leave or two roles."""
    draw = random.Random(seed)
    demand = []
    for role, size in ROLES.items():
        for day in range(7):
            for quarter in range(40, 92):
                lunch = math.exp(-(((quarter / 4 - 12.75) / 1.4) ** 2))
                dinner = math.exp(-(((quarter / 4 - 19.5) / 1.6) ** 2))
                need = size * (1.3 if day >= 4 else 1.0) * (0.5 + 0.9 * lunch + dinner) * people / 100
                demand.append(IntervalDemand(role, day * 1440 + quarter * 15, 15, max(1, round(need))))
    team = []
    for number in range(people):
        role = draw.choices(list(ROLES), list(ROLES.values()))[0]
        second = {draw.choice(list(ROLES))} if draw.random() < 0.3 else set()
        off = frozenset({draw.randrange(7)}) if draw.random() < 0.3 else frozenset()
        wanted = 2_400 if draw.random() < 0.5 else 1_440
        wage = draw.choice([1_100, 1_300, 1_600])
        team.append(Person(f"p{number}", frozenset({role} | second), wage, wanted_minutes=wanted, days_off=off))
    return Problem(7, tuple(team), design(demand), intervals=tuple(demand), rules=RULES)


def say(line: str) -> None:
    """Writes a line of the report at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def week(seconds: float) -> None:
    """Solves the restaurant and prints when the first roster came, how near the bound the last one is, and memory."""
    began = time.monotonic()
    problem = restaurant(100, 3)
    designed = time.monotonic() - began
    steps: list[float] = []
    started = time.monotonic()

    def note(_: Progress) -> None:
        steps.append(time.monotonic() - started)

    result = run(problem, seconds=seconds, progress=note)
    say(
        f"week of 100 people: {len(problem.shifts)} shifts designed in {designed:.1f} s, first roster after "
        f"{steps[0]:.1f} s, then {result.objective} with bound {result.bound} ({result.gap:.1%}) in "
        f"{result.seconds:.1f} s, {time.process_time():.0f} s of processor time, peak memory {_peak_mib()} MiB"
    )


def _peak_mib() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    found = re.search(r"VmHWM:\s+(\d+)", status)
    return int(found.group(1)) // 1024 if found else 0


def instances(directory: Path, seconds: float) -> int:
    """Solves each instance of a directory and prints penalty, gap to the best known and time; 1 if one failed."""
    files = sorted(directory.glob("*.txt"), key=lambda path: int(re.sub(r"\D", "", path.stem) or 0))
    if not files:
        say(f"no instances in {directory}")
        return 1
    for path in files:
        command = [
            sys.executable,
            "-m",
            "services.scheduling.rostering.benchmark",
            str(path),
            "--seconds",
            str(seconds),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds * 3 + 60)
        if done.returncode:
            say(f"{path.stem}: failed\n{done.stderr}")
            return 1
        penalty = re.search(r"penalty (\d+)", done.stdout)
        best = BEST_KNOWN.get(int(re.sub(r"\D", "", path.stem) or 0))
        gap = f", {int(penalty.group(1)) / best - 1:.1%} above {best}" if penalty and best else ""
        say(f"{done.stdout.strip()}{gap}, load {os.getloadavg()[0]:.1f}")
    return 0


def main() -> int:
    """Runs the instances when a directory is given, and the restaurant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, nargs="?")
    parser.add_argument("--seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    week(min(30.0, arguments.seconds))
    return instances(arguments.directory, arguments.seconds) if arguments.directory else 0


if __name__ == "__main__":
    sys.exit(main())
