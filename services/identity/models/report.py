"""Reports that somebody had made."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.tables import one_of
from services.identity.models.base import Base, Created, Id, RestaurantId, Text

REPORT_TYPES = ("SALES_SUMMARY", "ATTENDANCE_OVERVIEW", "INVENTORY_STATUS", "SHIFT_PERFORMANCE")


class KeptReport(Base):
    """A report as it was when it was made; `data` is the JSON that was shown, and is never looked into."""

    __tablename__ = "kept_reports"
    __table_args__ = (
        sa.Index("kept_reports_restaurant_idx", "restaurant_id", "generated_at"),
        one_of("report_type", *REPORT_TYPES),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[RestaurantId]
    report_type: Mapped[str] = mapped_column(sa.String(40))
    start_date: Mapped[date]
    end_date: Mapped[date]
    data: Mapped[Text]
    generated_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("users.id", ondelete="SET NULL"))
    generated_at: Mapped[Created]
