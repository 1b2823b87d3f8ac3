"""What was found when somebody counted."""

from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id
from services.inventory.models.base import Base


class StockCount(Base):
    """One count."""

    __tablename__ = "stock_counts"
    __table_args__ = (sa.Index("ix_stock_counts_restaurant_id_created_at", "restaurant_id", "created_at"),)

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    notes: Mapped[str | None] = mapped_column(sa.String(500))
    total_variance: Mapped[Decimal] = mapped_column(sa.Numeric(20, 4), server_default="0")
    counted_by: Mapped[UUID | None]
    created_at: Mapped[Created]


class StockCountLine(Base):
    """One item of a count, in its unit, with what the ledger said at that moment."""

    __tablename__ = "stock_count_lines"
    __table_args__ = (sa.Index("ix_stock_count_lines_restaurant_id", "restaurant_id"),)

    count_id: Mapped[UUID] = mapped_column(sa.ForeignKey("stock_counts.id"), primary_key=True)
    item_id: Mapped[UUID] = mapped_column(sa.ForeignKey("items.id"), primary_key=True)
    restaurant_id: Mapped[UUID]
    system_quantity: Mapped[Decimal] = mapped_column(sa.Numeric(18, 6))
    counted_quantity: Mapped[Decimal] = mapped_column(sa.Numeric(18, 6))
    variance_value: Mapped[Decimal] = mapped_column(sa.Numeric(20, 4))
