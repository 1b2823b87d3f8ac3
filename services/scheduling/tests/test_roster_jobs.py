"""The job behind a run: wages and budget, progress for all to see, a solver that dies, a service that is killed."""

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import nats
import pytest
import sqlalchemy as sa

from servicekit.clock import SystemClock
from servicekit.db import SYSTEM
from servicekit.errors import Unavailable
from servicekit.jobs import Job
from servicekit.testing.events import eventually
from servicekit.testing.process import service_process
from servicekit.testing.service import RunningService
from services.scheduling.commands import rosters as commands
from services.scheduling.commands.rosters import SOLVE
from services.scheduling.models import RosterRun
from services.scheduling.roster_jobs import Rosters
from services.scheduling.solver import COMMAND, Solver, SolverFailed
from services.scheduling.tests.team import Team, team

MONDAY = date(2031, 3, 3)
SHARED = ("database_url", "nats_url", "redis_url", "internal_keys_dir", "files_url")


def wanted(**more: Any) -> dict[str, Any]:
    """Three lunches that need one waiter each, unless told otherwise."""
    return {
        "seconds": 1,
        "demand": [
            {
                "role": "WAITER",
                "day_of_week": day,
                "start_time": "11:00",
                "end_time": "16:00",
                "required_staff": 1,
                "is_shift": True,
            }
            for day in range(3)
        ],
        **more,
    }


def queued(service: RunningService, us: Team, asked: Mapping[str, Any]) -> UUID:
    """A run without a job in the queue, for a test that runs it itself."""

    async def write() -> UUID:
        async with service.database.write(SYSTEM) as session:
            run = RosterRun(restaurant_id=us.restaurant_id, week_start=MONDAY, wanted=dict(asked))
            session.add(run)
            await session.flush()
            return run.id

    return service.run(write())


def kept(service: RunningService, run_id: UUID) -> RosterRun:
    async def read() -> RosterRun:
        async with service.database.write(SYSTEM) as session:
            return await session.get_one(RosterRun, run_id)

    return service.run(read())


def work(
    service: RunningService,
    run_id: UUID,
    wages: Mapping[UUID, int] | None,
    *,
    solver: Solver | None = None,
    attempt: int = 1,
) -> None:
    async def paid(_: UUID) -> Mapping[UUID, int]:
        if wages is None:
            raise Unavailable("identity is away")
        return wages

    rosters = Rosters(service.database, service.service.core.broker, SystemClock(), solver or Solver(), paid)
    job = Job(id=1, task=SOLVE.name, attempt=attempt, last_attempt=attempt == SOLVE.max_attempts)
    service.run(rosters.solve(job, run_id=str(run_id)))


def test_a_budget_is_kept_and_cheaper_people_come_first(scheduling: RunningService) -> None:
    us = team(scheduling, size=2)
    dear, cheap = us.people
    # Four and a half paid hours at 10.00 come to 45.00: two of three lunches can be paid.
    run_id = queued(scheduling, us, wanted(budget=10_000))
    work(scheduling, run_id, {dear: 3_000, cheap: 1_000})
    run = kept(scheduling, run_id)
    assert run.state == "DRAFT"
    assert run.result is not None
    assert [change["staff"] for change in run.result["changes"]] == [[str(cheap)]] * 2
    assert (run.result["cost"], run.result["missing"], run.result["coverage"]) == (9_000, 1, 66.7)


def test_without_wages_a_week_is_planned_and_a_budget_is_not(scheduling: RunningService) -> None:
    us = team(scheduling, size=2)
    run_id = queued(scheduling, us, wanted())
    work(scheduling, run_id, None)
    result = kept(scheduling, run_id).result
    assert result is not None
    assert len(result["changes"]) == 3
    other = queued(scheduling, us, wanted(budget=10_000))
    with pytest.raises(Unavailable):
        work(scheduling, other, None)
    assert kept(scheduling, other).state == "RUNNING"
    work(scheduling, other, None, attempt=SOLVE.max_attempts)
    assert (kept(scheduling, other).state, kept(scheduling, other).error) == (
        "FAILED",
        "What people are paid is not known right now.",
    )


async def test_progress_is_shown_to_the_restaurant(scheduling: RunningService, nats_url: str) -> None:
    us = team(scheduling, size=2)
    client = await nats.connect(nats_url)
    shown = await client.subscribe(f"live.{us.restaurant_id}.jobs")
    await client.flush()
    run_id = queued(scheduling, us, wanted())
    work(scheduling, run_id, {})
    messages = [json.loads((await shown.next_msg(timeout=20)).data)]
    while messages[-1]["progress"] < 100:
        messages.append(json.loads((await shown.next_msg(timeout=20)).data))
    await client.close()
    assert {message["job_id"] for message in messages} == {str(run_id)}
    assert (messages[0]["state"], messages[-1]["state"]) == ("RUNNING", "DRAFT")


def test_a_solver_that_dies_is_tried_again_and_given_up_in_the_end(scheduling: RunningService) -> None:
    us = team(scheduling, size=2)
    run_id = queued(scheduling, us, wanted())
    dying = Solver((sys.executable, "-c", "import os, sys; sys.stdin.readline(); os.kill(os.getpid(), 9)"))
    with pytest.raises(SolverFailed):
        work(scheduling, run_id, {}, solver=dying)
    assert kept(scheduling, run_id).state == "RUNNING"
    work(scheduling, run_id, {}, attempt=2)
    assert kept(scheduling, run_id).state == "DRAFT"
    second = queued(scheduling, us, wanted())
    with pytest.raises(SolverFailed):
        work(scheduling, second, {}, solver=dying, attempt=SOLVE.max_attempts)
    # A job that was interrupted more often than it may be tried brings its process down itself.
    third = queued(scheduling, us, wanted())
    work(scheduling, third, {}, attempt=SOLVE.max_attempts + 1)
    assert {kept(scheduling, run).state for run in (second, third)} == {"FAILED"}


def test_a_run_that_is_over_is_left_alone(scheduling: RunningService) -> None:
    us = team(scheduling, size=2)
    run_id = queued(scheduling, us, wanted())
    work(scheduling, run_id, {})
    before = kept(scheduling, run_id).version
    work(scheduling, run_id, {}, attempt=2)
    assert kept(scheduling, run_id).version == before


def solvers() -> set[int]:
    """Processes of this machine that solve for a service."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if COMMAND[2] in line:
            found.add(int(folder.name))
    return found


async def until(condition: Callable[[], object]) -> None:
    async def holds() -> object:
        return condition()

    await eventually(holds, within=60)


@pytest.mark.timeout(240)
async def test_a_service_that_is_killed_takes_its_solver_along_and_its_run_is_begun_anew(
    tmp_path: Path, scheduling: RunningService
) -> None:
    # Enough people that no week of theirs is proven the best before the process is killed.
    us = team(scheduling, size=14)
    settings = scheduling.service.core.settings
    # Only the process to be killed may take the job up.
    scheduling.run(scheduling.service.jobs.stop())
    values = {name: getattr(settings, name) for name in SHARED}

    async def start() -> UUID:
        async with scheduling.database.write(SYSTEM) as session:
            run = await commands.start(
                session,
                us.restaurant_id,
                MONDAY,
                wanted(seconds=100, demand=[]),
                actor=None,
                now=datetime.now(UTC),
            )
            return run.id

    others = solvers()
    with service_process("scheduling", values, tmp_path) as process:
        run_id = scheduling.run(start())
        await until(lambda: "objective" in kept(scheduling, run_id).progress)
        mine = solvers() - others
        assert mine
        os.kill(process.child.pid, signal.SIGKILL)
        await until(lambda: not mine & solvers())
    assert kept(scheduling, run_id).state == "RUNNING"

    async def hurry() -> None:
        """The dead worker was last heard of a minute ago, and the search may be short this time."""
        async with scheduling.database.write(SYSTEM) as session:
            await session.execute(
                sa.text("UPDATE procrastinate.procrastinate_workers SET last_heartbeat = now() - interval '1 minute'")
            )
            await session.execute(sa.update(RosterRun).where(RosterRun.id == run_id).values(wanted=wanted()))

    scheduling.run(hurry())
    scheduling.run(scheduling.service.jobs.start())
    await until(lambda: kept(scheduling, run_id).state == "DRAFT")
    result = kept(scheduling, run_id).result
    assert result is not None
    assert len(result["changes"]) == 3
