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
from services.timeclock.models import ShiftReview, ShiftReviewLike


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
_FROM = sa.outerjoin(ShiftReview, refdata.staff_ref, refdata.is_staff(ShiftReview.restaurant_id, ShiftReview.staff_id))
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
