"""What can be subscribed to."""

from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Updated, Version
from servicekit.tables import one_of
from services.billing.models.base import Base


class Plan(Base):
    """An offer of the platform's; `period` is what the price pays for."""

    __tablename__ = "plans"
    __table_args__ = (
        one_of("period", "month", "year"),
        sa.CheckConstraint("price >= 0", name="price_positive"),
    )

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    slug: Mapped[str] = mapped_column(sa.String(50), unique=True)
    name: Mapped[str] = mapped_column(sa.String(100))
    price: Mapped[Decimal] = mapped_column(sa.Numeric(10, 2))
    currency: Mapped[str] = mapped_column(sa.String(3))
    period: Mapped[str] = mapped_column(sa.String(5))
    features: Mapped[list[str]] = mapped_column(ARRAY(sa.Text))
    stripe_price_id: Mapped[str | None] = mapped_column(sa.String(100))
    is_active: Mapped[bool]
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]
