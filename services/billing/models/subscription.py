"""What restaurants subscribe to."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Updated, Version
from servicekit.tables import one_of
from services.billing.domain.subscription import INCOMPLETE, STATUSES
from services.billing.models.base import Base


class Subscription(Base):
    """The one subscription of a restaurant."""

    __tablename__ = "subscriptions"
    __table_args__ = (
        one_of("status", *STATUSES),
        # Trials that end by the clock.
        sa.Index("ix_subscriptions_trial_end", "trial_end", postgresql_where=sa.text("status = 'trialing'")),
    )

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    restaurant_id: Mapped[UUID] = mapped_column(unique=True)
    plan_id: Mapped[int | None] = mapped_column(sa.ForeignKey("plans.id", ondelete="RESTRICT"))
    status: Mapped[str] = mapped_column(sa.String(20), server_default=INCOMPLETE)
    current_period_start: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    current_period_end: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    cancel_at_period_end: Mapped[bool] = mapped_column(server_default=sa.false())
    trial_end: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    # Tried or bought once; a second trial is not given.
    trial_used: Mapped[bool] = mapped_column(server_default=sa.false())
    trial_notice_sent: Mapped[bool] = mapped_column(server_default=sa.false())
    canceled_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    past_due_since: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    stripe_customer_id: Mapped[str | None] = mapped_column(sa.String(100), unique=True)
    stripe_subscription_id: Mapped[str | None] = mapped_column(sa.String(100), unique=True)
    stripe_price_id: Mapped[str | None] = mapped_column(sa.String(100))
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]
