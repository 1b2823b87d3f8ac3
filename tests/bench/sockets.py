"""Measures sockets: `python -m tests.bench.sockets [--connections 10000] [--controls]`.

A notify process holds idle connections of as many people of one restaurant; then everybody is notified, by one event
per thousand people. Memory is what the process's resident set grew by until all were welcome, per connection. With
`--controls` servers made with the usual libraries hold as many connections beside it.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from mizan.notify.events.v1 import events_pb2 as facts
from servicekit import migrate
from servicekit.testing.events import Bus
from servicekit.testing.process import service_process
from services.notify.tests.live.neighbours import FakeNeighbours
from tests.bench.cpu import cpu_ms
from tools.devkeys import DevKeys
from tools.stack import free_port, make_stack

ROUNDS = 5
PEOPLE_PER_EVENT = 1_000
_PAGE = os.sysconf("SC_PAGE_SIZE")


def say(text: str) -> None:
    """Prints a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def say_cost(name: str, memory_bytes: float, cpu_milliseconds: float) -> None:
    """Prints what one connection costs a server."""
    say(f"{name:12} {memory_bytes / 1024:6.1f} KiB and {cpu_milliseconds:6.2f} ms of CPU per connection")


def resident_bytes(pid: int) -> int:
    """The memory of a process that is in use."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


class Crowd:
    """The process with the clients."""

    def __init__(self, port: int, tokens: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.socket_clients", str(port), str(tokens)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def report(self) -> dict[str, Any]:
        """The next thing that the clients have to say. Raises EOFError when they have ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise EOFError("the clients have ended")
        said: dict[str, Any] = json.loads(line)
        return said

    def expect(self, messages: int) -> None:
        """Has the clients wait for so many messages."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{messages}\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """Hangs up."""
        self._process.kill()
        self._process.wait()


@contextmanager
def crowd(port: int, tokens: Path) -> Iterator[Crowd]:
    """Clients that are connected and welcome."""
    clients = Crowd(port, tokens)
    try:
        yield clients
    finally:
        clients.close()


def measure_memory(name: str, pid: int, port: int, tokens: Path, count: int) -> None:
    """Prints what idle connections cost a server that does nothing else."""
    before, used = resident_bytes(pid), cpu_ms({name: pid})[name]
    with crowd(port, tokens) as clients:
        clients.report()
        grown = resident_bytes(pid) - before
        spent = cpu_ms({name: pid})[name] - used
        say_cost(name, grown / count, spent / count)


def control(kind: str, tokens: Path, count: int) -> None:
    """Measures one of the controls."""
    command = [sys.executable, "-m", "tests.bench.controls.sockets", kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            measure_memory(kind, server.pid, int(server.stdout.readline()), tokens, count)
        finally:
            server.kill()


async def notify_all(url: str, restaurant_id: Any, people: list[str], clients: Crowd) -> dict[str, Any]:
    """Notifies everybody at once and says how long that took to arrive."""
    async with Bus(url) as bus:
        clients.expect(len(people))
        for start in range(0, len(people), PEOPLE_PER_EVENT):
            recipients = [
                facts.NotificationRecipient(user_id=person, notification_id=str(uuid4()))
                for person in people[start : start + PEOPLE_PER_EVENT]
            ]
            event = facts.NotificationCreated(
                restaurant_id=str(restaurant_id),
                recipients=recipients,
                title=f"at {time.time()}",
                message="The week is published.",
                notification_type="SCHEDULE_PUBLISHED",
            )
            await bus.publish(event, restaurant_id=restaurant_id)
        return await asyncio.to_thread(clients.report)


def main() -> None:
    """Runs everything and prints it."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--connections", type=int, default=10_000)
    arguments.add_argument("--controls", action="store_true")
    options = arguments.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    count, restaurant_id = options.connections, uuid4()
    neighbours = FakeNeighbours()
    with TemporaryDirectory() as scratch, make_stack(Path(scratch) / "stack", durable=False) as stack:
        folder = Path(scratch)
        keys = DevKeys(folder / "secrets")
        keys.make_internal_keys(["gateway", "notify"])
        database = stack.create_database("notify")
        migrate.upgrade(database.owner_dsn, "notify")
        logins = [neighbours.log_in(restaurant_id, {"schedule.view"}) for _ in range(count)]
        tokens = folder / "tokens"
        tokens.write_text("\n".join(login.token for login in logins))
        port = free_port()
        settings = {
            "database_url": database.app_dsn,
            "nats_url": stack.nats_url,
            "redis_url": stack.redis_url,
            "internal_keys_dir": keys.internal_keys,
            "files_url": folder.as_uri(),
            "identity_target": neighbours.target,
            "notify_ws_port": port,
            "notify_ws_max_connections": count + 100,
        }
        with service_process("notify", settings, folder) as process:
            pid = process.child.pid
            before, used = resident_bytes(pid), cpu_ms({"notify": pid})["notify"]
            with crowd(port, tokens) as clients:
                connected = clients.report()
                grown = resident_bytes(pid) - before
                spent = cpu_ms({"notify": pid})["notify"] - used
                say(f"{connected['connected']} connections in {connected['seconds']:.1f} s")
                say_cost("notify", grown / count, spent / count)
                people = [login.user_id for login in logins]
                for _ in range(ROUNDS):
                    used = cpu_ms({"notify": pid})["notify"]
                    told = asyncio.run(notify_all(stack.nats_url, restaurant_id, people, clients))
                    spent = cpu_ms({"notify": pid})["notify"] - used
                    say(
                        f"to {count}: p50 {told['p50']:.0f} ms, p99 {told['p99']:.0f} ms, last {told['max']:.0f} ms, "
                        f"{1000 * spent / count:.0f} us of CPU per person"
                    )
    neighbours.stop()
    if options.controls:
        with TemporaryDirectory() as scratch:
            tokens = Path(scratch) / "tokens"
            tokens.write_text("\n".join(login.token for login in logins))
            for kind in ("websockets", "uvicorn"):
                control(kind, tokens, count)


if __name__ == "__main__":
    main()
