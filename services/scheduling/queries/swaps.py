"""Offers of shifts."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

import refdata
from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.scheduling.models import SwapRequest

NO_SWAP = "No ShiftSwapRequest matches the given query."
_RESTAURANT = bindparam("restaurant_id", type_=sa.Uuid)
_VIEWER = bindparam("viewer", None, type_=sa.Uuid)
_from, _to = refdata.staff_ref.alias("requester"), refdata.staff_ref.alias("receiver")
_SWAPS = (
    sa.select(
        *SwapRequest.__table__.columns,
        _from.c.first_name.label("requester_first_name"),
        _from.c.last_name.label("requester_last_name"),
        _from.c.email.label("requester_email"),
        _to.c.first_name.label("receiver_first_name"),
        _to.c.last_name.label("receiver_last_name"),
        _to.c.email.label("receiver_email"),
    )
    .outerjoin(
        _from,
        sa.and_(_from.c.restaurant_id == SwapRequest.restaurant_id, _from.c.user_id == SwapRequest.requester_id),
    )
    .outerjoin(_to, sa.and_(_to.c.restaurant_id == SwapRequest.restaurant_id, _to.c.user_id == SwapRequest.receiver_id))
)
_SEEN = sa.and_(
    SwapRequest.restaurant_id == _RESTAURANT,
    sa.or_(
        _VIEWER.is_(None),
        SwapRequest.requester_id == _VIEWER,
        SwapRequest.receiver_id == _VIEWER,
        sa.and_(SwapRequest.receiver_id.is_(None), SwapRequest.status == "PENDING"),
    ),
)
_COUNT = Query(sa.select(sa.func.count()).select_from(SwapRequest).where(_SEEN))
_ROWS = Query(
    _SWAPS.where(_SEEN)
    .order_by(SwapRequest.created_at.desc(), SwapRequest.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_ONE = Query(_SWAPS.where(_SEEN, SwapRequest.id == bindparam("id", type_=sa.Uuid)))


async def page_of_swaps(reader: Reader, restaurant_id: UUID, page: Page, viewer: UUID | None) -> tuple[int, list[Any]]:
    """How many requests there are, and those of one page, newest first; with a viewer, those that concern them."""
    return await read_page(reader, _COUNT, _ROWS, page, restaurant_id=restaurant_id, viewer=viewer)


async def one_swap(reading: Reading, restaurant_id: UUID, swap_id: UUID, viewer: UUID | None = None) -> Any:
    """A request; with a viewer, one that concerns them. Raises NotFound."""
    row = await reading.first(_ONE, restaurant_id=restaurant_id, id=swap_id, viewer=viewer)
    if row is None:
        raise NotFound(NO_SWAP)
    return row
