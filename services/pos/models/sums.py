"""What was sold, summed up by business day, so that long reports need not read every order."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Instant
from servicekit.tables import one_of
from services.pos.models.base import Amount, Base


class SalesDay(Base):
    """The sums of a business day; they hold while `summed` equals `changes`, which counts what changed its sales."""

    __tablename__ = "sales_days"
    __table_args__ = (
        sa.Index(
            "sales_days_stale_idx", "restaurant_id", "business_date", postgresql_where=sa.text("summed <> changes")
        ),
    )

    restaurant_id: Mapped[UUID] = mapped_column(primary_key=True)
    business_date: Mapped[date] = mapped_column(primary_key=True)
    changes: Mapped[int] = mapped_column(sa.BigInteger, server_default="1")
    summed: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    orders: Mapped[int] = mapped_column(server_default="0")
    total: Mapped[Amount]
    tax: Mapped[Amount]
    discounts: Mapped[Amount]
    service_charges: Mapped[Amount]
    tips: Mapped[Amount]
    refunds: Mapped[Amount]
    first_at: Mapped[Instant] = mapped_column(server_default=sa.func.now())
    last_at: Mapped[Instant] = mapped_column(server_default=sa.func.now())


class DailySum(Base):
    """The sales of a day by one hour, category, item, server or payment method; the key is empty for none."""

    __tablename__ = "daily_sums"
    __table_args__ = (one_of("grouping", "hour", "category", "item", "server", "payment"),)

    restaurant_id: Mapped[UUID] = mapped_column(primary_key=True)
    grouping: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    business_date: Mapped[date] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    # Of an item: what it was called. Other names are looked up.
    name: Mapped[str] = mapped_column(sa.String(255), server_default="")
    count: Mapped[int] = mapped_column(sa.BigInteger)
    amount: Mapped[Decimal] = mapped_column(sa.Numeric(16, 3))
