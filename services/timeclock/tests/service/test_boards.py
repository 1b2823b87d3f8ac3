"""The boards of the dashboard: who is here, who is not, how reliable the team was, and what its hours cost."""

from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from mizan.timeclock.v1 import board_pb2, policy_pb2
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import Principal
from servicekit.testing.clock import MovableClock
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService, person
from services.timeclock.tests.team import Team

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
CENTS = 0.5
"""What the seconds cost that a test takes, and more."""

NOON = datetime(2026, 7, 15, 11, tzinfo=UTC)
"""A Wednesday in Casablanca, whose clocks showed an hour more than UTC that summer."""


@pytest.fixture
async def team(timeclock: RunningService, bus: Bus, api: Api, clock: MovableClock) -> Team:
    clock.advance(NOON - clock.now())
    return await Team(timeclock, bus, api).open(max_weekly_hours="10.00")


def accountant(team: Team) -> Principal:
    return person(frozenset({"report.view"}), restaurant_id=team.id)


async def work(team: Team, clock: MovableClock, who: Principal, length: timedelta) -> None:
    await team.come(who)
    clock.advance(length)
    await team.go(who)


async def test_the_day_in_rows_and_numbers(team: Team, clock: MovableClock) -> None:
    amina, badr, chadia, driss = [await team.employ(name) for name in ("Amina", "Badr", "Chadia", "Driss")]
    await team.publish_shift(amina, starts=NOON - 20 * MINUTE)
    await team.publish_shift(badr, starts=NOON - 40 * MINUTE)
    await team.publish_shift(chadia, starts=NOON + 3 * HOUR)
    await team.come(amina)
    await team.come(driss)
    clock.advance(10 * MINUTE)
    await team.go(driss)

    board = await team.api.BoardService.GetAttendanceDashboard(Empty(), principal=team.boss)
    found = [(row.staff.name.split()[0], row.status) for row in board.attendance_list]
    assert found == [("Amina", "late"), ("Badr", "absent"), ("Driss", "clocked_out"), ("Chadia", "scheduled")]
    late = board.attendance_list[0]
    assert (late.late_minutes, late.clock_in, late.HasField("clock_out")) == (20, "12:00", False)
    assert (late.shift.start, late.shift.end) == ("11:40", "19:40")
    assert [(entry.time, entry.type) for entry in late.timeline] == [("12:00", "in")]
    summary = board.summary
    assert (summary.present.count, summary.present.total, summary.present.percentage) == (1, 3, 33)
    assert (summary.late.count, summary.late.avg_minutes, summary.absent.count) == (1, 20, 1)
    assert [(entry.event, entry.time) for entry in board.recent_activity] == [
        ("Clock Out", "12:10"),
        ("Clock In", "12:00"),
        ("Clock In", "12:00"),
    ]
    assert board.recent_activity[0].staff_name.startswith("Driss")


async def test_the_figures_of_the_week(team: Team, clock: MovableClock) -> None:
    amina, badr = await team.employ("Amina"), await team.employ("Badr")
    for days in (3, 2, 1):
        starts = NOON - timedelta(days=days)
        clock.advance(starts - clock.now())
        await team.publish_shift(amina, badr, starts=starts, hours=4)
        await work(team, clock, amina, 4 * HOUR)
    clock.advance(NOON - clock.now())
    await team.publish_shift(badr, starts=NOON - 10 * MINUTE)
    await team.come(amina)

    figures = await team.api.BoardService.GetAttendanceFigures(Empty(), principal=team.boss)
    assert (figures.present_count, figures.no_shows) == (1, 1)
    assert (figures.shifts_week, figures.attended_week, figures.on_time_week) == (7, 3, 3)
    assert [(row.name.split()[0], row.amount) for row in figures.missing] == [("Badr", 10)]
    assert [(row.id, row.amount) for row in figures.unreliable] == [(badr.subject, 3)]
    assert [(row.id, row.amount) for row in figures.overworked] == [(amina.subject, pytest.approx(12 * 60, abs=2))]
    assert (figures.avg_rating, figures.negative_reviews) == ("0.0", 0)


async def test_presence_tells_breaks_apart(team: Team) -> None:
    amina, badr = await team.employ("Amina"), await team.employ("Badr")
    for who in (amina, badr):
        await team.come(who)
    await team.pause(badr)
    colleague = person(frozenset({"schedule.view"}), restaurant_id=team.id)
    found = (await team.api.BoardService.ListPresence(Empty(), principal=colleague)).people
    assert {row.staff_id: row.is_on_break for row in found} == {amina.subject: False, badr.subject: True}


async def test_hours_cost_the_wage_of_their_day(team: Team, clock: MovableClock) -> None:
    amina, badr = await team.employ("Amina", role="CHEF"), await team.employ("Badr")
    for rate, since in (("20.00", "2026-01-01"), ("30.00", "2026-07-15")):
        request = policy_pb2.SetWageRequest(staff=amina.subject, hourly_rate=rate, effective_from=since)
        await team.api.PolicyService.SetWage(request, principal=team.boss)
    clock.advance(NOON - timedelta(days=1) - clock.now())
    await work(team, clock, amina, 2 * HOUR)
    clock.advance(NOON - clock.now())
    await work(team, clock, amina, 90 * MINUTE)
    await work(team, clock, badr, HOUR)

    days = (await team.api.BoardService.ListDailyLabor(board_pb2.LaborPeriodRequest(), principal=accountant(team))).days
    assert [(row.date, row.cost, row.people) for row in days] == [
        ("2026-07-14", "40.00", 1),
        ("2026-07-15", "45.00", 2),
    ]
    costs = (
        await team.api.BoardService.ListLaborCosts(board_pb2.LaborPeriodRequest(), principal=accountant(team))
    ).roles
    assert [(row.name, float(row.value)) for row in costs] == [("CHEF", pytest.approx(85, abs=CENTS)), ("WAITER", 0)]


@pytest.mark.parametrize("period", [("2026-02-02", "2026-02-01"), ("2024-01-01", "2026-01-01")], ids=["turned", "long"])
async def test_impossible_periods_are_refused(team: Team, period: tuple[str, str]) -> None:
    request = board_pb2.LaborPeriodRequest(start_date=period[0], end_date=period[1])
    with pytest.raises(RemoteRefusal) as refused:
        await team.api.BoardService.ListLaborCosts(request, principal=accountant(team))
    assert refused.value.grpc_code is grpc.StatusCode.INVALID_ARGUMENT


async def test_the_statements_do_not_grow_with_the_team(team: Team, timeclock: RunningService) -> None:
    async def count() -> int:
        with timeclock.statements() as statements:
            await team.api.BoardService.GetAttendanceDashboard(Empty(), principal=team.boss)
            await team.api.BoardService.GetAttendanceFigures(Empty(), principal=team.boss)
            await team.api.BoardService.ListLaborCosts(board_pb2.LaborPeriodRequest(), principal=accountant(team))
        return len(statements)

    before = await count()
    for number in range(5):
        who = await team.employ(f"Person {number}")
        await team.publish_shift(who, starts=NOON)
        await team.come(who)
    assert await count() == before


async def test_another_restaurant_sees_nothing_of_it(team: Team, timeclock: RunningService, bus: Bus, api: Api) -> None:
    await team.come(await team.employ("Amina"))
    others = await Team(timeclock, bus, api).open()
    board = await api.BoardService.GetAttendanceDashboard(Empty(), principal=others.boss)
    assert (list(board.attendance_list), list(board.recent_activity)) == ([], [])
    assert (await api.BoardService.GetAttendanceFigures(Empty(), principal=others.boss)).present_count == 0
