"""HR documents of people."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from services.identity.models.base import Base, Created, Id, RestaurantId


class StaffDocument(Base):
    """A file about a person, such as a contract or a health card.

    `file_key` is its name in the file storage; `reminded_days` is how many days before the expiry the last reminder was
    for.
    """

    __tablename__ = "staff_documents"
    __table_args__ = (
        sa.Index("staff_documents_staff_idx", "restaurant_id", "staff_id", "uploaded_at"),
        sa.Index("staff_documents_expiry_idx", "expires_on"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[RestaurantId]
    staff_id: Mapped[UUID] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(sa.String(255))
    file_key: Mapped[str] = mapped_column(sa.String(255))
    content_type: Mapped[str] = mapped_column(sa.String(100))
    size: Mapped[int] = mapped_column(sa.BigInteger)
    sha256: Mapped[str] = mapped_column(sa.String(64))
    expires_on: Mapped[date | None]
    reminded_days: Mapped[int | None] = mapped_column(sa.SmallInteger)
    uploaded_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("users.id", ondelete="SET NULL"))
    uploaded_at: Mapped[Created]
