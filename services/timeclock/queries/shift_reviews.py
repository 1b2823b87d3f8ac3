"""Reviews of sessions, as far as somebody may read them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

import refdata
from servicekit.db import Query, Reader, Reading
from servicekit.paging import Page, read_page
from services.timeclock.models import ShiftReview, ShiftReviewLike, WorkSession


@dataclass(frozen=True, slots=True)
class Filter:
    """Which reviews are asked for; None does not narrow. `until` is the first instant that is too late."""

    since: datetime | None = None
    until: datetime | None = None
    staff_id: UUID | None = None
    staff_email: str | None = None
    rating: int | None = None


def _unless_null(name: str, kind: sa.types.TypeEngine[Any], condition: Any) -> sa.ColumnElement[bool]:
    """A condition on a parameter that holds for every row when the parameter is null."""
    parameter = bindparam(name, type_=kind)
    return sa.or_(parameter.is_(None), condition(parameter))


_INSTANT = sa.DateTime(timezone=True)
_LIKES = (
    sa.select(sa.func.count())
    .where(ShiftReviewLike.review_id == ShiftReview.id)
    .correlate(ShiftReview)
    .scalar_subquery()
)
_FROM = sa.outerjoin(
    ShiftReview, refdata.staff_ref, refdata.is_staff(ShiftReview.restaurant_id, ShiftReview.staff_id)
).outerjoin(WorkSession, WorkSession.id == ShiftReview.session_id)
_WANTED = (
    ShiftReview.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
    _unless_null("reader_id", sa.Uuid(), lambda reader: ShiftReview.staff_id == reader),
    _unless_null("since", _INSTANT, lambda since: ShiftReview.completed_at >= since),
    _unless_null("until", _INSTANT, lambda until: ShiftReview.completed_at < until),
    _unless_null("staff_id", sa.Uuid(), lambda staff: ShiftReview.staff_id == staff),
    _unless_null(
        "staff_email", sa.Text(), lambda email: sa.func.lower(refdata.staff_ref.c.email) == sa.func.lower(email)
    ),
    _unless_null("rating", sa.Integer(), lambda rating: ShiftReview.rating == rating),
)
_COLUMNS = (
    ShiftReview.id,
    ShiftReview.restaurant_id,
    ShiftReview.session_id,
    ShiftReview.staff_id,
    ShiftReview.rating,
    ShiftReview.tags,
    ShiftReview.comments,
    ShiftReview.completed_at,
    ShiftReview.hours,
    ShiftReview.created_at,
    ShiftReview.updated_at,
    refdata.FULL_NAME.label("staff_name"),
    refdata.staff_ref.c.department,
    _LIKES.label("likes_count"),
    WorkSession.location_verified,
    WorkSession.flags.label("session_flags"),
)

_COUNT = Query(sa.select(sa.func.count()).select_from(_FROM).where(*_WANTED))
_ROWS = Query(
    sa.select(*_COLUMNS)
    .select_from(_FROM)
    .where(*_WANTED)
    .order_by(ShiftReview.completed_at.desc(), ShiftReview.id.desc())
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_PERIOD = (
    ShiftReview.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
    _unless_null("since", _INSTANT, lambda since: ShiftReview.completed_at >= since),
    _unless_null("until", _INSTANT, lambda until: ShiftReview.completed_at < until),
)
_BY_RATING = Query(
    sa.select(ShiftReview.rating, sa.func.count().label("count"))
    .where(*_PERIOD)
    .group_by(ShiftReview.rating)
    .order_by(ShiftReview.rating)
)
_TAG = sa.func.unnest(ShiftReview.tags).column_valued("tag")
_BY_TAG = Query(
    sa.select(_TAG, sa.func.count().label("count"))
    .select_from(ShiftReview)
    .where(*_PERIOD)
    .group_by(_TAG)
    .order_by(sa.func.count().desc(), _TAG)
)
_ALL_LIKES = Query(
    sa.select(sa.func.count())
    .select_from(ShiftReviewLike)
    .join(ShiftReview, ShiftReview.id == ShiftReviewLike.review_id)
    .where(*_PERIOD)
)
_ONE = Query(sa.select(*_COLUMNS).select_from(_FROM).where(ShiftReview.id == bindparam("id", type_=sa.Uuid)))


async def page_of_reviews(
    reader: Reader, restaurant_id: UUID, reader_id: UUID | None, wanted: Filter, page: Page
) -> tuple[int, list[Any]]:
    """How many reviews somebody may read, and those of one page, the newest first. Raises NotFound beyond the end.

    `reader_id` narrows to that person's own.
    """
    return await read_page(
        reader,
        _COUNT,
        _ROWS,
        page,
        restaurant_id=restaurant_id,
        reader_id=reader_id,
        since=wanted.since,
        until=wanted.until,
        staff_id=wanted.staff_id,
        staff_email=wanted.staff_email,
        rating=wanted.rating,
    )


async def review(reading: Reading, review_id: UUID) -> Any:
    """A review that is known to be there."""
    return await reading.first(_ONE, id=review_id)


async def statistics(
    reader: Reader, restaurant_id: UUID, since: datetime | None, until: datetime | None
) -> tuple[dict[int, int], int, dict[str, int]]:
    """How many reviews of a period have each rating, how many likes they have together, and how many each tag."""
    period = {"restaurant_id": restaurant_id, "since": since, "until": until}
    ratings, likes, tags = await reader.batch((_BY_RATING, period), (_ALL_LIKES, period), (_BY_TAG, period))
    return (
        {row.rating: row.count for row in ratings},
        int(likes[0][0]),
        {row.tag: row.count for row in tags},
    )
