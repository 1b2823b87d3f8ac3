"""The declarative base of identity's tables and the column types that they share."""

from datetime import datetime
from typing import Annotated
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

from servicekit import tables

metadata = tables.metadata()
tables.attach(metadata)


class Base(DeclarativeBase):
    """Every table of identity, and the runtime's own beside them."""

    metadata = metadata


Id = Annotated[UUID, mapped_column(primary_key=True, default=uuid4)]
Instant = Annotated[datetime, mapped_column(sa.DateTime(timezone=True))]
Created = Annotated[datetime, mapped_column(sa.DateTime(timezone=True), server_default=sa.func.now())]
Updated = Annotated[
    datetime, mapped_column(sa.DateTime(timezone=True), server_default=sa.func.now(), onupdate=sa.func.now())
]
Text = Annotated[str, mapped_column(sa.Text)]
JsonObject = Annotated[dict[str, object], mapped_column(JSONB, server_default="{}")]
JsonList = Annotated[list[object], mapped_column(JSONB, server_default="[]")]
RestaurantId = Annotated[UUID, mapped_column(sa.ForeignKey("restaurants.id", ondelete="CASCADE"), index=False)]
UserId = Annotated[UUID, mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))]
