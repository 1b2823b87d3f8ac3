"""Orders to suppliers."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, Updated, Version
from servicekit.tables import one_of
from services.inventory.models.base import Base


class PurchaseOrder(Base):
    """What was ordered from one supplier; its total is the sum of its lines and kept nowhere."""

    __tablename__ = "purchase_orders"
    __table_args__ = (
        sa.Index("ix_purchase_orders_restaurant_id_order_date", "restaurant_id", "order_date"),
        sa.Index("ix_purchase_orders_supplier_id", "supplier_id"),
        one_of("status", "PENDING", "ORDERED", "RECEIVED", "CANCELLED"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    supplier_id: Mapped[UUID] = mapped_column(sa.ForeignKey("suppliers.id"))
    order_date: Mapped[date]
    expected_delivery_date: Mapped[date | None]
    delivery_date: Mapped[date | None]
    status: Mapped[str] = mapped_column(sa.String(10), server_default="PENDING")
    notes: Mapped[str | None] = mapped_column(sa.String(500))
    created_by: Mapped[UUID | None]
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class PurchaseOrderLine(Base):
    """One item of an order, in a unit that the item knows."""

    __tablename__ = "purchase_order_lines"
    __table_args__ = (
        sa.UniqueConstraint("purchase_order_id", "item_id"),
        sa.Index("ix_purchase_order_lines_restaurant_id", "restaurant_id"),
        sa.Index("ix_purchase_order_lines_item_id", "item_id"),
        sa.CheckConstraint("quantity > 0", name="quantity"),
        sa.CheckConstraint("unit_price >= 0", name="unit_price"),
        sa.CheckConstraint("received_quantity >= 0", name="received_quantity"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    purchase_order_id: Mapped[UUID] = mapped_column(sa.ForeignKey("purchase_orders.id", ondelete="CASCADE"))
    item_id: Mapped[UUID] = mapped_column(sa.ForeignKey("items.id"))
    quantity: Mapped[Decimal] = mapped_column(sa.Numeric(14, 3))
    unit: Mapped[str] = mapped_column(sa.String(20))
    unit_price: Mapped[Decimal] = mapped_column(sa.Numeric(14, 4))
    received_quantity: Mapped[Decimal] = mapped_column(sa.Numeric(14, 3), server_default="0")
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]
