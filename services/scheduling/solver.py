"""The optimizer's process: started, fed, listened to and stopped from the service's event loop.

The solver's library must not share a process with the service's other native ones, and its threads must not hold up
requests; so each run has a process of its own that ends with its input, and with it when the service is killed.
"""

import asyncio
import os
import sys
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import orjson
import structlog

from services.scheduling.rostering.explain import Explanation
from services.scheduling.rostering.model import Problem, Progress, Result, Shift
from services.scheduling.rostering.wire import (
    document,
    explanation_from,
    progress_from,
    result_from,
    shifts_from,
)

COMMAND: Final = (sys.executable, "-m", "services.scheduling.rostering.solve", "--attended")
START_SECONDS: Final = 60.0
"""What starting, explaining and a machine with other work to do may take beside the search itself."""
LONGEST_LINE: Final = 64 * 1024 * 1024
_THREADS: Final = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

log = structlog.get_logger(__name__)


class SolverFailed(RuntimeError):
    """The process ended without a result, or took far longer than it was given."""


class Refused(ValueError):
    """The process cannot read the problem; trying again cannot help."""


@dataclass(frozen=True, slots=True)
class Solution:
    """What a run found: the roster, every shift that it could use, and why it is as it is."""

    result: Result
    shifts: dict[str, Shift]
    explanation: Explanation


class Solver:
    """Starts a process for each problem."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = tuple(command)

    async def solve(
        self,
        problem: Problem,
        *,
        seconds: float,
        design: bool,
        stop: asyncio.Event,
        on_progress: Callable[[Progress], None],
    ) -> Solution:
        """The best roster found in the time, or until `stop` is set.

        Raises Refused for a problem that cannot be read, and SolverFailed when the process fails. Cancelled, it takes
        the process down with it.
        """
        process = await asyncio.create_subprocess_exec(
            *self._command,
            "--seconds",
            str(seconds),
            *(["--design"] if design else []),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            limit=LONGEST_LINE,
            env={**os.environ, **_THREADS},
        )
        problems, answers, errors = _pipes(process)
        begun = asyncio.Event()
        stopping = asyncio.create_task(_terminate(process, begun, stop))
        complaints = asyncio.create_task(errors.read())
        try:
            async with asyncio.timeout(seconds + START_SECONDS):
                await _feed(problems, await asyncio.to_thread(_line, problem))
                last = await _listen(answers, begun, on_progress)
                await process.wait()
                return await _solution(last, process, await complaints)
        except TimeoutError as error:
            raise SolverFailed("the solver did not end in time") from error
        finally:
            stopping.cancel()
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
            complaints.cancel()
            await asyncio.gather(stopping, complaints, return_exceptions=True)


def _line(problem: Problem) -> bytes:
    return orjson.dumps(document(problem)) + b"\n"


def _pipes(process: Process) -> tuple[StreamWriter, StreamReader, StreamReader]:
    """Standard input, output and error, which were asked for. Raises SolverFailed where one is missing."""
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise SolverFailed("the solver's process has no pipes")
    return process.stdin, process.stdout, process.stderr


async def _feed(problems: StreamWriter, line: bytes) -> None:
    """Writes the problem; a process that ended before it had read it says why by itself."""
    with suppress(BrokenPipeError, ConnectionResetError):
        problems.write(line)
        await problems.drain()


async def _listen(answers: StreamReader, begun: asyncio.Event, on_progress: Callable[[Progress], None]) -> bytes:
    """Hands progress on and returns the last line, which holds the result."""
    last = b""
    async for line in answers:
        if line.startswith(b'{"progress"'):
            begun.set()
            on_progress(progress_from(orjson.loads(line)["progress"]))
        else:
            last = line
    return last


async def _solution(line: bytes, process: Process, complaints: bytes) -> Solution:
    found = await asyncio.to_thread(orjson.loads, line) if line else {}
    if "error" in found:
        raise Refused(found["error"])
    if process.returncode or "result" not in found:
        log.warning("solver_failed", status=process.returncode, stderr=complaints[-4000:].decode(errors="replace"))
        raise SolverFailed(f"the solver ended with status {process.returncode} and no result")
    return await asyncio.to_thread(_read, found)


def _read(found: dict[str, object]) -> Solution:
    shifts = shifts_from(found["shifts"])
    return Solution(
        result_from(found["result"]), {shift.id: shift for shift in shifts}, explanation_from(found["explanation"])
    )


async def _terminate(process: Process, begun: asyncio.Event, stop: asyncio.Event) -> None:
    """Tells the process to stop, once there is a roster that it can stop with."""
    await stop.wait()
    await begun.wait()
    with suppress(ProcessLookupError):
        process.terminate()
