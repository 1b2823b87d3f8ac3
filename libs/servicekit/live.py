"""What open screens are told: messages that matter now and not later, such as how far a job is.

They are no facts: nobody keeps them, nothing waits for them, and a screen that was away reads the state anew. A fact is
an event (`servicekit.events`), and notify shows those that belong on a screen by itself.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import UUID

import orjson
import structlog
from nats.errors import Error as NatsError

from servicekit.broker import Broker

NOTIFICATIONS: Final = "notifications"
BOARD: Final = "board"
KITCHEN: Final = "kitchen"
JOBS: Final = "jobs"
TO: Final = "mizan-to"
ALL_SUBJECTS: Final = "live.*.*"
MAX_BYTES: Final = 64 * 1024

_TOPIC = re.compile(r"[a-z]+(:[A-Za-z0-9_-]{1,100})?")

log = structlog.get_logger(__name__)


def subject_of(restaurant_id: UUID, topic: str) -> str:
    """The NATS subject of a topic in a restaurant. Raises ValueError for what is no topic's name."""
    if _TOPIC.fullmatch(topic) is None:
        raise ValueError(f"{topic!r} is no topic")
    return f"live.{restaurant_id}.{topic}"


async def publish(
    broker: Broker, restaurant_id: UUID, topic: str, message: Mapping[str, Any], *, to: Collection[UUID] = ()
) -> bool:
    """Shows a message to the open screens of a restaurant that follow a topic and may; with `to`, to those people only.

    A message about a job holds `job_id`, `state` and `progress` (0 to 100). Says whether NATS was there to take it;
    what cannot be sent now is dropped. Raises ValueError for what is no topic or larger than `MAX_BYTES`.
    """
    subject = subject_of(restaurant_id, topic)
    payload = orjson.dumps(message)
    if len(payload) > MAX_BYTES:
        raise ValueError(f"a live message of {len(payload)} bytes is too large")
    if not broker.is_connected:
        return False
    try:
        await broker.client.publish(subject, payload, headers={TO: ",".join(map(str, to))} if to else None)
    except (NatsError, OSError) as error:
        log.info("live_message_dropped", topic=topic, error=repr(error))
        return False
    return True
