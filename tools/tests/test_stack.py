"""The stack on real servers."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nats
import psycopg
import pytest
import redis

from tools.stack import Endpoints, ServerError, StackUnavailable, free_port, make_stack
from tools.stack.postgres import is_reachable
from tools.stack.processes import Child, Spawner
from tools.stack.share import join, shared_stack
from tools.stack.stack import Stack, WheelStack
from tools.tests.processes import descendants, survivors, watch

ROOT = Path(__file__).resolve().parents[2]


def query(dsn: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def ping(url: str) -> bool:
    with redis.Redis.from_url(url, socket_timeout=5) as client:
        return client.ping() is True


async def publish(url: str, subject: str, text: str) -> None:
    client = await nats.connect(url, connect_timeout=5, allow_reconnect=False)
    stream = client.jetstream(timeout=5)
    await stream.add_stream(name="facts", subjects=["facts.>"])
    await stream.publish(subject, text.encode())
    await client.close()


async def last_message(url: str, subject: str) -> str:
    client = await nats.connect(url, connect_timeout=5, allow_reconnect=False)
    message = await client.jetstream(timeout=5).get_last_msg("facts", subject)
    await client.close()
    assert message.data is not None
    return message.data.decode()


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with make_stack(tmp_path_factory.mktemp("own"), durable=False) as booted:
        yield booted


class TestMembers:
    def test_all_answer(self, own_stack: Stack) -> None:
        assert str(query(own_stack.admin_dsn, "SHOW server_version_num")[0][0]) >= "180000"
        assert ping(own_stack.redis_url)
        asyncio.run(publish(own_stack.nats_url, "facts.boot", "yes"))
        assert asyncio.run(last_message(own_stack.nats_url, "facts.boot")) == "yes"

    def test_passwords_are_asked_for(self, own_stack: Stack) -> None:
        with pytest.raises(psycopg.OperationalError):
            query(own_stack.admin_dsn.replace("postgres:", "postgres:x", 1), "SELECT 1")
        with pytest.raises(redis.AuthenticationError):
            ping(own_stack.redis_url.replace(":@", ":x@").replace("redis://:", "redis://:x"))
        with pytest.raises(nats.errors.Error):
            asyncio.run(publish(own_stack.nats_url.replace("mizan:", "mizan:x"), "facts.boot", "no"))

    def test_killed_postgres_comes_back_with_its_data(self, own_stack: Stack) -> None:
        query(own_stack.admin_dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
        own_stack.kill("postgres")
        with pytest.raises(psycopg.OperationalError):
            query(own_stack.admin_dsn, "SELECT 1")
        own_stack.restart("postgres")
        assert query(own_stack.admin_dsn, "SELECT answer FROM kept") == [(42,)]

    def test_postgres_comes_back_while_a_session_is_busy(self, own_stack: Stack) -> None:
        with psycopg.connect(own_stack.admin_dsn, connect_timeout=5) as busy:
            busy.execute("CREATE TEMP TABLE work AS SELECT generate_series(1, 1000)")
            own_stack.kill("postgres")
            own_stack.restart("postgres")
            with pytest.raises(psycopg.OperationalError):
                busy.execute("SELECT 1")
        assert query(own_stack.admin_dsn, "SELECT 1") == [(1,)]

    def test_killed_nats_comes_back_with_its_streams(self, own_stack: Stack) -> None:
        asyncio.run(publish(own_stack.nats_url, "facts.kept", "still here"))
        own_stack.kill("nats")
        own_stack.restart("nats")
        assert asyncio.run(last_message(own_stack.nats_url, "facts.kept")) == "still here"

    def test_killed_valkey_comes_back(self, own_stack: Stack) -> None:
        own_stack.kill("valkey")
        own_stack.restart("valkey")
        assert ping(own_stack.redis_url)


class TestDatabases:
    def test_roles_are_bound_by_row_security(self, own_stack: Stack) -> None:
        database = own_stack.create_database("orders")
        query(
            database.owner_dsn,
            "CREATE TABLE rows (id int); INSERT INTO rows VALUES (1);"
            "ALTER TABLE rows ENABLE ROW LEVEL SECURITY; ALTER TABLE rows FORCE ROW LEVEL SECURITY",
        )
        assert query(database.app_dsn, "SELECT * FROM rows") == []
        assert query(database.owner_dsn, "SELECT * FROM rows") == []
        assert (
            query(own_stack.admin_dsn, "SELECT rolname FROM pg_roles WHERE rolbypassrls AND rolname ~ '^orders'") == []
        )

    def test_app_role_reads_and_writes_but_makes_nothing(self, own_stack: Stack) -> None:
        database = own_stack.create_database("ledger")
        query(database.owner_dsn, "CREATE TABLE entries (id int GENERATED ALWAYS AS IDENTITY, amount int)")
        query(database.app_dsn, "INSERT INTO entries (amount) VALUES (7)")
        assert query(database.app_dsn, "SELECT amount FROM entries") == [(7,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            query(database.app_dsn, "CREATE TABLE other (id int)")

    def test_other_services_are_kept_out(self, own_stack: Stack) -> None:
        private = own_stack.create_database("private")
        stranger = own_stack.create_database("stranger")
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            query(stranger.app_dsn.removesuffix(stranger.name) + private.name, "SELECT 1")

    def test_creating_twice_keeps_the_data(self, own_stack: Stack) -> None:
        first = own_stack.create_database("twice")
        query(first.owner_dsn, "CREATE TABLE kept (id int)")
        assert own_stack.create_database("twice") == first
        assert query(first.app_dsn, "SELECT count(*) FROM kept") == [(0,)]

    def test_template_is_migrated_once_and_cloned(self, own_stack: Stack) -> None:
        databases = own_stack.endpoints.databases
        migrated: list[str] = []

        def migrate(dsn: str, service: str) -> None:
            migrated.append(service)
            query(dsn, "CREATE TABLE things (id int)")

        template = databases.create_template("shop_template", "shop", migrate)
        assert databases.create_template("shop_template", "shop", migrate) == template
        assert migrated == ["shop"]
        first, second = databases.clone(template, "shop_1"), databases.clone(template, "shop_2")
        query(first.app_dsn, "INSERT INTO things VALUES (1)")
        assert query(second.app_dsn, "SELECT count(*) FROM things") == [(0,)]

    def test_unfinished_template_is_made_again(self, own_stack: Stack) -> None:
        databases = own_stack.endpoints.databases

        def broken(dsn: str, _service: str) -> None:
            query(dsn, "CREATE TABLE half (id int)")
            raise RuntimeError("killed in the middle")

        with pytest.raises(RuntimeError):
            databases.create_template("half_template", "half", broken)
        template = databases.create_template(
            "half_template", "half", lambda dsn, _: query(dsn, "CREATE TABLE whole (id int)")
        )
        clone = databases.clone(template, "half_1")
        assert query(clone.owner_dsn, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == [("whole",)]

    def test_nothing_is_dropped_without_a_prefix(self, own_stack: Stack) -> None:
        with pytest.raises(ValueError, match="others"):
            own_stack.endpoints.databases.drop_all()


class TestFolder:
    def test_data_outlives_the_stack(self, tmp_path: Path) -> None:
        with WheelStack(tmp_path, durable=False) as first:
            database = first.create_database("kept")
            query(database.owner_dsn, "CREATE TABLE kept AS SELECT 1 AS one")
            asyncio.run(publish(first.nats_url, "facts.kept", "kept"))
        with WheelStack(tmp_path, durable=False) as second:
            again = second.create_database("kept")
            assert query(again.app_dsn, "SELECT one FROM kept") == [(1,)]
            assert asyncio.run(last_message(second.nats_url, "facts.kept")) == "kept"

    def test_two_side_by_side(self, own_stack: Stack, tmp_path: Path) -> None:
        with WheelStack(tmp_path, durable=False) as other:
            other.create_database("only_here")
            assert query(own_stack.admin_dsn, "SELECT 1 FROM pg_database WHERE datname = 'only_here'") == []
            assert ping(other.redis_url)
            assert ping(own_stack.redis_url)

    def test_one_folder_holds_one_stack(self, tmp_path: Path) -> None:
        with WheelStack(tmp_path, durable=False) as stack:
            with pytest.raises(ServerError, match="in use"):
                WheelStack(tmp_path).start()
            assert query(stack.admin_dsn, "SELECT 1") == [(1,)]

    def test_interrupted_creation_is_started_over(self, tmp_path: Path) -> None:
        unfinished = tmp_path / "postgres" / "data.new"
        unfinished.mkdir(parents=True)
        (unfinished / "PG_VERSION").write_text("18")
        with WheelStack(tmp_path, durable=False) as stack:
            assert query(stack.admin_dsn, "SELECT 1") == [(1,)]

    def test_secrets_are_readable_by_their_owner_only(self, tmp_path: Path) -> None:
        private = ("*.password", "*.secret", "*.conf")
        with WheelStack(tmp_path, durable=False):
            files = [file for pattern in private for file in tmp_path.glob(f"*/{pattern}")]
        assert len(files) >= 6
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_a_port_that_somebody_took_is_changed(tmp_path: Path) -> None:
    with socket.socket() as taken:
        stack = WheelStack(tmp_path, durable=False)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for server in (stack.postgres, stack.nats, stack.valkey):
            server.port = taken.getsockname()[1]
        with stack:
            assert query(stack.admin_dsn, "SELECT 1") == [(1,)]
            assert ping(stack.redis_url)
            assert taken.getsockname()[1] not in (stack.postgres.port, stack.nats.port, stack.valkey.port)


def test_a_port_is_given_to_one_process_only() -> None:
    program = "import sys; from tools.stack.processes import _reserve; print(_reserve(int(sys.argv[1])))"
    command = [sys.executable, "-c", program, str(free_port())]
    assert subprocess.check_output(command, cwd=ROOT, text=True, timeout=30) == "False\n"


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with WheelStack(tmp_path, durable=False):
        pass
    (tmp_path / "postgres" / "data" / "PG_VERSION").write_text("9.1\n")
    with pytest.raises(ServerError, match="database files are incompatible"):
        WheelStack(tmp_path, durable=False).start()


def test_servers_die_with_their_parent(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from tools.stack import make_stack\n"
        "make_stack(pathlib.Path(sys.argv[1]), durable=False, mode='wheels').start()\n"
        "print('up', flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, tmp_path], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        servers = watch(descendants(parent.pid))
        assert len(servers) >= 3
        parent.kill()
    assert survivors(servers) == []


NOBODY = 65534


def python_for_everybody() -> str | None:
    """An interpreter of this version that a user without rights may start, here the system's own."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for candidate in (sys.executable, f"/usr/bin/python{version}", f"/usr/local/bin/python{version}"):
        try:
            subprocess.run([candidate, "-c", ""], check=True, timeout=10, cwd="/", user=NOBODY, group=NOBODY)
        except (OSError, subprocess.CalledProcessError):
            continue
        return candidate
    return None


@pytest.mark.skipif(os.geteuid() != 0, reason="run by an ordinary user, every other test here shows it")
def test_an_ordinary_user_boots_it_too() -> None:
    python = python_for_everybody()
    if python is None or not is_reachable(ROOT / "tools", NOBODY):
        pytest.skip("other users may not enter the checkout or start Python")
    folder = Path(tempfile.mkdtemp(prefix="mizan-"))
    try:
        os.chown(folder, NOBODY, NOBODY)
        program = (
            "import os, sys, pathlib; from tools.stack import make_stack\n"
            "with make_stack(pathlib.Path(sys.argv[1]), durable=False, mode='wheels') as stack:\n"
            "    print(os.geteuid(), stack.create_database('x').name)"
        )
        modules, programs = os.pathsep.join(filter(None, sys.path)), str(Path(sys.executable).parent)
        answer = subprocess.run(
            [python, "-c", program, str(folder / "stack")],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": modules, "PATH": os.pathsep.join((programs, os.environ["PATH"]))},
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
        )
        assert answer.stdout == f"{NOBODY} x\n", answer.stderr
    finally:
        shutil.rmtree(folder)


class TestKinds:
    def test_external_servers_are_used_and_left_clean(self, own_stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ADMIN_DATABASE_URL", own_stack.admin_dsn)
        monkeypatch.setenv("NATS_URL", own_stack.nats_url)
        monkeypatch.setenv("REDIS_URL", own_stack.redis_url)
        with make_stack(Path("unused"), mode="external") as external:
            database = external.create_database("guest")
            assert database.name != "guest"
            assert query(database.app_dsn, "SELECT 1") == [(1,)]
            with pytest.raises(StackUnavailable, match="external"):
                external.kill("nats")
        assert query(own_stack.admin_dsn, f"SELECT FROM pg_database WHERE datname = '{database.name}'") == []

    def test_external_needs_addresses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("ADMIN_DATABASE_URL", "NATS_URL", "REDIS_URL"):
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(StackUnavailable, match="ADMIN_DATABASE_URL and NATS_URL and REDIS_URL"):
            make_stack(Path("unused"), mode="external")

    def test_unknown_kind(self) -> None:
        with pytest.raises(StackUnavailable, match="wheels, containers, external"):
            make_stack(Path("unused"), mode="cloud")

    def test_containers_without_an_engine(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody-listens")
        with pytest.raises(StackUnavailable, match="no Docker engine answers"):
            make_stack(tmp_path, mode="containers")

    def test_containers(self, tmp_path: Path) -> None:
        try:
            stack = make_stack(tmp_path, mode="containers")
        except StackUnavailable as reason:
            pytest.skip(str(reason))
        with stack:
            query(stack.admin_dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
            assert ping(stack.redis_url)
            asyncio.run(publish(stack.nats_url, "facts.boot", "yes"))
            stack.kill("postgres")
            stack.restart("postgres")
            assert query(stack.admin_dsn, "SELECT answer FROM kept") == [(42,)]


class TestSharing:
    def test_one_stack_for_all_users_until_the_last_leaves(self, tmp_path: Path) -> None:
        with shared_stack(tmp_path) as first:
            with shared_stack(tmp_path) as second:
                assert second == first
            assert query(first.admin_dsn, "SELECT 1") == [(1,)]
            address = Path((tmp_path / "stack.lock").read_text())
            assert address.exists()
        with pytest.raises(psycopg.OperationalError):
            query(first.admin_dsn, "SELECT 1")
        assert join(address) is None

    def test_a_run_after_the_end_boots_again(self, tmp_path: Path) -> None:
        with shared_stack(tmp_path) as first:
            pass
        with shared_stack(tmp_path) as second:
            assert second.admin_dsn != first.admin_dsn
            assert query(second.admin_dsn, "SELECT 1") == [(1,)]

    def test_users_that_die_count_as_gone(self, tmp_path: Path) -> None:
        program = (
            "import sys, pathlib; from tools.stack.share import shared_stack\n"
            "with shared_stack(pathlib.Path(sys.argv[1])) as stack:\n"
            "    print(stack.admin_dsn, flush=True)\n    sys.stdin.read()"
        )
        with subprocess.Popen(
            [sys.executable, "-c", program, tmp_path], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as user:
            assert user.stdout is not None
            dsn = user.stdout.readline().decode().strip()
            assert query(dsn, "SELECT 1") == [(1,)]
            stack = watch(descendants(user.pid))
            # The process that holds the stack, and its servers where they are processes too.
            assert len(stack) >= (1 if os.environ.get("TEST_STACK") == "containers" else 4)
            user.kill()
        assert survivors(stack) == []
        with pytest.raises(psycopg.OperationalError):
            query(dsn, "SELECT 1")

    def test_fixtures(self, stack: Endpoints, fresh_database) -> None:
        first = fresh_database("fixture", lambda dsn, _: query(dsn, "CREATE TABLE seen (id int)"))
        second = fresh_database("fixture", lambda dsn, _: query(dsn, "CREATE TABLE never (id int)"))
        query(first.app_dsn, "INSERT INTO seen VALUES (1)")
        assert query(second.app_dsn, "SELECT count(*) FROM seen") == [(0,)]
        assert ping(stack.redis_url)


def test_child_reports_only_its_own_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("from an earlier run\n")
    spawner = Spawner()
    child: Child = spawner.spawn("speaker", [sys.executable, "-c", "print('now')"], log)
    assert child.wait(10) == 0
    assert child.log_tail() == "now"
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    deaf = spawner.spawn("stubborn", [sys.executable, "-c", stubborn], log)
    deaf.wait_until(lambda: deaf.log_tail() == "deaf", 10)
    with pytest.raises(ServerError, match="was killed"):
        deaf.stop(timeout=0.2)
    assert deaf.status == -signal.SIGKILL
    spawner.close()
