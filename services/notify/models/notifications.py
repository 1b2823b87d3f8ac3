"""What people are told, and over which channels it reaches them."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, JsonObject, Updated
from servicekit.tables import one_of
from services.notify.domain.channels import AGENT, CHANNELS
from services.notify.domain.deliveries import STATES
from services.notify.domain.kinds import PRIORITIES
from services.notify.models.base import Base

MOMENT = sa.DateTime(timezone=True)


class Notification(Base):
    """One thing that one person is told: the in-app list's row, in the person's language.

    A person gets a key once. A row that its person deleted stays behind until it is cleaned up, so that a fact that is
    told again does not bring it back.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        sa.UniqueConstraint("restaurant_id", "recipient_id", "key"),
        one_of("priority", *PRIORITIES),
        sa.Index(
            "ix_notifications_list",
            "restaurant_id",
            "recipient_id",
            sa.desc("created_at"),
            "id",
            postgresql_where=sa.text("deleted_at IS NULL"),
        ),
        sa.Index(
            "ix_notifications_unread",
            "restaurant_id",
            "recipient_id",
            postgresql_where=sa.text("deleted_at IS NULL AND read_at IS NULL"),
        ),
        sa.Index("ix_notifications_announcement", "restaurant_id", "announcement_id", "recipient_id"),
        sa.Index("ix_notifications_created", "created_at"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    recipient_id: Mapped[UUID]
    key: Mapped[str] = mapped_column(sa.String(200))
    kind: Mapped[str] = mapped_column(sa.String(30))
    priority: Mapped[str] = mapped_column(sa.String(10))
    sender_id: Mapped[UUID | None]
    title: Mapped[str] = mapped_column(sa.String(255))
    message: Mapped[str] = mapped_column(sa.Text)
    language: Mapped[str] = mapped_column(sa.String(10))
    # What the texts were made of, for the templates of WhatsApp.
    words: Mapped[JsonObject]
    data: Mapped[JsonObject]
    related_shift_id: Mapped[UUID | None]
    related_task_id: Mapped[UUID | None]
    announcement_id: Mapped[UUID | None]
    created_at: Mapped[Created]
    expires_at: Mapped[datetime | None] = mapped_column(MOMENT)
    read_at: Mapped[datetime | None] = mapped_column(MOMENT)
    acknowledged_at: Mapped[datetime | None] = mapped_column(MOMENT)
    deleted_at: Mapped[datetime | None] = mapped_column(MOMENT)


class Delivery(Base):
    """One attempt to reach one addressee over one channel; there is no second one for the same key.

    `addressee` is a person's id, or what stands for somebody who is not a member: `invitation <id>`, `phone <digits>`,
    `agent`.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        sa.UniqueConstraint("restaurant_id", "addressee", "channel", "key", postgresql_nulls_not_distinct=True),
        one_of("channel", *CHANNELS, AGENT),
        one_of("state", *STATES),
        sa.Index("ix_deliveries_notification", "notification_id"),
        sa.Index(
            "ix_deliveries_provider", "channel", "provider_id", postgresql_where=sa.text("provider_id IS NOT NULL")
        ),
        sa.Index("ix_deliveries_open", "not_before", postgresql_where=sa.text("state IN ('PENDING', 'SENDING')")),
        sa.Index("ix_deliveries_settled", "restaurant_id", "state", "updated_at"),
    )

    id: Mapped[Id]
    # Absent for a message that an agent with the platform's key sends.
    restaurant_id: Mapped[UUID | None]
    addressee: Mapped[str] = mapped_column(sa.String(100))
    channel: Mapped[str] = mapped_column(sa.String(10))
    key: Mapped[str] = mapped_column(sa.String(200))
    notification_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("notifications.id", ondelete="CASCADE"))
    # What is sent to somebody who gets no notification: an invitation, an agent's message, an answer in a conversation.
    payload: Mapped[JsonObject]
    state: Mapped[str] = mapped_column(sa.String(10))
    # Went out over every channel at once, so that none of them is the only one.
    is_critical: Mapped[bool] = mapped_column(server_default=sa.false())
    attempts: Mapped[int] = mapped_column(server_default="0")
    not_before: Mapped[datetime | None] = mapped_column(MOMENT)
    provider_id: Mapped[str | None] = mapped_column(sa.String(255))
    # What the provider answered, and why it was not sent, in words that name nobody.
    error: Mapped[str | None] = mapped_column(sa.String(300))
    sent_at: Mapped[datetime | None] = mapped_column(MOMENT)
    delivered_at: Mapped[datetime | None] = mapped_column(MOMENT)
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class DeviceToken(Base):
    """Where push messages to one device go; a token belongs to whoever registered it last."""

    __tablename__ = "device_tokens"
    __table_args__ = (
        sa.UniqueConstraint("token"),
        one_of("device_type", "ANDROID", "IOS", "WEB"),
        sa.Index("ix_device_tokens_person", "restaurant_id", "user_id"),
    )

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    restaurant_id: Mapped[UUID]
    user_id: Mapped[UUID]
    token: Mapped[str] = mapped_column(sa.String(255))
    device_type: Mapped[str] = mapped_column(sa.String(10))
    device_name: Mapped[str | None] = mapped_column(sa.String(100))
    is_active: Mapped[bool] = mapped_column(server_default=sa.true())
    created_at: Mapped[Created]
    last_used: Mapped[Updated]


class ShiftRef(Base):
    """Who is on a shift and when, from scheduling's facts, for announcements and conversations about it."""

    __tablename__ = "shift_refs"
    __table_args__ = (sa.Index("ix_shift_refs_time", "restaurant_id", "starts_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    restaurant_id: Mapped[UUID]
    staff_ids: Mapped[list[str]] = mapped_column(JSONB)
    starts_at: Mapped[datetime] = mapped_column(MOMENT)
    ends_at: Mapped[datetime] = mapped_column(MOMENT)
    is_published: Mapped[bool]
    is_deleted: Mapped[bool] = mapped_column(server_default=sa.false())
    version: Mapped[int] = mapped_column(sa.BigInteger)


class ProviderPace(Base):
    """When a provider may be asked next, so that all replicas together keep to its rate."""

    __tablename__ = "provider_paces"

    channel: Mapped[str] = mapped_column(sa.String(10), primary_key=True)
    next_at: Mapped[datetime] = mapped_column(MOMENT)
