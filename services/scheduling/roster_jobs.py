"""Planning weeks in the background: one durable job for each run, its progress for all to see, its draft in the end."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
import structlog

from servicekit import live
from servicekit.broker import Broker
from servicekit.clock import Clock
from servicekit.db import SYSTEM, Database, Scope
from servicekit.errors import Conflict, Refusal, Unavailable
from servicekit.jobs import Job, Task
from servicekit.jobs.task import Handler
from services.scheduling.commands import rosters as commands
from services.scheduling.commands.rosters import SOLVE
from services.scheduling.domain.draft import draft_of
from services.scheduling.domain.roster import problem_of
from services.scheduling.models import RosterRun
from services.scheduling.models.roster import WAITING
from services.scheduling.queries import rosters as queries
from services.scheduling.queries.rosters import Plannable, Wanted
from services.scheduling.rostering.model import Progress
from services.scheduling.solver import Refused, Solution, Solver

TICK_SECONDS: Final = 0.5
"""How often a run says how far it is, and looks whether it is to end."""

Wages = Callable[[UUID], Awaitable[Mapping[UUID, int]]]
"""What people of a restaurant are paid for an hour, in minor units."""

log = structlog.get_logger(__name__)


class Rosters:
    """Runs the optimizer in its own process, once for each run that was asked for."""

    def __init__(self, database: Database, broker: Broker, clock: Clock, solver: Solver, wages: Wages) -> None:
        self._database = database
        self._broker = broker
        self._clock = clock
        self._solver = solver
        self._wages = wages

    def handlers(self) -> Mapping[Task, Handler]:
        """The tasks that it carries out."""
        return {SOLVE: self.solve}

    async def solve(self, job: Job, *, run_id: str) -> None:
        """Plans the week of a run. Repeated after an interruption it begins anew; a run that is over stays as it is."""
        run = await self._begin(job, UUID(run_id))
        if run is None:
            return
        try:
            await self._plan(run)
        except (Refusal, Refused, ValueError) as error:
            if isinstance(error, Unavailable) and not job.last_attempt:
                raise
            await self._fail(run, str(error))
        except Exception:
            # A bug is repeated and logged as every job's; whoever waits is told only when nobody tries any more.
            if job.last_attempt:
                await self._fail(run, "The optimizer failed.")
            raise

    async def _begin(self, job: Job, run_id: UUID) -> RosterRun | None:
        """Takes a run up; None when it is over, or is given up because it has brought down too many processes."""
        async with self._database.write(SYSTEM) as session:
            run = await session.scalar(
                sa.select(RosterRun).where(RosterRun.id == run_id, RosterRun.state.in_(WAITING)).with_for_update()
            )
            if run is None:
                return None
            run.version += 1
            if run.cancel_asked:
                run.state, run.finished_at = "CANCELLED", self._clock.now()
            elif job.attempt > SOLVE.max_attempts:
                run.state, run.finished_at = "FAILED", self._clock.now()
                run.error = "The optimizer was interrupted too often."
            else:
                run.state, run.started_at = "RUNNING", self._clock.now()
        await self._show(run, 0)
        return run if run.state == "RUNNING" else None

    async def _plan(self, run: RosterRun) -> None:
        wanted = Wanted.of(run.wanted)
        wages = await self._wages_of(run.restaurant_id, needed=wanted.budget is not None)
        plan = await queries.plannable(
            self._database.read(Scope(run.restaurant_id)),
            run.restaurant_id,
            run.week_start,
            wanted,
            self._clock.now(),
            wages,
        )
        problem = await asyncio.to_thread(problem_of, plan.week)
        watch = _Watch(self, run, wanted.seconds)
        ticking = asyncio.create_task(watch.tick(), name=f"roster-{run.id}")
        try:
            solution = await self._solver.solve(
                problem,
                seconds=wanted.seconds,
                design=bool(problem.intervals),
                stop=watch.stop,
                on_progress=watch.note,
            )
        finally:
            ticking.cancel()
            with suppress(asyncio.CancelledError):
                await ticking
        result = await asyncio.to_thread(_result, plan, solution, wanted.keep_open)
        await self._finish(run, wanted, result, cancelled=watch.stop.is_set())

    async def _wages_of(self, restaurant_id: UUID, *, needed: bool) -> Mapping[UUID, int]:
        """Wages; without them a week can be planned, but no budget kept."""
        try:
            return await self._wages(restaurant_id)
        except Refusal as error:
            if needed:
                raise Unavailable("What people are paid is not known right now.") from error
            log.warning("wages_unknown", error=error.code)
            return {}

    async def _finish(self, run: RosterRun, wanted: Wanted, result: dict[str, Any], *, cancelled: bool) -> None:
        """Keeps the draft and, where that was asked for, applies it in the same transaction."""
        async with self._database.write(Scope(run.restaurant_id)) as session:
            kept = await commands.locked(session, run.restaurant_id, run.id)
            if kept.state != "RUNNING":
                return
            now = self._clock.now()
            kept.result = {**result, "cancelled": cancelled}
            kept.state, kept.finished_at = "DRAFT", now
            kept.version += 1
            await session.flush()
            if wanted.apply and not cancelled:
                try:
                    applied = await commands.apply(session, kept, actor=run.created_by, now=now, skip_conflicts=True)
                except Conflict as error:
                    # Somebody was booked in this very moment; the draft is there to be applied once more.
                    kept.error = error.message
                else:
                    kept.result = {**kept.result, **commands.applied_json(applied)}
        await self._show(kept, 100)

    async def _fail(self, run: RosterRun, why: str) -> None:
        async with self._database.write(Scope(run.restaurant_id)) as session:
            kept = await commands.locked(session, run.restaurant_id, run.id)
            if kept.state not in WAITING:
                return
            kept.state, kept.error, kept.finished_at = "FAILED", why, self._clock.now()
            kept.version += 1
        await self._show(kept, 100)

    async def keep_progress(self, run: RosterRun, progress: dict[str, Any]) -> bool:
        """Keeps how far a run is, and shows it; whether the run is to end."""
        async with self._database.write(Scope(run.restaurant_id)) as session:
            cancel = await session.scalar(
                sa.update(RosterRun)
                .where(RosterRun.id == run.id, RosterRun.state == "RUNNING")
                .values(progress=progress)
                .returning(RosterRun.cancel_asked)
            )
        await self._show(run, progress["percent"], progress)
        # A run that is none any more has nobody to work for.
        return cancel is not False

    async def _show(self, run: RosterRun, percent: int, progress: Mapping[str, Any] | None = None) -> None:
        message = {
            "job_id": str(run.id),
            "kind": "roster",
            "week_start": run.week_start.isoformat(),
            "state": run.state,
            "progress": percent,
        }
        known = {name: value for name, value in (progress or {}).items() if name != "percent"}
        await live.publish(self._broker, run.restaurant_id, live.JOBS, {**message, **known})


class _Watch:
    """What is known of a run that is at work, and whether it is to end."""

    def __init__(self, rosters: Rosters, run: RosterRun, seconds: float) -> None:
        self.stop = asyncio.Event()
        self._rosters = rosters
        self._run = run
        self._seconds = seconds
        self._latest: Progress | None = None

    def note(self, progress: Progress) -> None:
        """Remembers the newest step."""
        self._latest = progress

    async def tick(self) -> None:
        """Keeps and shows progress again and again, until it is cancelled or the run is to end."""
        began = asyncio.get_running_loop().time()
        while not self.stop.is_set():
            passed = asyncio.get_running_loop().time() - began
            progress: dict[str, Any] = {
                "percent": min(99, int(100 * passed / max(1.0, self._seconds))),
                "seconds": round(passed, 1),
            }
            if self._latest is not None:
                progress |= {"objective": self._latest.objective, "bound": self._latest.bound}
            try:
                if await self._rosters.keep_progress(self._run, progress):
                    self.stop.set()
            except (sa.exc.SQLAlchemyError, TimeoutError) as error:
                log.info("roster_progress_lost", error=repr(error))
            await asyncio.sleep(TICK_SECONDS)


def _result(plan: Plannable, solution: Solution, keep_open: bool) -> dict[str, Any]:
    """The draft as its run keeps it, after the conflict engine has looked at every change."""
    week = plan.week
    draft = draft_of(week, solution.result, solution.shifts, solution.explanation, keep_open=keep_open)
    possible, found = commands.screened(draft.changes, week.situations)
    changes = [change for place, change in enumerate(draft.changes) if place in possible]
    left_out = [change for place, change in enumerate(draft.changes) if place not in possible]
    return {
        "changes": [commands.change_json(change) for change in changes],
        **draft.measured(left_out),
        "left_out": [{"type": f.type, "message": f.message, "staff_id": str(f.person), "rule": f.rule} for f in found],
        "demand": plan.basis,
    }
