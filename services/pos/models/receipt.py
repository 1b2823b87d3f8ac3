"""How receipts look."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Updated
from services.pos.models.base import Base


class ReceiptSettings(Base):
    """How a restaurant's receipts look; a missing row means the defaults."""

    __tablename__ = "receipt_settings"
    __table_args__ = (
        sa.CheckConstraint("paper_width BETWEEN 40 AND 100", name="paper_width_range"),
        sa.CheckConstraint("font_size_items BETWEEN 6 AND 24", name="font_size_items_range"),
        sa.CheckConstraint("font_size_total BETWEEN 6 AND 32", name="font_size_total_range"),
    )

    restaurant_id: Mapped[UUID] = mapped_column(primary_key=True)
    header_text: Mapped[str | None] = mapped_column(sa.String(500))
    footer_text: Mapped[str | None] = mapped_column(sa.String(500))
    show_item_codes: Mapped[bool] = mapped_column(server_default=sa.false())
    show_item_descriptions: Mapped[bool] = mapped_column(server_default=sa.true())
    show_unit_prices: Mapped[bool] = mapped_column(server_default=sa.false())
    show_discount_details: Mapped[bool] = mapped_column(server_default=sa.true())
    show_tax_breakdown: Mapped[bool] = mapped_column(server_default=sa.true())
    # Millimetres.
    paper_width: Mapped[int] = mapped_column(server_default="80")
    # Pixels of 1/96 inch.
    font_size_items: Mapped[int] = mapped_column(server_default="12")
    font_size_total: Mapped[int] = mapped_column(server_default="14")
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]
