"""What the profiler makes of sampled stacks."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tools.profile import CannotProfile, Stacks, sample, speedscope, table

STACKS: Stacks = Counter(
    {("main (app.py:1)", "work (app.py:7)"): 6, ("main (app.py:1)", "work (app.py:9)"): 2, ("main (app.py:1)",): 2}
)


def test_functions_are_counted_alone_and_with_what_they_call() -> None:
    rows = [line.split() for line in table("app", STACKS, 5).splitlines()]
    assert ["80.0%", "80.0%", "work", "(app.py"] in rows
    assert ["20.0%", "100.0%", "main", "(app.py"] in rows
    assert rows.index(["100.0%", "20.0%", "main", "(app.py"]) < rows.index(["80.0%", "80.0%", "work", "(app.py"], 7)


def test_speedscope_holds_every_stack() -> None:
    made: Any = speedscope("app", STACKS)
    (profile,) = made["profiles"]
    names = [frame["name"] for frame in made["shared"]["frames"]]
    stacks = [tuple(names[number] for number in stack) for stack in profile["samples"]]
    assert dict(zip(stacks, profile["weights"], strict=True)) == STACKS
    assert profile["endValue"] == sum(STACKS.values())


def test_a_process_is_sampled(tmp_path: Path) -> None:
    busy = "def burn():\n    print('on', flush=True)\n    while True: pass\nburn()"
    with subprocess.Popen([sys.executable, "-c", busy], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"on\n"
        try:
            stacks = sample(process.pid, 1, tmp_path / "stacks", native=False)
        except CannotProfile as reason:
            assert os.geteuid() != 0
            pytest.skip(str(reason))
        finally:
            process.kill()
    assert any("burn" in frame for stack in stacks for frame in stack)
