"""What is sold, the choices offered with it, and how it is taxed."""

from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, JsonObject, Updated, Version
from services.pos.models.base import Base, Money


class TaxCategory(Base):
    """A rate in percent, and whether prices contain the tax; at most one of a restaurant is the default."""

    __tablename__ = "tax_categories"
    __table_args__ = (
        sa.UniqueConstraint("restaurant_id", "name"),
        sa.Index("tax_categories_default_key", "restaurant_id", unique=True, postgresql_where=sa.text("is_default")),
        sa.CheckConstraint("rate BETWEEN 0 AND 100", name="rate_percent"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(sa.String(100))
    rate: Mapped[Decimal] = mapped_column(sa.Numeric(6, 3))
    is_inclusive: Mapped[bool] = mapped_column(server_default=sa.false())
    is_default: Mapped[bool] = mapped_column(server_default=sa.false())


class MenuItem(Base):
    """A dish or a drink; `image_key` names its picture in the file storage."""

    __tablename__ = "menu_items"
    __table_args__ = (
        sa.UniqueConstraint("restaurant_id", "name"),
        sa.Index("menu_items_category_idx", "restaurant_id", "category_id"),
        sa.Index(
            "menu_items_external_key",
            "restaurant_id",
            "external_provider",
            "external_id",
            unique=True,
            postgresql_where=sa.text("external_id IS NOT NULL"),
        ),
        sa.CheckConstraint("price >= 0", name="price_positive"),
        sa.CheckConstraint("(external_provider IS NULL) = (external_id IS NULL)", name="external_whole"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    category_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("menu_categories.id", ondelete="SET NULL"))
    tax_category_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("tax_categories.id", ondelete="SET NULL"))
    name: Mapped[str] = mapped_column(sa.String(255))
    description: Mapped[str | None] = mapped_column(sa.Text)
    price: Mapped[Money]
    is_active: Mapped[bool] = mapped_column(server_default=sa.true())
    is_available: Mapped[bool] = mapped_column(server_default=sa.true())
    # Made unavailable by the stock, which then also brings it back; what people said is theirs to take back.
    is_out_of_stock: Mapped[bool] = mapped_column(server_default=sa.false())
    image_key: Mapped[str | None] = mapped_column(sa.String(255))
    allergens: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), server_default="{}")
    modifier_group_ids: Mapped[list[UUID]] = mapped_column(ARRAY(sa.Uuid), server_default="{}")
    external_provider: Mapped[str | None] = mapped_column(sa.String(50))
    external_id: Mapped[str | None] = mapped_column(sa.String(255))
    external_metadata: Mapped[JsonObject]
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class ModifierGroup(Base):
    """Choices of which a guest takes at least `minimum` and at most `maximum`."""

    __tablename__ = "modifier_groups"
    __table_args__ = (
        sa.UniqueConstraint("restaurant_id", "name"),
        sa.CheckConstraint("0 <= minimum AND minimum <= maximum", name="limits_ordered"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(sa.String(100))
    minimum: Mapped[int] = mapped_column(sa.SmallInteger)
    maximum: Mapped[int] = mapped_column(sa.SmallInteger)


class Modifier(Base):
    """One choice, and what it adds to the price."""

    __tablename__ = "modifiers"
    __table_args__ = (
        sa.Index("modifiers_group_idx", "restaurant_id", "group_id", "position"),
        sa.CheckConstraint("price >= 0", name="price_positive"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    group_id: Mapped[UUID] = mapped_column(sa.ForeignKey("modifier_groups.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(sa.String(100))
    price: Mapped[Money]
    is_active: Mapped[bool] = mapped_column(server_default=sa.true())
    position: Mapped[int] = mapped_column(sa.SmallInteger)
