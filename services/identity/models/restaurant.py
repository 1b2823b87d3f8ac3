"""The tenant."""

from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.tables import one_of
from services.identity.models.base import Base, Created, Id, JsonList, JsonObject, Updated

RESTAURANT_TYPES = ("FINE_DINING", "CASUAL_DINING", "FAST_FOOD", "CAFE", "BAR", "OTHER")
POS_PROVIDERS = ("STRIPE", "SQUARE", "TOAST", "LIGHTSPEED", "CLOVER", "CUSTOM", "NONE")
AI_PROVIDERS = ("GROQ", "OPENAI", "CLAUDE")
LANGUAGES = ("en", "fr", "ar")
SYNC_STATES = ("CONNECTED", "DISCONNECTED", "ERROR", "SYNCING")


class Restaurant(Base):
    """A restaurant with its place, its calendar and its settings.

    `settings_version` grows with every change and is what two people who edit the settings at once are told apart by.
    """

    __tablename__ = "restaurants"
    __table_args__ = (
        sa.Index("restaurants_email_key", sa.text("lower(email)"), unique=True),
        sa.CheckConstraint("radius BETWEEN 5 AND 100", name="radius_range"),
        sa.CheckConstraint("latitude BETWEEN -90 AND 90", name="latitude_range"),
        sa.CheckConstraint("longitude BETWEEN -180 AND 180", name="longitude_range"),
        one_of("restaurant_type", *RESTAURANT_TYPES),
        one_of("pos_provider", *POS_PROVIDERS),
        one_of("ai_provider", *AI_PROVIDERS),
        one_of("pos_sync_status", *SYNC_STATES),
    )

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(sa.String(255))
    address: Mapped[str | None] = mapped_column(sa.String(255))
    phone: Mapped[str | None] = mapped_column(sa.String(20))
    email: Mapped[str] = mapped_column(sa.String(254))
    latitude: Mapped[Decimal | None] = mapped_column(sa.Numeric(9, 6))
    longitude: Mapped[Decimal | None] = mapped_column(sa.Numeric(9, 6))
    radius: Mapped[Decimal] = mapped_column(sa.Numeric(9, 2), server_default="100")
    geofence_enabled: Mapped[bool] = mapped_column(server_default=sa.true())
    geofence_polygon: Mapped[JsonList]
    timezone: Mapped[str] = mapped_column(sa.String(50), server_default="Africa/Casablanca")
    currency: Mapped[str] = mapped_column(sa.String(10), server_default="MAD")
    language: Mapped[str] = mapped_column(sa.String(10), server_default="en")
    operating_hours: Mapped[JsonObject]
    automatic_clock_out: Mapped[bool] = mapped_column(server_default=sa.false())
    break_duration: Mapped[int] = mapped_column(server_default="30")
    email_notifications: Mapped[JsonObject]
    push_notifications: Mapped[JsonObject]
    general_settings: Mapped[JsonObject]
    settings_version: Mapped[int] = mapped_column(sa.BigInteger)
    restaurant_type: Mapped[str] = mapped_column(sa.String(20), server_default="CASUAL_DINING")
    max_weekly_hours: Mapped[Decimal] = mapped_column(sa.Numeric(5, 2), server_default="40")
    min_rest_hours: Mapped[Decimal] = mapped_column(sa.Numeric(4, 2), server_default="11")
    pin_login_in_geofence: Mapped[bool] = mapped_column(server_default=sa.false())

    pos_provider: Mapped[str] = mapped_column(sa.String(20), server_default="NONE")
    pos_merchant_id: Mapped[str | None] = mapped_column(sa.String(255))
    pos_api_key_encrypted: Mapped[bytes | None]
    pos_is_connected: Mapped[bool] = mapped_column(server_default=sa.false())
    pos_location_id: Mapped[str | None] = mapped_column(sa.String(255))
    pos_token_expires_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    pos_sync_status: Mapped[str] = mapped_column(sa.String(20), server_default="DISCONNECTED")
    pos_last_sync_time: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    pos_transactions_synced: Mapped[int] = mapped_column(server_default="0")
    # Of the connection as pos described it last.
    pos_connection_version: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")

    ai_enabled: Mapped[bool] = mapped_column(server_default=sa.true())
    ai_provider: Mapped[str] = mapped_column(sa.String(20), server_default="GROQ")
    ai_features: Mapped[JsonObject]

    created_at: Mapped[Created]
    updated_at: Mapped[Updated]
