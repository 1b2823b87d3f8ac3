"""What identity keeps of other services' events: the audit trail, and how a till system's connection stands."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from google.protobuf.json_format import MessageToDict
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.audit.events.v1 import events_pb2 as audit
from mizan.pos.events.v1 import events_pb2 as pos
from servicekit.events import Envelope
from servicekit.inbox import BatchSubscription, Event, Subscription
from services.identity.models import AuditEntry, Restaurant


def audit_trail() -> BatchSubscription:
    """Keeps every change that any service records, many at a time."""
    return BatchSubscription(name="identity-audit", types=[audit.EntryRecorded], handler=keep_entries)


async def keep_entries(session: AsyncSession, batch: Sequence[Event]) -> None:
    """Stores audit entries under their events' ids."""
    rows = [
        {
            "id": event.envelope.id,
            "restaurant_id": UUID(event.message.restaurant_id) if event.message.HasField("restaurant_id") else None,
            "user_id": UUID(event.message.user_id) if event.message.HasField("user_id") else None,
            "actor": event.message.actor[:320],
            "action": event.message.action[:50],
            "entity_type": event.message.entity_type[:100],
            "entity_id": event.message.entity_id[:100] if event.message.HasField("entity_id") else None,
            "description": event.message.description,
            "old_values": MessageToDict(event.message.old_values),
            "new_values": MessageToDict(event.message.new_values),
            "ip_address": event.message.ip_address[:45] if event.message.HasField("ip_address") else None,
            "user_agent": event.message.user_agent,
            "request_id": event.message.request_id,
            "service": event.message.service,
            "occurred_at": event.message.occurred_at.ToDatetime(tzinfo=UTC),
        }
        for event in batch
    ]
    await session.execute(insert(AuditEntry).on_conflict_do_nothing(index_elements=["id"]), rows)


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


def _instant(event: pos.ProviderChanged, name: Literal["token_expires_at", "last_sync_at"]) -> datetime | None:
    return getattr(event, name).ToDatetime(tzinfo=UTC) if event.HasField(name) else None
