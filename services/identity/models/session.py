"""Proofs of who somebody is: sessions, one-time tokens, paired devices, and the failures that lock them."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.tables import one_of
from services.identity.models.base import Base, Created, Id, Instant, RestaurantId

SESSION_ORIGINS = ("PASSWORD", "PIN", "INVITATION", "REGISTRATION", "AGENT")
TOKEN_PURPOSES = ("VERIFY_EMAIL", "RESET_PASSWORD")


class Session(Base):
    """One login. Refresh tokens are signed over `generation`, so that an older one that comes back betrays itself."""

    __tablename__ = "sessions"
    __table_args__ = (
        sa.Index("sessions_user_idx", "user_id", "created_at"),
        sa.Index("sessions_expiry_idx", "expires_at"),
        one_of("origin", *SESSION_ORIGINS),
    )

    id: Mapped[Id]
    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    restaurant_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("restaurants.id", ondelete="CASCADE"))
    origin: Mapped[str] = mapped_column(sa.String(20))
    device_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("devices.id", ondelete="SET NULL"))
    generation: Mapped[int] = mapped_column(server_default="1")
    rotated_at: Mapped[Created]
    ip_address: Mapped[str] = mapped_column(sa.String(45), server_default="")
    user_agent: Mapped[str] = mapped_column(sa.String(500), server_default="")
    created_at: Mapped[Created]
    expires_at: Mapped[Instant]
    revoked_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    revoked_because: Mapped[str] = mapped_column(sa.String(40), server_default="")


class OneTimeToken(Base):
    """A link that was mailed. Its token is derived from the id and never stored; using it deletes the row."""

    __tablename__ = "one_time_tokens"
    __table_args__ = (
        sa.Index("one_time_tokens_user_idx", "user_id", "purpose"),
        one_of("purpose", *TOKEN_PURPOSES),
    )

    id: Mapped[Id]
    purpose: Mapped[str] = mapped_column(sa.String(20))
    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    created_at: Mapped[Created]
    expires_at: Mapped[Instant]


class Device(Base):
    """A tablet or terminal that a manager paired with the restaurant; PIN logins are accepted from it."""

    __tablename__ = "devices"
    __table_args__ = (sa.Index("devices_restaurant_idx", "restaurant_id", "created_at"),)

    id: Mapped[Id]
    restaurant_id: Mapped[RestaurantId]
    name: Mapped[str] = mapped_column(sa.String(100))
    token_digest: Mapped[bytes] = mapped_column(unique=True)
    paired_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[Created]
    last_seen_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))


class LoginFailure(Base):
    """Failed attempts against one account, device, address or restaurant within the present window.

    Accounts are counted by a digest of the address that was tried, whether or not somebody has it, so that a lock says
    nothing about who exists.
    """

    __tablename__ = "login_failures"

    scope: Mapped[str] = mapped_column(sa.String(120), primary_key=True)
    failures: Mapped[int]
    window_started_at: Mapped[Instant]
    locked_until: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
