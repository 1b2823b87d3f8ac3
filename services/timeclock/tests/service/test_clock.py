"""Clocking in and out: who, where, when, and what comes late."""

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from google.protobuf.empty_pb2 import Empty

from mizan.timeclock.events.v1 import events_pb2 as facts
from mizan.timeclock.v1 import attendance_pb2, clock_pb2, policy_pb2, punch_pb2
from refdata import DEFAULT_TIME_ZONE
from servicekit.db import SYSTEM, Query
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS
from servicekit.testing.clock import MovableClock
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from servicekit.zones import beginning_of
from services.timeclock.commands import log
from services.timeclock.models import Punch, WorkSession
from services.timeclock.tests.team import LATITUDE, LONGITUDE, METRE, Team, moment, stamp

SESSIONS = Query(
    sa.select(WorkSession.__table__)
    .where(WorkSession.staff_id == sa.bindparam("staff_id", type_=sa.Uuid))
    .order_by(WorkSession.started_at)
)
PUNCHES = Query(
    sa.select(Punch.__table__).where(Punch.staff_id == sa.bindparam("staff_id", type_=sa.Uuid)).order_by(Punch.at)
)


@pytest.fixture
def team(timeclock: RunningService, bus: Bus, api: Api) -> Team:
    return Team(timeclock, bus, api)


def rows(service: RunningService, query: Query, staff_id: str) -> list[Any]:
    return list(service.run(service.database.read(SYSTEM).all(query, staff_id=UUID(staff_id))))


async def refusal(attempt: Any) -> RemoteRefusal:
    with pytest.raises(RemoteRefusal) as refused:
        await attempt
    return refused.value


async def settings(team: Team, **changes: Any) -> policy_pb2.ClockSettings:
    request = policy_pb2.UpdateClockSettingsRequest(**changes)
    request.update_mask.paths.extend(changes)
    return await team.api.PolicyService.UpdateClockSettings(request, principal=team.boss)


async def test_a_day_from_the_door_to_the_door(team: Team, clock: MovableClock) -> None:
    await team.open()
    amina = await team.employ()
    came = await team.come(amina)
    assert (came.location_verified, came.distance_from_restaurant) == (True, "0m")
    assert came.event.id == came.session_id
    clock.advance(timedelta(hours=2))
    began = await team.pause(amina)
    assert (began.event_type, began.event.is_break, began.event.id) == ("break_start", True, came.session_id)
    current = await team.api.ClockService.GetCurrentSession(Empty(), principal=amina)
    assert (current.is_clocked_in, current.current_session.is_break) == (True, True)
    clock.advance(timedelta(minutes=30))
    await team.resume(amina)
    clock.advance(timedelta(hours=1))
    went = await team.go(amina, latitude=LATITUDE, longitude=LONGITUDE)
    assert went.session_id == came.session_id
    assert went.total_hours == pytest.approx(3.0, abs=0.01)
    assert went.location_verified
    assert moment(went.event.clock_out_time) == moment(went.clock_out_time)
    assert not (await team.api.ClockService.GetCurrentSession(Empty(), principal=amina)).is_clocked_in
    closed = await team.bus.of_aggregate(facts.SessionClosed, came.session_id, 1)
    assert (closed[0].message.session.worked_minutes, closed[0].message.session.break_minutes) == (180, 30)


async def test_only_at_the_door(team: Team) -> None:
    await team.open()
    amina = await team.employ()
    far = await refusal(team.come(amina, metres=250))
    assert far.code == "outside_geofence"
    assert "250m" in far.message
    assert "60m" in far.message
    vague = await refusal(
        team.api.ClockService.WebClockIn(
            clock_pb2.WebClockInRequest(latitude=LATITUDE, longitude=LONGITUDE, accuracy=101), principal=amina
        )
    )
    assert (vague.code, vague.message[:21]) == ("accuracy_too_weak", "GPS accuracy too weak")
    nowhere = await refusal(
        team.api.ClockService.WebClockIn(clock_pb2.WebClockInRequest(latitude=0, longitude=0), principal=amina)
    )
    assert nowhere.code == "location_required"
    assert (await team.come(amina, metres=59)).location_verified
    assert (await refusal(team.come(amina))).code == "already_clocked_in"


async def test_a_fence_that_is_drawn_goes_before_the_circle(team: Team) -> None:
    corners = [[LATITUDE + y * METRE, LONGITUDE + x * METRE] for x, y in ((-50, -50), (-50, 500), (50, 500), (50, -50))]
    await team.open(geofence_polygon_json=str(corners))
    amina = await team.employ()
    assert (await team.come(amina, metres=400)).location_verified
    omar = await team.employ("Omar")
    assert (await refusal(team.come(omar, metres=-55))).code == "outside_geofence"


async def test_where_one_is_can_be_asked_without_leaving_a_trace(team: Team, timeclock: RunningService) -> None:
    await team.open()
    amina = await team.employ()
    request = clock_pb2.VerifyLocationRequest(latitude=LATITUDE + 70 * METRE, longitude=LONGITUDE)
    with timeclock.statements() as ran:
        answer = await team.api.ClockService.VerifyLocation(request, principal=amina)
    assert (answer.within_range, answer.distance) == (False, pytest.approx(70, abs=0.1))
    assert "70m" in answer.message
    assert len(ran) == 1
    nowhere = Team(timeclock, team.bus, team.api)
    assert (
        await refusal(team.api.ClockService.VerifyLocation(request, principal=nowhere.boss))
    ).code == "location_not_set"


@pytest.mark.parametrize(
    ("attempt", "code"),
    [
        (lambda team, person: team.go(person), "not_clocked_in"),
        (lambda team, person: team.pause(person), "not_clocked_in"),
        (lambda team, person: team.resume(person), "not_clocked_in"),
    ],
)
async def test_who_is_not_there_cannot_go(team: Team, attempt: Callable[..., Any], code: str) -> None:
    amina = await team.employ()
    assert (await refusal(attempt(team, amina))).code == code


async def test_one_break_at_a_time(team: Team) -> None:
    amina = await team.employ()
    await team.come(amina)
    assert (await refusal(team.resume(amina))).code == "not_on_break"
    await team.pause(amina)
    assert (await refusal(team.pause(amina))).code == "already_on_break"
    assert (await refusal(team.come(amina))).code == "already_clocked_in"


async def test_of_two_hundred_clock_ins_at_once_one_opens_a_session(team: Team, timeclock: RunningService) -> None:
    await team.open()
    amina = await team.employ()
    answers = await asyncio.gather(*(team.come(amina) for _ in range(200)), return_exceptions=True)
    opened = [one for one in answers if isinstance(one, clock_pb2.WebClockInResponse)]
    refused = [one for one in answers if isinstance(one, RemoteRefusal)]
    assert len(opened) == 1
    assert len(refused) == 199
    assert {one.code for one in refused} <= {"already_clocked_in", "unavailable"}
    (session,) = rows(timeclock, SESSIONS, amina.subject)
    assert (str(session.id), session.status) == (opened[0].session_id, "OPEN")
    assert len(rows(timeclock, PUNCHES, amina.subject)) == 1


async def test_nobody_begins_too_early_unless_a_manager_lets_them(team: Team, clock: MovableClock) -> None:
    await team.open()
    amina = await team.employ()
    await settings(team, early_clock_in_minutes=10)
    starts = clock.now().replace(second=0, microsecond=0) + timedelta(minutes=45)
    rules = await team.api.PolicyService.GetClockSettings(Empty(), principal=team.boss)
    assert rules.early_clock_in_minutes == 10
    await team.publish_shift(amina, starts=starts)
    early = await refusal(team.come(amina))
    assert early.code == "too_early"
    assert "Your shift begins at" in early.message
    allowance = punch_pb2.AllowEarlyClockInRequest(staff_id=amina.subject, reason="Delivery comes early")
    allowed = await team.api.PunchService.AllowEarlyClockIn(allowance, principal=team.boss)
    assert allowed.allowed_by
    came = await team.come(amina)
    assert list(came.flags) == ["EARLY_ALLOWED"]
    omar = await team.employ("Omar")
    await team.publish_shift(omar, starts=clock.now() + timedelta(minutes=9))
    assert list((await team.come(omar)).flags) == []


async def test_nobody_begins_too_early_before_a_shift_of_the_next_day(team: Team, clock: MovableClock) -> None:
    await team.open()
    amina = await team.employ()
    await settings(team, early_clock_in_minutes=10)
    midnight = beginning_of(clock.now().astimezone(DEFAULT_TIME_ZONE).date() + timedelta(days=1), DEFAULT_TIME_ZONE)
    if midnight - clock.now() < timedelta(minutes=20):
        midnight += timedelta(days=1)
    await team.publish_shift(amina, starts=midnight + timedelta(minutes=5))
    clock.advance(midnight - timedelta(minutes=15) - clock.now())
    early = await refusal(team.come(amina))
    assert early.code == "too_early"


async def test_who_comes_late_is_marked_once(team: Team, clock: MovableClock) -> None:
    await team.open()
    amina = await team.employ()
    shift = await team.publish_shift(amina, starts=clock.now() - timedelta(minutes=17, seconds=30))
    came = await team.come(amina)
    assert list(came.flags) == ["LATE"]
    await team.go(amina)
    again = await team.come(amina)
    assert list(again.flags) == []
    late = await team.bus.first(facts.AttendanceLate, team.id)
    assert (late.message.attendance.shift_id, late.message.attendance.minutes) == (str(shift), 17)
    left = await team.bus.first(facts.AttendanceLeftEarly, team.id)
    assert left.message.attendance.minutes > 400


async def test_a_shift_that_was_taken_out_of_the_plan_or_is_not_published_does_not_count(
    team: Team, clock: MovableClock
) -> None:
    await team.open()
    amina = await team.employ()
    starts = clock.now() - timedelta(hours=1)
    omar = await team.employ("Omar")
    shift = await team.publish_shift(amina, omar, starts=starts, is_published=False)
    assert list((await team.come(amina)).flags) == ["UNSCHEDULED"]
    await team.publish_shift(amina, omar, starts=starts, shift_id=shift)
    assert list((await team.come(omar)).flags) == ["LATE"]
    sara = await team.employ("Sara")
    await team.publish_shift(sara, starts=starts, shift_id=shift, version=2, status="CANCELLED")
    assert list((await team.come(sara)).flags) == ["UNSCHEDULED"]


async def test_what_waited_in_a_queue_is_kept_where_it_belongs(
    team: Team, timeclock: RunningService, clock: MovableClock
) -> None:
    await team.open()
    amina = await team.employ()
    now = clock.now()
    history = [
        ("in", now - timedelta(hours=9), "a"),
        ("break_start", now - timedelta(hours=6), "b"),
        ("break_end", now - timedelta(hours=5, minutes=30), "c"),
        ("out", now - timedelta(hours=1), "d"),
    ]
    arrivals = [*history, *history]
    random.Random(7).shuffle(arrivals)
    wrong = timedelta(hours=31)
    for kind, at, key in arrivals:
        sent: dict[str, Any] = {
            "occurred_at": stamp(at + wrong),
            "sent_at": stamp(clock.now() + wrong),
            "client_key": key,
        }
        if kind == "in":
            await team.come(amina, **sent)
        elif kind == "out":
            await team.go(amina, **sent)
        elif kind == "break_start":
            await team.pause(amina, **sent)
        else:
            await team.resume(amina, **sent)
    (session,) = rows(timeclock, SESSIONS, amina.subject)
    assert session.status == "CLOSED"
    assert session.worked_seconds == pytest.approx(7.5 * 3600, abs=3)
    assert {"OFFLINE", "CLOCK_SKEW"} <= set(session.flags)
    assert len(rows(timeclock, PUNCHES, amina.subject)) == 4
    old = await refusal(team.come(amina, occurred_at=stamp(now - timedelta(hours=73))))
    assert list(old.fields) == ["occurred_at"]


async def test_the_log_alone_makes_the_same_sessions(
    team: Team, timeclock: RunningService, clock: MovableClock
) -> None:
    await team.open()
    amina = await team.employ()
    for _ in range(3):
        await team.come(amina)
        await team.pause(amina)
        clock.advance(timedelta(minutes=10))
        await team.resume(amina)
        await team.go(amina)
        clock.advance(timedelta(hours=1))
    before = rows(timeclock, SESSIONS, amina.subject)

    async def rebuild() -> int:
        async with timeclock.database.write(SYSTEM) as session:
            await log.lock_person(session, team.id, UUID(amina.subject))
            kept = await log.derive(session, team.id, UUID(amina.subject), None)
            await session.execute(sa.delete(WorkSession).where(WorkSession.staff_id == UUID(amina.subject)))
            return len(kept) + len(await log.derive(session, team.id, UUID(amina.subject), None))

    assert timeclock.run(rebuild()) == 3
    after = rows(timeclock, SESSIONS, amina.subject)
    still = [{**row._asdict(), "created_at": 0, "updated_at": 0, "version": 0} for row in before]
    assert [{**row._asdict(), "created_at": 0, "updated_at": 0, "version": 0} for row in after] == still


async def test_the_log_is_only_added_to(team: Team, timeclock: RunningService) -> None:
    amina = await team.employ()
    await team.come(amina)

    async def tamper(statement: Any) -> None:
        async with timeclock.database.write(SYSTEM) as session:
            await session.execute(statement)

    for statement in (
        sa.update(Punch).where(Punch.staff_id == UUID(amina.subject)).values(at=datetime(2026, 1, 1, tzinfo=UTC)),
        sa.delete(Punch).where(Punch.staff_id == UUID(amina.subject)),
    ):
        with pytest.raises(sa.exc.DBAPIError, match="only added to"):
            timeclock.run(tamper(statement))


async def test_a_picture_is_kept_with_the_punch_and_shown_to_whom_it_concerns(team: Team) -> None:
    await team.open()
    amina = await team.employ()
    pixel = (
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
        "AAAADUlEQVR4nGNgAAIAAAUAAeImBZsAAAAASUVORK5CYII="
    )
    came = await team.come(amina, photo=pixel)
    link = urlsplit(came.photo_url)
    punch_id = link.path.rstrip("/").rpartition("/")[2]
    request = clock_pb2.GetPunchPhotoRequest(id=punch_id)
    for reader in (amina, team.boss):
        body = await team.api.ClockService.GetPunchPhoto(request, principal=reader)
        assert (body.content_type, body.data[:4]) == ("image/png", b"\x89PNG")
    for stranger in (await team.employ("Omar"), Team(team.service, team.bus, team.api).boss):
        assert (await refusal(team.api.ClockService.GetPunchPhoto(request, principal=stranger))).code == "not_found"
    assert (
        await refusal(team.api.ClockService.GetPunchPhoto(request, principal=ANONYMOUS))
    ).code == "not_authenticated"
    # What a browser sends for an <img>: the link, and no token.
    given = parse_qs(link.query)
    linked = clock_pb2.GetPunchPhotoRequest(
        id=punch_id, expires=int(given["expires"][0]), signature=given["signature"][0]
    )
    shown = await team.api.ClockService.GetPunchPhoto(linked, principal=ANONYMOUS)
    assert (shown.content_type, shown.data[:4]) == ("image/png", b"\x89PNG")
    today = await team.api.AttendanceService.ListStaffEvents(
        attendance_pb2.ListStaffEventsRequest(user_id=amina.subject), principal=team.boss
    )
    assert today.events[0].photo == came.photo_url
    other = (await team.come(await team.employ("Sara"), photo=pixel)).photo_url
    for name, value in (
        ("expires", linked.expires + 1),
        ("signature", linked.signature[:-2] + "AA"),
        ("signature", ""),
        ("signature", parse_qs(urlsplit(other).query)["signature"][0]),
        ("id", str(uuid4())),
    ):
        forged = clock_pb2.GetPunchPhotoRequest()
        forged.CopyFrom(linked)
        setattr(forged, name, value)
        assert (await refusal(team.api.ClockService.GetPunchPhoto(forged, principal=ANONYMOUS))).code == "link_expired"
    omar = await team.employ("Omar")
    page = await team.come(omar, photo="data:image/html;base64,PGI+aGk8L2I+")
    assert not page.photo_url


async def test_another_restaurants_people_are_not_there(team: Team, timeclock: RunningService, bus: Bus) -> None:
    amina = await team.employ()
    await team.come(amina)
    stranger = Team(timeclock, bus, team.api).boss
    for request in (
        punch_pb2.AddPunchRequest(
            staff_id=amina.subject, event_type="out", timestamp=stamp(datetime.now(UTC)), reason="x"
        ),
        punch_pb2.VoidPunchRequest(id=str(uuid4()), reason="x"),
    ):
        method = "AddPunch" if isinstance(request, punch_pb2.AddPunchRequest) else "VoidPunch"
        assert (await refusal(getattr(team.api.PunchService, method)(request, principal=stranger))).code == "not_found"


async def test_of_many_clock_outs_and_breaks_at_once_each_follows_what_was_there(
    team: Team, timeclock: RunningService
) -> None:
    await team.open()
    amina = await team.employ()
    await team.come(amina)
    attempts = [attempt(amina) for _ in range(30) for attempt in (team.pause, team.go)]
    answers = await asyncio.gather(*attempts, return_exceptions=True)
    refused = {one.code for one in answers if isinstance(one, RemoteRefusal)}
    assert refused <= {"not_clocked_in", "already_on_break", "concurrent_change"}
    taken = [one for one in answers if not isinstance(one, BaseException)]
    assert len(taken) + sum(isinstance(one, RemoteRefusal) for one in answers) == len(answers)
    assert sum(isinstance(one, clock_pb2.WebClockOutResponse) for one in taken) == 1
    (session,) = rows(timeclock, SESSIONS, amina.subject)
    assert (session.status, session.version) == ("CLOSED", 1 + len(taken))
    assert len(rows(timeclock, PUNCHES, amina.subject)) == 1 + len(taken)


async def test_a_clock_in_costs_few_statements(team: Team, timeclock: RunningService) -> None:
    await team.open()
    amina = await team.employ()
    with timeclock.statements() as to_come:
        await team.come(amina)
    with timeclock.statements() as to_go:
        await team.go(amina)
    assert len(to_come) <= 4
    assert len(to_go) <= 4
