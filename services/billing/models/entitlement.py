"""What restaurants may use."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, Updated, Version
from servicekit.tables import one_of
from services.billing.domain.entitlement import REASONS
from services.billing.models.base import Base


class Entitlement(Base):
    """What one restaurant may use, as it was last derived and published."""

    __tablename__ = "entitlements"
    __table_args__ = (
        one_of("reason", *REASONS),
        sa.Index("ix_entitlements_valid_until", "valid_until", postgresql_where=sa.text("valid_until IS NOT NULL")),
    )

    restaurant_id: Mapped[UUID] = mapped_column(primary_key=True)
    unlimited: Mapped[bool]
    features: Mapped[list[str]] = mapped_column(ARRAY(sa.Text))
    limits: Mapped[dict[str, int]] = mapped_column(JSONB)
    plan: Mapped[str | None] = mapped_column(sa.String(50))
    reason: Mapped[str] = mapped_column(sa.String(20))
    # When it changes by the clock alone, such as at the end of a trial.
    valid_until: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    version: Mapped[Version]
    updated_at: Mapped[Updated]


class EntitlementGrant(Base):
    """A feature or a limit that the platform's operator gave a restaurant beside its plan."""

    __tablename__ = "entitlement_grants"
    __table_args__ = (sa.UniqueConstraint("restaurant_id", "name"),)

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(sa.String(50))
    # Absent for a feature.
    limit_value: Mapped[int | None] = mapped_column(sa.BigInteger)
    note: Mapped[str] = mapped_column(sa.Text)
    until: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    created_at: Mapped[Created]
