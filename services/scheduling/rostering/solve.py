"""Solves a problem in a process of its own.

    python -m services.scheduling.rostering.solve --seconds 20 < PROBLEM.json

Reads the problem as JSON, one line, from standard input and writes one JSON object a line to standard output:
`{"progress": ...}` as the search gets on, at the end `{"result": ..., "shifts": ..., "explanation": ...}`, or
`{"error": ...}` with exit status 2 when the problem cannot be read. SIGTERM or SIGINT cancels: the best roster found so
far is still written. With `--design`, shifts that cover the problem's interval demand are added to its own first. With
`--attended`, the end of standard input means that whoever asked is gone, and ends the search too.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from types import FrameType

from services.scheduling.rostering.compiled import Compiled
from services.scheduling.rostering.design import design
from services.scheduling.rostering.engine import run
from services.scheduling.rostering.explain import explain
from services.scheduling.rostering.model import Progress
from services.scheduling.rostering.wire import document, problem_from


def main(argv: Sequence[str] | None = None) -> int:
    """Reads, solves and writes; the exit status is 0 when there is a result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--design", action="store_true", help="add shifts that cover the interval demand")
    parser.add_argument("--attended", action="store_true", help="end with standard input")
    arguments = parser.parse_args(argv)
    cancelled = threading.Event()

    def cancel(_: int, __: FrameType | None) -> None:
        cancelled.set()

    signal.signal(signal.SIGTERM, cancel)
    signal.signal(signal.SIGINT, cancel)
    writing = threading.Lock()

    def write(**content: object) -> None:
        with writing:
            sys.stdout.write(json.dumps(content) + "\n")
            sys.stdout.flush()

    def progress(step: Progress) -> None:
        write(progress=document(step))

    try:
        problem = problem_from(json.loads(sys.stdin.readline()))
        if arguments.design:
            problem = replace(problem, shifts=(*problem.shifts, *design(problem.intervals)))
    except ValueError as error:
        write(error=str(error))
        return 2
    if arguments.attended:
        threading.Thread(target=_until_deserted, args=(cancelled,), daemon=True).start()
    result = run(problem, seconds=arguments.seconds, seed=arguments.seed, progress=progress, cancelled=cancelled.is_set)
    write(
        result=document(result),
        shifts=[document(shift) for shift in problem.shifts],
        explanation=document(explain(Compiled(problem), result)),
    )
    return 0


def _until_deserted(cancelled: threading.Event) -> None:
    # Past Python's own buffer, whose lock this thread would still hold when the interpreter ends.
    while os.read(0, 4096):
        pass
    cancelled.set()


if __name__ == "__main__":
    sys.exit(main())
