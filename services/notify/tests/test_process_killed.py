"""SIGKILL while a provider has the message and has not answered: after the restart nothing is sent twice or lost."""

import signal
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from mizan.identity.events.v1 import events_pb2 as identity
from refdata.testing import restaurant_event, staff_event
from servicekit.testing.events import Bus, eventually
from servicekit.testing.fixtures import SettingsOf
from servicekit.testing.process import service_process
from services.notify.tests.facts import published_week
from services.notify.tests.providers import Providers
from tools.phone_server.faults import Fault

PREFIXED = ("whatsapp_url", "fcm_url", "provider_timeout_seconds")
_SYSTEM = "SELECT set_config('mizan.scope', 'system', false)"
# As if half a minute had passed since the process died.
_FORGET_WORKER = "UPDATE procrastinate.procrastinate_workers SET last_heartbeat = now() - interval '2 minutes'"
_STATES = "SELECT channel, state FROM deliveries WHERE addressee = %s"


@pytest.mark.timeout(120)
async def test_killed_between_the_request_and_its_answer(
    settings_of: SettingsOf, world: Providers, bus: Bus, tmp_path: Path
) -> None:
    own = settings_of("notify")
    given = {f"notify_{name}" if name in PREFIXED else name: value for name, value in world.settings.items()}
    environment = {**own, **given, "notify_provider_timeout_seconds": 60}
    place, person = uuid4(), uuid4()
    phone, email = f"2126{person.int % 10**8:08d}", f"{person.hex}@example.com"
    facts: dict[str, Any] = {"phone": f"+{phone}", "email": email, "language": "en"}

    def ask(statement: str, *values: str) -> list[Any]:
        with psycopg.connect(own["database_url"], autocommit=True) as connection:
            connection.execute(_SYSTEM)
            return connection.execute(statement, values or None).fetchall()

    async def known() -> bool:
        return bool(ask("SELECT FROM staff_ref")) and bool(ask("SELECT FROM restaurant_ref"))

    with service_process("notify", environment, tmp_path) as process:
        await bus.publish(restaurant_event(place, "Dar Atlas", 1, identity.RestaurantCreated), restaurant_id=place)
        await bus.publish(staff_event(place, person, "Amina", 1, identity.StaffJoined, **facts), restaurant_id=place)
        await eventually(known)
        world.whatsapp.faults.order(Fault(delay=60, accepts=True))
        await bus.publish(published_week(place, person), restaurant_id=place)

        async def everything_arrived() -> bool:
            states = dict(ask(_STATES, str(person)))
            return bool(world.whatsapp.to(phone)) and states.get("email") == "SENT" and states["whatsapp"] == "SENDING"

        await eventually(everything_arrived)
        process.child.kill()
        assert process.child.status == -signal.SIGKILL
    with psycopg.connect(own["database_url"], autocommit=True) as connection:
        connection.execute(_FORGET_WORKER)

    with service_process("notify", environment, tmp_path):

        async def settled() -> bool:
            return dict(ask(_STATES, str(person)))["whatsapp"] == "UNCERTAIN"

        await eventually(settled)
    assert len(world.whatsapp.to(phone)) == 1
    assert len(world.mailbox.messages(email)) == 1
    assert dict(ask(_STATES, str(person))) == {
        "app": "SENT",
        "push": "SKIPPED",
        "whatsapp": "UNCERTAIN",
        "email": "SENT",
    }
    assert len(ask("SELECT FROM notifications")) == 1
