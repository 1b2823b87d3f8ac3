"""Card payments: a change here and one at the payment provider, kept in step by their state."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, Updated
from servicekit.tables import one_of
from services.pos.models.base import Amount, Base, Money


class CardPayment(Base):
    """An intent at the provider and what became of it here; `domain/card_payments.py` says how it may change."""

    __tablename__ = "card_payments"
    __table_args__ = (
        sa.UniqueConstraint("intent_id"),
        sa.Index("card_payments_order_idx", "restaurant_id", "order_id"),
        sa.Index("card_payments_open_idx", "look_at", postgresql_where=sa.text("status IN ('WAITING', 'RETURNING')")),
        one_of("status", "WAITING", "CAPTURED", "CANCELLED", "RETURNING", "RETURNED"),
        sa.CheckConstraint("amount > 0 AND tip_amount >= 0", name="amounts_positive"),
        sa.CheckConstraint("surplus BETWEEN 0 AND amount + tip_amount", name="surplus_within"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    order_id: Mapped[UUID] = mapped_column(sa.ForeignKey("orders.id", ondelete="RESTRICT"))
    status: Mapped[str] = mapped_column(sa.Text)
    amount: Mapped[Money]
    tip_amount: Mapped[Amount]
    currency: Mapped[str] = mapped_column(sa.String(3))
    intent_id: Mapped[str] = mapped_column(sa.String(255))
    payment_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("payments.id", ondelete="RESTRICT"))
    # What came although nothing was due for it; it goes back.
    surplus: Mapped[Amount]
    failure: Mapped[str | None] = mapped_column(sa.String(200))
    started_by: Mapped[UUID | None]
    # When the provider is asked, should it say nothing by itself.
    look_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class CardRefund(Base):
    """What the provider has to give back for a refund, and whether it has."""

    __tablename__ = "card_refunds"
    __table_args__ = (
        sa.Index("card_refunds_due_idx", "created_at", postgresql_where=sa.text("status = 'PENDING'")),
        sa.Index("card_refunds_intent_idx", "intent_id"),
        one_of("status", "PENDING", "SUCCEEDED", "FAILED"),
    )

    refund_id: Mapped[UUID] = mapped_column(sa.ForeignKey("refunds.id", ondelete="RESTRICT"), primary_key=True)
    restaurant_id: Mapped[UUID]
    intent_id: Mapped[str] = mapped_column(sa.String(255))
    amount: Mapped[Decimal] = mapped_column(sa.Numeric(14, 3))
    currency: Mapped[str] = mapped_column(sa.String(3))
    status: Mapped[str] = mapped_column(sa.Text)
    provider_refund_id: Mapped[str | None] = mapped_column(sa.String(255))
    failure: Mapped[str | None] = mapped_column(sa.String(200))
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]
