"""Events on real NATS: published as another service would, and awaited as another service would see them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

import sqlalchemy as sa
from google.protobuf.message import Message
from nats.js.api import DeliverPolicy

from servicekit import events
from servicekit.broker import EVENTS_STREAM, Broker
from servicekit.db import SYSTEM, Query
from servicekit.inbox import Event
from servicekit.tables import inbox
from servicekit.testing.service import RunningService

TIMEOUT_SECONDS = 20.0
POLL_SECONDS = 0.01
T = TypeVar("T")

_HANDLED = Query(
    sa.select(inbox.c.message_id).where(
        inbox.c.consumer == sa.bindparam("consumer", type_=sa.Text),
        inbox.c.message_id == sa.bindparam("id", type_=sa.Uuid),
    )
)


class Bus:
    """A connection to NATS beside those of the services."""

    def __init__(self, url: str) -> None:
        self._broker = Broker(url, application="test")

    async def __aenter__(self) -> "Bus":
        await self._broker.start()
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await self._broker.connected()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._broker.stop()

    async def publish(self, message: Message, *, restaurant_id: UUID, version: int = 1) -> UUID:
        """Publishes an event as the relay of its service would, and returns its id."""
        kind = events.type_of(type(message))
        event_id = uuid4()
        await self._broker.jetstream.publish(
            kind.subject,
            message.SerializeToString(),
            headers={
                events.MESSAGE_ID: str(event_id),
                events.TYPE: kind.name,
                events.RESTAURANT: str(restaurant_id),
                events.AGGREGATE: str(restaurant_id),
                events.VERSION: str(version),
                events.TIME: datetime.now(UTC).isoformat(),
            },
        )
        return event_id

    async def first(self, message_class: type[Message], restaurant_id: UUID) -> Event:
        """The first event of a kind about a restaurant, past or to come. Raises TimeoutError when there is none."""
        return (await self._take(message_class, 1, lambda envelope: envelope.restaurant_id == restaurant_id))[0]

    async def of_aggregate(self, message_class: type[Message], aggregate_id: UUID | str, count: int) -> list[Event]:
        """The first events of a kind about one thing, past or to come. Raises TimeoutError when there are fewer."""
        return await self._take(message_class, count, lambda envelope: envelope.aggregate_id == str(aggregate_id))

    async def _take(
        self, message_class: type[Message], count: int, wanted: Callable[[events.Envelope], bool]
    ) -> list[Event]:
        subscription = await self._broker.jetstream.subscribe(
            events.type_of(message_class).subject,
            stream=EVENTS_STREAM,
            ordered_consumer=True,
            deliver_policy=DeliverPolicy.ALL,
        )
        taken: list[Event] = []
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                while len(taken) < count:
                    found = await subscription.next_msg(timeout=TIMEOUT_SECONDS)
                    envelope = events.Envelope.from_headers(found.subject, found.headers or {})
                    if wanted(envelope):
                        taken.append(Event(message_class.FromString(found.data), envelope))
        finally:
            await subscription.unsubscribe()
        return taken


async def handled(service: RunningService, consumer: str, event_id: UUID) -> None:
    """Waits until a consumer of the service has applied an event. Raises TimeoutError when it does not."""

    async def is_handled() -> bool:
        rows = service.run(service.database.read(SYSTEM).all(_HANDLED, consumer=consumer, id=event_id))
        return bool(rows)

    await eventually(is_handled)


async def eventually(condition: Callable[[], Awaitable[T]], within: float = TIMEOUT_SECONDS) -> T:
    """The first true value of the condition. Raises TimeoutError when there is none in time."""
    async with asyncio.timeout(within):
        while True:
            value: Any = await condition()
            if value:
                return value  # type: ignore[no-any-return] # it is what the condition gave
            await asyncio.sleep(POLL_SECONDS)
