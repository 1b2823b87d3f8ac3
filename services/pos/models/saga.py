"""How far orders are with the stock and their payment."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Updated
from servicekit.tables import one_of
from services.pos.models.base import Base


class OrderSaga(Base):
    """What an order has of the stock; `domain/order_saga.py` says how it goes on."""

    __tablename__ = "order_sagas"
    __table_args__ = (
        sa.Index("order_sagas_due_idx", "look_at", postgresql_where=sa.text("look_at IS NOT NULL")),
        one_of("state", "OPEN", "RESERVING", "RESERVED", "TAKING", "TAKEN", "RELEASING", "RELEASED", "REFUSED"),
    )

    order_id: Mapped[UUID] = mapped_column(sa.ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True)
    restaurant_id: Mapped[UUID]
    state: Mapped[str] = mapped_column(sa.Text)
    # When the state's patience ends, while the stock is asked for something.
    look_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]
