"""The log of punches, which is only added to, and what hangs on it."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, Instant
from servicekit.tables import one_of
from services.timeclock.models.base import Base


class Punch(Base):
    """One entry: a punch, a correction of one, or the word that a session is right as it stands.

    Entries about the same punch share `punch_id`; the one with the highest revision is in effect. A trigger refuses
    every UPDATE and DELETE.
    """

    __tablename__ = "punches"
    __table_args__ = (
        sa.UniqueConstraint("punch_id", "revision"),
        sa.Index("punches_staff_idx", "restaurant_id", "staff_id", "at"),
        sa.Index("punches_day_idx", "restaurant_id", "business_date", "at"),
        sa.Index(
            "punches_client_key_idx",
            "restaurant_id",
            "staff_id",
            "client_key",
            unique=True,
            postgresql_where=sa.text("client_key IS NOT NULL"),
        ),
        one_of("kind", "IN", "OUT", "BREAK_START", "BREAK_END", "CONFIRM"),
        one_of("source", "WEB", "KIOSK", "AGENT", "WHATSAPP", "MANAGER", "SYSTEM"),
        sa.CheckConstraint("(kind = 'CONFIRM') = (confirms_id IS NOT NULL)", name="confirms"),
        sa.CheckConstraint("revision = 0 OR author_id IS NOT NULL", name="author"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    staff_id: Mapped[UUID]
    punch_id: Mapped[UUID]
    revision: Mapped[int] = mapped_column(server_default="0")
    voided: Mapped[bool] = mapped_column(server_default="false")
    kind: Mapped[str] = mapped_column(sa.Text)
    at: Mapped[Instant]
    business_date: Mapped[date]
    """Of the rules that held when it was recorded, so that the log alone says which day a session belongs to."""
    recorded_at: Mapped[Instant]
    source: Mapped[str] = mapped_column(sa.Text)
    paid_break: Mapped[bool] = mapped_column(server_default="false")
    shift_id: Mapped[UUID | None]
    confirms_id: Mapped[UUID | None]
    """The session that a confirmation is about; it holds as long as the session ends at `at`."""
    device_id: Mapped[str] = mapped_column(sa.Text, server_default="")
    client_key: Mapped[str | None] = mapped_column(sa.Text)
    latitude: Mapped[float | None] = mapped_column(sa.Double)
    longitude: Mapped[float | None] = mapped_column(sa.Double)
    accuracy: Mapped[float | None] = mapped_column(sa.Double)
    distance: Mapped[float | None] = mapped_column(sa.Double)
    location_verified: Mapped[bool] = mapped_column(server_default="false")
    flags: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), server_default="{}")
    notes: Mapped[str] = mapped_column(sa.Text, server_default="")
    author_id: Mapped[UUID | None]
    reason: Mapped[str] = mapped_column(sa.Text, server_default="")


class PunchPhoto(Base):
    """The picture that was taken with a punch; removed when its time is over."""

    __tablename__ = "punch_photos"
    __table_args__ = (sa.Index("punch_photos_expiry_idx", "expires_at"),)

    punch_id: Mapped[UUID] = mapped_column(primary_key=True)
    restaurant_id: Mapped[UUID]
    staff_id: Mapped[UUID]
    file_key: Mapped[str] = mapped_column(sa.Text)
    content_type: Mapped[str] = mapped_column(sa.Text)
    expires_at: Mapped[Instant]
    created_at: Mapped[Created]


class EarlyAllowance(Base):
    """A manager's word that somebody may clock in early."""

    __tablename__ = "early_allowances"
    __table_args__ = (sa.Index("early_allowances_staff_idx", "restaurant_id", "staff_id", "valid_until"),)

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    staff_id: Mapped[UUID]
    allowed_by: Mapped[UUID]
    reason: Mapped[str] = mapped_column(sa.Text)
    valid_until: Mapped[Instant]
    created_at: Mapped[Created]
