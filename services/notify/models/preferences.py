"""How people want to be told."""

from datetime import time
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, JsonObject, Updated, Version
from services.notify.models.base import Base


class Preferences(Base):
    """One person's choice of channels, subjects and quiet hours; everything is on until switched off."""

    __tablename__ = "preferences"
    __table_args__ = (sa.UniqueConstraint("restaurant_id", "user_id"),)

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    restaurant_id: Mapped[UUID]
    user_id: Mapped[UUID]
    notifications_enabled: Mapped[bool] = mapped_column(server_default=sa.true())
    email_enabled: Mapped[bool] = mapped_column(server_default=sa.true())
    push_enabled: Mapped[bool] = mapped_column(server_default=sa.true())
    whatsapp_enabled: Mapped[bool] = mapped_column(server_default=sa.true())
    shift_notifications: Mapped[bool] = mapped_column(server_default=sa.true())
    task_notifications: Mapped[bool] = mapped_column(server_default=sa.true())
    availability_notifications: Mapped[bool] = mapped_column(server_default=sa.true())
    compliance_notifications: Mapped[bool] = mapped_column(server_default=sa.true())
    emergency_notifications: Mapped[bool] = mapped_column(server_default=sa.true())
    announcement_notifications: Mapped[bool] = mapped_column(server_default=sa.true())
    quiet_hours_start: Mapped[time | None]
    quiet_hours_end: Mapped[time | None]
    # The restaurant's where it is absent.
    timezone: Mapped[str | None] = mapped_column(sa.String(64))
    # {subject: {channel: whether}}, before the channel's own switch.
    channel_exceptions: Mapped[JsonObject]
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]
