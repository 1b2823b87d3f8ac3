"""Writing reviews of sessions, and liking them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import NotFound
from services.timeclock import events
from services.timeclock.models import ShiftReview, ShiftReviewLike, WorkSession
from services.timeclock.queries.sessions import NO_SESSION


async def create_review(
    session: AsyncSession, restaurant_id: UUID, staff_id: UUID, values: Mapping[str, Any], now: datetime
) -> ShiftReview:
    """A person's own review of their session. Raises NotFound for a session of somebody else."""
    worked = sa.select(WorkSession.id).where(
        WorkSession.id == values["session_id"],
        WorkSession.restaurant_id == restaurant_id,
        WorkSession.staff_id == staff_id,
    )
    if await session.scalar(worked) is None:
        raise NotFound(NO_SESSION)
    review = ShiftReview(
        id=uuid4(),
        restaurant_id=restaurant_id,
        staff_id=staff_id,
        session_id=values["session_id"],
        rating=values["rating"],
        tags=values.get("tags", []),
        comments=values.get("comments"),
        completed_at=values.get("completed_at_iso", now),
        hours=values.get("hours_decimal"),
        version=1,
    )
    session.add(review)
    await session.flush()
    events.shift_review_created(session, review)
    return review


async def toggle_like(
    session: AsyncSession, restaurant_id: UUID, review_id: UUID, user_id: UUID, reader_id: UUID | None
) -> tuple[bool, int]:
    """Whether somebody likes a review now, and how many do. Raises NotFound for a review that they may not read."""
    readable = sa.select(ShiftReview.id).where(ShiftReview.id == review_id, ShiftReview.restaurant_id == restaurant_id)
    if reader_id is not None:
        readable = readable.where(ShiftReview.staff_id == reader_id)
    # Locked, so that likes of one review are given and taken one after the other.
    if await session.scalar(readable.with_for_update()) is None:
        raise NotFound("Review not found")
    mine = (ShiftReviewLike.review_id == review_id, ShiftReviewLike.user_id == user_id)
    taken = await session.scalar(sa.delete(ShiftReviewLike).where(*mine).returning(ShiftReviewLike.review_id))
    if taken is None:
        session.add(ShiftReviewLike(review_id=review_id, user_id=user_id, restaurant_id=restaurant_id))
        await session.flush()
    count = await session.scalar(
        sa.select(sa.func.count()).select_from(ShiftReviewLike).where(ShiftReviewLike.review_id == review_id)
    )
    return taken is None, count or 0
