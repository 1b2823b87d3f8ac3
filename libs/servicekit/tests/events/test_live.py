"""Messages for open screens, on real NATS."""

import asyncio
from uuid import uuid4

import orjson
import pytest
from nats.aio.msg import Msg

from servicekit import live
from servicekit.broker import Broker
from tools.stack.stack import Stack


async def test_a_message_arrives_as_it_is_with_those_it_is_for(broker: Broker) -> None:
    restaurant_id, amina, badr = uuid4(), uuid4(), uuid4()
    seen: asyncio.Queue[Msg] = asyncio.Queue()
    subscription = await broker.client.subscribe(live.ALL_SUBJECTS, cb=seen.put)
    await broker.client.flush()
    progress = {"job_id": str(uuid4()), "state": "RUNNING", "progress": 40}
    assert await live.publish(broker, restaurant_id, live.JOBS, progress, to=[amina, badr])
    assert await live.publish(broker, restaurant_id, f"chat:{restaurant_id}", {"type": "typing"})
    first, second = [await asyncio.wait_for(seen.get(), 10) for _ in range(2)]
    assert first.subject == f"live.{restaurant_id}.jobs"
    assert orjson.loads(first.data) == progress
    assert first.headers == {live.TO: f"{amina},{badr}"}
    assert (second.subject, second.headers) == (f"live.{restaurant_id}.chat:{restaurant_id}", None)
    await subscription.unsubscribe()


async def test_what_is_no_topic_or_too_large_is_refused(broker: Broker) -> None:
    for topic in ("", "jobs.*", "jobs >", "chat:", "chat:a b", "Jobs"):
        with pytest.raises(ValueError, match="no topic"):
            await live.publish(broker, uuid4(), topic, {})
    with pytest.raises(ValueError, match="too large"):
        await live.publish(broker, uuid4(), live.JOBS, {"text": "x" * live.MAX_BYTES})


async def test_without_nats_a_message_is_dropped_and_nothing_waits(own_stack: Stack) -> None:
    unconnected = Broker(own_stack.nats_url, application="sample")
    async with asyncio.timeout(10):
        assert not await live.publish(unconnected, uuid4(), live.JOBS, {"progress": 1})
