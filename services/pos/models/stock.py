"""What inventory said about the stock of what dishes are made of."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from services.pos.models.base import Base


class StockOut(Base):
    """Whether an item of the stock is out, and which dishes need it, as inventory said last."""

    __tablename__ = "stock_outs"

    restaurant_id: Mapped[UUID] = mapped_column(primary_key=True)
    stock_item_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(sa.BigInteger)
    is_out: Mapped[bool]
    menu_item_ids: Mapped[list[UUID]] = mapped_column(ARRAY(sa.Uuid))
