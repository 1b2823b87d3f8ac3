"""Facts that services publish: what an event is called, how it is emitted, and how it looks on the wire.

An event is a proto message of a `mizan.<service>.events.v1` package that carries the option `mizan.options.v1.event`.
`emit` puts it into the outbox in the caller's transaction; the relay publishes it after the commit.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4
from weakref import WeakKeyDictionary

import orjson
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from sqlalchemy import Engine, event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Session, SessionTransaction

from mizan.options.v1 import options_pb2
from servicekit import context, postponed, tables, telemetry, wire
from servicekit.methods import carries_secret
from servicekit.postponed import BulkInsert

MESSAGE_ID = "Nats-Msg-Id"
TYPE = "mizan-type"
RESTAURANT = "mizan-restaurant"
AGGREGATE = "mizan-aggregate"
VERSION = "mizan-version"
TIME = "mizan-time"
CONTENT_TYPE = "content-type"
CLOUD_EVENTS_JSON = "application/cloudevents+json"

# Half of the server's default limit of 1 MiB for a message; the rest is room for headers and the JSON form.
MAX_PAYLOAD_BYTES = 512 * 1024

_PACKAGE = re.compile(r"mizan\.(?P<service>[a-z]+)\.events\.v1")
_EVENT_TYPE = re.compile(r"(?P<entity>[a-z][a-z_]*)\.(?P<verb>[a-z][a-z_]*)")


class NotAnEvent(TypeError):
    """A message that is not declared as an event was used as one."""


@dataclass(frozen=True, slots=True)
class EventType:
    """The names of one kind of event."""

    name: str
    service: str
    type: str
    public: bool

    @property
    def subject(self) -> str:
        """Where the platform's own consumers find it."""
        return f"evt.{self.service}.{self.type}.v1"

    def public_subject(self, restaurant_id: UUID) -> str:
        """Where one restaurant's integrators find it."""
        return f"evt.public.{restaurant_id}.{self.service}.{self.type}.v1"


def type_of(message_class: type[Message]) -> EventType:
    """The names of an event class. Raises NotAnEvent for a message that is none."""
    return declared(message_class.DESCRIPTOR)


@lru_cache(maxsize=1024)
def declared(descriptor: Descriptor) -> EventType:
    """The names of an event message. Raises NotAnEvent for a message that is none."""
    options = descriptor.GetOptions()
    package = _PACKAGE.fullmatch(descriptor.file.package)
    if package is None or not options.HasExtension(options_pb2.event):
        raise NotAnEvent(f"{descriptor.full_name} is not declared as an event")
    named = options.Extensions[options_pb2.event]
    if _EVENT_TYPE.fullmatch(named.type) is None:
        raise NotAnEvent(f"{descriptor.full_name} has the malformed event type {named.type!r}")
    if named.public and carries_secret(descriptor):
        raise NotAnEvent(f"{descriptor.full_name} is public and has a secret field")
    return EventType(descriptor.full_name, package["service"], named.type, named.public)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is known about an event beside its content."""

    id: UUID
    type: str
    subject: str
    restaurant_id: UUID | None
    aggregate_id: str
    version: int
    occurred_at: datetime
    request_id: str = ""
    trace_parent: str = ""
    attempt: int = 1

    @classmethod
    def from_headers(cls, subject: str, headers: Mapping[str, str], attempt: int = 1) -> "Envelope":
        """Reads the headers of a delivery. Raises KeyError or ValueError when one is missing or malformed."""
        restaurant = headers.get(RESTAURANT)
        return cls(
            id=UUID(headers[MESSAGE_ID]),
            type=headers[TYPE],
            subject=subject,
            restaurant_id=UUID(restaurant) if restaurant else None,
            aggregate_id=headers[AGGREGATE],
            version=int(headers[VERSION]),
            occurred_at=datetime.fromisoformat(headers[TIME]),
            request_id=headers.get(context.REQUEST_ID, ""),
            trace_parent=headers.get(context.TRACE_PARENT, ""),
            attempt=attempt,
        )


_OUTBOX = BulkInsert(tables.outbox, without=("seq", "created_at"))
_EMITTED = "mizan_emitted"
_on_commit: WeakKeyDictionary[Engine, list[Callable[[], None]]] = WeakKeyDictionary()


def emit(
    session: AsyncSession,
    message: Message,
    *,
    restaurant_id: UUID | None,
    aggregate_id: UUID | str,
    version: int = 0,
) -> UUID:
    """Publishes an event if and when the session's transaction commits, and returns the event's id.

    `version` is the aggregate's version after the change; consumers that project state apply only newer ones. Raises
    NotAnEvent for a message that is no event and ValueError for one that is too large to publish.
    """
    kind = type_of(type(message))
    payload = message.SerializeToString()
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"{kind.name} of {len(payload)} bytes is too large to publish")
    event_id = uuid4()
    now = datetime.now(UTC).isoformat()
    headers = {TYPE: kind.name, AGGREGATE: str(aggregate_id), VERSION: str(version), TIME: now}
    if restaurant_id is not None:
        headers[RESTAURANT] = str(restaurant_id)
    if request_id := context.current.get().request_id:
        headers[context.REQUEST_ID] = request_id
    with telemetry.span(kind.subject, telemetry.PRODUCER, {"messaging.destination.name": kind.subject}):
        if trace_parent := telemetry.trace_parent():
            headers[context.TRACE_PARENT] = trace_parent
    row = {"id": event_id, "subject": kind.subject, "type": kind.name, "payload": payload, "headers": headers}
    postponed.postpone(session, _OUTBOX, row)
    if kind.public and restaurant_id is not None:
        postponed.postpone(session, _OUTBOX, _public_row(kind, message, event_id, restaurant_id, headers))
    session.info[_EMITTED] = True
    return event_id


def _public_row(
    kind: EventType, message: Message, event_id: UUID, restaurant_id: UUID, headers: Mapping[str, str]
) -> dict[str, Any]:
    body = {
        "specversion": "1.0",
        "id": str(event_id),
        "source": f"/services/{kind.service}",
        "type": f"mizan.{kind.service}.{kind.type}.v1",
        "subject": headers[AGGREGATE],
        "time": headers[TIME],
        "datacontenttype": "application/json",
        "restaurantid": str(restaurant_id),
        "aggregateversion": int(headers[VERSION]),
        "data": wire.encode(message),
    }
    outside = {CONTENT_TYPE: CLOUD_EVENTS_JSON, TYPE: kind.name}
    if context.TRACE_PARENT in headers:
        outside[context.TRACE_PARENT] = body["traceparent"] = headers[context.TRACE_PARENT]
    return {
        "id": uuid4(),
        "subject": kind.public_subject(restaurant_id),
        "type": kind.name,
        "payload": orjson.dumps(body),
        "headers": outside,
    }


def on_commit(engine: AsyncEngine, wake: Callable[[], None]) -> Callable[[], None]:
    """Has `wake` called after each commit on the engine that emitted something; returns what undoes that."""
    wakers = _on_commit.setdefault(engine.sync_engine, [])
    wakers.append(wake)
    return lambda: wakers.remove(wake)


@event.listens_for(Session, "after_commit")
def _wake_relay(session: Session) -> None:
    # The release of a savepoint counts as a commit here.
    emitted = session.info.get(_EMITTED) and not session.in_nested_transaction()
    if emitted and isinstance(session.bind, Engine):
        for wake in _on_commit.get(session.bind, ()):
            wake()


@event.listens_for(Session, "after_transaction_end")
def _end(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop(_EMITTED, None)
