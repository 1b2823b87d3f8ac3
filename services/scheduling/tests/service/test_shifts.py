"""Shifts: planned, changed, seen by whom they concern, and never two at once for anybody."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from mizan.scheduling.events.v1 import events_pb2 as facts
from mizan.scheduling.v1 import shift_pb2 as shifts
from mizan.scheduling.v1 import team_pb2 as teams
from mizan.scheduling.v1 import week_pb2 as weeks
from servicekit.grpc_client import RemoteRefusal
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.scheduling.domain.planning import color_of
from services.scheduling.tests.conftest import manager
from services.scheduling.tests.team import Team, team

MONDAY = "2031-11-24"


async def plan(api: Api, planned: Team, *places: int, start: str = "09:00", end: str = "17:00", **fields: Any) -> Any:
    request = shifts.CreateShiftRequest(
        shift_date=fields.pop("shift_date", MONDAY),
        start_time=start,
        end_time=end,
        staff_members=[str(planned.people[place]) for place in places],
        **fields,
    )
    return await api.ShiftService.CreateShift(request, principal=planned.manager)


async def change(api: Api, planned: Team, shift_id: str, **fields: Any) -> Any:
    request = shifts.UpdateShiftRequest(id=shift_id, **fields)
    request.update_mask.paths.extend(fields)
    return await api.ShiftService.UpdateShift(request, principal=planned.manager)


async def test_a_shift_is_planned_in_the_restaurants_zone(api: Api, scheduling: RunningService, bus: Bus) -> None:
    us = team(scheduling, timezone="Europe/Paris")
    made = await plan(api, us, 0, 1, notes="Lunch", tasks=[shifts.ShiftTaskDraft(title="Lay tables", priority="HIGH")])
    assert (made.start_time, made.end_time) == ("2031-11-24T09:00:00+01:00", "2031-11-24T17:00:00+01:00")
    assert (made.staff, list(made.staff_members)) == (str(us.people[0]), [str(person) for person in us.people[:2]])
    assert (made.staff_name, made.role, made.break_duration) == ("Person0 Idrissi", "WAITER", "00:30:00")
    assert made.actual_hours == 7.5
    assert [(task.title, task.priority) for task in made.tasks] == [("Lay tables", "HIGH")]
    event = await bus.first(facts.ShiftCreated, us.restaurant_id)
    assert event.message.shift.id == made.id
    assert list(event.message.shift.staff_ids) == list(made.staff_members)
    seen = await api.ShiftService.GetShiftByClock(shifts.GetShiftByClockRequest(id=made.id), principal=us.principal(1))
    assert (seen.start_time, seen.end_time) == ("09:00:00", "17:00:00")


async def test_nobody_is_booked_twice_not_even_through_others(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, timezone="Europe/Paris")
    first = await plan(api, us, 0, 1)
    with pytest.raises(RemoteRefusal) as refused:
        await plan(api, us, 2, 1, start="16:59", end="20:00")
    assert (refused.value.code, refused.value.http_status) == ("double_booking", 409)
    later = await plan(api, us, 2, 1, start="17:00", end="20:00")
    with pytest.raises(RemoteRefusal) as refused:
        await change(api, us, later.id, start_time="16:00")
    assert refused.value.code == "double_booking"
    with pytest.raises(RemoteRefusal) as refused:
        await change(api, us, first.id, end_time="17:30")
    assert refused.value.code == "double_booking"
    await change(api, us, later.id, status="CANCELLED")
    assert (await change(api, us, first.id, end_time="17:30")).end_time.endswith("17:30:00+01:00")
    with pytest.raises(RemoteRefusal) as refused:
        await change(api, us, later.id, status="SCHEDULED")
    assert refused.value.code == "double_booking"


async def test_of_managers_who_plan_at_once_one_succeeds(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    outcomes = await asyncio.gather(
        *(plan(api, us, 0, start=f"{9 + number:02}:00", end="20:00") for number in range(6)), return_exceptions=True
    )
    assert sum(isinstance(outcome, shifts.AssignedShift) for outcome in outcomes) == 1
    refusals = [outcome for outcome in outcomes if isinstance(outcome, RemoteRefusal)]
    assert {refusal.code for refusal in refusals} == {"double_booking"}


async def test_an_overnight_shift_ends_tomorrow_and_blocks_the_morning(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    night = await plan(api, us, 0, start="20:00", end="04:00")
    assert night.end_time.startswith("2031-11-25T04:00:00")
    with pytest.raises(RemoteRefusal) as refused:
        await plan(api, us, 0, shift_date="2031-11-25", start="03:00", end="08:00")
    assert refused.value.code == "double_booking"


async def test_soft_findings_warn(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    await plan(api, us, 0, start="14:00", end="23:00")
    made = await plan(api, us, 0, shift_date="2031-11-25", start="07:00", end="12:00")
    assert [warning.type for warning in made.warnings] == ["REST_PERIOD"]
    assert not made.warnings[0].is_hard


async def test_a_day_alone_moves_a_shift_and_a_time_alone_keeps_the_day(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    made = await plan(api, us, 0)
    moved = await change(api, us, made.id, shift_date="2031-12-02")
    assert moved.start_time.startswith("2031-12-02T09:00:00")
    assert moved.schedule != made.schedule
    later = await change(api, us, made.id, start_time="10:30", end_time="18:00", notes="Late")
    assert later.start_time.startswith("2031-12-02T10:30:00")
    with pytest.raises(RemoteRefusal) as refused:
        await change(api, us, made.id, notes="x", version=1)
    assert refused.value.code == "stale_version"


async def test_without_a_colour_of_its_own_a_shift_has_its_persons(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    made = await plan(api, us, 0)
    assert (await change(api, us, made.id, color="#123456")).color == "#123456"
    assert (await change(api, us, made.id, notes="Kept")).color == "#123456"
    assert (await change(api, us, made.id, color=None)).color == made.color == color_of(us.people[0])


async def test_tasks_keep_their_ids_when_they_are_sent_with_them(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    drafts = [shifts.ShiftTaskDraft(title="Lay tables"), shifts.ShiftTaskDraft(title="Polish glasses")]
    made = await plan(api, us, 0, tasks=drafts)
    kept = made.tasks[0].id
    changed = await change(
        api,
        us,
        made.id,
        tasks=[shifts.ShiftTaskDraft(id=kept, title="Lay all tables"), shifts.ShiftTaskDraft(title="New")],
    )
    assert {(task.id == kept, task.title) for task in changed.tasks} == {(True, "Lay all tables"), (False, "New")}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"start": "17:00", "end": "17:00"}, "end_time"),
        ({"start": "2031-11-24T17:00", "end": "2031-11-24T09:00"}, "end_time"),
        ({"start": "soon"}, "start_time"),
        ({"break_duration": orjson.dumps("a while").decode()}, "break_duration"),
    ],
)
async def test_what_is_no_shift_is_refused(
    api: Api, scheduling: RunningService, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(RemoteRefusal) as refused:
        await plan(api, team(scheduling), 0, **fields)
    assert list(refused.value.fields) == [field]


async def test_staff_see_their_own_shifts_only(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    mine, other = await plan(api, us, 0, 1), await plan(api, us, 2)
    answer = await api.ShiftService.ListShifts(shifts.ListShiftsRequest(), principal=us.principal(1))
    assert [shift.id for shift in answer.results] == [mine.id]
    for request, refused_to in ((other.id, us.principal(1)), (mine.id, manager(uuid4()))):
        with pytest.raises(RemoteRefusal) as refused:
            await api.ShiftService.GetShift(shifts.GetShiftRequest(id=request), principal=refused_to)
        assert refused.value.code == "not_found"
    calendar = await api.ShiftService.GetMyCalendar(
        shifts.GetMyCalendarRequest(start_date=MONDAY, end_date="2031-11-30"), principal=us.principal(1)
    )
    assert [(event.id, event.title) for event in calendar.events] == [(mine.id, "Waiter Shift")]


async def test_people_and_templates_of_others_are_not_found(api: Api, scheduling: RunningService) -> None:
    us, them = team(scheduling), team(scheduling)
    for fields in ({"staff": str(them.people[0])}, {"task_templates": [str(uuid4())]}, {"schedule_id": str(uuid4())}):
        with pytest.raises(RemoteRefusal) as refused:
            await plan(api, us, **fields)
        assert refused.value.code == "not_found"


async def test_conflicts_are_told_before_planning(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    made = await plan(api, us, 0)
    request = shifts.DetectConflictsRequest(
        staff_id=str(us.people[0]), shift_date=MONDAY, start_time="16:00:00", end_time="18:00:00"
    )
    answer = await api.ShiftService.DetectConflicts(request, principal=us.manager)
    assert answer.has_conflicts
    assert [(conflict.type, conflict.shift_id) for conflict in answer.conflicts] == [("OVERLAP", made.id)]


async def test_confirming_completing_and_deleting(api: Api, scheduling: RunningService, bus: Bus) -> None:
    us = team(scheduling)
    made = await plan(api, us, 0)
    answer = await api.ShiftService.ConfirmShift(shifts.ConfirmShiftRequest(id=made.id), principal=us.manager)
    assert (answer.shift.status, answer.shift.is_confirmed) == ("CONFIRMED", True)
    answer = await api.ShiftService.CompleteShift(shifts.CompleteShiftRequest(id=made.id), principal=us.manager)
    assert answer.shift.status == "COMPLETED"
    with pytest.raises(RemoteRefusal) as refused:
        await api.ShiftService.ConfirmShift(shifts.ConfirmShiftRequest(id=made.id), principal=us.manager)
    assert refused.value.code == "shift_over"
    await api.ShiftService.DeleteShift(shifts.DeleteShiftRequest(id=made.id), principal=us.manager)
    assert (await bus.first(facts.ShiftDeleted, us.restaurant_id)).message.shift.id == made.id
    with pytest.raises(RemoteRefusal):
        await api.ShiftService.GetShift(shifts.GetShiftRequest(id=made.id), principal=us.manager)


async def test_a_week_costs_five_statements_for_1_shift_and_for_100(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, size=20)
    first = await plan(api, us, 0)

    async def week() -> int:
        answer = await api.WeekService.GetWeek(weeks.GetWeekRequest(id=first.schedule), principal=us.manager)
        return len(answer.assigned_shifts)

    with scheduling.statements() as for_one:
        assert await week() == 1
    for place in range(20):
        for day in range(5):
            if (place, day) != (0, 0):
                await plan(api, us, place, shift_date=f"2031-11-{24 + day}")
    with scheduling.statements() as for_hundred:
        assert await week() == 100
    assert len(for_one) == len(for_hundred) == 5


async def test_hours_are_summed_by_role_and_week(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    await plan(api, us, 0)
    await plan(api, us, 0, shift_date="2031-12-02", role="chef")
    answer = await api.ShiftService.StaffHours(
        shifts.StaffHoursRequest(staff_id=str(us.people[0]), date_from=MONDAY, date_to="2031-12-07"),
        principal=us.manager,
    )
    assert (answer.total_hours, answer.total_shifts) == (15.0, 2)
    assert {(part.key, part.hours) for part in answer.by_role} == {("WAITER", 7.5), ("CHEF", 7.5)}
    assert [part.key for part in answer.by_week] == ["2031-11-24", "2031-12-01"]
    assert UUID(answer.staff_id) == us.people[0]


async def test_planners_see_how_much_everybody_is_planned_for(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, timezone="Europe/Paris")
    await plan(api, us, 0, 1)
    await plan(api, us, 0, shift_date="2031-11-25", start="22:00", end="06:00", break_duration='"01:00:00"')
    cancelled = await plan(api, us, 2)
    await change(api, us, cancelled.id, status="CANCELLED")
    await plan(api, us, 2, shift_date="2031-12-01")
    week = teams.GetTeamAvailabilityRequest(start_date=MONDAY, end_date="2031-11-30")
    with scheduling.statements() as ran:
        answer = await api.TeamService.GetTeamAvailability(week, principal=us.manager)
    assert len(ran) == 1
    assert [(one.staff_id, one.name, one.shifts_count, one.total_hours) for one in answer.availability] == [
        (str(us.people[0]), "Person0 Idrissi", 2, 14.5),
        (str(us.people[1]), "Person1 Idrissi", 1, 7.5),
        (str(us.people[2]), "Person2 Idrissi", 0, 0.0),
    ]
    assert [one.availability_score for one in answer.availability] == [69.79, 84.38, 100.0]
    for wrong, principal, code in (
        (teams.GetTeamAvailabilityRequest(start_date=MONDAY, end_date="2031-11-23"), us.manager, "invalid"),
        (week, us.principal(0), "permission_denied"),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await api.TeamService.GetTeamAvailability(wrong, principal=principal)
        assert refused.value.code == code
    assert not (await api.TeamService.GetTeamAvailability(week, principal=manager(uuid4()))).availability
