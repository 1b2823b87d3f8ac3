"""What managers tell their people."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, JsonObject, Updated
from servicekit.tables import one_of
from services.notify.domain.kinds import PRIORITIES
from services.notify.models.base import Base
from services.notify.models.notifications import MOMENT


class Announcement(Base):
    """One announcement; whom it reaches is decided when it is sent."""

    __tablename__ = "announcements"
    __table_args__ = (
        one_of("status", "SCHEDULED", "SENDING", "SENT", "CANCELLED"),
        one_of("priority", *PRIORITIES),
        sa.Index("ix_announcements_list", "restaurant_id", sa.desc("created_at")),
        sa.Index(
            "ix_announcements_due", "scheduled_for", postgresql_where=sa.text("status IN ('SCHEDULED', 'SENDING')")
        ),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    sender_id: Mapped[UUID]
    title: Mapped[str] = mapped_column(sa.String(200))
    message: Mapped[str] = mapped_column(sa.Text)
    priority: Mapped[str] = mapped_column(sa.String(10))
    tags: Mapped[list[str]] = mapped_column(ARRAY(sa.String(50)))
    # {staff_ids, departments, roles, shift_ids}; empty for everybody.
    targeting: Mapped[JsonObject]
    channels: Mapped[list[str]] = mapped_column(ARRAY(sa.String(10)))
    override_preferences: Mapped[bool]
    status: Mapped[str] = mapped_column(sa.String(10))
    scheduled_for: Mapped[datetime] = mapped_column(MOMENT)
    is_scheduled: Mapped[bool]
    expires_at: Mapped[datetime | None] = mapped_column(MOMENT)
    sent_at: Mapped[datetime | None] = mapped_column(MOMENT)
    created_at: Mapped[Created]


class Attachment(Base):
    """A file of an announcement."""

    __tablename__ = "attachments"
    __table_args__ = (sa.Index("ix_attachments_announcement", "restaurant_id", "announcement_id"),)

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    announcement_id: Mapped[UUID] = mapped_column(sa.ForeignKey("announcements.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(sa.String(200))
    original_name: Mapped[str] = mapped_column(sa.String(255))
    content_type: Mapped[str] = mapped_column(sa.String(100))
    size: Mapped[int] = mapped_column(sa.BigInteger)
    uploaded_at: Mapped[Created]


class DeliveryIssue(Base):
    """Somebody's report that something did not arrive as it should."""

    __tablename__ = "delivery_issues"
    __table_args__ = (
        one_of("status", "OPEN", "INVESTIGATING", "RESOLVED"),
        sa.Index("ix_delivery_issues_list", "restaurant_id", sa.desc("created_at")),
    )

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    restaurant_id: Mapped[UUID]
    reporter_id: Mapped[UUID]
    notification_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("notifications.id", ondelete="SET NULL"))
    description: Mapped[str] = mapped_column(sa.Text)
    status: Mapped[str] = mapped_column(sa.String(15), server_default="OPEN")
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]
