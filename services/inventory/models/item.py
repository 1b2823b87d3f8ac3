"""What a restaurant keeps in stock, and the ledger of how it moved."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, Instant, JsonList, Updated, Version
from servicekit.tables import one_of
from services.inventory.models.base import Base

KINDS = ("OPENING", "RECEIPT", "SALE", "ADD", "REMOVE", "WASTE", "COUNT", "REVALUATION", "REVERSAL")
GRAINS = ("DAY", "MONTH")
SOURCES = ("item", "purchase_order", "adjustment", "count", "order")


class Item(Base):
    """An item of the stock, with a name that is unique among those in use."""

    __tablename__ = "items"
    __table_args__ = (
        sa.Index(
            "uq_items_restaurant_id_name", "restaurant_id", "name", unique=True, postgresql_where=sa.text("is_active")
        ),
        sa.Index("ix_items_supplier_id", "supplier_id"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(sa.String(255))
    description: Mapped[str] = mapped_column(sa.String(1000), server_default="")
    category: Mapped[str] = mapped_column(sa.String(100), server_default="")
    unit: Mapped[str] = mapped_column(sa.String(20))
    # [{unit, quantity, of_unit}]: one `unit` holds `quantity` of `of_unit`.
    conversions: Mapped[JsonList]
    reorder_level: Mapped[Decimal | None] = mapped_column(sa.Numeric(14, 3))
    par_level: Mapped[Decimal | None] = mapped_column(sa.Numeric(14, 3))
    supplier_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("suppliers.id", ondelete="SET NULL"))
    last_restock_date: Mapped[date | None]
    is_active: Mapped[bool] = mapped_column(server_default=sa.true())
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class StockBalance(Base):
    """What the ledger of an item adds up to; whoever moves the item holds this row until it is settled."""

    __tablename__ = "stock_balances"
    __table_args__ = (sa.Index("ix_stock_balances_restaurant_id", "restaurant_id"), one_of("state", "OK", "LOW", "OUT"))

    item_id: Mapped[UUID] = mapped_column(sa.ForeignKey("items.id"), primary_key=True)
    restaurant_id: Mapped[UUID]
    quantity: Mapped[Decimal] = mapped_column(sa.Numeric(18, 6), server_default="0")
    value: Mapped[Decimal] = mapped_column(sa.Numeric(20, 4), server_default="0")
    unit_cost: Mapped[Decimal] = mapped_column(sa.Numeric(18, 6), server_default="0")
    # How many entries the ledger has.
    entries: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    state: Mapped[str] = mapped_column(sa.String(3), server_default="OUT")
    # Counts the changes of the state and of the dishes that wait for the item: 0 when it has never been in stock.
    state_version: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    moved_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))


class StockEntry(Base):
    """One line of an item's ledger; a trigger refuses to change or delete it."""

    __tablename__ = "stock_entries"
    __table_args__ = (
        sa.UniqueConstraint("restaurant_id", "item_id", "number"),
        sa.UniqueConstraint("reverses_id"),
        sa.Index("ix_stock_entries_restaurant_id_occurred_at", "restaurant_id", "occurred_at"),
        sa.Index("ix_stock_entries_restaurant_id_source_id", "restaurant_id", "source_id"),
        one_of("kind", *KINDS),
        one_of("source_type", *SOURCES),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    item_id: Mapped[UUID] = mapped_column(sa.ForeignKey("items.id"))
    number: Mapped[int] = mapped_column(sa.BigInteger)
    kind: Mapped[str] = mapped_column(sa.String(12))
    quantity: Mapped[Decimal] = mapped_column(sa.Numeric(18, 6))
    unit_cost: Mapped[Decimal] = mapped_column(sa.Numeric(18, 6))
    value: Mapped[Decimal] = mapped_column(sa.Numeric(20, 4))
    balance_quantity: Mapped[Decimal] = mapped_column(sa.Numeric(18, 6))
    balance_value: Mapped[Decimal] = mapped_column(sa.Numeric(20, 4))
    # As it was entered, where that differs from the item's unit.
    entered_quantity: Mapped[Decimal | None] = mapped_column(sa.Numeric(18, 6))
    entered_unit: Mapped[str | None] = mapped_column(sa.String(20))
    reason: Mapped[str | None] = mapped_column(sa.String(500))
    author_id: Mapped[UUID | None]
    source_type: Mapped[str] = mapped_column(sa.String(20))
    source_id: Mapped[UUID]
    reverses_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("stock_entries.id"))
    occurred_at: Mapped[Instant]
    created_at: Mapped[Created]


class StockSum(Base):
    """What the entries of an item add up to that took place in one day, or month, of UTC, by their cause.

    Written with the entries, so that reports need not read all of them; a reversal counts under what it reverses.
    """

    __tablename__ = "stock_sums"
    __table_args__ = (one_of("grain", *GRAINS), one_of("cause", *KINDS))

    restaurant_id: Mapped[UUID] = mapped_column(primary_key=True)
    grain: Mapped[str] = mapped_column(sa.String(5), primary_key=True)
    starts_on: Mapped[date] = mapped_column(primary_key=True)
    item_id: Mapped[UUID] = mapped_column(sa.ForeignKey("items.id"), primary_key=True)
    cause: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    quantity: Mapped[Decimal] = mapped_column(sa.Numeric(20, 6))
    value: Mapped[Decimal] = mapped_column(sa.Numeric(22, 4))
