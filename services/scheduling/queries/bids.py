"""Who asked for which open shift."""

from collections import defaultdict
from collections.abc import Collection
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import ARRAY

from servicekit.db import Query, Reading
from services.scheduling.models import ShiftBid

_BIDDERS = Query(
    sa.select(ShiftBid.shift_id, ShiftBid.user_id)
    .where(
        ShiftBid.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
        ShiftBid.shift_id == sa.any_(bindparam("ids", type_=ARRAY(sa.Uuid))),
    )
    .order_by(ShiftBid.created_at, ShiftBid.id)
)


async def bidders_of(reading: Reading, restaurant_id: UUID, shifts: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """Those who asked for each of some shifts, the first one first; shifts without bids are left out."""
    found: defaultdict[UUID, list[UUID]] = defaultdict(list)
    for row in await reading.all(_BIDDERS, restaurant_id=restaurant_id, ids=list(shifts)):
        found[row.shift_id].append(row.user_id)
    return found
