"""What people write over WhatsApp, and where each conversation stands."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Instant, JsonObject, Version
from services.notify.models.base import Base
from services.notify.models.notifications import MOMENT


class WhatsAppMessage(Base):
    """A message that somebody wrote, kept before it is acknowledged; whose restaurant it concerns turns out later."""

    __tablename__ = "whatsapp_messages"
    __table_args__ = (
        sa.Index("ix_whatsapp_messages_waiting", "phone", "seq", postgresql_where=sa.text("processed_at IS NULL")),
        sa.Index("ix_whatsapp_messages_received", "received_at"),
    )

    id: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    # The order in which they came.
    seq: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity())
    phone: Mapped[str] = mapped_column(sa.String(20))
    message: Mapped[dict[str, object]] = mapped_column(JSONB)
    sent_at: Mapped[Instant]
    received_at: Mapped[Instant]
    processed_at: Mapped[datetime | None] = mapped_column(MOMENT)
    outcome: Mapped[str | None] = mapped_column(sa.String(40))


class WhatsAppSession(Base):
    """One phone's conversation: who it is, what is being talked about, and since when texts may be sent to it."""

    __tablename__ = "whatsapp_sessions"

    phone: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    # Absent until the phone is somebody's.
    restaurant_id: Mapped[UUID | None]
    user_id: Mapped[UUID | None]
    state: Mapped[str] = mapped_column(sa.String(40), server_default="idle")
    context: Mapped[JsonObject]
    # The last time that the person wrote.
    last_inbound_at: Mapped[datetime | None] = mapped_column(MOMENT)
    # When what is being talked about is forgotten.
    expires_at: Mapped[datetime | None] = mapped_column(MOMENT)
    version: Mapped[Version]
