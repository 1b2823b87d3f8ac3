"""How dishes are made, and which sales used what."""

from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, Instant, Updated, Version
from servicekit.tables import one_of
from services.inventory.models.base import Base


class MenuItemRef(Base):
    """The copy of a dish of the menu; pos owns it."""

    __tablename__ = "menu_item_ref"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    restaurant_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(255))
    price: Mapped[Decimal] = mapped_column(sa.Numeric(14, 4))
    is_active: Mapped[bool]
    version: Mapped[int] = mapped_column(sa.BigInteger)


class Recipe(Base):
    """How a dish is made, or a preparation that goes into dishes and belongs to none."""

    __tablename__ = "recipes"
    __table_args__ = (
        sa.UniqueConstraint("restaurant_id", "menu_item_id"),
        sa.CheckConstraint("yield_quantity > 0", name="yield_quantity"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    menu_item_id: Mapped[UUID | None]
    # Of a preparation; a dish has the menu's.
    name: Mapped[str] = mapped_column(sa.String(255), server_default="")
    instructions: Mapped[str] = mapped_column(sa.Text)
    prep_time_minutes: Mapped[int | None]
    cook_time_minutes: Mapped[int | None]
    yield_quantity: Mapped[Decimal] = mapped_column(sa.Numeric(14, 3), server_default="1")
    yield_unit: Mapped[str] = mapped_column(sa.String(20), server_default="portion")
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class RecipeIngredient(Base):
    """What goes into a recipe: an item of the stock, or some of what another recipe yields."""

    __tablename__ = "recipe_ingredients"
    __table_args__ = (
        sa.UniqueConstraint("recipe_id", "item_id"),
        sa.UniqueConstraint("recipe_id", "sub_recipe_id"),
        sa.Index("ix_recipe_ingredients_restaurant_id", "restaurant_id"),
        sa.Index("ix_recipe_ingredients_item_id", "item_id"),
        sa.Index("ix_recipe_ingredients_sub_recipe_id", "sub_recipe_id"),
        sa.CheckConstraint("(item_id IS NULL) <> (sub_recipe_id IS NULL)", name="one_kind"),
        sa.CheckConstraint("quantity > 0", name="quantity"),
        sa.CheckConstraint("yield_percent > 0 AND yield_percent <= 100", name="yield_percent"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    recipe_id: Mapped[UUID] = mapped_column(sa.ForeignKey("recipes.id", ondelete="CASCADE"))
    item_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("items.id"))
    sub_recipe_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("recipes.id"))
    quantity: Mapped[Decimal] = mapped_column(sa.Numeric(14, 4))
    unit: Mapped[str] = mapped_column(sa.String(20))
    # How much of what is taken from the stock ends up in the dish.
    yield_percent: Mapped[Decimal] = mapped_column(sa.Numeric(5, 2), server_default="100")
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class SaleDepletion(Base):
    """What became of the stock for one sale; the row is what makes that happen once."""

    __tablename__ = "sale_depletions"
    __table_args__ = (one_of("state", "DEPLETED", "REVERSED"),)

    restaurant_id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(sa.String(10))
    occurred_at: Mapped[Instant]
    created_at: Mapped[Created]
