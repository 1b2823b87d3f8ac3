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
    __table_args__ = (one_of("status", *STATUSES),)

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    restaurant_id: Mapped[UUID] = mapped_column(unique=True)
    plan_id: Mapped[int | None] = mapped_column(sa.ForeignKey("plans.id", ondelete="RESTRICT"))
    status: Mapped[str] = mapped_column(sa.String(20), server_default=INCOMPLETE)
    current_period_start: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    current_period_end: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    cancel_at_period_end: Mapped[bool] = mapped_column(server_default=sa.false())
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]
