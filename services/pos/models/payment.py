"""Payments, refunds, discount codes and what a restaurant decides about its bills."""

from datetime import datetime, time
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, Instant, Updated
from servicekit.tables import one_of
from services.pos.models.base import Amount, Base, Money


class Payment(Base):
    """Money taken for an order; `amount` is what it covers of the total, the tip apart."""

    __tablename__ = "payments"
    __table_args__ = (
        sa.Index("payments_order_idx", "order_id"),
        sa.Index("payments_time_idx", "restaurant_id", sa.text("payment_time DESC")),
        sa.Index(
            "payments_transaction_key",
            "restaurant_id",
            "transaction_id",
            unique=True,
            postgresql_where=sa.text("transaction_id IS NOT NULL"),
        ),
        one_of("payment_method", "CASH", "CARD", "DIGITAL_WALLET", "BANK_TRANSFER", "CHECK", "CREDIT"),
        one_of("status", "COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"),
        sa.CheckConstraint("amount >= 0 AND tip_amount >= 0", name="amounts_positive"),
        sa.CheckConstraint("amount_paid = amount + change_given", name="change_exact"),
        sa.CheckConstraint("refund_amount BETWEEN 0 AND amount", name="not_overrefunded"),
        sa.CheckConstraint("tip_refund_amount BETWEEN 0 AND tip_amount", name="tip_not_overrefunded"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    order_id: Mapped[UUID] = mapped_column(sa.ForeignKey("orders.id", ondelete="RESTRICT"))
    payment_method: Mapped[str] = mapped_column(sa.Text)
    status: Mapped[str] = mapped_column(sa.Text, server_default="COMPLETED")
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount: Mapped[Money]
    amount_paid: Mapped[Money]
    change_given: Mapped[Amount]
    tip_amount: Mapped[Amount]
    refund_amount: Mapped[Amount]
    tip_refund_amount: Mapped[Amount]
    tax_refund_amount: Mapped[Amount]
    refund_reason: Mapped[str | None] = mapped_column(sa.String(255))
    transaction_id: Mapped[str | None] = mapped_column(sa.String(100))
    processed_by: Mapped[UUID | None]
    notes: Mapped[str | None] = mapped_column(sa.String(500))
    payment_time: Mapped[Instant]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class Refund(Base):
    """Money given back once; the sums stand on its payment."""

    __tablename__ = "refunds"
    __table_args__ = (
        sa.Index("refunds_payment_idx", "payment_id"),
        sa.CheckConstraint("amount >= 0 AND tip_amount >= 0 AND amount + tip_amount > 0", name="amounts_positive"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    payment_id: Mapped[UUID] = mapped_column(sa.ForeignKey("payments.id", ondelete="RESTRICT"))
    amount: Mapped[Money]
    tip_amount: Mapped[Amount]
    tax_amount: Mapped[Amount]
    reason: Mapped[str | None] = mapped_column(sa.String(255))
    refunded_by: Mapped[UUID | None]
    refunded_at: Mapped[Instant]


class Discount(Base):
    """A code that makes orders cheaper."""

    __tablename__ = "discounts"
    __table_args__ = (
        sa.UniqueConstraint("restaurant_id", "discount_code"),
        one_of("discount_type", "PERCENTAGE", "FIXED_AMOUNT"),
        sa.CheckConstraint("max_usage IS NULL OR usage_count <= max_usage", name="usage_limit"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    discount_code: Mapped[str] = mapped_column(sa.String(50))
    description: Mapped[str | None] = mapped_column(sa.Text)
    discount_type: Mapped[str] = mapped_column(sa.Text)
    discount_value: Mapped[Money]
    is_active: Mapped[bool] = mapped_column(server_default=sa.true())
    min_order_amount: Mapped[Amount]
    max_discount_amount: Mapped[Decimal | None] = mapped_column(sa.Numeric(14, 3))
    max_usage: Mapped[int | None]
    usage_count: Mapped[int] = mapped_column(server_default="0")
    valid_from: Mapped[Instant]
    valid_until: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class BillSettings(Base):
    """When a restaurant's business day begins, and what it charges for service; a missing row means the defaults."""

    __tablename__ = "bill_settings"
    __table_args__ = (sa.CheckConstraint("service_charge_rate BETWEEN 0 AND 100", name="rate_percent"),)

    restaurant_id: Mapped[UUID] = mapped_column(primary_key=True)
    day_starts_at: Mapped[time] = mapped_column(server_default="00:00")
    service_charge_rate: Mapped[Decimal] = mapped_column(sa.Numeric(6, 3), server_default="0")
    updated_at: Mapped[Updated]
