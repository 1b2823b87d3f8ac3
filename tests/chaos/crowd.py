"""People who go on working while parts of the platform die: everybody repeats a request until it is answered."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from tests.support.browser import TRUSTS_NOBODY

PASSWORD = "Str0ng!pass"
FIRST_NAME = "Name 0"
CLIENT_TIMEOUT_SECONDS = 30.0
# How long a person waits before the same request is sent again, without an answer or with a 503.
AGAIN_AFTER_SECONDS = 0.1
# Between two requests of a person: what is killed shares the machine with them, and has to start again beside them.
PACE_SECONDS = 0.02
NO_ANSWER = 0


@dataclass
class Log:
    """Every attempt: when it began, how long it took, and the status of its answer."""

    attempts: list[tuple[float, float, int]] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def add(self, began: float, status: int) -> None:
        """Notes an attempt that has just ended and wakes who waits for it."""
        async with self.changed:
            self.attempts.append((began, time.monotonic() - began, status))
            self.changed.notify_all()

    def since(self, instant: float, *statuses: int) -> int:
        """How many attempts that began after the instant ended with one of the statuses."""
        return sum(began >= instant and status in statuses for began, _, status in self.attempts)

    async def wait_for(self, count: int, instant: float, *statuses: int, timeout: float = 30) -> None:
        """Waits until so many attempts begun after the instant have ended so. Raises TimeoutError."""
        async with asyncio.timeout(timeout), self.changed:
            await self.changed.wait_for(lambda: self.since(instant, *statuses) >= count)

    def first_after(self, instant: float, *statuses: int) -> float:
        """Seconds from the instant to the end of the first such answer to an attempt begun after it."""
        return min(b + took - instant for b, took, status in self.attempts if b >= instant and status in statuses)

    @property
    def statuses(self) -> Counter[int]:
        """How often each status was answered."""
        return Counter(status for _, _, status in self.attempts)

    @property
    def slowest(self) -> float:
        """Seconds that the slowest attempt took."""
        return max(took for _, took, _ in self.attempts)


@dataclass
class Person:
    """An owner who renames themselves again and again, and what was acknowledged to them."""

    id: str
    restaurant_id: str
    email: str
    token: str
    names: list[str] = field(default_factory=list)


class Crowd:
    """Some people at work, at the gateway's URL."""

    def __init__(self, url: str) -> None:
        self.writes, self.reads = Log(), Log()
        self.people: list[Person] = []
        self.registered: list[str] = []
        self.wrong: list[str] = []
        self._client = httpx.AsyncClient(base_url=url, timeout=CLIENT_TIMEOUT_SECONDS, verify=TRUSTS_NOBODY)
        self._run = uuid4().hex[:8]
        self._numbers = itertools.count(1)
        self._leaving = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def gather(self, count: int) -> None:
        """Registers the people. Raises AssertionError when one is refused."""
        for _ in range(count):
            email = f"person{next(self._numbers)}-{self._run}@chaos.example"
            answer = await self._client.post("/api/register/", json=self._sign_up(email))
            assert answer.status_code == 201, answer.text
            body = answer.json()
            self.people.append(Person(body["user"]["id"], body["restaurant"]["id"], email, body["tokens"]["access"]))

    def start(self) -> None:
        """Everybody begins: all rename themselves, half read beside it, one registers new restaurants."""
        work = [*map(self._rename, self.people), *map(self._read, self.people[::2]), self._register()]
        self._tasks = [asyncio.create_task(one) for one in work]

    async def leave(self) -> None:
        """Everybody finishes what was begun, repeating it until it is acknowledged. Raises TimeoutError."""
        self._leaving.set()
        async with asyncio.timeout(60):
            await asyncio.gather(*self._tasks)
        await self._client.aclose()

    async def _rename(self, person: Person) -> None:
        async for number in self._until_leaving():
            name = f"Name {number}"
            answer = await self._until_answered(
                self.writes, "PATCH", "/api/auth/me/", person, json={"first_name": name}, key=uuid4().hex
            )
            if answer.status_code == 200 and answer.json()["first_name"] == name:
                person.names.append(name)
            else:
                self.wrong.append(f"rename: {answer.status_code} {answer.text[:300]}")

    async def _read(self, person: Person) -> None:
        async for _ in self._until_leaving():
            answer = await self._until_answered(self.reads, "GET", "/api/auth/me/", person)
            if answer.status_code != 200 or answer.json()["email"] != person.email:
                self.wrong.append(f"read: {answer.status_code} {answer.text[:300]}")

    async def _register(self) -> None:
        async for number in self._until_leaving():
            email = f"new{number}-{self._run}@chaos.example"
            answer = await self._until_answered(
                self.writes, "POST", "/api/register/", None, json=self._sign_up(email), key=uuid4().hex
            )
            if answer.status_code == 201:
                self.registered.append(email)
            else:
                self.wrong.append(f"register: {answer.status_code} {answer.text[:300]}")

    async def _until_leaving(self) -> AsyncIterator[int]:
        while not self._leaving.is_set():
            yield next(self._numbers)
            await asyncio.sleep(PACE_SECONDS)

    async def _until_answered(
        self, log: Log, method: str, path: str, person: Person | None, *, json: Any = None, key: str = ""
    ) -> httpx.Response:
        """The answer to a request that is sent again, under its key, for as long as there is none or it is a 503."""
        headers = {"idempotency-key": key} if key else {}
        if person is not None:
            headers["authorization"] = f"Bearer {person.token}"
        while True:
            began = time.monotonic()
            try:
                answer = await self._client.request(method, path, json=json, headers=headers)
            except httpx.TransportError:
                await log.add(began, NO_ANSWER)
            else:
                await log.add(began, answer.status_code)
                if answer.status_code != 503:
                    return answer
                if not answer.json().get("message"):
                    self.wrong.append(f"a 503 without a message: {answer.text[:300]}")
            await asyncio.sleep(AGAIN_AFTER_SECONDS)

    def _sign_up(self, email: str) -> dict[str, Any]:
        return {
            "restaurant": {"name": "Chez Chaos", "email": email},
            "user": {"email": email, "password": PASSWORD, "first_name": FIRST_NAME, "last_name": "Chaos"},
        }
