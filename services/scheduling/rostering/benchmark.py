"""Measures the solver on the public shift-scheduling instances of Curtois and Qu.

python -m services.scheduling.rostering.benchmark INSTANCE --seconds 60 --out ROSTER.csv
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from services.scheduling.rostering.engine import run
from services.scheduling.rostering.model import (
    Limit,
    Person,
    Preference,
    Problem,
    Progress,
    Rule,
    Shift,
    SlotDemand,
    Weights,
)

_CITATION = "Employee shift scheduling benchmark data sets, 2014"


def read(text: str) -> Problem:
    """The instance as a problem of the product; raises ValueError when a line cannot be understood."""
    sections = _sections(text)
    days = int(sections["SECTION_HORIZON"][0][0])
    kinds = {row[0]: (int(row[1]), frozenset(filter(None, row[2].split("|")))) for row in sections["SECTION_SHIFTS"]}
    shifts = tuple(
        Shift(f"{day}:{kind}", day, 0, minutes, "staff", kind)
        for day in range(days)
        for kind, (minutes, _) in kinds.items()
    )
    off = {row[0]: frozenset(int(day) for day in row[1:] if day) for row in sections["SECTION_DAYS_OFF"]}
    wishes: dict[str, list[Preference]] = defaultdict(list)
    for name, wants in (("SECTION_SHIFT_ON_REQUESTS", True), ("SECTION_SHIFT_OFF_REQUESTS", False)):
        for who, day, kind, weight in sections.get(name, []):
            wishes[who].append(Preference(f"{day}:{kind}", int(weight), wants))
    people = tuple(
        Person(
            row[0],
            frozenset({"staff"}),
            days_off=off.get(row[0], frozenset()),
            preferences=tuple(wishes.get(row[0], ())),
        )
        for row in sections["SECTION_STAFF"]
    )
    slots = tuple(
        SlotDemand(f"{day}:{kind}", int(need), int(under), int(over))
        for day, kind, need, under, over in sections["SECTION_COVER"]
    )
    return Problem(
        days=days,
        people=people,
        shifts=shifts,
        slots=slots,
        rules=tuple(_rules(sections["SECTION_STAFF"], kinds)),
        weights=Weights(weekend_share=0, closing_share=0, hours_wanted=0, change=0),
    )


def _sections(text: str) -> dict[str, list[list[str]]]:
    sections: dict[str, list[list[str]]] = {}
    current = ""
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("SECTION_"):
            current = line
            sections[current] = []
        elif line and not line.startswith("#"):
            sections[current].append([cell.strip() for cell in line.split(",")])
    return sections


def _rules(staff: list[list[str]], kinds: dict[str, tuple[int, frozenset[str]]]) -> Iterable[Rule]:
    """People under the same limit share a rule."""
    groups: dict[tuple[Limit, int, frozenset[str]], set[str]] = defaultdict(set)
    columns = (
        Limit.MAX_PERIOD_MINUTES,
        Limit.MIN_PERIOD_MINUTES,
        Limit.MAX_CONSECUTIVE_DAYS,
        Limit.MIN_CONSECUTIVE_DAYS,
        Limit.MIN_CONSECUTIVE_DAYS_OFF,
        Limit.MAX_WEEKENDS,
    )
    for row in staff:
        caps = dict(pair.split("=") for pair in row[1].split("|") if pair)
        for kind in kinds:
            groups[Limit.MAX_SHIFTS_OF_KIND, int(caps.get(kind, 0)), frozenset({kind})].add(row[0])
        for limit, cell in zip(columns, row[2:8], strict=True):
            groups[limit, int(cell), frozenset()].add(row[0])
    for (limit, value, counted), people in groups.items():
        yield Rule(limit, limit.value, value, _CITATION, kinds=counted, people=frozenset(people))
    for kind, (_, forbidden) in kinds.items():
        if forbidden:
            name = f"what may follow {kind}"
            yield Rule(Limit.FORBIDDEN_SUCCESSION, name, 0, _CITATION, kinds=forbidden, after=frozenset({kind}))


def read_file(path: Path) -> Problem:
    """The instance in a file; raises OSError or ValueError."""
    return read(path.read_text(encoding="utf-8"))


def main(argv: Sequence[str] | None = None) -> int:
    """Solves one instance, prints how it went, and writes employee,day,shift lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("instance", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--verbose", action="store_true", help="print progress to stderr")
    arguments = parser.parse_args(argv)
    problem = read_file(arguments.instance)

    def show(progress: Progress) -> None:
        line = f"{progress.seconds:8.2f} s  {progress.objective:7}  bound {progress.bound:7}  {progress.phase}"
        sys.stderr.write(line + "\n")

    if arguments.verbose:
        result = run(problem, seconds=arguments.seconds, seed=arguments.seed, progress=show)
    else:
        result = run(problem, seconds=arguments.seconds, seed=arguments.seed)
    kinds = {shift.id: (shift.day, shift.kind) for shift in problem.shifts}
    if arguments.out:
        lines = [(a.person, *kinds[a.shift]) for a in result.assignments]
        arguments.out.write_text("".join(f"{who},{day},{kind}\n" for who, day, kind in lines), encoding="utf-8")
    used = time.process_time()
    sys.stdout.write(
        f"{arguments.instance.stem}: penalty {result.objective}, bound {result.bound}, {result.status.value}, "
        f"{result.seconds:.1f} s, {used:.1f} s of processor time\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
