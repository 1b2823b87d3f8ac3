"""What identity keeps of other services' events.

The audit trail, a till system's connection, hours worked, and what became of invitations that were brought.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.audit.events.v1 import events_pb2 as audit
from mizan.notify.events.v1 import events_pb2 as notify
from mizan.pos.events.v1 import events_pb2 as pos
from mizan.timeclock.events.v1 import events_pb2 as clock
from servicekit import wire
from servicekit.db import Query
from servicekit.events import Envelope
from servicekit.inbox import BatchSubscription, Event, Subscription
from servicekit.postponed import BulkInsert, postpone
from services.identity.domain.invitations import WHATSAPP
from services.identity.models import AuditEntry, InvitationDelivery, Restaurant, WorkedSession

# Nobody looks at what somebody did within the blink of an eye, and many at once cost little more than one.
LINGER_SECONDS = 0.25


def audit_trail() -> BatchSubscription:
    """Keeps every change that any service records, many at a time."""
    return BatchSubscription(
        name="identity-audit", types=[audit.EntryRecorded], handler=keep_entries, linger=LINGER_SECONDS
    )


_ENTRIES = BulkInsert(AuditEntry.__table__, without=("received_at",), known="id")  # type: ignore[arg-type] # a table


async def keep_entries(session: AsyncSession, batch: Sequence[Event]) -> None:
    """Stores audit entries under their events' ids."""
    for event in batch:
        row = {
            "id": event.envelope.id,
            "restaurant_id": UUID(event.message.restaurant_id) if event.message.HasField("restaurant_id") else None,
            "user_id": UUID(event.message.user_id) if event.message.HasField("user_id") else None,
            "actor": event.message.actor[:320],
            "action": event.message.action[:50],
            "entity_type": event.message.entity_type[:100],
            "entity_id": event.message.entity_id[:100] if event.message.HasField("entity_id") else None,
            "description": event.message.description,
            "old_values": wire.encode_struct(event.message.old_values),
            "new_values": wire.encode_struct(event.message.new_values),
            "ip_address": event.message.ip_address[:45] if event.message.HasField("ip_address") else None,
            "user_agent": event.message.user_agent,
            "request_id": event.message.request_id,
            "service": event.message.service,
            "occurred_at": event.message.occurred_at.ToDatetime(tzinfo=UTC),
        }
        postpone(session, _ENTRIES, row)


_BROUGHT = {
    "SENT": ("SENT", ("PENDING",)),
    "DELIVERED": ("DELIVERED", ("PENDING", "SENT")),
    "READ": ("READ", ("PENDING", "SENT", "DELIVERED")),
    "FAILED": ("FAILED", ("PENDING", "SENT")),
    "SKIPPED": ("FAILED", ("PENDING",)),
}
"""What notify says of an invitation: the status of its delivery here, and the statuses that it follows."""


def messenger() -> Subscription:
    """Shows what became of invitations that notify brings over WhatsApp."""
    return Subscription(name="identity-messenger", handlers={notify.InvitationDeliverySettled: note_delivery})


async def note_delivery(session: AsyncSession, event: notify.InvitationDeliverySettled, envelope: Envelope) -> None:
    """Notes it at the invitation's last delivery over WhatsApp, unless more is known of that."""
    if event.status not in _BROUGHT:
        return
    status, before = _BROUGHT[event.status]
    latest = (
        sa.select(InvitationDelivery.id)
        .where(InvitationDelivery.invitation_id == UUID(event.invitation_id), InvitationDelivery.channel == WHATSAPP)
        .order_by(InvitationDelivery.sent_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    await session.execute(
        sa.update(InvitationDelivery)
        .where(InvitationDelivery.id == latest, InvitationDelivery.status.in_(before))
        .values(
            status=status,
            external_id=event.provider_id or InvitationDelivery.external_id,
            error_message=event.error or None,
            attempts=sa.case(
                (InvitationDelivery.status == "PENDING", InvitationDelivery.attempts + 1),
                else_=InvitationDelivery.attempts,
            ),
            delivered_at=sa.func.coalesce(InvitationDelivery.delivered_at, envelope.occurred_at)
            if status in ("DELIVERED", "READ")
            else InvitationDelivery.delivered_at,
        )
        .execution_options(synchronize_session=False)
    )


def till() -> Subscription:
    """Shows in the settings how the connection with a till system stands."""
    return Subscription(name="identity-till", handlers={pos.ProviderChanged: keep_connection})


async def keep_connection(session: AsyncSession, event: pos.ProviderChanged, _envelope: Envelope) -> None:
    """Keeps the connection as the event shows it, unless a newer state is known or another system was chosen since."""
    stands = [Restaurant.id == UUID(event.restaurant_id), Restaurant.pos_connection_version < event.version]
    if not event.is_connected:
        stands.append(Restaurant.pos_provider == event.provider)
    await session.execute(
        sa.update(Restaurant)
        .where(*stands)
        .values(
            pos_provider=event.provider,
            pos_merchant_id=event.merchant_id if event.HasField("merchant_id") else Restaurant.pos_merchant_id,
            pos_is_connected=event.is_connected,
            pos_location_id=event.location_id if event.HasField("location_id") else None,
            pos_token_expires_at=_instant(event, "token_expires_at"),
            pos_sync_status=event.sync_status,
            pos_last_sync_time=_instant(event, "last_sync_at"),
            pos_transactions_synced=event.orders_synced,
            pos_connection_version=event.version,
        )
    )


def hours() -> BatchSubscription:
    """Knows how long people worked, for the lists that show it."""
    types = [clock.SessionClosed, clock.SessionChanged, clock.SessionDiscarded]
    return BatchSubscription(name="identity-hours", types=types, handler=keep_hours, linger=LINGER_SECONDS)


_STATED = insert(WorkedSession).values(
    {name: sa.bindparam(name, type_=column.type) for name, column in WorkedSession.__table__.columns.items()}
)
_KEEP_HOURS = Query(
    _STATED.on_conflict_do_update(
        index_elements=["id"],
        set_={name: _STATED.excluded[name] for name in ("business_date", "minutes", "version")},
        where=WorkedSession.version < _STATED.excluded.version,
    )
)


async def keep_hours(session: AsyncSession, batch: Sequence[Event]) -> None:
    """Keeps the minutes of each session as the event shows it, unless a newer state is known.

    Those of a session that is none any more are taken back; its row stays, so that an older event does not bring them.
    """
    for event in batch:
        facts = event.message.session
        values = {
            "id": UUID(facts.id),
            "restaurant_id": UUID(facts.restaurant_id),
            "user_id": UUID(facts.staff_id),
            "business_date": date.fromisoformat(facts.business_date),
            "minutes": 0 if isinstance(event.message, clock.SessionDiscarded) else facts.worked_minutes,
            "version": facts.version,
        }
        postpone(session, _KEEP_HOURS, values)


def _instant(event: pos.ProviderChanged, name: Literal["token_expires_at", "last_sync_at"]) -> datetime | None:
    return getattr(event, name).ToDatetime(tzinfo=UTC) if event.HasField(name) else None
