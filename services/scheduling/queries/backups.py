"""Copies of shifts."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reading
from services.scheduling.models import ShiftBackup

_OF_SHIFT = Query(
    sa.select(ShiftBackup.id, ShiftBackup.created_at)
    .where(
        ShiftBackup.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
        ShiftBackup.shift_id == bindparam("shift_id", type_=sa.Uuid),
    )
    .order_by(ShiftBackup.created_at.desc(), ShiftBackup.id)
    .limit(100)
)


async def backups_of(reading: Reading, restaurant_id: UUID, shift_id: UUID) -> Sequence[Any]:
    """The copies of a shift, newest first."""
    return await reading.all(_OF_SHIFT, restaurant_id=restaurant_id, shift_id=shift_id)
