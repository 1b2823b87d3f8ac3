"""Runs of the optimizer, and the sales by which people are planned."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, JsonObject, Version
from servicekit.tables import one_of
from services.scheduling.models.base import Base

WAITING = ("QUEUED", "RUNNING")
"""States in which a run holds its week: no other may begin."""

STATES = (*WAITING, "DRAFT", "APPLIED", "CANCELLED", "FAILED")


class RosterRun(Base):
    """One run for a week: what was asked for, how far it is, and the roster that it proposes."""

    __tablename__ = "roster_runs"
    __table_args__ = (
        sa.Index(None, "restaurant_id", "created_at"),
        sa.Index(
            "uq_roster_runs_waiting",
            "restaurant_id",
            "week_start",
            unique=True,
            postgresql_where=sa.text("state IN ('QUEUED', 'RUNNING')"),
        ),
        sa.Index(
            "uq_roster_runs_request_key",
            "restaurant_id",
            "request_key",
            unique=True,
            postgresql_where=sa.text("request_key IS NOT NULL"),
        ),
        sa.CheckConstraint("EXTRACT(ISODOW FROM week_start) = 1", name="week_start"),
        one_of("state", *STATES),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    week_start: Mapped[date]
    state: Mapped[str] = mapped_column(sa.String(20), server_default="QUEUED")
    wanted: Mapped[JsonObject]
    progress: Mapped[JsonObject]
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    error: Mapped[str | None] = mapped_column(sa.Text)
    cancel_asked: Mapped[bool] = mapped_column(server_default="false")
    request_key: Mapped[str | None] = mapped_column(sa.String(64))
    created_by: Mapped[UUID | None]
    created_at: Mapped[Created]
    started_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    applied_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    version: Mapped[Version]


class SalesQuarter(Base):
    """What was sold in one quarter of an hour of a day in the restaurant's zone; quarters without sales have no row."""

    __tablename__ = "sales_quarters"
    __table_args__ = (
        sa.PrimaryKeyConstraint("restaurant_id", "day", "quarter"),
        sa.CheckConstraint("quarter BETWEEN 0 AND 95", name="quarter"),
    )

    restaurant_id: Mapped[UUID]
    day: Mapped[date]
    quarter: Mapped[int] = mapped_column(sa.SmallInteger)
    orders: Mapped[int] = mapped_column(server_default="0")
    guests: Mapped[int] = mapped_column(server_default="0")
    amount: Mapped[Decimal] = mapped_column(sa.Numeric(14, 3), server_default="0")
