"""What restaurants were asked to pay."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Id, Instant, Updated, Version
from servicekit.tables import one_of
from services.billing.models.base import Base

STATUSES = ("draft", "open", "paid", "uncollectible", "void")
Moment = sa.DateTime(timezone=True)


class Invoice(Base):
    """An invoice as the payment provider keeps it; amounts are in the smallest unit of the currency."""

    __tablename__ = "invoices"
    __table_args__ = (
        one_of("status", *STATUSES),
        sa.Index("ix_invoices_restaurant_id_created_at", "restaurant_id", sa.text("created_at DESC"), "id"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    stripe_invoice_id: Mapped[str] = mapped_column(sa.String(100), unique=True)
    stripe_subscription_id: Mapped[str | None] = mapped_column(sa.String(100))
    number: Mapped[str | None] = mapped_column(sa.String(100))
    status: Mapped[str] = mapped_column(sa.String(20))
    currency: Mapped[str] = mapped_column(sa.String(3))
    total: Mapped[int] = mapped_column(sa.BigInteger)
    amount_paid: Mapped[int] = mapped_column(sa.BigInteger)
    amount_remaining: Mapped[int] = mapped_column(sa.BigInteger)
    attempt_count: Mapped[int]
    created_at: Mapped[Instant]
    due_at: Mapped[datetime | None] = mapped_column(Moment)
    paid_at: Mapped[datetime | None] = mapped_column(Moment)
    period_start: Mapped[datetime | None] = mapped_column(Moment)
    period_end: Mapped[datetime | None] = mapped_column(Moment)
    next_attempt_at: Mapped[datetime | None] = mapped_column(Moment)
    hosted_url: Mapped[str | None] = mapped_column(sa.Text)
    pdf_url: Mapped[str | None] = mapped_column(sa.Text)
    version: Mapped[Version]
    updated_at: Mapped[Updated]
