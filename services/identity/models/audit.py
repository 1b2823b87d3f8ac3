"""The trail of who did what, fed by every service."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from services.identity.models.base import Base, Instant, JsonObject


class AuditEntry(Base):
    """One recorded act; the id is the event's, so that an entry delivered twice is stored once. Never changed."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        sa.Index("audit_entries_restaurant_idx", "restaurant_id", "occurred_at", "id"),
        sa.Index("audit_entries_entity_idx", "restaurant_id", "entity_type", "entity_id", "occurred_at"),
        sa.Index("audit_entries_user_idx", "restaurant_id", "user_id", "occurred_at"),
        sa.Index("audit_entries_action_idx", "restaurant_id", "action", "occurred_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    restaurant_id: Mapped[UUID | None]
    user_id: Mapped[UUID | None]
    actor: Mapped[str] = mapped_column(sa.String(320), server_default="")
    action: Mapped[str] = mapped_column(sa.String(50))
    entity_type: Mapped[str] = mapped_column(sa.String(100))
    entity_id: Mapped[str | None] = mapped_column(sa.String(100))
    description: Mapped[str] = mapped_column(sa.Text)
    old_values: Mapped[JsonObject]
    new_values: Mapped[JsonObject]
    ip_address: Mapped[str | None] = mapped_column(sa.String(45))
    user_agent: Mapped[str] = mapped_column(sa.String(500), server_default="")
    request_id: Mapped[str] = mapped_column(sa.String(64), server_default="")
    service: Mapped[str] = mapped_column(sa.String(40))
    occurred_at: Mapped[Instant]
    received_at: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True), server_default=sa.func.now())
