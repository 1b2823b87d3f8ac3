"""How receipts look."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from servicekit.db import Query, Reading
from services.pos.models import ReceiptSettings
from services.pos.queries.filters import mine

NO_SETTINGS = "No ReceiptSetting matches the given query."
_SETTINGS = Query(sa.select(ReceiptSettings.__table__).where(mine(ReceiptSettings.restaurant_id)))


async def settings(reading: Reading, restaurant_id: UUID) -> Any | None:
    """What a restaurant has decided about its receipts, or None while it has decided nothing."""
    return await reading.first(_SETTINGS, restaurant_id=restaurant_id)
