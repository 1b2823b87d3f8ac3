"""Sessions, days and shifts as people read them."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from google.protobuf.empty_pb2 import Empty

from mizan.timeclock.events.v1 import events_pb2 as facts
from mizan.timeclock.v1 import attendance_pb2, policy_pb2, punch_pb2
from servicekit.db import SYSTEM
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import Principal
from servicekit.jobs import Job
from servicekit.testing.clock import MovableClock
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.timeclock.commands import watching
from services.timeclock.jobs import WATCH, Watch
from services.timeclock.tests.team import Team, stamp


@pytest.fixture
def team(timeclock: RunningService, bus: Bus, api: Api) -> Team:
    return Team(timeclock, bus, api)


async def add(team: Team, person: Principal, kind: str, at: datetime, **known: Any) -> punch_pb2.PunchChange:
    request = punch_pb2.AddPunchRequest(
        staff_id=person.subject, event_type=kind, timestamp=stamp(at), reason="Forgotten", **known
    )
    return await team.api.PunchService.AddPunch(request, principal=team.boss)


async def worked(team: Team, person: Principal, start: datetime, hours: float) -> None:
    await add(team, person, "in", start)
    await add(team, person, "out", start + timedelta(hours=hours))


async def history(team: Team, person: Principal, days: int = 10) -> list[attendance_pb2.WorkedSession]:
    now = datetime.now().astimezone()
    request = attendance_pb2.ListAttendanceHistoryRequest(
        start_date=f"{now - timedelta(days=days):%Y-%m-%d}", end_date=f"{now + timedelta(days=days):%Y-%m-%d}"
    )
    answer = await team.api.AttendanceService.ListAttendanceHistory(request, principal=person)
    return list(answer.sessions)


async def compared(team: Team, now: datetime) -> attendance_pb2.CompareWithScheduleResponse:
    request = attendance_pb2.CompareWithScheduleRequest(
        start_date=f"{now - timedelta(days=2):%Y-%m-%d}", end_date=f"{now + timedelta(days=2):%Y-%m-%d}"
    )
    return await team.api.AttendanceService.CompareWithSchedule(request, principal=team.boss)


def look(service: RunningService, clock: MovableClock) -> None:
    service.run(Watch(service.database, clock).watch(Job(1, WATCH.name, 1, last_attempt=True)))


async def test_a_corrected_punch_leaves_the_first_one_in_the_log(team: Team, clock: MovableClock) -> None:
    await team.open()
    amina = await team.employ()
    now = clock.now().replace(microsecond=0)
    added = await add(team, amina, "in", now - timedelta(hours=5))
    await add(team, amina, "out", now - timedelta(hours=1))
    assert (await history(team, amina))[0].total_hours == 4
    request = punch_pb2.CorrectPunchRequest(
        id=added.punch.id, timestamp=stamp(now - timedelta(hours=6)), reason="Came before"
    )
    corrected = await team.api.PunchService.CorrectPunch(request, principal=team.boss)
    assert (corrected.punch.revision, corrected.punch.author_id != "") == (1, True)
    (session,) = await history(team, amina)
    assert (session.total_hours, session.id) == (5, added.punch.id)
    gone = await team.api.PunchService.VoidPunch(
        punch_pb2.VoidPunchRequest(id=added.punch.id, reason="Was not here"), principal=team.boss
    )
    assert gone.punch.voided
    (lost,) = await history(team, amina)
    assert (lost.status, list(lost.flags)) == ("incomplete", ["MISSING_IN"])
    entries = await team.api.PunchService.ListPunches(
        punch_pb2.ListPunchesRequest(staff_id=amina.subject), principal=team.boss
    )
    assert [(entry.revision, entry.in_effect) for entry in entries.results if entry.event_type == "in"] == [
        (1, False),
        (2, False),
        (0, False),
    ]
    events = await team.bus.of_aggregate(facts.PunchCorrected, added.punch.id, 2)
    assert events[0].message.reason == "Came before"


async def test_nobody_corrects_their_own_time_or_the_future(team: Team, clock: MovableClock) -> None:
    boss = team.boss
    for request, principal, code in (
        (punch_pb2.AddPunchRequest(staff_id=boss.subject), boss, "not_found"),
        (punch_pb2.AddPunchRequest(staff_id=(await team.employ()).subject), boss, "invalid"),
    ):
        request.event_type, request.reason = "in", "x"
        request.timestamp.CopyFrom(stamp(clock.now() + timedelta(hours=1)))
        with pytest.raises(RemoteRefusal) as refused:
            await team.api.PunchService.AddPunch(request, principal=principal)
        assert refused.value.code == code
    amina = await team.employ("Amina")
    herself = Principal(
        kind="USER", subject=amina.subject, restaurant_id=team.id, permissions=boss.permissions, session_id="x"
    )
    with pytest.raises(RemoteRefusal) as refused:
        await team.api.PunchService.AddPunch(
            punch_pb2.AddPunchRequest(
                staff_id=amina.subject, event_type="in", timestamp=stamp(clock.now()), reason="x"
            ),
            principal=herself,
        )
    assert refused.value.code == "own_time"


async def test_who_forgot_to_go_is_clocked_out_and_looked_at(
    team: Team, timeclock: RunningService, clock: MovableClock
) -> None:
    await team.open(automatic_clock_out=True)
    amina = await team.employ()
    starts = clock.now()
    await team.publish_shift(amina, starts=starts, hours=2)
    came = await team.come(amina)
    clock.advance(timedelta(hours=2, minutes=59))
    look(timeclock, clock)
    assert (await history(team, amina))[0].status == "active"
    clock.advance(timedelta(minutes=2))
    look(timeclock, clock)
    look(timeclock, clock)
    (session,) = await history(team, amina)
    assert (session.status, session.total_hours, session.needs_review) == ("completed", 2, True)
    forgotten = await team.bus.of_aggregate(facts.PunchForgotten, came.session_id, 1)
    assert forgotten[0].message.clocked_out
    queue = await team.api.PunchService.ListForgotten(punch_pb2.ListForgottenRequest(), principal=team.boss)
    assert [found.id for found in queue.results] == [came.session_id]
    confirmed = await team.api.PunchService.ConfirmSession(
        punch_pb2.ConfirmSessionRequest(id=came.session_id, reason="She left with the shift"), principal=team.boss
    )
    assert (confirmed.needs_review, "CONFIRMED" in confirmed.flags) == (False, True)
    queue = await team.api.PunchService.ListForgotten(punch_pb2.ListForgottenRequest(), principal=team.boss)
    assert not queue.results
    assert (await team.come(amina)).session_id != came.session_id


async def test_without_automatic_clock_out_the_next_clock_in_leaves_a_session_without_an_end(
    team: Team, timeclock: RunningService, clock: MovableClock
) -> None:
    await team.open()
    amina = await team.employ()
    came = await team.come(amina)
    clock.advance(timedelta(hours=17))
    look(timeclock, clock)
    forgotten = await team.bus.of_aggregate(facts.PunchForgotten, came.session_id, 1)
    assert not forgotten[0].message.clocked_out
    again = await team.come(amina)
    first, second = await history(team, amina)
    assert (first.status, list(first.flags)[-1], first.total_hours) == ("incomplete", "MISSING_OUT", 0)
    assert (second.id, second.status) == (again.session_id, "active")
    with pytest.raises(RemoteRefusal) as refused:
        await team.api.PunchService.ConfirmSession(
            punch_pb2.ConfirmSessionRequest(id=came.session_id, reason="x"), principal=team.boss
        )
    assert refused.value.code == "session_without_end"


async def test_who_does_not_come_is_absent_once(team: Team, timeclock: RunningService, clock: MovableClock) -> None:
    await team.open()
    amina, omar = await team.employ(), await team.employ("Omar")
    shift = await team.publish_shift(amina, omar, starts=clock.now() - timedelta(minutes=29))
    await team.come(omar)

    async def marked() -> int:
        async with timeclock.database.write(SYSTEM) as session:
            return await watching.mark_absent(session, clock.now())

    timeclock.run(marked())
    clock.advance(timedelta(minutes=2))
    assert timeclock.run(marked()) == 1
    assert timeclock.run(marked()) == 0
    absent = await team.bus.first(facts.AttendanceAbsent, team.id)
    assert (absent.message.attendance.staff_id, absent.message.attendance.shift_id) == (amina.subject, str(shift))
    now = await team.api.AttendanceService.ListOnNow(Empty(), principal=team.boss)
    assert [one.staff_id for one in now.on_now] == [omar.subject]
    assert [(one.staff_id, one.late_minutes) for one in now.missing] == [(amina.subject, 31)]


async def test_planned_and_worked_stand_side_by_side(team: Team, clock: MovableClock) -> None:
    await team.open()
    amina, omar, sara = await team.employ(), await team.employ("Omar"), await team.employ("Sara")
    starts = clock.now().replace(microsecond=0) - timedelta(hours=10)
    await team.publish_shift(amina, omar, starts=starts, hours=4)
    await worked(team, amina, starts + timedelta(minutes=12), 3)
    await worked(team, sara, starts, 2)
    compare = await compared(team, clock.now())
    lines = {line.staff_name.split()[0]: line for line in compare.shifts}
    assert (lines["Amina"].status, lines["Amina"].late_minutes, lines["Amina"].early_leave_minutes) == ("LATE", 12, 48)
    assert (lines["Omar"].status, lines["Omar"].worked_hours) == ("ABSENT", 0)
    assert (lines["Sara"].status, lines["Sara"].HasField("shift_id")) == ("UNSCHEDULED", False)
    assert (compare.scheduled_hours, compare.worked_hours) == (8, 5)
    assert (compare.late, compare.absent, compare.left_early, compare.unscheduled) == (1, 1, 1, 1)
    reports = await team.api.AttendanceService.ListAttendanceReports(
        attendance_pb2.ListAttendanceReportsRequest(), principal=team.boss
    )
    report = reports.results[0]
    assert (report.total_staff_hours, report.staff_on_shift, report.late_arrivals, report.absences) == (5, 2, 1, 1)
    one = await team.api.AttendanceService.GetDayReport(
        attendance_pb2.GetDayReportRequest(id=report.id), principal=team.boss
    )
    assert one == report
    with pytest.raises(RemoteRefusal) as refused:
        await team.api.AttendanceService.GetDayReport(
            attendance_pb2.GetDayReportRequest(id="2020-01-01"), principal=team.boss
        )
    assert refused.value.code == "not_found"


async def test_the_dashboard_of_somebody_on_a_break(team: Team, clock: MovableClock) -> None:
    await team.open()
    amina = await team.employ()
    now = clock.now().replace(microsecond=0)
    wage = policy_pb2.SetWageRequest(staff=amina.subject, effective_from="2020-01-01", hourly_rate="30")
    await team.api.PolicyService.SetWage(wage, principal=team.boss)
    await worked(team, amina, now - timedelta(hours=30), 8)
    await team.come(amina)
    await team.pause(amina)
    clock.advance(timedelta(minutes=6))
    shown = await team.api.AttendanceService.GetStaffDashboard(Empty(), principal=amina)
    assert (shown.is_clocked_in, shown.is_on_break, shown.account_status) == (True, True, "good")
    assert shown.current_break_duration_minutes == pytest.approx(6, abs=0.1)
    assert (shown.stats.hours_this_week, shown.stats.shifts_this_week, shown.stats.earnings_this_week) == (8, 1, 240)
    assert (shown.geofence_radius, shown.HasField("todays_shift")) == (60, False)


async def test_people_read_their_own_and_managers_everybodys(team: Team) -> None:
    amina, omar = await team.employ(), await team.employ("Omar")
    await team.come(amina)
    request = attendance_pb2.ListTodaysEventsRequest()
    assert len((await team.api.AttendanceService.ListTodaysEvents(request, principal=team.boss)).events) == 1
    assert not (await team.api.AttendanceService.ListTodaysEvents(request, principal=omar)).events
    asked = attendance_pb2.ListStaffEventsRequest(user_id=amina.subject)
    (event,) = (await team.api.AttendanceService.ListStaffEvents(asked, principal=amina)).events
    assert (event.event_type, event.session_id) == ("in", event.id)
    stranger = Team(team.service, team.bus, team.api).boss
    for principal in (omar, stranger):
        with pytest.raises(RemoteRefusal) as refused:
            await team.api.AttendanceService.ListStaffEvents(asked, principal=principal)
        assert refused.value.code == "not_found"
    missing = attendance_pb2.ListAttendanceHistoryRequest(start_date="2026-01-01")
    with pytest.raises(RemoteRefusal) as refused:
        await team.api.AttendanceService.ListAttendanceHistory(missing, principal=amina)
    assert "required" in refused.value.message


async def test_lists_cost_the_same_for_one_and_for_many(
    team: Team, timeclock: RunningService, clock: MovableClock
) -> None:
    await team.open()
    people = [await team.employ(f"Person{number}") for number in range(6)]
    start = clock.now() - timedelta(hours=3)
    await worked(team, people[0], start, 1)

    async def all_of_it() -> list[int]:
        counts = []
        for method, request in (
            (team.api.AttendanceService.ListTodaysEvents, attendance_pb2.ListTodaysEventsRequest()),
            (team.api.AttendanceService.ListAttendanceReports, attendance_pb2.ListAttendanceReportsRequest()),
            (team.api.AttendanceService.ListOnNow, Empty()),
            (team.api.PunchService.ListPunches, punch_pb2.ListPunchesRequest()),
            (team.api.PunchService.ListForgotten, punch_pb2.ListForgottenRequest()),
        ):
            with timeclock.statements() as ran:
                await method(request, principal=team.boss)
            counts.append(len(ran))
        return counts

    for_one = await all_of_it()
    for person in people[1:]:
        await worked(team, person, start, 1)
        await team.come(person)
    assert await all_of_it() == for_one
    assert max(for_one) <= 6
