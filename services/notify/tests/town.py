"""Restaurants and people, as identity tells of them, and what reaches them."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from google.protobuf.message import Message
from sqlalchemy.dialects.postgresql import insert

from mizan.identity.events.v1 import events_pb2 as identity
from refdata.testing import restaurant_event, staff_event
from servicekit.db import SYSTEM, Query, Scope
from servicekit.testing.events import Bus, eventually, handled
from servicekit.testing.service import RunningService
from services.notify.models import Delivery, DeviceToken, Notification, Preferences
from services.notify.tests.providers import Providers

CONSUMERS = {
    "identity": "notify",
    "scheduling": "notify-scheduling",
    "billing": "notify-billing",
    "inventory": "notify-inventory",
    "pos": "notify-till",
    "timeclock": "notify-timeclock",
}
_OPEN = Query(
    sa.text(
        "SELECT (SELECT count(*) FROM procrastinate.procrastinate_jobs WHERE status = 'doing'"
        " OR (status = 'todo' AND coalesce(scheduled_at <= now(), true)))"
        " + (SELECT count(*) FROM deliveries WHERE state = 'SENDING')"
    )
)
_DELIVERIES = Query(
    sa.select(Delivery).where(Delivery.addressee == sa.bindparam("addressee", type_=sa.Text)).order_by(Delivery.channel)
)
_NOTIFICATIONS = Query(
    sa.select(Notification)
    .where(Notification.recipient_id == sa.bindparam("id", type_=sa.Uuid))
    .order_by(Notification.created_at, Notification.id)
)


@dataclass(frozen=True)
class Someone:
    """A person of a restaurant."""

    restaurant_id: UUID
    id: UUID
    name: str
    phone: str
    email: str
    language: str

    @property
    def device(self) -> str:
        """The push token of their one device."""
        return f"device-{self.id}"


class Town:
    """Restaurants, their people, and the providers that reach them."""

    def __init__(self, notify: RunningService, bus: Bus, world: Providers) -> None:
        self.notify = notify
        self.bus = bus
        self.world = world

    async def restaurant(self, **facts: Any) -> UUID:
        """A new restaurant."""
        restaurant_id = uuid4()
        message = restaurant_event(restaurant_id, "Dar Atlas", 1, identity.RestaurantCreated, **facts)
        await handled(self.notify, "notify-refdata", await self.bus.publish(message, restaurant_id=restaurant_id))
        return restaurant_id

    async def person(
        self,
        restaurant_id: UUID,
        name: str = "Amina",
        *,
        role: str = "WAITER",
        language: str = "en",
        device: bool = True,
        **wishes: Any,
    ) -> Someone:
        """A new member of staff with a phone, an address and a device, who chose what is given."""
        user_id = uuid4()
        someone = Someone(
            restaurant_id,
            user_id,
            name,
            f"2126{user_id.int % 10**8:08d}",
            f"{name.lower()}-{user_id.hex[:8]}@example.com",
            language,
        )
        message = staff_event(
            restaurant_id,
            user_id,
            name,
            1,
            identity.StaffJoined,
            role=role,
            language=language,
            phone=f"+{someone.phone}",
            email=someone.email,
        )
        event_id = await self.bus.publish(message, restaurant_id=restaurant_id)
        await handled(self.notify, "notify-refdata", event_id)
        await handled(self.notify, "notify", event_id)
        await self._prepare(someone, wishes, device=device)
        return someone

    async def _prepare(self, someone: Someone, wishes: dict[str, Any], *, device: bool) -> None:
        async def work() -> None:
            async with self.notify.database.write(Scope(someone.restaurant_id)) as session:
                if wishes:
                    await session.execute(
                        sa.update(Preferences).where(Preferences.user_id == someone.id).values(**wishes)
                    )
                if device:
                    await session.execute(
                        insert(DeviceToken).values(
                            restaurant_id=someone.restaurant_id,
                            user_id=someone.id,
                            token=someone.device,
                            device_type="ANDROID",
                        )
                    )

        self.notify.run(work())

    async def happens(self, message: Message, restaurant_id: UUID, *, settle: bool = True) -> UUID:
        """Another service tells a fact, notify applies it, and what follows is sent."""
        service = message.DESCRIPTOR.file.package.split(".")[1]
        event_id = await self.bus.publish(message, restaurant_id=restaurant_id)
        await handled(self.notify, CONSUMERS[service], event_id)
        if settle:
            await self.settle()
        return event_id

    async def settle(self) -> None:
        """Waits until nothing that is due is under way."""

        async def quiet() -> bool:
            return bool(self.notify.run(self.notify.database.read(SYSTEM).scalar(_OPEN)) == 0)

        await eventually(quiet)

    async def until(self, someone: Someone, channel: str, state: str) -> Any:
        """Waits until a person's delivery over a channel has a state; its row."""

        async def reached() -> Any:
            row = self.deliveries(someone).get(channel)
            return row if row is not None and row.state == state else None

        return await eventually(reached)

    def deliveries(self, someone: Someone) -> dict[str, Any]:
        """The deliveries of a person's only notification, by channel."""
        return {row.channel: row for row in self.addressed(str(someone.id))}

    def addressed(self, addressee: str) -> list[Any]:
        """The deliveries to an addressee."""
        return list(self.notify.run(self.notify.database.read(SYSTEM).all(_DELIVERIES, addressee=addressee)))

    def notifications(self, someone: Someone) -> list[Any]:
        """What a person was told, in its order."""
        return list(self.notify.run(self.notify.database.read(SYSTEM).all(_NOTIFICATIONS, id=someone.id)))

    def received(self, someone: Someone) -> dict[str, int]:
        """How many messages reached a person by each provider."""
        return {
            "whatsapp": len(self.world.whatsapp.to(someone.phone)),
            "push": len(self.world.firebase.on(someone.device)),
            "email": len(self.world.mailbox.messages(someone.email)),
        }
