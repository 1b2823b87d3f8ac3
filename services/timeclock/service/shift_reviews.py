"""Reviews of sessions."""

from collections.abc import Callable
from datetime import datetime, tzinfo
from uuid import UUID

import refdata
from mizan.timeclock.v1 import shift_review_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SessionReader
from servicekit.errors import Invalid
from servicekit.identity import Principal
from servicekit.paging import page_of
from servicekit.patch import values_of
from services.timeclock.commands import shift_reviews as commands
from services.timeclock.domain.period import period_end, period_start
from services.timeclock.queries import shift_reviews as queries
from services.timeclock.service.convert import shift_review_message

NOT_A_TIME = "Enter a day as YYYY-MM-DD or an instant in ISO 8601."


class ShiftReviewService:
    """Implements mizan.timeclock.v1.ShiftReviewService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ListShiftReviews(
        self, request: shift_review_pb2.ListShiftReviewsRequest, call: Call
    ) -> shift_review_pb2.ListShiftReviewsResponse:
        count, rows = await queries.page_of_reviews(
            call.read(),
            call.principal.tenant,
            _reader_id(call.principal),
            await _filter(request, call),
            page_of(request),
        )
        return shift_review_pb2.ListShiftReviewsResponse(
            count=count, results=[shift_review_message(row) for row in rows]
        )

    async def CreateShiftReview(
        self, request: shift_review_pb2.CreateShiftReviewRequest, call: Call
    ) -> shift_review_pb2.ShiftReview:
        session = await call.session()
        review = await commands.create_review(
            session, call.principal.tenant, call.principal.user_id, values_of(request), self._clock.now()
        )
        return shift_review_message(await queries.review(SessionReader(session), review.id))

    async def GetShiftReviewStats(
        self, request: shift_review_pb2.GetShiftReviewStatsRequest, call: Call
    ) -> shift_review_pb2.ShiftReviewStats:
        since, until = await _period(request, call)
        ratings, likes, tags = await queries.statistics(call.read(), call.principal.tenant, since, until)
        return shift_review_pb2.ShiftReviewStats(
            by_rating=[shift_review_pb2.RatingCount(rating=rating, count=count) for rating, count in ratings.items()],
            total_reviews=sum(ratings.values()),
            total_likes=likes,
            tag_counts=tags,
        )

    async def LikeShiftReview(
        self, request: shift_review_pb2.LikeShiftReviewRequest, call: Call
    ) -> shift_review_pb2.LikeShiftReviewResponse:
        session = await call.session()
        liked, count = await commands.toggle_like(
            session, call.principal.tenant, UUID(request.id), call.principal.user_id, _reader_id(call.principal)
        )
        return shift_review_pb2.LikeShiftReviewResponse(liked=liked, likes_count=count)


def _reader_id(principal: Principal) -> UUID | None:
    """Whose reviews alone a caller may read; None for those who may read everybody's."""
    return None if principal.may("attendance.view") else principal.user_id


async def _filter(request: shift_review_pb2.ListShiftReviewsRequest, call: Call) -> queries.Filter:
    reader, restaurant_id = call.read(), call.principal.tenant
    staff_id = UUID(request.staff_id) if request.HasField("staff_id") else None
    if staff_id is not None:
        await refdata.member(reader, restaurant_id, staff_id)
    since, until = await _period(request, call)
    return queries.Filter(
        since=since,
        until=until,
        staff_id=staff_id,
        staff_email=request.staff_email if request.HasField("staff_email") else None,
        rating=request.rating if request.HasField("rating") else None,
    )


_Dated = shift_review_pb2.ListShiftReviewsRequest | shift_review_pb2.GetShiftReviewStatsRequest


async def _period(request: _Dated, call: Call) -> tuple[datetime | None, datetime | None]:
    """From when to when reviews are asked for; None where that is open. Raises Invalid for what is no time."""
    if not (request.HasField("date_from") or request.HasField("date_to")):
        return None, None
    zone = await refdata.time_zone(call.read(), call.principal.tenant)
    return _instant(request, "date_from", period_start, zone), _instant(request, "date_to", period_end, zone)


def _instant(
    request: _Dated,
    field: str,
    meaning: Callable[[str, tzinfo], datetime],
    zone: tzinfo,
) -> datetime | None:
    text: str = getattr(request, field)
    if not text:
        return None
    try:
        return meaning(text, zone)
    except ValueError as error:
        raise Invalid.field(field, NOT_A_TIME) from error
