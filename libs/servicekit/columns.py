"""The column types that the tables of every service are made of."""

from datetime import datetime
from typing import Annotated
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import mapped_column

Id = Annotated[UUID, mapped_column(primary_key=True, default=uuid4)]
Instant = Annotated[datetime, mapped_column(sa.DateTime(timezone=True))]
Created = Annotated[datetime, mapped_column(sa.DateTime(timezone=True), server_default=sa.func.now())]
Updated = Annotated[
    datetime, mapped_column(sa.DateTime(timezone=True), server_default=sa.func.now(), onupdate=sa.func.now())
]
Version = Annotated[int, mapped_column(sa.BigInteger, server_default="1")]
"""Counts the changes of a row; events carry it, so that receivers ignore older ones."""
JsonObject = Annotated[dict[str, object], mapped_column(JSONB, server_default="{}")]
JsonList = Annotated[list[object], mapped_column(JSONB, server_default="[]")]
