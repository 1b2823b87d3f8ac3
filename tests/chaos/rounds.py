"""People at work in every service while its processes are replaced: nobody repeats anything, so every failure shows."""

import asyncio
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import httpx
import psycopg

from tests.support.browser import TRUSTS_NOBODY
from tools.installation import Site

PASSWORD = "Str0ng!pass"
TIMEOUT_SECONDS = 30.0
FIRST_DAY = date(2030, 1, 1)
# Between two requests of a person: what is replaced shares the machine with them, and has to start beside them.
PACE_SECONDS = 0.02


class Balancer(httpx.AsyncBaseTransport):
    """Sends requests to several gateways in turn, as an ingress does.

    A gateway that is to be replaced is withdrawn first, as Kubernetes takes a pod's address away before it asks the pod
    to end; requests that are under way there go on.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self._transports = {httpx.URL(url): httpx.AsyncHTTPTransport(verify=TRUSTS_NOBODY) for url in urls}
        self._turn = itertools.count()
        self._withdrawn: set[httpx.URL] = set()

    def withdraw(self, url: str) -> None:
        """Sends nothing new there."""
        self._withdrawn.add(httpx.URL(url))

    def put_back(self, url: str) -> None:
        """Sends there again."""
        self._withdrawn.discard(httpx.URL(url))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer of the gateway whose turn it is."""
        serving = [url for url in self._transports if url not in self._withdrawn]
        chosen = serving[next(self._turn) % len(serving)]
        request.url = request.url.copy_with(host=chosen.host, port=chosen.port)
        return await self._transports[chosen].handle_async_request(request)

    async def aclose(self) -> None:
        """Closes every connection."""
        for transport in self._transports.values():
            await transport.aclose()


@dataclass(frozen=True)
class Work:
    """What people do in one service: look at a list, and where `body` is given add to it."""

    service: str
    path: str
    body: Callable[[int], dict[str, Any]] | None = None


def named(number: int) -> dict[str, Any]:
    """The body of something that needs a name that nothing else has."""
    return {"name": f"Thing {number}"}


def holiday(number: int) -> dict[str, Any]:
    """The body of a holiday on a day of its own."""
    return {"name": f"Holiday {number}", "date": (FIRST_DAY + timedelta(days=number)).isoformat()}


WORK = (
    Work("identity", "/api/auth/me/"),
    Work("scheduling", "/api/scheduling/task-categories/", named),
    Work("timeclock", "/api/timeclock/holidays/", holiday),
    Work("pos", "/api/menu/categories/", named),
    Work("inventory", "/api/inventory/suppliers/", named),
    Work("billing", "/api/billing/plans/"),
    Work("notify", "/api/notifications/"),
)


@dataclass
class Rounds:
    """Some people who go round after round through the services, each request sent once."""

    transport: Balancer
    services: Sequence[str]
    answers: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    # Ids of what was acknowledged as made, by the service that made it.
    made: dict[str, list[str]] = field(default_factory=dict)
    _leaving: asyncio.Event = field(default_factory=asyncio.Event)
    _moved: asyncio.Condition = field(default_factory=asyncio.Condition)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def start(self, people: int) -> None:
        """Signs people up and lets them begin. Raises AssertionError when one is refused."""
        self._client = httpx.AsyncClient(
            transport=self.transport, base_url="http://mizan.test", timeout=TIMEOUT_SECONDS
        )
        tokens = [await self._sign_up() for _ in range(people)]
        self._tasks = [asyncio.create_task(self._work(token)) for token in tokens]

    async def more(self, count: int, timeout: float = 60) -> None:
        """Waits until so many more requests were answered, well or not. Raises TimeoutError."""
        wanted = self.answers.total() + len(self.failures) + count
        async with asyncio.timeout(timeout), self._moved:
            await self._moved.wait_for(lambda: self.answers.total() + len(self.failures) >= wanted)

    async def leave(self) -> None:
        """Everybody ends their round. Raises what went wrong with a task, and TimeoutError."""
        self._leaving.set()
        async with asyncio.timeout(2 * TIMEOUT_SECONDS):
            await asyncio.gather(*self._tasks)
        await self._client.aclose()

    async def _sign_up(self) -> str:
        email = f"{uuid4().hex}@rounds.example"
        restaurant = {"name": "Chez Rounds", "email": email}
        user = {"email": email, "password": PASSWORD, "first_name": "Amina", "last_name": "Rounds"}
        answer = await self._client.post("/api/register/", json={"restaurant": restaurant, "user": user})
        assert answer.status_code == 201, answer.text
        token: str = answer.json()["tokens"]["access"]
        return token

    async def _work(self, token: str) -> None:
        headers = {"authorization": f"Bearer {token}"}
        work = [one for one in WORK if one.service in self.services]
        for number in self._until_leaving():
            for one in work:
                await self._send("GET", one, headers)
                if one.body is not None:
                    made = await self._send("POST", one, headers, one.body(number))
                    if made is not None:
                        self.made.setdefault(one.service, []).append(made.json()["id"])

    def _until_leaving(self) -> Iterator[int]:
        numbers = itertools.count()
        while not self._leaving.is_set():
            yield next(numbers)

    async def _send(self, method: str, work: Work, headers: dict[str, str], body: Any = None) -> httpx.Response | None:
        succeeded: httpx.Response | None = None
        try:
            answer = await self._client.request(method, work.path, headers=headers, json=body)
        except httpx.HTTPError as error:
            self.failures.append(f"{method} {work.path}: {type(error).__name__} {error}")
        else:
            self.answers[answer.status_code] += 1
            if answer.is_success:
                succeeded = answer
            else:
                self.failures.append(f"{method} {work.path}: {answer.status_code} {answer.text[:300]}")
        async with self._moved:
            self._moved.notify_all()
        await asyncio.sleep(PACE_SECONDS)
        return succeeded


def callers(metrics: str) -> int:
    """How many connections a process says it has, in the text of its metrics."""
    found = re.search(r"^mizan_callers ([0-9.e+]+)$", metrics, re.MULTILINE)
    return int(float(found[1])) if found else 0


async def told(site: Site, made: dict[str, list[str]]) -> list[str]:
    """What the audit trail lacks or holds twice of what was made: each entry came over NATS from its service."""
    query = "SELECT entity_id, count(*) FROM audit_entries WHERE action = 'CREATE' AND service = %s GROUP BY entity_id"
    found: list[str] = []
    async with await psycopg.AsyncConnection.connect(site.database_url("identity"), connect_timeout=5) as connection:
        await connection.execute("SELECT set_config('mizan.scope', 'system', false)")
        for service, ids in made.items():
            counts: dict[str, int] = dict(await (await connection.execute(query, (service,))).fetchall())
            found.extend(f"{service} {id}: {counts.get(id, 0)} entries" for id in ids if counts.get(id) != 1)
    return found
