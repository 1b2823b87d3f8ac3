"""SIGKILL at each step from a fact to its messages: after the restart nothing is sent twice, nothing critical lost."""

import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from mizan.identity.events.v1 import events_pb2 as identity
from mizan.scheduling.events.v1 import events_pb2 as scheduling
from refdata.testing import restaurant_event, staff_event
from servicekit.testing.events import Bus, eventually
from servicekit.testing.fixtures import SettingsOf
from servicekit.testing.process import service_process
from services.notify.tests.providers import Providers
from tools.phone_server.faults import Fault

PREFIXED = ("whatsapp_url", "fcm_url", "provider_timeout_seconds")
_SYSTEM = "SELECT set_config('mizan.scope', 'system', false)"
# As if half a minute had passed since the process died.
_FORGET_WORKER = "UPDATE procrastinate.procrastinate_workers SET last_heartbeat = now() - interval '2 minutes'"
_STATES = "SELECT channel, state FROM deliveries WHERE addressee = %s"
_BLOCKED = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
SENT_ONCE = {"app": "SENT", "push": "SKIPPED", "whatsapp": "SENT", "email": "SENT"}


class Killing:
    """One person, what reached them, and the database that notify works on."""

    def __init__(self, database_url: str, world: Providers) -> None:
        self._database_url = database_url
        self.world = world
        self.place, self.person = uuid4(), uuid4()
        self.phone, self.email = f"2126{self.person.int % 10**8:08d}", f"{self.person.hex}@example.com"

    @contextmanager
    def connection(self, *, autocommit: bool = True) -> Iterator[psycopg.Connection]:
        """A connection that sees every restaurant; what it holds it lets go of in the end."""
        with psycopg.connect(self._database_url, autocommit=autocommit) as connection:
            connection.execute(_SYSTEM)
            yield connection

    def ask(self, statement: str, *values: str) -> list[Any]:
        with self.connection() as connection:
            return connection.execute(statement, values or None).fetchall()

    @property
    def states(self) -> dict[str, str]:
        """The person's deliveries."""
        return dict(self.ask(_STATES, str(self.person)))

    @property
    def received(self) -> dict[str, int]:
        """How many messages reached them."""
        return {
            "whatsapp": len(self.world.whatsapp.to(self.phone)),
            "email": len(self.world.mailbox.messages(self.email)),
        }

    async def blocked(self) -> bool:
        """Whether notify waits for what somebody else holds."""
        return bool(self.ask(_BLOCKED))

    async def is_being_sent(self) -> bool:
        """Whether WhatsApp has the message and has not answered, and everything else is done."""
        states = self.states
        return self.received == {"whatsapp": 1, "email": 1} and (states["whatsapp"], states["email"]) == (
            "SENDING",
            "SENT",
        )


Happening = Callable[[], Awaitable[None]]


@contextmanager
def _held(killing: Killing, statement: str, *values: str) -> Iterator[None]:
    with killing.connection(autocommit=False) as connection:
        connection.execute(statement, values or None)
        yield
        connection.rollback()


async def _while_handled(killing: Killing, happens: Happening, kill: Callable[[], None]) -> None:
    with _held(killing, "LOCK TABLE notifications IN SHARE ROW EXCLUSIVE MODE"):
        await happens()
        await eventually(killing.blocked)
        kill()


async def _before_the_claim(killing: Killing, happens: Happening, kill: Callable[[], None]) -> None:
    with _held(killing, "LOCK TABLE provider_paces IN SHARE ROW EXCLUSIVE MODE"):
        await happens()
        await eventually(killing.blocked)
        kill()


async def _before_the_answer(killing: Killing, happens: Happening, kill: Callable[[], None]) -> None:
    killing.world.whatsapp.faults.order(Fault(delay=60, accepts=True))
    await happens()
    await eventually(killing.is_being_sent)
    kill()


async def _before_the_outcome_is_kept(killing: Killing, happens: Happening, kill: Callable[[], None]) -> None:
    answer = {"messaging_product": "whatsapp", "messages": [{"id": f"wamid.{killing.person}"}]}
    killing.world.whatsapp.faults.order(Fault(200, answer, delay=8, accepts=True))
    await happens()
    await eventually(killing.is_being_sent)
    with _held(
        killing,
        "SELECT FROM deliveries WHERE addressee = %s AND channel = 'whatsapp' FOR UPDATE",
        str(killing.person),
    ):
        await eventually(killing.blocked)
        kill()


@dataclass(frozen=True)
class Step:
    """Where the process dies, and what the deliveries must come to."""

    die: Callable[[Killing, Happening, Callable[[], None]], Awaitable[None]]
    states: dict[str, str]


STEPS = {
    "while the fact is handled": Step(_while_handled, SENT_ONCE),
    "before the delivery is claimed": Step(_before_the_claim, SENT_ONCE),
    "before the provider answers": Step(_before_the_answer, {**SENT_ONCE, "whatsapp": "UNCERTAIN"}),
    "before the answer is kept": Step(_before_the_outcome_is_kept, {**SENT_ONCE, "whatsapp": "UNCERTAIN"}),
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("step", STEPS)
async def test_killed(step: str, settings_of: SettingsOf, world: Providers, bus: Bus, tmp_path: Path) -> None:
    own = settings_of("notify")
    given = {f"notify_{name}" if name in PREFIXED else name: value for name, value in world.settings.items()}
    environment = {**own, **given, "notify_provider_timeout_seconds": 60}
    killing = Killing(own["database_url"], world)

    async def known() -> bool:
        return bool(killing.ask("SELECT FROM staff_ref")) and bool(killing.ask("SELECT FROM restaurant_ref"))

    async def settled() -> bool:
        return killing.states == STEPS[step].states

    async def happens() -> None:
        await bus.publish(_emergency(killing.place), restaurant_id=killing.place)

    with service_process("notify", environment, tmp_path) as process:

        def kill() -> None:
            process.child.kill()
            assert process.child.status == -signal.SIGKILL

        facts = {"phone": f"+{killing.phone}", "email": killing.email, "language": "en", "role": "MANAGER"}
        restaurant = restaurant_event(killing.place, "Dar Atlas", 1, identity.RestaurantCreated)
        await bus.publish(restaurant, restaurant_id=killing.place)
        manager = staff_event(killing.place, killing.person, "Amina", 1, identity.StaffJoined, **facts)
        await bus.publish(manager, restaurant_id=killing.place)
        await eventually(known)
        await STEPS[step].die(killing, happens, kill)
    killing.ask(f"{_FORGET_WORKER} RETURNING id")

    with service_process("notify", environment, tmp_path):
        await eventually(settled)
    assert killing.received == {"whatsapp": 1, "email": 1}
    ((kind,),) = killing.ask("SELECT kind FROM notifications")
    assert kind == "EMERGENCY"


def _emergency(place: UUID) -> Any:
    incident = scheduling.IncidentFacts(
        id=str(uuid4()), restaurant_id=str(place), title="Gas leak", severity="CRITICAL", status="REPORTED"
    )
    return scheduling.IncidentReported(incident=incident)
