"""What the payment provider told, and what comparing with it found."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, Instant
from servicekit.tables import one_of
from services.billing.models.base import Base

APPLIED = "applied"
IGNORED = "ignored"


class ProviderEvent(Base):
    """An event of the payment provider's, whole as it was signed; whose it is turns out when it is processed."""

    __tablename__ = "provider_events"
    __table_args__ = (
        one_of("outcome", APPLIED, IGNORED),
        sa.Index("ix_provider_events_waiting", "customer_id", postgresql_where=sa.text("processed_at IS NULL")),
    )

    id: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    type: Mapped[str] = mapped_column(sa.String(100))
    # Empty for an event about no customer.
    customer_id: Mapped[str] = mapped_column(sa.String(255))
    created_at: Mapped[Instant]
    received_at: Mapped[Instant] = mapped_column(index=True)
    payload: Mapped[bytes]
    processed_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    outcome: Mapped[str | None] = mapped_column(sa.String(10))


class Reconciliation(Base):
    """One comparison of everything with the payment provider."""

    __tablename__ = "reconciliations"

    id: Mapped[Id]
    started_at: Mapped[Created]
    finished_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    checked: Mapped[int] = mapped_column(server_default="0")
    repaired: Mapped[int] = mapped_column(server_default="0")
    failed: Mapped[int] = mapped_column(server_default="0")
    # [{restaurant_id, changes: {field: [before, after]}} or {restaurant_id, error}]
    findings: Mapped[list[object]] = mapped_column(JSONB, server_default="[]")
