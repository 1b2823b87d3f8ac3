"""What can be subscribed to."""

from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
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
        # Everybody who pays for nothing has the same.
        sa.Index("uq_plans_base", "is_base", unique=True, postgresql_where=sa.text("is_base")),
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
    entitled_features: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), server_default="{}")
    limits: Mapped[dict[str, int]] = mapped_column(JSONB, server_default="{}")
    trial_days: Mapped[int] = mapped_column(server_default="0")
    is_base: Mapped[bool] = mapped_column(server_default=sa.false())
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class PlanPrice(Base):
    """Every price that a plan was ever sold at: who bought before a change goes on at the old one."""

    __tablename__ = "plan_prices"

    stripe_price_id: Mapped[str] = mapped_column(sa.String(100), primary_key=True)
    plan_id: Mapped[int] = mapped_column(sa.ForeignKey("plans.id", ondelete="CASCADE"), index=True)
