"""What identity published, as anybody else would receive it from NATS."""

import asyncio
from typing import Any, TypeVar
from uuid import UUID

import nats
from google.protobuf.message import Message
from nats.js.api import ConsumerConfig, DeliverPolicy

from servicekit import events
from servicekit.testing.service import RunningService

WAIT_SECONDS = 15
QUIET_SECONDS = 0.3
M = TypeVar("M", bound=Message)


async def published(identity: RunningService, message_class: type[M], restaurant_id: UUID, expected: int) -> list[M]:
    """The events of one class and restaurant, once there are as many as expected; fails when there are more."""
    connection = await nats.connect(identity.service.core.settings.nats_url, connect_timeout=5)
    try:
        subscription = await connection.jetstream().subscribe(
            events.type_of(message_class).subject,
            ordered_consumer=True,
            config=ConsumerConfig(deliver_policy=DeliverPolicy.ALL),
        )
        found: list[M] = []
        async with asyncio.timeout(WAIT_SECONDS):
            while len(found) < expected:
                _keep(found, await subscription.next_msg(timeout=WAIT_SECONDS), message_class, restaurant_id)
        while True:
            try:
                _keep(found, await subscription.next_msg(timeout=QUIET_SECONDS), message_class, restaurant_id)
            except TimeoutError:
                break
        assert len(found) == expected
        return found
    finally:
        await connection.close()


def _keep(found: list[M], message: Any, message_class: type[M], restaurant_id: UUID) -> None:
    if (message.headers or {}).get(events.RESTAURANT) == str(restaurant_id):
        found.append(message_class.FromString(message.data))
