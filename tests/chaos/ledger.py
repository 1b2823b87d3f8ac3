"""What became of the crowd's requests, counted in the database, in the audit trail and on NATS."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import nats
import psycopg
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig

from mizan.identity.events.v1 import events_pb2
from servicekit.broker import EVENTS_STREAM
from servicekit.events import MESSAGE_ID
from tests.chaos.crowd import FIRST_NAME, Crowd
from tools.installation import Site

UPDATED, CREATED = "evt.identity.staff.updated.v1", "evt.identity.restaurant.created.v1"
BATCH = 500
QUIET_SECONDS = 1.0
_SYSTEM = "SELECT set_config('mizan.scope', 'system', false)"


@dataclass
class Ledger:
    """One count of everything."""

    # By person: the name in the database, how often it was changed, and how many changes the audit trail holds.
    names: dict[str, str] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    audited: dict[str, int] = field(default_factory=dict)
    # By address: how many restaurants have it.
    restaurants: dict[str, int] = field(default_factory=dict)
    # Event ids by person and by restaurant's address: every one once, however often it was delivered.
    updated: dict[str, dict[str, int]] = field(default_factory=dict)
    created: dict[str, set[str]] = field(default_factory=dict)
    waiting_in_outbox: int = 0

    def complaints(self, crowd: Crowd) -> list[str]:
        """What does not agree with what was acknowledged to the crowd."""
        found: list[str] = []

        def compare(what: str, whose: str, counted: object, acknowledged: object) -> None:
            if counted != acknowledged:
                found.append(f"{what} of {whose}: {counted} instead of {acknowledged}")

        for person in crowd.people:
            changes = len(person.names)
            compare("name", person.email, self.names[person.id], (person.names or [FIRST_NAME])[-1])
            compare("version", person.email, self.versions[person.id], changes + 1)
            compare("audit entries", person.email, self.audited.get(person.id, 0), changes)
            versions = sorted(self.updated.get(person.id, {}).values())
            compare("events", person.email, versions, list(range(2, changes + 2)))
        for email in crowd.registered:
            compare("restaurants", email, self.restaurants.get(email, 0), 1)
            compare("events", email, len(self.created.get(email, ())), 1)
        compare("outbox rows", "identity", self.waiting_in_outbox, 0)
        return found


class Listener:
    """A durable consumer of our own, which remembers every event by its id."""

    def __init__(self, stream: JetStreamContext, durable: str) -> None:
        self._stream = stream
        self._durable = durable
        self.updated: dict[str, dict[str, int]] = {}
        self.created: dict[str, set[str]] = {}

    async def catch_up(self) -> None:
        """Takes what has arrived until nothing has for a moment."""
        consumer = await self._stream.pull_subscribe_bind(consumer=self._durable, stream=EVENTS_STREAM)
        while True:
            try:
                messages = await consumer.fetch(BATCH, timeout=QUIET_SECONDS)
            except TimeoutError:  # nothing more; nats-py lets its own kind through, or asyncio's
                return
            for message in messages:
                self._remember(message.subject, (message.headers or {})[MESSAGE_ID], message.data)
                await message.ack()

    def _remember(self, subject: str, event_id: str, payload: bytes) -> None:
        if subject == UPDATED:
            staff = events_pb2.StaffUpdated.FromString(payload).staff
            self.updated.setdefault(staff.user_id, {})[event_id] = staff.version
        else:
            restaurant = events_pb2.RestaurantCreated.FromString(payload).restaurant
            self.created.setdefault(restaurant.id, set()).add(event_id)


@asynccontextmanager
async def listening(site: Site, durable: str) -> AsyncIterator[Listener]:
    """Makes the consumer before anything happens."""
    client = await nats.connect(site.environment["NATS_URL"], max_reconnect_attempts=-1, reconnect_time_wait=0.2)
    try:
        stream = client.jetstream()
        await stream.add_consumer(
            EVENTS_STREAM, ConsumerConfig(durable_name=durable, filter_subjects=[UPDATED, CREATED])
        )
        yield Listener(stream, durable)
    finally:
        await client.close()


async def count(site: Site, listener: Listener) -> Ledger:
    """The present state of everything."""
    await listener.catch_up()
    ledger = Ledger(updated=listener.updated)
    async with await psycopg.AsyncConnection.connect(site.database_url("identity"), connect_timeout=5) as connection:
        await connection.execute(_SYSTEM)
        people = await connection.execute("SELECT id::text, first_name, version FROM users")
        for id, name, version in await people.fetchall():
            ledger.names[id], ledger.versions[id] = name, version
        trail = await connection.execute(
            "SELECT entity_id, count(*) FROM audit_entries WHERE action = 'UPDATE' GROUP BY entity_id"
        )
        ledger.audited = dict(await trail.fetchall())
        restaurants = await connection.execute("SELECT email, id::text FROM restaurants")
        for email, id in await restaurants.fetchall():
            ledger.restaurants[email] = ledger.restaurants.get(email, 0) + 1
            ledger.created[email] = listener.created.get(id, set())
        ((ledger.waiting_in_outbox,),) = await (await connection.execute("SELECT count(*) FROM outbox")).fetchall()
    return ledger
