"""What people said about the sessions they worked, as timeclock keeps it."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from refdata.tables import staff_ref
from servicekit.errors import Invalid
from services.timeclock.models import ShiftReview, ShiftReviewLike, WorkSession
from tools.operations.legacy.source import Owner, Part, Row
from tools.operations.legacy.steps import Step, Waiting

RATINGS = range(1, 6)
KEPT = ("id", "restaurant_id", "session_id", "staff_id", "rating", "completed_at", "created_at", "updated_at")


async def take_review(session: AsyncSession, row: Row) -> None:
    """A review with the likes of colleagues. Nobody is told.

    Raises Invalid for a review of no session of this person, and Waiting while somebody who likes it is not here.
    """
    if row["rating"] not in RATINGS:
        raise Invalid.field("rating", "Must be from 1 to 5.")
    tags = row.get("tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise Invalid.field("tags", "Must be a list of texts.")
    worked = sa.select(WorkSession.id).where(
        WorkSession.id == row["session_id"],
        WorkSession.restaurant_id == row["restaurant_id"],
        WorkSession.staff_id == row["staff_id"],
    )
    if await session.scalar(worked) is None:
        raise Invalid.field("session_id", f"This person has no session {row['session_id']}.")
    session.add(
        ShiftReview(
            tags=tags,
            comments=row.get("comments"),
            hours=row.get("hours_decimal"),
            version=1,
            **{name: row[name] for name in KEPT if row.get(name) is not None},
        )
    )
    await session.flush()
    session.add_all(await _likes(session, row["restaurant_id"], row["likes"]))


async def _likes(session: AsyncSession, restaurant_id: UUID, rows: Sequence[Row]) -> list[ShiftReviewLike]:
    """The likes of people of the restaurant; in the earlier backend those of others could give some too."""
    likers = {row["user_id"] for row in rows}
    found = await session.execute(
        sa.select(staff_ref.c.user_id, staff_ref.c.restaurant_id).where(staff_ref.c.user_id.in_(likers))
    )
    places = {(person.user_id, person.restaurant_id) for person in found}
    if likers - {user for user, _ in places}:
        raise Waiting
    return [
        ShiftReviewLike(
            review_id=row["review_id"],
            user_id=row["user_id"],
            restaurant_id=restaurant_id,
            **({"created_at": row["created_at"]} if row.get("created_at") else {}),
        )
        for row in rows
        if (row["user_id"], restaurant_id) in places
    ]


STEPS = (
    Step(
        "timeclock",
        ("attendance_shift_reviews",),
        ShiftReview.id,
        take_review,
        # Not each names a restaurant, and sessions are in that of the person.
        owner=Owner(("users",), "staff_id"),
        parts=(Part("likes", ("attendance_review_likes",), "review_id"),),
    ),
)
