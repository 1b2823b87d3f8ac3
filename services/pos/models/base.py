"""The declarative base of pos's tables."""

from decimal import Decimal
from typing import Annotated

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, mapped_column

import refdata
from servicekit import tables

Money = Annotated[Decimal, mapped_column(sa.Numeric(14, 3))]
"""An amount in the restaurant's currency; three digits behind the point hold every currency in use."""
Amount = Annotated[Decimal, mapped_column(sa.Numeric(14, 3), server_default="0")]
"""Money that begins at nothing."""

metadata = tables.metadata()
tables.attach(metadata)
refdata.attach(metadata)


class Base(DeclarativeBase):
    """Every table of pos; beside them the runtime's own, and the copies of restaurants and staff."""

    metadata = metadata
    # What the database sets on an update comes back with it; reading it later would be I/O where none is expected.
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012 - read by SQLAlchemy, never changed
