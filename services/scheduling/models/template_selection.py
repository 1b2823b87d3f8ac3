"""Which templates of tasks are chosen for whose shifts."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Updated
from services.scheduling.models.base import Base


class TemplateSelection(Base):
    """The choice for one person; it may name templates that were removed since."""

    __tablename__ = "template_selections"

    restaurant_id: Mapped[UUID] = mapped_column(primary_key=True)
    staff_id: Mapped[UUID] = mapped_column(primary_key=True)
    template_ids: Mapped[list[UUID]] = mapped_column(ARRAY(sa.Uuid))
    updated_at: Mapped[Updated]
