"""Tables, orders and their lines, and the kitchen's tickets."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, Instant, JsonList, Updated, Version
from servicekit.tables import one_of
from services.pos.models.base import Amount, Base, Money

OPEN = "status NOT IN ('COMPLETED', 'CANCELLED')"


class DiningTable(Base):
    """A table of the dining room."""

    __tablename__ = "dining_tables"
    __table_args__ = (
        sa.UniqueConstraint("restaurant_id", "table_number"),
        sa.CheckConstraint("table_number BETWEEN 1 AND 500", name="number_range"),
        sa.CheckConstraint("capacity BETWEEN 1 AND 20", name="capacity_range"),
        one_of("status", "AVAILABLE", "OCCUPIED", "RESERVED", "NEEDS_CLEANING", "MAINTENANCE"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    table_number: Mapped[int]
    capacity: Mapped[int] = mapped_column(server_default="4")
    status: Mapped[str] = mapped_column(sa.Text, server_default="AVAILABLE")
    section: Mapped[str | None] = mapped_column(sa.String(50))
    is_active: Mapped[bool] = mapped_column(server_default=sa.true())
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class OrderCounter(Base):
    """How many orders a restaurant has taken on a business day."""

    __tablename__ = "order_counters"

    restaurant_id: Mapped[UUID] = mapped_column(primary_key=True)
    business_date: Mapped[date] = mapped_column(primary_key=True)
    taken: Mapped[int]


class Order(Base):
    """What somebody ordered.

    `amount_paid` is what payments cover of the total, tips apart; what is given back while the order is open is taken
    off it. `refund_amount` is what was given back of it after the order was completed.
    """

    __tablename__ = "orders"
    __table_args__ = (
        sa.UniqueConstraint("restaurant_id", "business_date", "sequence"),
        sa.Index("orders_time_idx", "restaurant_id", sa.text("order_time DESC")),
        sa.Index("orders_day_idx", "restaurant_id", "business_date", "status"),
        sa.Index("orders_open_idx", "restaurant_id", "table_id", postgresql_where=sa.text(OPEN)),
        one_of("order_type", "DINE_IN", "TAKEOUT", "DELIVERY", "CATERING"),
        one_of("status", "PENDING", "CONFIRMED", "PREPARING", "READY", "SERVED", "COMPLETED", "CANCELLED"),
        sa.CheckConstraint("total_amount >= 0 AND discount_amount BETWEEN 0 AND subtotal", name="amounts_sane"),
        sa.CheckConstraint("amount_paid BETWEEN 0 AND total_amount", name="not_overpaid"),
        sa.CheckConstraint("refund_amount BETWEEN 0 AND amount_paid", name="not_overrefunded"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    business_date: Mapped[date]
    sequence: Mapped[int]
    order_number: Mapped[str] = mapped_column(sa.String(50))
    order_type: Mapped[str] = mapped_column(sa.Text)
    status: Mapped[str] = mapped_column(sa.Text, server_default="PENDING")
    table_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("dining_tables.id", ondelete="SET NULL"))
    server_id: Mapped[UUID | None]
    currency: Mapped[str] = mapped_column(sa.String(3))
    subtotal: Mapped[Amount]
    discount_amount: Mapped[Amount]
    discount_reason: Mapped[str | None] = mapped_column(sa.String(255))
    discount_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("discounts.id", ondelete="SET NULL"))
    service_charge_rate: Mapped[Decimal] = mapped_column(sa.Numeric(6, 3), server_default="0")
    service_charge: Mapped[Amount]
    tax_amount: Mapped[Amount]
    tax_included: Mapped[Amount]
    total_amount: Mapped[Amount]
    amount_paid: Mapped[Amount]
    tip_amount: Mapped[Amount]
    refund_amount: Mapped[Amount]
    refund_reason: Mapped[str | None] = mapped_column(sa.String(255))
    void_reason: Mapped[str | None] = mapped_column(sa.String(255))
    customer_name: Mapped[str | None] = mapped_column(sa.String(255))
    customer_phone: Mapped[str | None] = mapped_column(sa.String(20))
    customer_email: Mapped[str | None] = mapped_column(sa.String(254))
    delivery_address: Mapped[str | None] = mapped_column(sa.Text)
    delivery_instructions: Mapped[str | None] = mapped_column(sa.Text)
    guest_count: Mapped[int] = mapped_column(server_default="1")
    notes: Mapped[str | None] = mapped_column(sa.Text)
    is_priority: Mapped[bool] = mapped_column(server_default=sa.false())
    order_time: Mapped[Instant]
    ready_time: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    completion_time: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class OrderLine(Base):
    """One line of an order, with the name, price and tax that the menu had when it was ordered."""

    __tablename__ = "order_lines"
    __table_args__ = (
        sa.Index("order_lines_order_idx", "order_id", "position"),
        sa.Index("order_lines_item_idx", "menu_item_id"),
        sa.Index("order_lines_time_idx", "restaurant_id", sa.text("created_at DESC"), "id"),
        sa.CheckConstraint("quantity BETWEEN 1 AND 1000", name="quantity_range"),
        one_of("status", "PENDING", "PREPARING", "READY", "SERVED", "CANCELLED"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    order_id: Mapped[UUID] = mapped_column(sa.ForeignKey("orders.id", ondelete="CASCADE"))
    ticket_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("kitchen_tickets.id", ondelete="SET NULL"))
    position: Mapped[int]
    menu_item_id: Mapped[UUID] = mapped_column(sa.ForeignKey("menu_items.id", ondelete="RESTRICT"))
    category_id: Mapped[UUID | None]
    name: Mapped[str] = mapped_column(sa.String(255))
    quantity: Mapped[int]
    base_price: Mapped[Money]
    unit_price: Mapped[Money]
    total_price: Mapped[Money]
    tax_rate: Mapped[Decimal] = mapped_column(sa.Numeric(6, 3), server_default="0")
    tax_inclusive: Mapped[bool] = mapped_column(server_default=sa.false())
    # [{id, name, price}], the price as text.
    modifiers: Mapped[JsonList]
    special_instructions: Mapped[str | None] = mapped_column(sa.String(500))
    status: Mapped[str] = mapped_column(sa.Text, server_default="PENDING")
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class KitchenTicket(Base):
    """What was ordered together and is made together."""

    __tablename__ = "kitchen_tickets"
    __table_args__ = (
        sa.Index("kitchen_tickets_status_idx", "restaurant_id", "status", "created_at"),
        sa.Index("kitchen_tickets_order_idx", "order_id"),
        one_of("status", "NEW", "PREPARING", "READY", "CANCELLED"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    order_id: Mapped[UUID] = mapped_column(sa.ForeignKey("orders.id", ondelete="CASCADE"))
    status: Mapped[str] = mapped_column(sa.Text, server_default="NEW")
    bumped_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    version: Mapped[Version]
    created_at: Mapped[Created]
