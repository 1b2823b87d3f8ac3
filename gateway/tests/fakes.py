"""An identity that tests can steer, tokens signed as identity signs them, and a network that can fall silent."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from gateway.tests.harness import RESTAURANT
from mizan.identity.v1 import access_pb2
from mizan.options.v1 import options_pb2
from servicekit.errors import Refusal, Unauthenticated


class FakeIdentity:
    """Answers the gateway's questions from memory and counts them."""

    def __init__(self) -> None:
        self.signing = {"key-1": Ed25519PrivateKey.generate()}
        self.sessions: dict[str, access_pb2.ResolvedPrincipal] = {}
        self.api_keys: dict[str, access_pb2.ResolvedPrincipal] = {}
        self.fails_with: Refusal | None = None
        self.asked: list[str] = []
        self.before_answer: Any = None

    def log_in(self, *, permissions: tuple[str, ...] = ("staff.view",), **claims: Any) -> tuple[str, str, str]:
        """A new session: its access token, its id and its user's id."""
        session_id, user_id = str(uuid4()), str(uuid4())
        self.sessions[session_id] = access_pb2.ResolvedPrincipal(
            kind=options_pb2.CALLER_KIND_USER,
            subject=user_id,
            restaurant_id=str(RESTAURANT),
            role="MANAGER",
            permissions=permissions,
            session_id=session_id,
            time_zone="Europe/Paris",
        )
        return self.token(session_id, **claims), session_id, user_id

    def new_key(self, key_id: str) -> None:
        """Signs with one more key."""
        self.signing[key_id] = Ed25519PrivateKey.generate()

    def token(self, session_id: str, *, key_id: str = "key-1", seconds: int = 600, **claims: Any) -> str:
        """An access token of a session."""
        payload = {"sid": session_id, "token_type": "access", "exp": int(time.time()) + seconds, **claims}
        return jwt.encode(payload, self.signing[key_id], "EdDSA", headers={"kid": key_id})

    async def jwks(self) -> str:
        self.asked.append("jwks")
        self._fail()
        keys = []
        for key_id, key in self.signing.items():
            public = json.loads(OKPAlgorithm.to_jwk(key.public_key()))
            keys.append({**public, "kid": key_id, "alg": "EdDSA", "use": "sig"})
        return json.dumps({"keys": keys})

    async def session(self, session_id: str) -> access_pb2.ResolvedPrincipal:
        self.asked.append(session_id)
        self._fail()
        found = self.sessions.get(session_id)
        if self.before_answer is not None:
            await self.before_answer()
        if found is None:
            raise Unauthenticated("The session is over.", code="session_revoked")
        return found

    async def api_key(self, key: str) -> access_pb2.ResolvedPrincipal:
        self.asked.append(key)
        self._fail()
        if key not in self.api_keys:
            raise Unauthenticated("Unknown key.", code="api_key_unknown")
        return self.api_keys[key]

    def _fail(self) -> None:
        if self.fails_with is not None:
            raise self.fails_with


class Wire:
    """A TCP connection to a server that can fall silent without closing."""

    def __init__(self, target_url: str) -> None:
        parts = urlsplit(target_url)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 0)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._url = parts
        self.url = ""

    async def __aenter__(self) -> "Wire":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        credentials = self._url.netloc.rpartition("@")[0]
        self.url = self._url._replace(netloc=f"{credentials}@{address}" if credentials else address).geturl()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def freeze(self) -> None:
        """From now on nothing gets through."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Everything gets through again, also what was held back."""
        self._flowing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection(*self._target)
        for source, sink in ((reader, upstream_writer), (upstream_reader, writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                await self._flowing.wait()
                sink.write(data)
                await sink.drain()
        sink.close()


async def until(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 5.0) -> None:
    """Waits until the condition holds. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            holds = condition()
            if await holds if isinstance(holds, Awaitable) else holds:
                return
            await asyncio.sleep(0.01)
