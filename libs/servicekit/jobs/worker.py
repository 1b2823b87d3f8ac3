"""Running jobs inside the service's process: started, supervised, drained, measured."""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import procrastinate
import structlog
from procrastinate.exceptions import JobAborted
from procrastinate.job_context import AbortReason
from procrastinate.jobs import Job as QueuedJob
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import text

from servicekit import context, housekeeping, telemetry
from servicekit.backoff import Backoff, pause
from servicekit.db import SYSTEM, Database, Query
from servicekit.jobs.queue import QUEUE, REQUEST_ID, TRACE_PARENT
from servicekit.jobs.schema import SCHEMA
from servicekit.jobs.task import Arguments, Handler, Job, Task

# New jobs are announced; the poll finds those whose time has come and those whose lock has become free.
POLL_SECONDS = 1.0
HEARTBEAT_SECONDS = 5.0
# A worker waits so long, several times over, before it stops while its database is away.
CONNECTION_WAIT_SECONDS = 2.0
# A worker that has not been heard of for this long is dead, and its jobs are anybody's.
DEAD_AFTER_SECONDS = 30.0
# Runs that ended without a word before a job is taken for one that kills its worker.
MAX_SILENT_ENDS = 20
OBSERVE_SECONDS = 10.0
RECOVERY = Backoff(first=0.5, cap=10.0)

FINISHED = Counter("mizan_jobs_finished", "Runs of jobs, by outcome.", ("service", "task", "outcome"))
DURATION = Histogram(
    "mizan_job_seconds", "Time that a run took.", ("service", "task"), buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300)
)
WAITING = Gauge("mizan_jobs", "Jobs in the queue, by state.", ("service", "state"))

_CLEAN = Task("platform.clean", cron="23 * * * *", max_attempts=3)

_RECLAIM = text(
    """
    UPDATE procrastinate.procrastinate_jobs AS job
    SET status = CAST(
            CASE WHEN attempts >= :most THEN 'failed' ELSE 'todo' END AS procrastinate.procrastinate_job_status
        ),
        attempts = attempts + 1, worker_id = NULL, queueing_lock = NULL
    WHERE status = 'doing' AND NOT EXISTS (
        SELECT FROM procrastinate.procrastinate_workers AS worker
        WHERE worker.id = job.worker_id AND worker.last_heartbeat > now() - make_interval(secs => :seconds)
    )
    RETURNING id, task_name
    """
)
# A job that runs no longer stands for those to come; and it could not go back to the queue beside one that does.
_BEGIN = text("UPDATE procrastinate.procrastinate_jobs SET queueing_lock = NULL WHERE id = :id")
_COUNT = Query(
    text(
        "SELECT count(*) FILTER (WHERE status = 'todo' AND coalesce(scheduled_at <= now(), true)) AS ready,"
        " count(*) FILTER (WHERE status = 'todo' AND scheduled_at > now()) AS later,"
        " count(*) FILTER (WHERE status = 'doing') AS running,"
        " count(*) FILTER (WHERE status = 'failed') AS failed FROM procrastinate.procrastinate_jobs"
    )
)

log = structlog.get_logger(__name__)


class _Retry(BaseRetryStrategy):
    """Repeats with back-off until the attempts are used up; what a shutdown interrupted is repeated at once."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def get_retry_decision(self, *, exception: BaseException, job: QueuedJob) -> RetryDecision | None:
        if isinstance(exception, asyncio.CancelledError):
            return RetryDecision(retry_in={"seconds": 0})
        attempt = job.attempts + 1
        if isinstance(exception, JobAborted) or attempt >= self._task.max_attempts:
            return None
        return RetryDecision(retry_in={"milliseconds": int(self._task.backoff.delay(attempt) * 1000)})


class Jobs:
    """The worker of one service in one process, and the handlers it knows."""

    name = "jobs"

    def __init__(
        self,
        service: str,
        database: Database,
        handlers: Mapping[Task, Handler],
        *,
        concurrency: int = 4,
        drain: float = 10.0,
    ) -> None:
        self._service = service
        self._database = database
        self._handlers = {**handlers, _CLEAN: self._clean}
        self._concurrency = concurrency
        self._drain = drain
        self._ended = 0
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begins to run jobs; a database that is away is waited for."""
        self._stop.clear()
        self._tasks = [
            asyncio.create_task(self._run(), name=f"{self._service}-jobs"),
            asyncio.create_task(self._tend(), name=f"{self._service}-jobs-tend"),
        ]

    async def stop(self) -> None:
        """Takes no more jobs and lets those that run finish; at the drain's end they are put back."""
        self._stop.set()
        # Not enough alone: what is cancelled while its database is away ends with that error instead, and is caught.
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def run_pending(self) -> int:
        """Runs every job that is due, and those that they defer, then returns how many runs that took; for tests."""
        before = self._ended
        app = self._app(periodic=False)
        async with app.open_async():
            await self._work(app, wait=False)
        return self._ended - before

    # Running

    async def _run(self) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            try:
                app = self._app(periodic=True)
                async with app.open_async():
                    await self._work(app, wait=True)
                # It returns by itself when its own upkeep failed, such as a heartbeat that did not get through.
                raise ConnectionError("the worker ended")
            except Exception as error:  # noqa: BLE001 - whatever happens, somebody must go on working
                if self._stop.is_set():
                    return
                failures = 1 if time.monotonic() - began > RECOVERY.cap else failures + 1
                log.warning("jobs_interrupted", service=self._service, failures=failures, error=repr(error))
                await pause(RECOVERY.delay(failures), self._stop)

    async def _work(self, app: procrastinate.App, *, wait: bool) -> None:
        await app.run_worker_async(
            name=self._service,
            queues=[QUEUE],
            wait=wait,
            concurrency=self._concurrency,
            listen_notify=wait,
            fetch_job_polling_interval=POLL_SECONDS,
            update_heartbeat_interval=HEARTBEAT_SECONDS,
            stalled_worker_timeout=DEAD_AFTER_SECONDS,
            shutdown_graceful_timeout=self._drain,
            delete_jobs="successful",
            install_signal_handlers=False,
        )

    def _app(self, *, periodic: bool) -> procrastinate.App:
        connector = procrastinate.PsycopgConnector(
            conninfo=self._database.url,
            min_size=1,
            max_size=self._concurrency + 2,
            timeout=CONNECTION_WAIT_SECONDS,
            kwargs={
                "application_name": f"{self._service}-jobs",
                "connect_timeout": 5,
                "options": f"-c search_path={SCHEMA} -c statement_timeout=15000",
            },
        )
        app = procrastinate.App(connector=connector)
        for task, handler in self._handlers.items():
            declared = app.task(name=task.name, queue=QUEUE, pass_context=True, retry=_Retry(task))(
                self._runner(task, handler)
            )
            if periodic and task.cron:
                # One at a time, and none in the queue behind one that waits already.
                app.periodic(cron=task.cron, lock=task.name, queueing_lock=task.name)(declared)
        return app

    def _runner(self, task: Task, handler: Handler) -> Any:
        async def run(run_context: procrastinate.JobContext, **arguments: Any) -> None:
            queued = run_context.job
            job = Job(
                id=queued.id or 0,
                task=task.name,
                attempt=queued.attempts + 1,
                last_attempt=queued.attempts + 1 >= task.max_attempts,
                scheduled_for=datetime.fromtimestamp(arguments.pop("timestamp"), UTC) if task.cron else None,
            )
            began = time.perf_counter()
            outcome = "failed"
            try:
                with _continuing(task, arguments):
                    async with asyncio.timeout(task.timeout):
                        if queued.queueing_lock is not None:
                            await self._begin(job)
                        await handler(job, **arguments)
                outcome = "succeeded"
            except asyncio.CancelledError:
                if run_context.abort_reason() is AbortReason.USER_REQUEST:
                    outcome = "cancelled"
                    raise JobAborted from None
                outcome = "interrupted"
                raise
            except Exception as error:
                log.log(
                    40 if job.last_attempt else 30,
                    "job_failed",
                    task=task.name,
                    job_id=job.id,
                    attempt=job.attempt,
                    given_up=job.last_attempt,
                    exc_info=error,
                )
                raise
            finally:
                self._ended += 1
                FINISHED.labels(self._service, task.name, outcome).inc()
                DURATION.labels(self._service, task.name).observe(time.perf_counter() - began)

        return run

    async def _begin(self, job: Job) -> None:
        async with self._database.write(SYSTEM) as session:
            await session.execute(_BEGIN, {"id": job.id})

    # Beside the work

    async def _tend(self) -> None:
        while not self._stop.is_set():
            try:
                await self.reclaim()
                await self._observe()
            except Exception as error:  # noqa: BLE001 - the next round tries again
                log.debug("jobs_upkeep_failed", service=self._service, error=repr(error))
            await pause(OBSERVE_SECONDS, self._stop)

    async def reclaim(self) -> int:
        """Puts back the jobs of workers that died; one that keeps killing its worker is given up."""
        async with self._database.write(SYSTEM) as session:
            found = await session.execute(_RECLAIM, {"most": MAX_SILENT_ENDS, "seconds": DEAD_AFTER_SECONDS})
            jobs = found.all()
        for job in jobs:
            log.warning("job_reclaimed", service=self._service, task=job.task_name, job_id=job.id)
        return len(jobs)

    async def _observe(self) -> None:
        (counts,) = await self._database.read(SYSTEM).all(_COUNT)
        for state in ("ready", "later", "running", "failed"):
            WAITING.labels(self._service, state).set(getattr(counts, state))

    async def _clean(self, _job: Job) -> None:
        await housekeeping.clean(self._database)


@contextlib.contextmanager
def _continuing(task: Task, arguments: Arguments) -> Any:
    """Takes the circumstances out of the arguments and continues the request and the trace that deferred the job."""
    request = context.RequestContext(
        request_id=arguments.pop(REQUEST_ID, "") or context.new_request_id(),
        trace_parent=arguments.pop(TRACE_PARENT, ""),
    )
    token = context.current.set(request)
    try:
        with telemetry.consumer_span(f"job {task.name}", request.trace_parent, {"messaging.system": "procrastinate"}):
            yield
    finally:
        context.current.reset(token)
