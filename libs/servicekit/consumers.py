"""The durable consumer that the replicas of a service share, kept wide enough for all of their versions."""

import json

from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError

from servicekit.broker import EVENTS_STREAM, REQUEST_TIMEOUT_SECONDS, Broker
from servicekit.inbox import BatchSubscription, Subscription

MAX_ACK_PENDING = 5_000
_STREAM_NOT_FOUND = 10059
_CONSUMER_ALREADY_EXISTS = 10148


async def ensure(broker: Broker, subscription: Subscription | BatchSubscription) -> None:
    """Creates the consumer, or adapts it to the subscription without taking a subject from it.

    While a new version rolls out, an older replica may come back after it. Would that one narrow the consumer to what
    it handles itself, the server would pass over the events that only the new version handles, for good. What no
    version handles any longer is buried by `Subscriber`, and can be seen there.

    Raises APIError, or another NATS error, when the server refuses or does not answer.
    """
    wanted = ConsumerConfig(
        name=subscription.name,
        durable_name=subscription.name,
        filter_subjects=subscription.subjects,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=subscription.ack_wait,
        deliver_policy=DeliverPolicy.ALL,
        max_deliver=-1,
        max_ack_pending=MAX_ACK_PENDING,
    )
    try:
        await _create(broker, wanted)
    except APIError as error:
        if error.err_code == _STREAM_NOT_FOUND:
            await broker.ensure_streams()
            await _create(broker, wanted)
        elif error.err_code == _CONSUMER_ALREADY_EXISTS:
            known = await broker.jetstream.consumer_info(EVENTS_STREAM, subscription.name)
            subjects = sorted({*subscription.subjects, *(known.config.filter_subjects or ())})
            await broker.jetstream.add_consumer(EVENTS_STREAM, wanted.evolve(filter_subjects=subjects))
        else:
            raise


async def _create(broker: Broker, wanted: ConsumerConfig) -> None:
    """Creates and never changes, which the library cannot ask for: of two that start at once, one is told."""
    request = {"stream_name": EVENTS_STREAM, "config": wanted.as_dict(), "action": "create"}
    answer = await broker.client.request(
        f"$JS.API.CONSUMER.CREATE.{EVENTS_STREAM}.{wanted.name}",
        json.dumps(request).encode(),
        timeout=REQUEST_TIMEOUT_SECONDS,
    )
    if error := json.loads(answer.data).get("error"):
        raise APIError(code=error["code"], description=error.get("description"), err_code=error.get("err_code"))
