"""What roles may do, and the keys of agents and integrators."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.tables import one_of
from services.identity.models.base import Base, Created, Id, RestaurantId, Updated

KEY_KINDS = ("AGENT", "INTEGRATION")


class Role(Base):
    """A restaurant's own role, or its own idea of a standard one; without a row the standard permissions hold."""

    __tablename__ = "roles"
    __table_args__ = (sa.UniqueConstraint("restaurant_id", "code"),)

    id: Mapped[Id]
    restaurant_id: Mapped[RestaurantId]
    code: Mapped[str] = mapped_column(sa.String(40))
    name: Mapped[str] = mapped_column(sa.String(100))
    description: Mapped[str | None] = mapped_column(sa.Text)
    permissions: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), server_default="{}")
    is_active: Mapped[bool] = mapped_column(server_default=sa.true())
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class ApiKey(Base):
    """A key of an agent or an integrator; shown once, kept as a keyed digest."""

    __tablename__ = "api_keys"
    __table_args__ = (
        sa.Index("api_keys_restaurant_idx", "restaurant_id", "created_at"),
        one_of("kind", *KEY_KINDS),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[RestaurantId]
    name: Mapped[str] = mapped_column(sa.String(100))
    kind: Mapped[str] = mapped_column(sa.String(20))
    prefix: Mapped[str] = mapped_column(sa.String(16))
    digest: Mapped[bytes] = mapped_column(unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(sa.Text))
    created_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[Created]
    expires_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
