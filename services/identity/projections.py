"""What identity keeps of other services' events: the audit trail."""

from collections.abc import Sequence
from datetime import UTC
from uuid import UUID

from google.protobuf.json_format import MessageToDict
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.audit.events.v1 import events_pb2 as audit
from servicekit.inbox import BatchSubscription, Event
from services.identity.models import AuditEntry


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
