"""Applying events once: the mark that an event was handled commits together with what handling it changed.

Events may come twice and in any order. A handler therefore applies an event to a projection only when the envelope's
version is newer than what it has; everything else about repetition is settled here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from google.protobuf.message import DecodeError, Message
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit import context, events, postponed, telemetry
from servicekit.backoff import Backoff
from servicekit.db import SYSTEM, Database, Query, Scope, SessionReader, act_in
from servicekit.events import Envelope
from servicekit.tables import inbox as inbox_table

Handler = Callable[[AsyncSession, Any, Envelope], Awaitable[None]]
BatchHandler = Callable[[AsyncSession, Sequence["Event"]], Awaitable[None]]


class Undecodable(Exception):
    """A delivery whose headers or content are not those of an event; trying again cannot help."""


class Unhandled(Exception):
    """An event that this version of the service has no handler for; a newer replica may."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event as it arrives, from NATS or from the dead letters."""

    subject: str
    payload: bytes
    headers: Mapping[str, str]
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Event:
    """A decoded event."""

    message: Any
    envelope: Envelope

    @property
    def scope(self) -> Scope:
        """The rows its handling may touch: those of its restaurant, or all when it belongs to none."""
        restaurant_id = self.envelope.restaurant_id
        return Scope(restaurant_id) if restaurant_id is not None else SYSTEM


@dataclass(frozen=True)
class Subscription:
    """What one durable consumer listens to, and how patiently.

    `handlers` are called one event at a time, in a transaction that sees the event's restaurant. Events of one
    aggregate are handled one after the other within a process; replicas and repetitions may still change the order.

    With a `size` above one, events that arrive within the `linger` time share a transaction. Each handler still sees
    its event's restaurant alone, and the database as the event before left it. When one fails, they are tried one by
    one, so that only the one at fault is repeated and given up.
    """

    name: str
    handlers: Mapping[type[Message], Handler]
    size: int = 1
    linger: float = 0.02
    concurrency: int = 8
    max_attempts: int = 10
    handler_timeout: float = 30.0
    # How soon another process gets what a killed one was handling; those who live report progress three times as often.
    ack_wait: float = 12.0
    backoff: Backoff = field(default_factory=Backoff)

    @property
    def message_types(self) -> Mapping[str, type[Message]]:
        """The message classes by their full names."""
        return {events.type_of(message_class).name: message_class for message_class in self.handlers}

    @property
    def subjects(self) -> list[str]:
        """What the consumer is filtered by."""
        return sorted({events.type_of(message_class).subject for message_class in self.handlers})

    async def handle(self, session: AsyncSession, batch: Sequence[Event]) -> None:
        """Calls the handler of each event."""
        for event in batch:
            await self.handlers[type(event.message)](session, event.message, event.envelope)


@dataclass(frozen=True)
class BatchSubscription:
    """A consumer for high volumes: one handler gets many events in one transaction that sees every restaurant.

    When a batch fails, its events are tried one by one, so that only the one at fault is repeated and given up.
    """

    name: str
    types: Sequence[type[Message]]
    handler: BatchHandler
    size: int = 100
    linger: float = 0.02
    max_attempts: int = 10
    handler_timeout: float = 30.0
    # How soon another process gets what a killed one was handling; those who live report progress three times as often.
    ack_wait: float = 12.0
    backoff: Backoff = field(default_factory=Backoff)
    concurrency: int = 1

    @property
    def message_types(self) -> Mapping[str, type[Message]]:
        """The message classes by their full names."""
        return {events.type_of(message_class).name: message_class for message_class in self.types}

    @property
    def subjects(self) -> list[str]:
        """What the consumer is filtered by."""
        return sorted({events.type_of(message_class).subject for message_class in self.types})

    async def handle(self, session: AsyncSession, batch: Sequence[Event]) -> None:
        """Calls the handler."""
        await self.handler(session, batch)


_CONSUMER = sa.bindparam("consumer", type_=sa.Text)
_MARK = Query(
    insert(inbox_table)
    .values(consumer=_CONSUMER, message_id=sa.bindparam("id", type_=sa.Uuid))
    .on_conflict_do_nothing()
    .returning(inbox_table.c.message_id)
)
_MARK_MANY = Query(
    insert(inbox_table)
    .from_select(
        ["consumer", "message_id"],
        sa.select(_CONSUMER, sa.func.unnest(sa.bindparam("ids", type_=ARRAY(sa.Uuid)))),
    )
    .on_conflict_do_nothing()
    .returning(inbox_table.c.message_id)
)


class Inbox:
    """Decodes deliveries and applies each event once per consumer."""

    def __init__(self, subscription: Subscription | BatchSubscription, database: Database) -> None:
        self.subscription = subscription
        self.database = database
        self._types = subscription.message_types

    def open(self, delivery: Delivery) -> Event:
        """The event in a delivery. Raises Undecodable, or Unhandled for a type without a handler."""
        try:
            envelope = Envelope.from_headers(delivery.subject, delivery.headers, delivery.attempt)
        except (KeyError, ValueError) as error:
            raise Undecodable(f"header missing or malformed: {error}") from error
        message_class = self._types.get(envelope.type)
        if message_class is None:
            raise Unhandled(f"no handler for {envelope.type}")
        try:
            return Event(message_class.FromString(delivery.payload), envelope)
        except DecodeError as error:
            raise Undecodable(f"not a {envelope.type}: {error}") from error

    async def apply(self, event: Event) -> bool:
        """Handles an event in its own transaction; False when it was done before. Raises what the handler does."""
        with _handling(self.subscription.name, event.envelope):
            async with self.database.write(event.scope) as session:
                return await self.apply_in(session, event)

    async def apply_in(self, session: AsyncSession, event: Event) -> bool:
        """Handles an event in the caller's transaction; False when it was handled before."""
        mark = await SessionReader(session).first(_MARK, consumer=self.subscription.name, id=event.envelope.id)
        if mark is None:
            return False
        async with asyncio.timeout(self.subscription.handler_timeout):
            await self.subscription.handle(session, (event,))
        return True

    async def apply_batch(self, batch: Sequence[Event]) -> set[UUID]:
        """Handles many events in one transaction; the ids of those that had not been handled before."""
        unique = {event.envelope.id: event for event in batch}
        async with self.database.write(SYSTEM) as session:
            # In one order everywhere, so that two replicas with the same events do not lock each other out.
            marks = await SessionReader(session).all(_MARK_MANY, consumer=self.subscription.name, ids=sorted(unique))
            fresh = {mark.message_id for mark in marks}
            if fresh:
                await self._handle_fresh(session, [event for key, event in unique.items() if key in fresh])
        return fresh

    async def _handle_fresh(self, session: AsyncSession, batch: Sequence[Event]) -> None:
        subscription = self.subscription
        if isinstance(subscription, BatchSubscription):
            async with asyncio.timeout(subscription.handler_timeout):
                await subscription.handle(session, batch)
            return
        for event in batch:
            with _handling(subscription.name, event.envelope):
                act_in(session, event.scope)
                async with asyncio.timeout(subscription.handler_timeout):
                    await subscription.handle(session, (event,))
                    # Whose rows may be written is up to the event's own scope, and the next one reads what is there.
                    await session.flush()
                    await postponed.send(session)
                session.expunge_all()


class _handling:
    """Continues the request in which an event was emitted: its request id and its trace."""

    def __init__(self, consumer: str, envelope: Envelope) -> None:
        self._request = context.RequestContext(request_id=envelope.request_id, trace_parent=envelope.trace_parent)
        self._span = telemetry.consumer_span(
            f"{consumer} {envelope.subject}",
            envelope.trace_parent,
            {"messaging.system": "nats", "messaging.destination.name": envelope.subject},
        )

    def __enter__(self) -> None:
        self._token = context.current.set(self._request)
        self._span.__enter__()

    def __exit__(self, *failure: Any) -> None:
        self._span.__exit__(*failure)
        context.current.reset(self._token)
