"""What staff ask of their managers."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.tables import one_of
from services.identity.models.base import Base, Created, Id, JsonObject, RestaurantId, Updated

CATEGORIES = ("DOCUMENT", "HR", "SCHEDULING", "PAYROLL", "OPERATIONS", "OTHER")
PRIORITIES = ("LOW", "MEDIUM", "HIGH", "URGENT")
STATES = ("PENDING", "APPROVED", "REJECTED", "ESCALATED", "CLOSED")
COMMENT_KINDS = ("comment", "status_change", "system")


class StaffRequest(Base):
    """A request with its place in the managers' inbox.

    `version` guards two managers against each other. `staff_phone_digits` finds the requests of somebody who was not
    known by their phone when they asked.
    """

    __tablename__ = "staff_requests"
    __table_args__ = (
        sa.Index("staff_requests_inbox_idx", "restaurant_id", "status", "created_at"),
        sa.Index("staff_requests_newest_idx", "restaurant_id", "created_at"),
        sa.Index("staff_requests_staff_idx", "restaurant_id", "staff_id", "created_at"),
        sa.Index(
            "staff_requests_phone_idx",
            "restaurant_id",
            "staff_phone_digits",
            postgresql_where=sa.text("staff_id IS NULL"),
        ),
        sa.Index(
            "staff_requests_external_key",
            "restaurant_id",
            "source",
            "external_id",
            unique=True,
            postgresql_where=sa.text("external_id <> ''"),
        ),
        one_of("category", *CATEGORIES),
        one_of("priority", *PRIORITIES),
        one_of("status", *STATES),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[RestaurantId]
    staff_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("users.id", ondelete="SET NULL"))
    staff_name: Mapped[str] = mapped_column(sa.String(255), server_default="")
    staff_phone: Mapped[str] = mapped_column(sa.String(32), server_default="")
    staff_phone_digits: Mapped[str | None] = mapped_column(sa.String(20))
    category: Mapped[str] = mapped_column(sa.String(20), server_default="OTHER")
    priority: Mapped[str] = mapped_column(sa.String(10), server_default="MEDIUM")
    status: Mapped[str] = mapped_column(sa.String(20), server_default="PENDING")
    subject: Mapped[str] = mapped_column(sa.String(255), server_default="")
    description: Mapped[str] = mapped_column(sa.Text, server_default="")
    source: Mapped[str] = mapped_column(sa.String(30), server_default="web")
    external_id: Mapped[str] = mapped_column(sa.String(128), server_default="")
    details: Mapped[JsonObject]
    assigned_to: Mapped[UUID | None] = mapped_column(sa.ForeignKey("users.id", ondelete="SET NULL"))
    reviewed_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("users.id", ondelete="SET NULL"))
    reviewed_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class StaffRequestComment(Base):
    """One entry of a request's timeline; entries are never changed."""

    __tablename__ = "staff_request_comments"
    __table_args__ = (
        sa.Index("staff_request_comments_request_idx", "request_id", "created_at"),
        one_of("kind", *COMMENT_KINDS),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[RestaurantId]
    request_id: Mapped[UUID] = mapped_column(sa.ForeignKey("staff_requests.id", ondelete="CASCADE"))
    author_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("users.id", ondelete="SET NULL"))
    kind: Mapped[str] = mapped_column(sa.String(20), server_default="comment")
    body: Mapped[str] = mapped_column(sa.Text, server_default="")
    details: Mapped[JsonObject]
    created_at: Mapped[Created]


class StaffRequestAttachment(Base):
    """A file that belongs to a request."""

    __tablename__ = "staff_request_attachments"
    __table_args__ = (sa.Index("staff_request_attachments_request_idx", "request_id", "uploaded_at"),)

    id: Mapped[Id]
    restaurant_id: Mapped[RestaurantId]
    request_id: Mapped[UUID] = mapped_column(sa.ForeignKey("staff_requests.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(sa.String(255))
    file_key: Mapped[str] = mapped_column(sa.String(255))
    content_type: Mapped[str] = mapped_column(sa.String(100))
    size: Mapped[int] = mapped_column(sa.BigInteger)
    uploaded_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("users.id", ondelete="SET NULL"))
    uploaded_at: Mapped[Created]
