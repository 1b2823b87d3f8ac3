"""Timesheets: reckoned, vouched for, approved by somebody else, locked, and settled in the next."""

import csv
import io
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from mizan.timeclock.events.v1 import events_pb2 as facts
from mizan.timeclock.v1 import policy_pb2, punch_pb2, timesheet_pb2
from servicekit.db import Scope
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import Principal
from servicekit.testing.clock import MovableClock
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.timeclock.commands.policy import take_over_wages
from services.timeclock.tests.conftest import manager
from services.timeclock.tests.team import Team, stamp

ZONE = ZoneInfo("Africa/Casablanca")
MONDAY = date(2026, 6, 1)
SUNDAY = date(2026, 6, 7)


@pytest.fixture
async def team(timeclock: RunningService, bus: Bus, api: Api) -> Team:
    return await Team(timeclock, bus, api).open(max_weekly_hours="44.00")


def at(day: int, hour: float) -> datetime:
    return datetime(2026, 6, 1, tzinfo=ZONE) + timedelta(days=day, hours=hour)


async def work(team: Team, person: Principal, day: int, start: float, end: float) -> str:
    """Somebody worked; the id of the punch that ended it."""
    punch = ""
    for kind, hour in (("in", start), ("out", end)):
        request = punch_pb2.AddPunchRequest(
            staff_id=person.subject, event_type=kind, timestamp=stamp(at(day, hour)), reason="Paper"
        )
        punch = (await team.api.PunchService.AddPunch(request, principal=team.boss)).punch.id
    return punch


async def pay(team: Team, person: Principal, rate: str, since: str = "2026-01-01") -> None:
    request = policy_pb2.SetWageRequest(staff=person.subject, effective_from=since, hourly_rate=rate)
    await team.api.PolicyService.SetWage(request, principal=team.boss)


async def opened(team: Team, person: Principal, first: date = MONDAY, last: date = SUNDAY, **known: Any) -> Any:
    request = timesheet_pb2.CreateTimesheetRequest(
        staff=person.subject, start_date=first.isoformat(), end_date=last.isoformat(), **known
    )
    return await team.api.TimesheetService.CreateTimesheet(request, principal=team.boss)


async def step(team: Team, name: str, timesheet: Any, principal: Principal) -> Any:
    method = getattr(team.api.TimesheetService, name)
    return (await method(timesheet_pb2.TimesheetStep(id=timesheet.id), principal=principal)).timesheet


async def refusal(attempt: Any) -> RemoteRefusal:
    with pytest.raises(RemoteRefusal) as refused:
        await attempt
    return refused.value


async def test_from_draft_to_paid_by_two_people(team: Team) -> None:
    amina = await team.employ()
    await pay(team, amina, "20")
    await pay(team, amina, "30", "2026-06-03")
    await work(team, amina, 0, 9, 17)
    await work(team, amina, 2, 9, 17)
    sheet = await opened(team, amina)
    assert (sheet.total_hours, sheet.total_earnings, sheet.hourly_rate) == ("16.00", "400.00", "30.00")
    assert sheet.staff_name == "Amina Idrissi"
    assert (await refusal(step(team, "ApproveTimesheet", sheet, team.boss))).code == "wrong_status"
    sheet = await step(team, "SubmitTimesheet", sheet, amina)
    assert sheet.status == "SUBMITTED"
    assert (await refusal(step(team, "SubmitTimesheet", sheet, amina))).code == "wrong_status"
    herself = Principal(
        kind="USER", subject=amina.subject, restaurant_id=team.id, permissions=team.boss.permissions, session_id="x"
    )
    assert (await refusal(step(team, "ApproveTimesheet", sheet, herself))).code == "own_timesheet"
    sheet = await step(team, "RejectTimesheet", sheet, team.boss)
    assert sheet.status == "REJECTED"
    sheet = await step(team, "RecalculateTimesheet", sheet, amina)
    assert (sheet.status, sheet.HasField("submitted_at")) == ("DRAFT", False)
    await step(team, "SubmitTimesheet", sheet, amina)
    boss = team.boss
    sheet = await step(team, "ApproveTimesheet", sheet, boss)
    assert (sheet.status, sheet.approved_by) == ("APPROVED", boss.subject)
    assert (await refusal(step(team, "RecalculateTimesheet", sheet, boss))).code == "wrong_status"
    change = timesheet_pb2.UpdateTimesheetRequest(id=sheet.id, notes="x")
    change.update_mask.paths.append("notes")
    assert (await refusal(team.api.TimesheetService.UpdateTimesheet(change, principal=boss))).code == "wrong_status"
    gone = timesheet_pb2.DeleteTimesheetRequest(id=sheet.id)
    assert (await refusal(team.api.TimesheetService.DeleteTimesheet(gone, principal=boss))).code == "wrong_status"
    assert (await step(team, "MarkTimesheetPaid", sheet, boss)).status == "PAID"
    paid = await team.bus.of_aggregate(facts.TimesheetPaid, sheet.id, 1)
    assert paid[0].message.timesheet.total_hours == "16.00"
    export = timesheet_pb2.ExportPayrollRequest(start_date="2026-06-01", end_date="2026-06-30")
    body = await team.api.TimesheetService.ExportPayroll(export, principal=boss)
    rows = list(csv.DictReader(io.StringIO(body.data.decode())))
    assert [(row["hours"], row["hourly_rate"], row["amount"]) for row in rows] == [
        ("8.0000", "20.00", "160.00"),
        ("8.0000", "30.00", "240.00"),
    ]


async def test_what_changed_after_submitting_is_looked_at_again(team: Team) -> None:
    amina = await team.employ()
    await pay(team, amina, "20")
    out = await work(team, amina, 0, 9, 17)
    sheet = await opened(team, amina)
    await step(team, "SubmitTimesheet", sheet, amina)
    correct = punch_pb2.CorrectPunchRequest(id=out, timestamp=stamp(at(0, 18)), reason="Stayed")
    await team.api.PunchService.CorrectPunch(correct, principal=team.boss)
    assert (await refusal(step(team, "ApproveTimesheet", sheet, team.boss))).code == "timesheet_changed"
    await step(team, "RecalculateTimesheet", sheet, team.boss)
    assert (await step(team, "ApproveTimesheet", sheet, team.boss)).total_hours == "9.00"


async def test_what_is_doubtful_is_not_approved(team: Team) -> None:
    amina = await team.employ()
    await work(team, amina, 0, 9, 17)
    request = punch_pb2.AddPunchRequest(
        staff_id=amina.subject, event_type="in", timestamp=stamp(at(1, 9)), reason="Came"
    )
    await team.api.PunchService.AddPunch(request, principal=team.boss)
    sheet = await opened(team, amina)
    assert sheet.needs_review == 1
    await step(team, "SubmitTimesheet", sheet, amina)
    assert (await refusal(step(team, "ApproveTimesheet", sheet, team.boss))).code == "needs_review"


async def test_a_locked_period_stays_and_the_next_one_settles_it_once(team: Team) -> None:
    amina = await team.employ()
    await pay(team, amina, "20")
    out = await work(team, amina, 0, 9, 17)
    sheet = await opened(team, amina)
    await step(team, "SubmitTimesheet", sheet, amina)
    sheet = await step(team, "ApproveTimesheet", sheet, team.boss)
    correct = punch_pb2.CorrectPunchRequest(id=out, timestamp=stamp(at(0, 16)), reason="Left before")
    await team.api.PunchService.CorrectPunch(correct, principal=team.boss)
    # A holiday that is entered afterwards does not reach back.
    holiday = policy_pb2.CreateHolidayRequest(date="2026-06-01", name="Late feast")
    await team.api.PolicyService.CreateHoliday(holiday, principal=team.boss)
    kept = await team.api.TimesheetService.GetTimesheet(timesheet_pb2.GetTimesheetRequest(id=sheet.id), principal=amina)
    assert (kept.total_earnings, list(kept.lines)) == (sheet.total_earnings, list(sheet.lines))
    await work(team, amina, 7, 9, 13)
    following = await opened(team, amina, date(2026, 6, 8), date(2026, 6, 14))
    assert (following.total_hours, following.adjustment_hours, following.total_earnings) == ("3.00", "-1.00", "60.00")
    assert [line.adjusts for line in following.lines if line.kind == "ADJUSTMENT"] == [sheet.id]
    third = await opened(team, amina, date(2026, 6, 15), date(2026, 6, 21))
    assert third.total_hours == "0.00"


async def test_no_hour_is_in_two_timesheets(team: Team) -> None:
    amina, omar = await team.employ(), await team.employ("Omar")
    await opened(team, amina)
    assert (await refusal(opened(team, amina, date(2026, 6, 7), date(2026, 6, 13)))).code == "overlaps"
    assert "end_date" in (await refusal(opened(team, amina, MONDAY, MONDAY))).fields
    await work(team, amina, 1, 9, 10)
    await work(team, omar, 1, 9, 10)
    request = timesheet_pb2.GenerateTimesheetsRequest(start_date="2026-06-01", end_date="2026-06-07")
    made = await team.api.TimesheetService.GenerateTimesheets(request, principal=team.boss)
    assert [(one.staff, one.total_hours) for one in made.timesheets] == [(omar.subject, "1.00")]


async def test_hours_by_hand_go_before_punches_until_they_are_taken_back(team: Team) -> None:
    amina = await team.employ()
    await pay(team, amina, "20")
    shift = await team.publish_shift(amina, starts=at(0, 9), hours=8)
    await work(team, amina, 0, 9, 13)
    sheet = await opened(team, amina)
    (entry,) = sheet.entries
    assert (entry.shift, entry.hours_worked, entry.is_manual) == (str(shift), "4.00", False)
    assert entry.shift_details.scheduled_hours == 8
    refused = await refusal(
        team.api.TimesheetService.DeleteTimesheetEntry(
            timesheet_pb2.DeleteTimesheetEntryRequest(id=entry.id), principal=team.boss
        )
    )
    assert refused.code == "not_manual"
    request = timesheet_pb2.CreateTimesheetEntryRequest(
        timesheet=sheet.id, shift=str(shift), hours_worked="7.5", notes="The clock was down"
    )
    made = await team.api.TimesheetService.CreateTimesheetEntry(request, principal=team.boss)
    assert made.is_manual
    read = timesheet_pb2.GetTimesheetRequest(id=sheet.id)
    shown = await team.api.TimesheetService.GetTimesheet(read, principal=amina)
    assert (shown.total_hours, [line.kind for line in shown.lines]) == ("7.50", ["MANUAL"])
    change = timesheet_pb2.UpdateTimesheetEntryRequest(id=made.id, hours_worked="6")
    change.update_mask.paths.append("hours_worked")
    await team.api.TimesheetService.UpdateTimesheetEntry(change, principal=team.boss)
    assert (await team.api.TimesheetService.GetTimesheet(read, principal=amina)).total_earnings == "120.00"
    await team.api.TimesheetService.DeleteTimesheetEntry(
        timesheet_pb2.DeleteTimesheetEntryRequest(id=made.id), principal=team.boss
    )
    back = await team.api.TimesheetService.GetTimesheet(read, principal=amina)
    assert (back.total_hours, [line.kind for line in back.lines]) == ("4.00", ["REGULAR"])


async def test_others_timesheets_do_not_exist(team: Team, clock: MovableClock) -> None:
    amina, omar = await team.employ(), await team.employ("Omar")
    sheet = await opened(team, amina, notes="=cmd()")
    read = timesheet_pb2.GetTimesheetRequest(id=sheet.id)
    for stranger in (omar, Team(team.service, team.bus, team.api).boss):
        assert (await refusal(team.api.TimesheetService.GetTimesheet(read, principal=stranger))).code == "not_found"
        assert (await refusal(step(team, "SubmitTimesheet", sheet, stranger))).code == "not_found"
    listed = await team.api.TimesheetService.ListTimesheets(timesheet_pb2.ListTimesheetsRequest(), principal=omar)
    assert (listed.count, list(listed.results)) == (0, [])
    foreign = timesheet_pb2.CreateTimesheetRequest(staff=amina.subject, start_date="2026-07-01", end_date="2026-07-07")
    elsewhere = manager(Team(team.service, team.bus, team.api).id)
    assert (await refusal(team.api.TimesheetService.CreateTimesheet(foreign, principal=elsewhere))).code == "not_found"


async def test_a_list_costs_the_same_for_one_and_for_many(team: Team, timeclock: RunningService) -> None:
    request = timesheet_pb2.ListTimesheetsRequest()
    await opened(team, await team.employ())
    with timeclock.statements() as for_one:
        assert (await team.api.TimesheetService.ListTimesheets(request, principal=team.boss)).count == 1
    for number in range(9):
        await opened(team, await team.employ(f"Person{number}"))
    with timeclock.statements() as for_ten:
        assert (await team.api.TimesheetService.ListTimesheets(request, principal=team.boss)).count == 10
    assert len(for_one) == len(for_ten) == 3


async def test_the_rules_of_the_clock_and_holidays(team: Team) -> None:
    late = policy_pb2.UpdateClockSettingsRequest(day_starts_at="13:00")
    late.update_mask.paths.append("day_starts_at")
    assert (
        "day_starts_at" in (await refusal(team.api.PolicyService.UpdateClockSettings(late, principal=team.boss))).fields
    )
    feast = policy_pb2.CreateHolidayRequest(date="2026-06-02", name="Feast", multiplier="1.5")
    made = await team.api.PolicyService.CreateHoliday(feast, principal=team.boss)
    assert (await refusal(team.api.PolicyService.CreateHoliday(feast, principal=team.boss))).code == "already_exists"
    amina = await team.employ()
    await pay(team, amina, "20")
    await work(team, amina, 1, 9, 11)
    sheet = await opened(team, amina)
    assert (sheet.total_earnings, sheet.lines[0].kind, sheet.lines[0].rule) == ("60.00", "HOLIDAY", "Holiday: Feast")
    gone = policy_pb2.DeleteHolidayRequest(id=made.id)
    await team.api.PolicyService.DeleteHoliday(gone, principal=team.boss)
    assert (await refusal(team.api.PolicyService.DeleteHoliday(gone, principal=team.boss))).code == "not_found"
    wages = await team.api.PolicyService.ListWages(policy_pb2.ListWagesRequest(), principal=amina)
    assert [(wage.staff_name, wage.hourly_rate) for wage in wages.results] == [("Amina Idrissi", "20.00")]
    own = policy_pb2.SetWageRequest(staff=amina.subject, effective_from="2026-01-01", hourly_rate="99")
    assert (await refusal(team.api.PolicyService.SetWage(own, principal=amina))).code == "permission_denied"


async def test_wages_of_profiles_are_taken_over_until_somebody_sets_one(team: Team, timeclock: RunningService) -> None:
    amina, omar = await team.employ(), await team.employ("Omar")
    today = date(2026, 6, 3)

    async def take_over(rate: str) -> int:
        rates = {UUID(amina.subject): Decimal(rate), UUID(omar.subject): Decimal(15)}
        async with timeclock.database.write(Scope(team.id)) as session:
            return await take_over_wages(session, team.id, rates, today)

    assert [timeclock.run(take_over(rate)) for rate in ("20", "20", "25")] == [2, 0, 1]
    await pay(team, omar, "16", "2026-06-02")
    assert timeclock.run(take_over("25")) == 0
    wages = await team.api.PolicyService.ListWages(policy_pb2.ListWagesRequest(), principal=team.boss)
    assert [(wage.staff_name.split()[0], wage.effective_from, wage.hourly_rate) for wage in wages.results] == [
        ("Amina", "2000-01-01", "20.00"),
        ("Amina", "2026-06-03", "25.00"),
        ("Omar", "2000-01-01", "15.00"),
        ("Omar", "2026-06-02", "16.00"),
    ]
