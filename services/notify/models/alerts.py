"""What everybody who looks at the dashboard should know."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, Updated, Version
from servicekit.tables import one_of
from services.notify.models.base import Base
from services.notify.models.notifications import MOMENT


class Alert(Base):
    """One alert of a restaurant's dashboard; it is resolved once somebody has dealt with it."""

    __tablename__ = "alerts"
    __table_args__ = (
        one_of("alert_type", "INFO", "WARNING", "ERROR"),
        sa.Index("ix_alerts_list", "restaurant_id", sa.desc("created_at")),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    message: Mapped[str] = mapped_column(sa.Text)
    alert_type: Mapped[str] = mapped_column(sa.String(10), server_default="INFO")
    resolved_at: Mapped[datetime | None] = mapped_column(MOMENT)
    resolved_by: Mapped[UUID | None]
    created_by: Mapped[UUID]
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]
