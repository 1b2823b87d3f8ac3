"""Corrections of the stock by hand."""

from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, Instant, Updated
from servicekit.tables import one_of
from services.inventory.models.base import Base


class StockAdjustment(Base):
    """An adjustment as it stands; what it did to the stock are the ledger's entries with its id as their source."""

    __tablename__ = "stock_adjustments"
    __table_args__ = (
        sa.Index("ix_stock_adjustments_restaurant_id_created_at", "restaurant_id", "created_at"),
        sa.Index("ix_stock_adjustments_item_id", "item_id"),
        one_of("adjustment_type", "ADD", "REMOVE", "WASTE", "TRANSFER"),
        sa.CheckConstraint("quantity_changed > 0", name="quantity_changed"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    item_id: Mapped[UUID] = mapped_column(sa.ForeignKey("items.id"))
    adjustment_type: Mapped[str] = mapped_column(sa.String(10))
    # In the item's unit.
    quantity_changed: Mapped[Decimal] = mapped_column(sa.Numeric(18, 6))
    # What the stock gained by it; below zero for what went.
    value: Mapped[Decimal] = mapped_column(sa.Numeric(20, 4), server_default="0")
    reason: Mapped[str | None] = mapped_column(sa.String(500))
    adjusted_by: Mapped[UUID | None]
    # The entry that stands; none for a transfer.
    entry_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("stock_entries.id"))
    is_deleted: Mapped[bool] = mapped_column(server_default=sa.false())
    occurred_at: Mapped[Instant]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]
