"""Other people's till systems: connections, what they told, what was taken over from them."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, Instant, JsonList, JsonObject, Updated, Version
from servicekit.tables import one_of
from services.pos.models.base import Base

PROVIDERS = ("SQUARE", "TOAST", "CLOVER")


class ProviderConnection(Base):
    """The one till system that a restaurant works with; tokens and keys are encrypted."""

    __tablename__ = "provider_connections"
    __table_args__ = (
        one_of("provider", *PROVIDERS),
        one_of("status", "CONNECTED", "DISCONNECTED", "ERROR"),
        # One merchant may have several locations, each a restaurant of its own.
        sa.Index(
            "provider_connections_merchant_key",
            "provider",
            "merchant_id",
            sa.text("coalesce(location_id, '')"),
            unique=True,
            postgresql_where=sa.text("status <> 'DISCONNECTED'"),
        ),
    )

    restaurant_id: Mapped[UUID] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(sa.Text)
    status: Mapped[str] = mapped_column(sa.Text)
    merchant_id: Mapped[str] = mapped_column(sa.String(255))
    location_id: Mapped[str | None] = mapped_column(sa.String(255))
    # Square's access token; Toast's client id and secret; Clover's API token.
    secret: Mapped[bytes | None]
    refresh_token: Mapped[bytes | None]
    token_expires_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    last_error: Mapped[str | None] = mapped_column(sa.String(200))
    last_sync_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    connected_by: Mapped[UUID | None]
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class OAuthState(Base):
    """An authorization that was begun; it is deleted by whoever comes back with it."""

    __tablename__ = "oauth_states"

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    user_id: Mapped[UUID]
    expires_at: Mapped[Instant] = mapped_column(index=True)


class ProviderEvent(Base):
    """An event as it was signed; which restaurants it is about turns out when it is processed."""

    __tablename__ = "provider_events"
    __table_args__ = (
        one_of("provider", *PROVIDERS, "STRIPE"),
        one_of("outcome", "applied", "ignored"),
        sa.Index(
            "provider_events_waiting_idx",
            "provider",
            "merchant_id",
            postgresql_where=sa.text("processed_at IS NULL"),
        ),
    )

    provider: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    event_id: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    # Who it is about at the provider; of Stripe, the intent.
    merchant_id: Mapped[str] = mapped_column(sa.String(255))
    type: Mapped[str] = mapped_column(sa.String(255))
    # Empty where the event names no single thing.
    object_type: Mapped[str] = mapped_column(sa.String(100), server_default="")
    object_id: Mapped[str] = mapped_column(sa.String(255), server_default="")
    payload: Mapped[bytes]
    received_at: Mapped[Instant] = mapped_column(index=True)
    processed_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    outcome: Mapped[str | None] = mapped_column(sa.Text)


class VerificationCode(Base):
    """What a provider sent to verify a new webhook, for the operator to type in there."""

    __tablename__ = "verification_codes"

    code: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    provider: Mapped[str] = mapped_column(sa.Text)
    received_at: Mapped[Instant]


class ExternalObject(Base):
    """A thing at the provider as it was described last; the columns beside the payload are read of orders alone."""

    __tablename__ = "external_objects"
    __table_args__ = (
        sa.UniqueConstraint("restaurant_id", "provider", "object_type", "object_id"),
        sa.Index("external_objects_day_idx", "restaurant_id", "provider", "business_date"),
        sa.Index("external_objects_changed_idx", "restaurant_id", "provider", sa.text("changed_at DESC")),
        one_of("provider", *PROVIDERS),
        one_of("state", "OPEN", "COMPLETED", "CANCELLED"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    provider: Mapped[str] = mapped_column(sa.Text)
    object_type: Mapped[str] = mapped_column(sa.String(100))
    object_id: Mapped[str] = mapped_column(sa.String(255))
    payload: Mapped[JsonObject]
    # By the provider's clock; an older description never replaces a newer one.
    changed_at: Mapped[Instant]
    state: Mapped[str | None] = mapped_column(sa.Text)
    occurred_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    business_date: Mapped[date | None]
    currency: Mapped[str | None] = mapped_column(sa.String(3))
    total: Mapped[Decimal | None] = mapped_column(sa.Numeric(14, 3))
    tips: Mapped[Decimal | None] = mapped_column(sa.Numeric(14, 3))
    # [{name, quantity}], the quantity as a whole number.
    lines: Mapped[JsonList]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class ProviderSync(Base):
    """How far one kind of sync is; a run that stopped goes on at its cursor."""

    __tablename__ = "provider_syncs"
    __table_args__ = (
        one_of("kind", "menu", "orders"),
        one_of("state", "IDLE", "RUNNING", "FAILED"),
    )

    restaurant_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    provider: Mapped[str] = mapped_column(sa.Text)
    state: Mapped[str] = mapped_column(sa.Text)
    # None at the beginning of a run and after its end.
    cursor: Mapped[str | None] = mapped_column(sa.Text)
    # The changes that the present run takes over, by the provider's clock.
    changed_from: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    changed_until: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    # Everything that changed before is taken over.
    complete_until: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    records: Mapped[int] = mapped_column(server_default="0")
    total_records: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    error: Mapped[str | None] = mapped_column(sa.String(200))
    # Of a menu: what the present run has seen, so that the rest can be taken off at its end.
    seen: Mapped[list[object]] = mapped_column(JSONB, server_default="[]")
    started_at: Mapped[Instant]
    finished_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
