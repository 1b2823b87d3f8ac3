"""`python -m tools.profile SCENARIO`: where the gateway and a service spend their time under load (make profile).

Samples both with py-spy, prints the functions that were seen most, and writes a profile per process for
https://www.speedscope.app (which works offline too) into build/profile.
"""

import argparse
import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.bench.population import Population
from tests.bench.scenario import Scenario, scenarios
from tools.bench import Subject, benched, check, load, processes_of
from tools.installation import GATEWAY
from tools.services import ROOT

CONNECTIONS = 16
SAMPLES_PER_SECOND = 250
MARGIN_SECONDS = 2.0

Stacks = Counter[tuple[str, ...]]
"""How often each stack was seen, outermost function first."""


class CannotProfile(RuntimeError):
    """py-spy could not look into a process."""


def sample(pid: int, seconds: int, output: Path, *, native: bool) -> Stacks:
    """The stacks of a process while it works. Raises CannotProfile."""
    answer = subprocess.run(
        [
            Path(sys.executable).parent / "py-spy",
            "record",
            *("--pid", str(pid)),
            *("--duration", str(seconds)),
            *("--rate", str(SAMPLES_PER_SECOND)),
            *("--format", "raw"),
            *("--output", output),
            *(["--native"] if native else []),
        ],
        capture_output=True,
        text=True,
        timeout=seconds + 60,
        check=False,
    )
    if answer.returncode != 0:
        hint = "as another user than root, py-spy needs the kernel's kernel.yama.ptrace_scope=0"
        raise CannotProfile(f"{answer.stderr.strip()[-500:]}\n({hint})")
    stacks: Stacks = Counter()
    for line in output.read_text().splitlines():
        frames, _, count = line.rpartition(" ")
        stacks[tuple(frames.split(";"))] += int(count)
    return stacks


def speedscope(name: str, stacks: Stacks) -> dict[str, object]:
    """The stacks in the file format of speedscope."""
    frames = {frame: number for number, frame in enumerate(dict.fromkeys(frame for stack in stacks for frame in stack))}
    return {
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "name": name,
        "shared": {"frames": [{"name": frame} for frame in frames]},
        "profiles": [
            {
                "type": "sampled",
                "name": name,
                "unit": "none",
                "startValue": 0,
                "endValue": sum(stacks.values()),
                "samples": [[frames[frame] for frame in stack] for stack in stacks],
                "weights": list(stacks.values()),
            }
        ],
    }


def table(name: str, stacks: Stacks, rows: int) -> str:
    """The functions that were seen most: at work themselves, and with everything that they called."""
    total = sum(stacks.values())
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for stack, count in stacks.items():
        functions = [frame.rpartition(":")[0] or frame for frame in stack]
        own[functions[-1]] += count
        for function in set(functions):
            whole[function] += count
    lines = [f"\n{name}: {total} samples", f"{'itself':>8}{'in all':>8}  function"]
    lines += [
        f"{count / total:8.1%}{whole[function] / total:8.1%}  {function}" for function, count in own.most_common(rows)
    ]
    lines += [f"\n{'in all':>8}{'itself':>8}  function"]
    lines += [
        f"{count / total:8.1%}{own[function] / total:8.1%}  {function}" for function, count in whole.most_common(rows)
    ]
    return "\n".join(lines)


def run(scenario: Scenario, seconds: int, folder: Path, rows: int, *, native: bool) -> None:
    """Loads an installation with the scenario and prints and writes what its processes do."""
    folder.mkdir(parents=True, exist_ok=True)
    with benched([scenario]) as (installation, stack), ThreadPoolExecutor() as threads:
        people = Population.create(installation.site)
        if scenario.prepare is not None:
            scenario.prepare(installation.site, people)
        reset = partial(scenario.reset, installation.site, people) if scenario.reset is not None else dict
        subject = Subject(scenario.name, installation.port, scenario.requests(people), dict, scenario.status, reset)
        reset()
        check(scenario, subject, iter(subject.requests))
        load(subject, CONNECTIONS, MARGIN_SECONDS)
        under_load = threads.submit(load, subject, CONNECTIONS, seconds + 2 * MARGIN_SECONDS)
        processes = processes_of(installation, stack)
        samples = {
            name: threads.submit(sample, processes[name], seconds, folder / f"{name}.stacks", native=native)
            for name in (GATEWAY, scenario.service)
        }
        for name, sampled in samples.items():
            stacks = sampled.result()
            file = folder / f"{name}.speedscope.json"
            file.write_text(json.dumps(speedscope(f"{name}: {scenario.name}", stacks)))
            print(table(f"{name} while serving {scenario.name}", stacks, rows), f"\n\nwritten: {file}")
        print(f"\n{under_load.result().rate:.0f} requests a second while being sampled")


def main() -> None:
    """Reads the command line and profiles."""
    parser = argparse.ArgumentParser(description="Shows where time goes while a scenario of the bench runs.")
    parser.add_argument("scenario", nargs="?", default="me", help="a module of tests/bench/scenarios")
    parser.add_argument("--seconds", type=int, default=5, help="of sampling")
    parser.add_argument("--rows", type=int, default=25, help="of each table")
    parser.add_argument("--native", action="store_true", help="look into compiled code as well")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "profile", help="the folder for the profiles")
    options = parser.parse_args()
    (scenario,) = scenarios([options.scenario])
    try:
        run(scenario, options.seconds, options.output, options.rows, native=options.native)
    except CannotProfile as error:
        sys.exit(f"profile: {error}")


if __name__ == "__main__":
    main()
