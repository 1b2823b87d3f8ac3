"""Reviews of sessions: one's own, everybody's for managers, and no other restaurant's."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from mizan.identity.events.v1 import events_pb2 as identity
from mizan.timeclock.events.v1 import events_pb2 as facts
from mizan.timeclock.v1 import clock_pb2
from mizan.timeclock.v1.shift_review_pb2 import (
    CreateShiftReviewRequest,
    GetShiftReviewStatsRequest,
    LikeShiftReviewRequest,
    LikeShiftReviewResponse,
    ListShiftReviewsRequest,
    ListShiftReviewsResponse,
    ShiftReview,
)
from refdata.testing import restaurant_event, staff_event
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS, Principal
from servicekit.testing.clock import MovableClock
from servicekit.testing.events import Bus, handled
from servicekit.testing.service import Api, RunningService
from services.timeclock.tests.conftest import manager, waiter


def at(text: str) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(datetime.fromisoformat(text).astimezone(UTC))
    return stamp


async def worked(api: Api, principal: Principal) -> str:
    """The id of a session that somebody has worked."""
    came = await api.ClockService.WebClockIn(
        clock_pb2.WebClockInRequest(latitude=31.6, longitude=-7.9), principal=principal
    )
    await api.ClockService.WebClockOut(clock_pb2.WebClockOutRequest(), principal=principal)
    return str(came.session_id)


async def review(api: Api, principal: Principal, rating: int = 4, session_id: str = "", **fields: Any) -> ShiftReview:
    session_id = session_id or await worked(api, principal)
    request = CreateShiftReviewRequest(session_id=session_id, rating=rating, **fields)
    return await api.ShiftReviewService.CreateShiftReview(request, principal=principal)


async def listed(api: Api, principal: Principal, **wanted: Any) -> ListShiftReviewsResponse:
    request = ListShiftReviewsRequest(**wanted)
    return await api.ShiftReviewService.ListShiftReviews(request, principal=principal)


async def ids(api: Api, principal: Principal, **wanted: Any) -> list[str]:
    return [found.id for found in (await listed(api, principal, **wanted)).results]


async def like(api: Api, principal: Principal, review_id: str) -> LikeShiftReviewResponse:
    request = LikeShiftReviewRequest(id=review_id)
    return await api.ShiftReviewService.LikeShiftReview(request, principal=principal)


async def employ(timeclock: RunningService, bus: Bus, restaurant_id: UUID, name: str, **known: Any) -> UUID:
    """Somebody whom timeclock has heard of."""
    user_id = uuid4()
    joined = staff_event(restaurant_id, user_id, name, 1, identity.StaffJoined, **known)
    await handled(timeclock, "timeclock-refdata", await bus.publish(joined, restaurant_id=restaurant_id))
    return user_id


async def test_a_review_is_listed_as_it_was_written(timeclock: RunningService, bus: Bus, api: Api) -> None:
    restaurant_id = uuid4()
    amina = waiter(restaurant_id, await employ(timeclock, bus, restaurant_id, "Amina", department="Service"))
    written = await review(
        api,
        amina,
        5,
        tags=["busy", "good team"],
        comments="A long evening",
        completed_at_iso=at("2026-11-20T23:30:00+01:00"),
        hours_decimal="7.75",
    )
    assert (written.staff, written.staff_id) == (amina.subject, amina.subject)
    assert (written.staff_name, written.department) == ("Amina Idrissi", "Service")
    assert (written.hours_decimal, written.duration_seconds, written.duration_hms) == ("7.75", 27_900, "7:45:00")
    assert written.completed_at == written.completed_at_iso == at("2026-11-20T22:30:00+00:00")
    assert written.restaurant == str(restaurant_id)
    assert list((await listed(api, amina)).results) == [written]


async def test_without_a_time_a_review_is_of_now_and_unknown_hours_stay_unknown(clock: MovableClock, api: Api) -> None:
    before = clock.now()
    written = await review(api, waiter(uuid4()))
    assert before <= written.completed_at.ToDatetime(tzinfo=UTC) <= clock.now()
    for field in ("hours_decimal", "duration_seconds", "duration_hms", "comments", "department"):
        assert not written.HasField(field)
    assert written.staff_name == ""


async def test_managers_read_everybody_and_others_themselves(api: Api) -> None:
    restaurant_id = uuid4()
    amina, omar = waiter(restaurant_id), waiter(restaurant_id)
    first = await review(api, amina, completed_at_iso=at("2026-11-20T22:00:00+00:00"))
    second = await review(api, omar, completed_at_iso=at("2026-11-20T23:00:00+00:00"))
    assert await ids(api, amina) == [first.id]
    assert await ids(api, omar) == [second.id]
    assert await ids(api, manager(restaurant_id)) == [second.id, first.id]


async def test_another_restaurant_sees_nothing_and_likes_nothing(timeclock: RunningService, bus: Bus, api: Api) -> None:
    ours, theirs = uuid4(), uuid4()
    amina = await employ(timeclock, bus, ours, "Amina")
    written = await review(api, waiter(ours, amina))
    stranger = manager(theirs)
    assert await ids(api, stranger) == []
    with pytest.raises(RemoteRefusal) as refused:
        await like(api, stranger, written.id)
    assert (refused.value.code, refused.value.message) == ("not_found", "Review not found")
    with pytest.raises(RemoteRefusal) as refused:
        await ids(api, stranger, staff_id=str(amina))
    assert refused.value.code == "not_found"
    assert (await listed(api, manager(ours))).results[0].likes_count == 0


async def test_only_ones_own_session_can_be_reviewed(api: Api) -> None:
    restaurant_id = uuid4()
    amina, omar = waiter(restaurant_id), waiter(restaurant_id)
    session_id = await worked(api, amina)
    for reviewer, asked in ((omar, session_id), (waiter(uuid4()), session_id), (amina, str(uuid4()))):
        with pytest.raises(RemoteRefusal) as refused:
            await review(api, reviewer, session_id=asked)
        assert refused.value.code == "not_found"


async def test_reviews_are_counted_by_rating_like_and_tag(api: Api) -> None:
    restaurant_id = uuid4()
    author, boss = waiter(restaurant_id), manager(restaurant_id)
    session_id = await worked(api, author)
    for rating, tags, day in ((5, ["busy", "calm"], 20), (5, ["busy"], 20), (2, [], 20), (1, ["late"], 25)):
        when = at(f"2026-11-{day}T22:00:00+00:00")
        last = await review(api, author, rating, session_id, tags=tags, completed_at_iso=when)
        await like(api, boss, last.id)
    request = GetShiftReviewStatsRequest(date_to="2026-11-24")
    counted = await api.ShiftReviewService.GetShiftReviewStats(request, principal=boss)
    assert [(one.rating, one.count) for one in counted.by_rating] == [(2, 1), (5, 2)]
    assert (counted.total_reviews, counted.total_likes) == (3, 3)
    assert dict(counted.tag_counts) == {"busy": 2, "calm": 1}
    with pytest.raises(RemoteRefusal) as refused:
        await api.ShiftReviewService.GetShiftReviewStats(request, principal=author)
    assert refused.value.code == "permission_denied"


async def test_filters_narrow(timeclock: RunningService, bus: Bus, api: Api) -> None:
    restaurant_id = uuid4()
    amina = await employ(timeclock, bus, restaurant_id, "Amina")
    omar = await employ(timeclock, bus, restaurant_id, "Omar")
    boss = manager(restaurant_id)
    good = await review(api, waiter(restaurant_id, amina), 5, completed_at_iso=at("2026-11-20T22:00:00+00:00"))
    bad = await review(api, waiter(restaurant_id, omar), 1, completed_at_iso=at("2026-11-21T22:00:00+00:00"))
    assert await ids(api, boss, rating=5) == [good.id]
    assert await ids(api, boss, staff_id=str(omar)) == [bad.id]
    assert await ids(api, boss, staff_email="AMINA@example.com") == [good.id]
    assert await ids(api, boss, staff_email="nobody@example.com") == []
    assert await ids(api, boss, date_from="2026-11-21") == [bad.id]
    assert await ids(api, boss, date_to="2026-11-20") == [good.id]
    assert await ids(api, boss, date_from="2026-11-20T22:00:00Z", date_to="2026-11-20T22:00:00Z") == [good.id]
    with pytest.raises(RemoteRefusal) as refused:
        await ids(api, boss, staff_id=str(uuid4()))
    assert refused.value.code == "not_found"
    with pytest.raises(RemoteRefusal) as refused:
        await ids(api, boss, date_from="yesterday")
    assert list(refused.value.fields) == ["date_from"]


async def test_a_day_is_the_restaurants(timeclock: RunningService, bus: Bus, api: Api) -> None:
    restaurant_id = uuid4()
    paris = restaurant_event(restaurant_id, "Chez Lea", 1, timezone="Europe/Paris")
    await handled(timeclock, "timeclock-refdata", await bus.publish(paris, restaurant_id=restaurant_id))
    late = await review(api, waiter(restaurant_id), completed_at_iso=at("2026-07-01T22:30:00+00:00"))
    boss = manager(restaurant_id)
    assert await ids(api, boss, date_from="2026-07-02", date_to="2026-07-02") == [late.id]
    assert await ids(api, boss, date_from="2026-07-01", date_to="2026-07-01") == []


async def test_a_like_is_given_and_taken_back_and_counted(api: Api) -> None:
    restaurant_id = uuid4()
    author, boss, other = waiter(restaurant_id), manager(restaurant_id), manager(restaurant_id)
    written = await review(api, author)
    assert await like(api, boss, written.id) == LikeShiftReviewResponse(liked=True, likes_count=1)
    assert await like(api, other, written.id) == LikeShiftReviewResponse(liked=True, likes_count=2)
    assert (await listed(api, author)).results[0].likes_count == 2
    assert await like(api, boss, written.id) == LikeShiftReviewResponse(liked=False, likes_count=1)
    with pytest.raises(RemoteRefusal) as refused:
        await like(api, waiter(restaurant_id), written.id)
    assert refused.value.code == "not_found"


async def test_likes_given_at_once_are_all_counted(api: Api) -> None:
    restaurant_id = uuid4()
    written = await review(api, waiter(restaurant_id))
    given = await asyncio.gather(*(like(api, manager(restaurant_id), written.id) for _ in range(6)))
    assert sorted(answer.likes_count for answer in given) == [1, 2, 3, 4, 5, 6]


async def test_pages_are_cut_from_the_newest(api: Api) -> None:
    author = waiter(uuid4())
    start = datetime(2026, 11, 20, tzinfo=UTC)
    written = [
        await review(api, author, completed_at_iso=at((start + timedelta(hours=hour)).isoformat())) for hour in range(3)
    ]
    answer = await listed(api, author, page=2, page_size=2)
    assert (answer.count, [found.id for found in answer.results]) == (3, [written[0].id])
    with pytest.raises(RemoteRefusal) as refused:
        await listed(api, author, page=3, page_size=2)
    assert refused.value.code == "invalid_page"


async def test_a_list_costs_the_same_for_1_row_and_for_100(timeclock: RunningService, api: Api) -> None:
    restaurant_id = uuid4()
    author, boss = waiter(restaurant_id), manager(restaurant_id)
    session_id = (await review(api, author)).session_id
    with timeclock.statements() as for_one:
        assert (await listed(api, boss)).count == 1
    for _ in range(99):
        await review(api, author, session_id=session_id)
    with timeclock.statements() as for_hundred:
        assert len((await listed(api, boss)).results) == 100
    assert len(for_one) == len(for_hundred) == 2


async def test_who_is_unknown_or_nowhere_is_refused(api: Api) -> None:
    for principal, code in ((ANONYMOUS, "not_authenticated"), (waiter(uuid4()).in_restaurant(None), "no_restaurant")):
        for attempt in (review(api, principal), listed(api, principal), like(api, principal, str(uuid4()))):
            with pytest.raises(RemoteRefusal) as refused:
                await attempt
            assert refused.value.code == code


async def test_a_review_is_published_without_its_words(api: Api, bus: Bus) -> None:
    restaurant_id = uuid4()
    written = await review(
        api, waiter(restaurant_id), 2, comments="Too loud", completed_at_iso=at("2026-11-20T22:00:00+00:00")
    )
    event = await bus.first(facts.ShiftReviewCreated, restaurant_id)
    assert event.message.review == facts.ShiftReviewFacts(
        id=written.id,
        restaurant_id=str(restaurant_id),
        session_id=written.session_id,
        staff_id=written.staff_id,
        rating=2,
        completed_at=written.completed_at,
        version=1,
    )
    assert (event.envelope.aggregate_id, event.envelope.version) == (written.id, 1)
