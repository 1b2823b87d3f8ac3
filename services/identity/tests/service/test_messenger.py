"""What became of invitations that notify brings over WhatsApp."""

from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from mizan.notify.events.v1 import events_pb2 as notify
from servicekit.db import SYSTEM
from servicekit.testing.events import Bus, handled
from servicekit.testing.service import Api, RunningService
from services.identity.models import InvitationDelivery
from services.identity.tests.conftest import register
from services.identity.tests.inviting import invite, number


@pytest.mark.parametrize(
    ("reported", "status"),
    [
        (("SENT",), "SENT"),
        (("SENT", "DELIVERED", "READ"), "READ"),
        (("READ", "SENT", "DELIVERED"), "READ"),
        (("SKIPPED",), "FAILED"),
        (("SENT", "FAILED"), "FAILED"),
        (("nonsense",), "PENDING"),
    ],
)
async def test_the_delivery_shows_it_in_whatever_order_it_is_told(
    identity: RunningService, api: Api, bus: Bus, reported: tuple[str, ...], status: str
) -> None:
    owner = await register(api, f"messenger{uuid4().hex[:8]}")
    invitation = await invite(api, owner, phone_number=number(), send_whatsapp=True)
    restaurant_id = UUID(owner.restaurant.id)
    for one in reported:
        settled = notify.InvitationDeliverySettled(
            invitation_id=invitation.id, restaurant_id=owner.restaurant.id, status=one, provider_id="wamid.1"
        )
        await handled(identity, "identity-messenger", await bus.publish(settled, restaurant_id=restaurant_id))

    async def delivery() -> InvitationDelivery:
        async with identity.database.write(SYSTEM) as session:
            found = await session.scalars(
                sa.select(InvitationDelivery).where(InvitationDelivery.invitation_id == UUID(invitation.id))
            )
            return found.one()

    row = identity.run(delivery())
    assert (row.channel, row.status) == ("whatsapp", status)
    assert (row.external_id == "wamid.1") == (status != "PENDING")
    assert (row.delivered_at is not None) == (status == "READ")
