"""The declarative base of identity's tables and the column types that they share."""

from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, mapped_column

import entitlements
from servicekit import tables
from servicekit.columns import Created, Id, Instant, JsonList, JsonObject, Updated

__all__ = [
    "Base",
    "Created",
    "Id",
    "Instant",
    "JsonList",
    "JsonObject",
    "RestaurantId",
    "Text",
    "Updated",
    "UserId",
    "metadata",
]

metadata = tables.metadata()
tables.attach(metadata)
entitlements.attach(metadata)


class Base(DeclarativeBase):
    """Every table of identity, and beside them the runtime's own and the copy of entitlements."""

    metadata = metadata


Text = Annotated[str, mapped_column(sa.Text)]
RestaurantId = Annotated[UUID, mapped_column(sa.ForeignKey("restaurants.id", ondelete="CASCADE"), index=False)]
UserId = Annotated[UUID, mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))]
