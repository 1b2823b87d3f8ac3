"""The optimizer's process: started, fed, listened to and stopped from the service's event loop.

The solver's library must not share a process with the service's other native ones, and its threads must not hold up
requests; so each run has a process of its own that ends with its input, and with it when the service is killed.
"""

import asyncio
import os
import sys
from asyncio import StreamReader
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from subprocess import PIPE, Popen
from typing import IO, Any, Final

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
        command = [*self._command, "--seconds", str(seconds), *(["--design"] if design else [])]
        line = await asyncio.to_thread(_line, problem)
        # Not by the loop, which forks: a copy of a process with many threads may crash before it becomes another.
        process = await asyncio.to_thread(
            Popen, command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env={**os.environ, **_THREADS}
        )
        begun = asyncio.Event()
        tasks: list[asyncio.Task[Any]] = []
        try:
            async with asyncio.timeout(seconds + START_SECONDS):
                answers, complaints = await _reader(process.stdout), await _reader(process.stderr)
                problems, _ = await asyncio.get_running_loop().connect_write_pipe(asyncio.BaseProtocol, process.stdin)
                tasks = [
                    asyncio.create_task(_terminate(process, begun, stop)),
                    asyncio.create_task(complaints.read()),
                ]
                problems.write(line)
                last = await _listen(answers, begun, on_progress)
                problems.close()
                status = await asyncio.to_thread(process.wait)
                return await _solution(last, status, await tasks[1])
        except TimeoutError as error:
            raise SolverFailed("the solver did not end in time") from error
        finally:
            process.kill()
            for task in tasks:
                task.cancel()
            await asyncio.gather(asyncio.to_thread(process.wait), *tasks, return_exceptions=True)


def _line(problem: Problem) -> bytes:
    return orjson.dumps(document(problem)) + b"\n"


async def _reader(pipe: IO[bytes] | None) -> StreamReader:
    """A pipe of the process, to be read on the loop."""
    reader = StreamReader(limit=LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    return reader


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


async def _solution(line: bytes, status: int, complaints: bytes) -> Solution:
    found = await asyncio.to_thread(orjson.loads, line) if line else {}
    if "error" in found:
        raise Refused(found["error"])
    if status or "result" not in found:
        log.warning("solver_failed", status=status, stderr=complaints[-4000:].decode(errors="replace"))
        raise SolverFailed(f"the solver ended with status {status} and no result")
    return await asyncio.to_thread(_read, found)


def _read(found: dict[str, object]) -> Solution:
    shifts = shifts_from(found["shifts"])
    return Solution(
        result_from(found["result"]), {shift.id: shift for shift in shifts}, explanation_from(found["explanation"])
    )


async def _terminate(process: Popen[bytes], begun: asyncio.Event, stop: asyncio.Event) -> None:
    """Tells the process to stop, once there is a roster that it can stop with."""
    await stop.wait()
    await begun.wait()
    process.terminate()
