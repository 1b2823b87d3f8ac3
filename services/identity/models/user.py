"""People: their account, their staff profile, and how they perform."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.tables import one_of
from services.identity.models.base import Base, Created, Id, JsonList, RestaurantId, Updated
from services.identity.models.restaurant import LANGUAGES

SALARY_TYPES = ("HOURLY", "MONTHLY")


class User(Base):
    """An account; at most one restaurant's. The login name is the e-mail address.

    `pin_digest` finds the person by PIN inside the restaurant without hashing for everybody; `pin_hash` decides.
    `version` grows when rights change and lets receivers of events ignore older ones. `number` is the integer under
    which older screens know the person's profile, whether or not anything was recorded in it yet.
    """

    __tablename__ = "users"
    __table_args__ = (
        sa.Index("users_email_key", sa.text("lower(email)"), unique=True),
        sa.Index("users_pin_key", "restaurant_id", "pin_digest", unique=True),
        sa.Index("users_restaurant_name_idx", "restaurant_id", "first_name", "last_name", "id"),
        sa.Index("users_restaurant_phone_idx", "restaurant_id", "phone_digits"),
        sa.Index("users_phone_idx", "phone_digits"),
        one_of("preferred_language", *LANGUAGES),
    )

    id: Mapped[Id]
    number: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), unique=True)
    restaurant_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("restaurants.id", ondelete="CASCADE"))
    email: Mapped[str] = mapped_column(sa.String(254))
    first_name: Mapped[str] = mapped_column(sa.String(150), server_default="")
    last_name: Mapped[str] = mapped_column(sa.String(150), server_default="")
    role: Mapped[str] = mapped_column(sa.String(40))
    phone: Mapped[str | None] = mapped_column(sa.String(20))
    phone_digits: Mapped[str | None] = mapped_column(sa.String(20))
    is_verified: Mapped[bool] = mapped_column(server_default=sa.false())
    is_active: Mapped[bool] = mapped_column(server_default=sa.true())
    is_superuser: Mapped[bool] = mapped_column(server_default=sa.false())
    preferred_language: Mapped[str | None] = mapped_column(sa.String(10))
    password_hash: Mapped[str | None] = mapped_column(sa.String(255))
    pin_hash: Mapped[str | None] = mapped_column(sa.String(255))
    pin_digest: Mapped[bytes | None]
    last_login_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    version: Mapped[int] = mapped_column(sa.BigInteger, server_default="1")
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class StaffProfile(Base):
    """What the restaurant knows of a person as its employee."""

    __tablename__ = "staff_profiles"
    __table_args__ = (
        sa.Index("staff_profiles_restaurant_idx", "restaurant_id"),
        one_of("salary_type", *SALARY_TYPES),
        sa.CheckConstraint("hourly_rate >= 0", name="hourly_rate_positive"),
    )

    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    restaurant_id: Mapped[RestaurantId]
    employee_id: Mapped[str | None] = mapped_column(sa.String(50))
    position: Mapped[str | None] = mapped_column(sa.String(100))
    department: Mapped[str | None] = mapped_column(sa.String(100))
    hourly_rate: Mapped[Decimal] = mapped_column(sa.Numeric(12, 2), server_default="0")
    salary_type: Mapped[str] = mapped_column(sa.String(10), server_default="HOURLY")
    join_date: Mapped[date | None]
    date_of_birth: Mapped[date | None]
    contract_end_date: Mapped[date | None]
    health_card_expiry: Mapped[date | None]
    promotion_history: Mapped[JsonList]
    skills: Mapped[JsonList]
    certifications: Mapped[JsonList]
    emergency_contact_name: Mapped[str | None] = mapped_column(sa.String(255))
    emergency_contact_phone: Mapped[str | None] = mapped_column(sa.String(20))
    notes: Mapped[str] = mapped_column(sa.Text, server_default="")
    image_file: Mapped[str | None] = mapped_column(sa.String(255))
    last_latitude: Mapped[Decimal | None] = mapped_column(sa.Numeric(9, 6))
    last_longitude: Mapped[Decimal | None] = mapped_column(sa.Numeric(9, 6))
    last_located_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    geofence_alerts_enabled: Mapped[bool] = mapped_column(server_default=sa.true())
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class PerformanceMetric(Base):
    """One measured figure about one person on one day."""

    __tablename__ = "performance_metrics"
    __table_args__ = (sa.Index("performance_metrics_staff_idx", "restaurant_id", "staff_id", "measured_on"),)

    id: Mapped[Id]
    restaurant_id: Mapped[RestaurantId]
    staff_id: Mapped[UUID] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    metric_type: Mapped[str] = mapped_column(sa.String(50))
    value: Mapped[float] = mapped_column(sa.Double)
    measured_on: Mapped[date]
    notes: Mapped[str | None] = mapped_column(sa.Text)
    created_at: Mapped[Created]
