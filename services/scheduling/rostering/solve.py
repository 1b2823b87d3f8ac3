"""Solves a problem in a process of its own.

    python -m services.scheduling.rostering.solve --seconds 20 < PROBLEM.json

Reads the problem as JSON from standard input and writes one JSON object a line to standard output: `{"progress": ...}`
as the search gets on, at the end `{"result": ...}`, or `{"error": ...}` with exit status 2 when the problem cannot be
read. SIGTERM or SIGINT cancels: the best roster found so far is still written.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from services.scheduling.rostering.engine import run
from services.scheduling.rostering.model import Progress
from services.scheduling.rostering.wire import document, problem_from


def main(argv: Sequence[str] | None = None) -> int:
    """Reads, solves and writes; the exit status is 0 when there is a result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args(argv)
    cancelled = threading.Event()

    def cancel(_: int, __: FrameType | None) -> None:
        cancelled.set()

    signal.signal(signal.SIGTERM, cancel)
    signal.signal(signal.SIGINT, cancel)
    writing = threading.Lock()

    def write(kind: str, content: object) -> None:
        with writing:
            sys.stdout.write(json.dumps({kind: content}) + "\n")
            sys.stdout.flush()

    def progress(step: Progress) -> None:
        write("progress", document(step))

    try:
        problem = problem_from(json.load(sys.stdin))
    except ValueError as error:
        write("error", str(error))
        return 2
    result = run(problem, seconds=arguments.seconds, seed=arguments.seed, progress=progress, cancelled=cancelled.is_set)
    write("result", document(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
