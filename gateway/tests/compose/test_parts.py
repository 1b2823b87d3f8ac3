"""Parts of a screen against a real gRPC server: what answers, what is refused, what is broken and what is slow."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.protobuf.empty_pb2 import Empty

from gateway.channels import Channels
from gateway.compose import parts
from gateway.compose.parts import Part, Parts
from mizan.identity.v1 import user_pb2

METADATA = [("x-request-id", "request-1")]


def part(name: str, owner: str = "identity") -> Part[user_pb2.TeamFigures]:
    return Part(owner, f"/screen.Parts/{name}", user_pb2.TeamFigures, f"The {name} part")


GOOD, SECRET, BROKEN, SLOW = part("Good"), part("Secret"), part("Broken"), part("Slow")
ABSENT = part("Good", owner="notify")


class Handlers(grpc.GenericRpcHandler):
    """A service whose methods each fail in their own way."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def service(self, details: Any) -> Any:
        service, _, name = details.method.rpartition("/")
        if service != "/screen.Parts":
            return None

        async def answer(_request: bytes, context: Any) -> bytes:
            self.seen += [(key, value) for key, value in context.invocation_metadata() if key == "x-request-id"]
            if name == "Secret":
                await context.abort(grpc.StatusCode.PERMISSION_DENIED, "no")
            if name == "Broken":
                await context.abort(grpc.StatusCode.INTERNAL, "bug")
            if name == "Slow":
                await asyncio.Event().wait()
            return user_pb2.TeamFigures(active=7).SerializeToString()

        return grpc.unary_unary_rpc_method_handler(answer)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[tuple[Handlers, Parts]]:
    handlers, running = Handlers(), grpc.aio.server()
    running.add_generic_rpc_handlers((handlers,))
    port = running.add_insecure_port("127.0.0.1:0")
    await running.start()
    channels = Channels([], lambda owner: f"127.0.0.1:{port}" if owner == "identity" else "")
    await channels.start()
    yield handlers, Parts(channels)
    await channels.stop()
    await running.stop(None)


async def test_a_broken_part_leaves_its_default_and_a_warning(server: tuple[Handlers, Parts]) -> None:
    handlers, asked = server
    answers = await asked.ask({GOOD: None, BROKEN: Empty(), ABSENT: None}, METADATA, 5)
    assert answers.of(GOOD).active == 7
    assert answers.of(BROKEN) == answers.of(ABSENT) == user_pb2.TeamFigures()
    assert answers.warnings == [
        "The Broken part cannot be shown right now.",
        "The Good part cannot be shown right now.",
    ]
    assert handlers.seen == METADATA * 2


async def test_what_the_caller_may_not_see_is_left_out_in_silence(server: tuple[Handlers, Parts]) -> None:
    answers = await server[1].ask({SECRET: None}, METADATA, 5)
    assert (answers.of(SECRET), answers.warnings) == (user_pb2.TeamFigures(), [])


async def test_a_slow_part_is_not_waited_for(server: tuple[Handlers, Parts], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_TIMEOUT_SECONDS", 0.3)
    async with asyncio.timeout(5):
        answers = await server[1].ask({GOOD: None, SLOW: None}, METADATA, 60)
    assert (answers.of(GOOD).active, answers.warnings) == (7, ["The Slow part cannot be shown right now."])


async def test_a_part_may_have_a_default_of_its_own(server: tuple[Handlers, Parts]) -> None:
    careful = Part(
        "identity", "/screen.Parts/Broken", user_pb2.TeamFigures, "Careful", lambda: user_pb2.TeamFigures(active=1)
    )
    assert (await server[1].ask({careful: None}, METADATA, 5)).of(careful).active == 1
