"""Background jobs on a real database."""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa
from procrastinate.periodic import PeriodicDeferrer
from prometheus_client import REGISTRY

from servicekit import context, housekeeping, jobs
from servicekit.backoff import Backoff
from servicekit.db import SYSTEM, Database
from servicekit.jobs import Job, Jobs, Task
from servicekit.jobs import worker as worker_module
from servicekit.tables import idempotency_key, inbox
from servicekit.tests.events.conftest import effect, eventually, rows
from tools.stack import Database as Address
from tools.stack.stack import Stack

NOW = Backoff(first=0.001, cap=0.001)
SEND = Task("mail.send", backoff=NOW, max_attempts=3)
SWEEP = Task("invitations.sweep", cron="*/5 * * * *")


async def queue(database: Database) -> list[Any]:
    # A worker that starts within ten minutes after the hour's cleaning was due does that first.
    ours = "SELECT * FROM procrastinate.procrastinate_jobs WHERE task_name <> 'platform.clean' ORDER BY id"
    return await rows(database, sa.text(ours))  # type: ignore[arg-type] # text runs as well


class Recorder:
    """A handler that remembers its calls."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.jobs: list[Job] = []

    async def __call__(self, job: Job, **arguments: Any) -> None:
        self.jobs.append(job)
        self.calls.append(arguments)


async def test_a_job_runs_after_the_commit_with_its_arguments(database: Database) -> None:
    handler = Recorder()
    async with database.write(SYSTEM) as session:
        job_id = await jobs.defer(session, SEND, to="ada@example.org", lines=[1, None, {"a": "é"}], who=uuid4())
    assert await Jobs("sample", database, {SEND: handler}).run_pending() == 1
    (call,) = handler.calls
    assert (call["to"], call["lines"]) == ("ada@example.org", [1, None, {"a": "é"}])
    assert handler.jobs == [Job(job_id, "mail.send", attempt=1, last_attempt=False)]
    assert await queue(database) == []


async def test_a_rolled_back_transaction_defers_nothing(database: Database) -> None:
    session = database.open_session(SYSTEM)
    await jobs.defer(session, SEND)
    await session.close()
    assert await queue(database) == []


async def test_arguments_that_json_cannot_hold_are_refused(database: Database) -> None:
    session = database.open_session(SYSTEM)
    with pytest.raises(TypeError):
        await jobs.defer(session, SEND, handler=Recorder())
    await session.close()


async def test_a_job_continues_the_request_that_deferred_it(database: Database) -> None:
    seen: list[context.RequestContext] = []

    async def handler(_job: Job) -> None:
        seen.append(context.current.get())

    token = context.current.set(context.RequestContext(request_id="r-7", trace_parent=f"00-{'a' * 32}-{'b' * 16}-00"))
    async with database.write(SYSTEM) as session:
        await jobs.defer(session, SEND)
    context.current.reset(token)
    await Jobs("sample", database, {SEND: handler}).run_pending()
    assert [(request.request_id, request.trace_parent[3:35]) for request in seen] == [("r-7", "a" * 32)]


async def test_a_job_for_later_waits(database: Database) -> None:
    handler = Recorder()
    async with database.write(SYSTEM) as session:
        await jobs.defer(session, SEND, at=datetime.now(UTC) + timedelta(hours=1))
    assert await Jobs("sample", database, {SEND: handler}).run_pending() == 0
    assert handler.calls == []


async def test_a_job_that_fails_is_repeated_and_then_given_up(database: Database) -> None:
    attempts: list[Job] = []

    async def fails(job: Job) -> None:
        attempts.append(job)
        raise RuntimeError("no")

    worker = Jobs("sample", database, {SEND: fails})
    async with database.write(SYSTEM) as session:
        await jobs.defer(session, SEND)
    await eventually(lambda: _ran(worker, attempts, 3))
    assert [(job.attempt, job.last_attempt) for job in attempts] == [(1, False), (2, False), (3, True)]
    (left,) = await queue(database)
    assert (left.status, left.attempts) == ("failed", 3)


async def _ran(worker: Jobs, attempts: list[Job], number: int) -> bool:
    await worker.run_pending()
    return len(attempts) >= number


async def test_the_repetition_waits_for_its_back_off(database: Database) -> None:
    slow = Task("slow", backoff=Backoff(first=600, cap=600))

    async def fails(_job: Job) -> None:
        raise RuntimeError("no")

    async with database.write(SYSTEM) as session:
        await jobs.defer(session, slow)
    await Jobs("sample", database, {slow: fails}).run_pending()
    (left,) = await queue(database)
    assert left.status == "todo"
    assert timedelta(seconds=440) < left.scheduled_at - datetime.now(UTC) < timedelta(seconds=600)


async def test_a_handler_that_hangs_is_ended(database: Database) -> None:
    hanging = Task("hanging", timeout=0.05, max_attempts=1)

    async def hangs(_job: Job) -> None:
        await asyncio.Event().wait()

    async with database.write(SYSTEM) as session:
        await jobs.defer(session, hanging)
    assert await Jobs("sample", database, {hanging: hangs}).run_pending() == 1
    (left,) = await queue(database)
    assert left.status == "failed"


async def test_an_effect_that_was_claimed_is_not_repeated(database: Database) -> None:
    async def dies_after_its_commit(job: Job) -> None:
        async with database.write(SYSTEM) as session:
            if await job.claim(session):
                await session.execute(sa.insert(effect), {"event_id": uuid4(), "note": "sent", "amount": 1})
        if job.attempt == 1:
            raise RuntimeError("after the commit")

    worker = Jobs("sample", database, {SEND: dies_after_its_commit})
    async with database.write(SYSTEM) as session:
        await jobs.defer(session, SEND)
    await eventually(lambda: _is_done(worker, database))
    assert len(await rows(database, sa.select(effect))) == 1


async def _is_done(worker: Jobs, database: Database) -> bool:
    await worker.run_pending()
    return await queue(database) == []


async def test_once_joins_the_job_that_waits(database: Database) -> None:
    handler = Recorder()
    async with database.write(SYSTEM) as session:
        first = await jobs.defer(session, SEND, once="digest", number=1)
    async with database.write(SYSTEM) as session:
        assert await jobs.defer(session, SEND, once="digest", number=2) == first
        assert await jobs.defer(session, SEND, once="other", number=3) != first
        # The transaction is whole after the refusal inside it.
        await session.execute(sa.insert(effect), {"event_id": uuid4(), "note": "kept", "amount": 1})
    await Jobs("sample", database, {SEND: handler}).run_pending()
    assert sorted(call["number"] for call in handler.calls) == [1, 3]
    assert len(await rows(database, sa.select(effect))) == 1


async def test_the_job_that_was_joined_does_not_begin_before_the_commit(database: Database) -> None:
    async with database.write(SYSTEM) as session:
        await jobs.defer(session, SEND, once="digest")
    handler = Recorder()
    worker = Jobs("sample", database, {SEND: handler})
    async with database.write(SYSTEM) as session:
        await jobs.defer(session, SEND, once="digest")
        assert await worker.run_pending() == 0
    assert await worker.run_pending() == 1


async def test_another_may_wait_while_the_first_runs_and_fails(database: Database) -> None:
    async def defers_its_like(job: Job) -> None:
        if job.attempt == 1 and job.id == first:
            async with database.write(SYSTEM) as session:
                assert await jobs.defer(session, SEND, once="digest") != first
            raise RuntimeError("and must go back to the queue")

    async with database.write(SYSTEM) as session:
        first = await jobs.defer(session, SEND, once="digest")
    worker = Jobs("sample", database, {SEND: defers_its_like})
    await eventually(lambda: _is_done(worker, database))


async def test_jobs_with_a_lock_run_one_at_a_time_in_order(database: Database) -> None:
    running = 0
    order: list[int] = []

    async def handler(_job: Job, number: int) -> None:
        nonlocal running
        running += 1
        assert running == 1
        async with database.write(SYSTEM) as session:
            await session.execute(sa.text("SELECT pg_sleep(0.01)"))
        order.append(number)
        running -= 1

    async with database.write(SYSTEM) as session:
        for number in range(4):
            await jobs.defer(session, SEND, lock="one", number=number)
    worker = Jobs("sample", database, {SEND: handler})
    await worker.start()
    await eventually(lambda: len(order) == 4)
    await worker.stop()
    assert order == list(range(4))


async def test_a_started_worker_runs_jobs_at_once_and_counts_them(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "POLL_SECONDS", 60.0)
    handler = Recorder()
    worker = Jobs("counted", database, {SEND: handler})
    await worker.start()
    await eventually(lambda: _has_worker(database))
    async with database.write(SYSTEM) as session:
        await jobs.defer(session, SEND)
    await eventually(lambda: handler.calls)
    await worker.stop()
    labels = {"service": "counted", "task": "mail.send", "outcome": "succeeded"}
    assert REGISTRY.get_sample_value("mizan_jobs_finished_total", labels) == 1


async def _has_worker(database: Database) -> bool:
    workers = "SELECT count(*) FROM procrastinate.procrastinate_workers"
    listening = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
    async with database.write(SYSTEM) as session:
        return bool(
            (await session.execute(sa.text(workers))).scalar() and (await session.execute(sa.text(listening))).scalar()
        )


async def test_stopping_lets_a_job_finish(database: Database) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def waits(_job: Job) -> None:
        begun.set()
        await go_on.wait()

    worker = Jobs("sample", database, {SEND: waits})
    await worker.start()
    async with database.write(SYSTEM) as session:
        await jobs.defer(session, SEND)
    await begun.wait()
    stopping = asyncio.create_task(worker.stop())
    asyncio.get_running_loop().call_later(0.1, go_on.set)
    await stopping
    assert await queue(database) == []


async def test_what_does_not_finish_in_time_is_put_back(database: Database) -> None:
    begun = asyncio.Event()

    async def never_ends(_job: Job) -> None:
        begun.set()
        await asyncio.Event().wait()

    worker = Jobs("sample", database, {SEND: never_ends}, drain=0.1)
    await worker.start()
    async with database.write(SYSTEM) as session:
        await jobs.defer(session, SEND)
    await begun.wait()
    await worker.stop()
    (left,) = await queue(database)
    assert left.status == "todo"


async def test_a_running_job_can_be_cancelled(database: Database) -> None:
    begun = asyncio.Event()
    ended: list[str] = []

    async def long(_job: Job) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cleaned up")

    worker = Jobs("sample", database, {SEND: long})
    await worker.start()
    await eventually(lambda: _has_worker(database))
    async with database.write(SYSTEM) as session:
        job_id = await jobs.defer(session, SEND)
    await begun.wait()
    async with database.write(SYSTEM) as session:
        assert await jobs.cancel(session, job_id)
    await eventually(lambda: ended)
    await eventually(lambda: _has_status(database, "aborted"))
    await worker.stop()
    async with database.write(SYSTEM) as session:
        assert not await jobs.cancel(session, job_id)


async def _has_status(database: Database, status: str) -> bool:
    return [job.status for job in await queue(database)] == [status]


async def test_a_job_of_a_worker_that_was_killed_is_run_by_another(
    database: Database, address: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.write(SYSTEM) as session:
        await jobs.defer(session, SEND)
    program = (
        "import asyncio, sys\n"
        "from servicekit.db import Database\n"
        "from servicekit.jobs import Jobs, Task\n"
        "async def hangs(job):\n"
        "    open(sys.argv[2], 'w').close()\n"
        "    await asyncio.Event().wait()\n"
        "async def main():\n"
        "    database = Database(sys.argv[1], application='doomed')\n"
        "    await database.start()\n"
        "    await Jobs('doomed', database, {Task('mail.send'): hangs}).start()\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    begun = tmp_path / "begun"
    doomed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, address.app_dsn, str(begun), env={**os.environ, "PYTHONPATH": ":".join(sys.path)}
    )
    await eventually(begun.exists)
    doomed.send_signal(signal.SIGKILL)
    await doomed.wait()
    handler = Recorder()
    worker = Jobs("sample", database, {SEND: handler})
    assert await worker.reclaim() == 0
    monkeypatch.setattr(worker_module, "DEAD_AFTER_SECONDS", 0.2)
    await eventually(lambda: _reclaimed(worker))
    await worker.run_pending()
    assert [job.attempt for job in handler.jobs] == [2]


async def _reclaimed(worker: Jobs) -> int:
    return await worker.reclaim()


async def test_a_job_that_keeps_killing_its_worker_is_given_up(database: Database) -> None:
    async with database.write(SYSTEM) as session:
        await jobs.defer(session, SEND)
        await session.execute(
            sa.text("UPDATE procrastinate.procrastinate_jobs SET status = 'doing', attempts = :attempts"),
            {"attempts": worker_module.MAX_SILENT_ENDS},
        )
    worker = Jobs("sample", database, {})
    assert await worker.reclaim() == 1
    assert await worker.reclaim() == 0
    (left,) = await queue(database)
    assert left.status == "failed"


async def test_a_periodic_task_is_deferred_once_per_tick_however_many_replicas(database: Database) -> None:
    handler = Recorder()
    replicas = [Jobs("sample", database, {SWEEP: handler}) for _ in range(3)]
    tick = datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC).timestamp()
    for replica in replicas:
        app = replica._app(periodic=True)
        async with app.open_async():
            deferrer = PeriodicDeferrer(registry=app.periodic_registry)
            await deferrer.defer_jobs(deferrer.get_previous_tasks(at=tick))
    waiting = [job for job in await queue(database) if job.task_name == "invitations.sweep"]
    assert len(waiting) == 1
    await replicas[0].run_pending()
    assert [job.scheduled_for for job in handler.jobs] == [datetime(2026, 3, 1, 12, 0, tzinfo=UTC)]
    assert handler.calls == [{}]


async def test_work_goes_on_after_the_database_was_away(database: Database, own_stack: Stack) -> None:
    handler = Recorder()
    worker = Jobs("sample", database, {SEND: handler})
    await worker.start()
    await eventually(lambda: _has_worker(database))
    own_stack.kill("postgres")
    own_stack.restart("postgres")
    await eventually(lambda: _deferred(database))
    await eventually(lambda: handler.calls)
    await worker.stop()


async def _deferred(database: Database) -> bool:
    try:
        async with database.write(SYSTEM) as session:
            await jobs.defer(session, SEND)
    except (sa.exc.DBAPIError, psycopg.Error):
        return False
    return True


async def test_the_queue_is_measured(database: Database) -> None:
    worker = Jobs("measured", database, {})
    async with database.write(SYSTEM) as session:
        await jobs.defer(session, SEND)
        await jobs.defer(session, SEND, at=datetime.now(UTC) + timedelta(hours=1))
    await worker._observe()
    states = {
        state: REGISTRY.get_sample_value("mizan_jobs", {"service": "measured", "state": state})
        for state in ("ready", "later", "running", "failed")
    }
    assert states == {"ready": 1, "later": 1, "running": 0, "failed": 0}


async def test_housekeeping_deletes_what_is_old_and_nothing_else(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "STEP_ROWS", 2)
    now = datetime.now(UTC)
    async with database.write(SYSTEM) as session:
        for days in (1, 14, 16, 17, 18):
            mark = {"consumer": "books", "message_id": uuid4(), "handled_at": now - timedelta(days=days)}
            await session.execute(sa.insert(inbox), mark)
        for days in (1, 3):
            key = {
                "scope": "s",
                "key": str(days),
                "method": "m",
                "request_digest": b"",
                "created_at": now - timedelta(days=days),
            }
            await session.execute(sa.insert(idempotency_key), key)
        for days in (10, 40):
            job_id = await jobs.defer(session, SEND)
            finish = "SELECT procrastinate.procrastinate_finish_job_v1(:id, 'failed', false)"
            await session.execute(sa.text(finish), {"id": job_id})
            age = "UPDATE procrastinate.procrastinate_events SET at = :at WHERE job_id = :id"
            await session.execute(sa.text(age), {"at": now - timedelta(days=days), "id": job_id})
        await jobs.defer(session, SEND, at=now)
    assert await housekeeping.clean(database) == {"inbox": 3, "idempotency_key": 1, "jobs": 1}
    assert await housekeeping.clean(database) == {"inbox": 0, "idempotency_key": 0, "jobs": 0}
    assert sorted(job.status for job in await queue(database)) == ["failed", "todo"]


async def test_the_schema_is_installed_once_and_only_for_the_two_roles(address: Address) -> None:
    engine = sa.create_engine(address.owner_dsn.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool)
    with engine.begin() as connection:
        jobs.install(connection)
        jobs.grant(connection, "sample_app")
        tables = sa.inspect(connection).get_table_names(schema=jobs.SCHEMA)
        assert "procrastinate_jobs" in tables
        assert not any(name.startswith("procrastinate") for name in sa.inspect(connection).get_table_names())
        public = "SELECT has_table_privilege('public', 'procrastinate.procrastinate_jobs', 'SELECT')"
        assert connection.exec_driver_sql(public).scalar() is False
    engine.dispose()


async def test_it_stops_while_the_database_is_away(database: Database, own_stack: Stack) -> None:
    worker = Jobs("sample", database, {}, drain=1)
    await worker.start()
    await eventually(lambda: _has_worker(database))
    own_stack.kill("postgres")
    try:
        async with asyncio.timeout(10):
            await worker.stop()
    finally:
        own_stack.restart("postgres")


async def test_its_upkeep_stops_although_losing_the_database_hid_that_it_was_told_to(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Jobs("sample", database, {}, drain=1)
    looking = asyncio.Event()

    async def reclaim() -> int:
        looking.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise psycopg.OperationalError("the connection is closed") from None
        return 0

    monkeypatch.setattr(worker, "reclaim", reclaim)
    await worker.start()
    async with asyncio.timeout(10):
        await looking.wait()
        await eventually(lambda: _has_worker(database))
        await worker.stop()
