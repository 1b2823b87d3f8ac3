"""Publishing to JetStream in batches: the messages leave in one packet, and each is acknowledged for itself.

The library's `publish_async` lets other tasks run between two messages, so that each leaves in a packet of its own and
wakes the server once more. Its `publish` goes through the headers of a message in a hundred small steps.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

import orjson
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError

from servicekit.broker import Broker

NO_STREAM = "no stream takes it"
_NOBODY_LISTENS = "503"
# How often it is looked whether the connection still stands.
_LOOK_SECONDS = 0.5
_NEWLINES = str.maketrans("\r\n", "  ")


class Outgoing(NamedTuple):
    """A message; whoever publishes it knows it by its number."""

    number: int
    subject: str
    payload: bytes
    headers: dict[str, str]


@dataclass(slots=True)
class Outcome:
    """What became of a batch, by the numbers of its messages, and why some were refused."""

    acknowledged: list[int] = field(default_factory=list)
    silent: set[int] = field(default_factory=set)
    refusals: set[str] = field(default_factory=set)


class Publisher:
    """Publishes one batch after the other over a broker's connection."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._inbox = ""
        self._batches = count()
        # What the answers to the batch under way are sent to, its messages' numbers apart.
        self._replies = ""
        self._outcome = Outcome()
        self._answered = asyncio.Event()

    @property
    def awaited(self) -> int:
        """How many answers to the last batch are missing."""
        return len(self._outcome.silent)

    async def publish(self, messages: Sequence[Outgoing], seconds: float) -> Outcome:
        """Publishes messages in their order and waits so long for the answers, but not on a broken connection."""
        outcome = self._outcome = Outcome()
        try:
            await self._send(messages)
        except NatsError as error:
            outcome.refusals.add(repr(error))
        until = time.monotonic() + seconds
        self._answered.clear()
        while outcome.silent and (left := until - time.monotonic()) > 0 and self._broker.is_connected:
            try:
                async with asyncio.timeout(min(left, _LOOK_SECONDS)):
                    await self._answered.wait()
            except TimeoutError:
                continue
        self._replies = ""
        return outcome

    async def _send(self, messages: Sequence[Outgoing]) -> None:
        client, silent = self._broker.client, self._outcome.silent
        if not self._inbox:
            inbox = client.new_inbox()
            await client.subscribe(f"{inbox}.*.*", cb=self._hear)
            self._inbox = inbox
        replies = self._replies = f"{self._inbox}.{next(self._batches)}."
        packet = []
        for message in messages:
            if len(message.payload) > client.max_payload:
                self._outcome.refusals.add(repr(MaxPayloadError()))
                continue
            packet.append(_command(message, f"{replies}{message.number}"))
            silent.add(message.number)
        await client.send(b"".join(packet))

    async def _hear(self, answer: Msg) -> None:
        outcome = self._outcome
        if not self._replies or not answer.subject.startswith(self._replies):
            # Of a batch that is no more waited for; what it published will be published again.
            return
        number = int(answer.subject.removeprefix(self._replies))
        refusal = _refusal(answer)
        if refusal:
            outcome.refusals.add(refusal)
        else:
            outcome.acknowledged.append(number)
        outcome.silent.discard(number)
        if not outcome.silent:
            self._answered.set()


def _command(message: Outgoing, reply: str) -> bytes:
    """A message in NATS's protocol."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in message.headers.items()])
    if lines.count("\r") + lines.count("\n") != 2 * len(message.headers):
        lines = "".join([f"{name}: {value.translate(_NEWLINES)}\r\n" for name, value in message.headers.items()])
    head = f"NATS/1.0\r\n{lines}\r\n".encode()
    whole = len(head) + len(message.payload)
    return b"HPUB %b %b %d %d\r\n%b%b\r\n" % (
        message.subject.encode(),
        reply.encode(),
        len(head),
        whole,
        head,
        message.payload,
    )


def _refusal(answer: Msg) -> str:
    """Why a message was not taken; empty when it was."""
    if not answer.data:
        status = (answer.headers or {}).get("Status", "")
        return NO_STREAM if status == _NOBODY_LISTENS else f"status {status}"
    error = orjson.loads(answer.data).get("error")
    return f"{error.get('code')} {error.get('description')}" if error else ""
