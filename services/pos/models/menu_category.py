"""The sections of the menu."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, Updated, Version
from services.pos.models.base import Base


class MenuCategory(Base):
    """A section, with a name that is unique in the restaurant; one that a till system sent keeps its id there."""

    __tablename__ = "menu_categories"
    __table_args__ = (
        sa.UniqueConstraint("restaurant_id", "name"),
        sa.Index("menu_categories_order_idx", "restaurant_id", "display_order", "name"),
        sa.Index(
            "menu_categories_external_key",
            "restaurant_id",
            "external_provider",
            "external_id",
            unique=True,
            postgresql_where=sa.text("external_id IS NOT NULL"),
        ),
        sa.CheckConstraint("display_order >= 0", name="display_order_positive"),
        sa.CheckConstraint("(external_provider IS NULL) = (external_id IS NULL)", name="external_whole"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(sa.String(100))
    description: Mapped[str | None] = mapped_column(sa.Text)
    is_active: Mapped[bool] = mapped_column(server_default=sa.true())
    display_order: Mapped[int] = mapped_column(server_default="0")
    external_provider: Mapped[str | None] = mapped_column(sa.String(50))
    external_id: Mapped[str | None] = mapped_column(sa.String(255))
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]
