"""Whom a restaurant buys from."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, Updated, Version
from services.inventory.models.base import Base


class Supplier(Base):
    """A supplier, with a name that is unique in the restaurant."""

    __tablename__ = "suppliers"
    __table_args__ = (sa.UniqueConstraint("restaurant_id", "name"),)

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(sa.String(255))
    contact_person: Mapped[str | None] = mapped_column(sa.String(100))
    phone: Mapped[str | None] = mapped_column(sa.String(30))
    email: Mapped[str | None] = mapped_column(sa.String(254))
    address: Mapped[str | None] = mapped_column(sa.String(500))
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]
