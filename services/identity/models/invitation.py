"""Invitations to join a restaurant and what became of their delivery."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.tables import one_of
from services.identity.models.base import Base, Created, Id, Instant, JsonObject, RestaurantId, Updated

INVITATION_STATES = ("PENDING", "ACCEPTED", "REJECTED", "EXPIRED")
DELIVERY_CHANNELS = ("email", "whatsapp")
DELIVERY_STATES = ("PENDING", "SENT", "ACCEPTED", "DELIVERED", "READ", "FAILED")


class Invitation(Base):
    """An offer of a role. Its token is derived from the id and never stored."""

    __tablename__ = "invitations"
    __table_args__ = (
        sa.Index("invitations_restaurant_idx", "restaurant_id", "sent_at"),
        sa.Index("invitations_phone_idx", "phone_digits", postgresql_where=sa.text("status = 'PENDING'")),
        sa.Index(
            "invitations_pending_email_key",
            "restaurant_id",
            sa.text("lower(email)"),
            unique=True,
            postgresql_where=sa.text("status = 'PENDING' AND email IS NOT NULL"),
        ),
        sa.Index(
            "invitations_pending_phone_key",
            "restaurant_id",
            "phone_digits",
            unique=True,
            postgresql_where=sa.text("status = 'PENDING' AND email IS NULL"),
        ),
        sa.CheckConstraint("email IS NOT NULL OR phone_digits IS NOT NULL", name="reachable"),
        one_of("status", *INVITATION_STATES),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[RestaurantId]
    email: Mapped[str | None] = mapped_column(sa.String(254))
    phone: Mapped[str | None] = mapped_column(sa.String(20))
    phone_digits: Mapped[str | None] = mapped_column(sa.String(20))
    role: Mapped[str] = mapped_column(sa.String(40))
    first_name: Mapped[str | None] = mapped_column(sa.String(150))
    last_name: Mapped[str | None] = mapped_column(sa.String(150))
    department: Mapped[str | None] = mapped_column(sa.String(100))
    status: Mapped[str] = mapped_column(sa.String(20), server_default="PENDING")
    token_generation: Mapped[int] = mapped_column(server_default="1")
    extra_data: Mapped[JsonObject]
    invited_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("users.id", ondelete="SET NULL"))
    accepted_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("users.id", ondelete="SET NULL"))
    accepted_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    bulk_batch_id: Mapped[str | None] = mapped_column(sa.String(50))
    sent_at: Mapped[Created]
    expires_at: Mapped[Instant]
    updated_at: Mapped[Updated]


class InvitationDelivery(Base):
    """One attempt to bring an invitation to somebody over one channel."""

    __tablename__ = "invitation_deliveries"
    __table_args__ = (
        sa.Index("invitation_deliveries_invitation_idx", "invitation_id", "sent_at"),
        sa.Index("invitation_deliveries_restaurant_idx", "restaurant_id", "status"),
        one_of("channel", *DELIVERY_CHANNELS),
        one_of("status", *DELIVERY_STATES),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[RestaurantId]
    invitation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("invitations.id", ondelete="CASCADE"))
    channel: Mapped[str] = mapped_column(sa.String(20))
    recipient: Mapped[str] = mapped_column(sa.String(255))
    status: Mapped[str] = mapped_column(sa.String(20), server_default="PENDING")
    external_id: Mapped[str | None] = mapped_column(sa.String(255))
    error_message: Mapped[str | None] = mapped_column(sa.Text)
    attempts: Mapped[int] = mapped_column(server_default="0")
    sent_at: Mapped[Created]
    delivered_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
