"""Shifts and tasks as the staff pages and the safety pages plan them: the same ones as everywhere."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from mizan.scheduling.events.v1 import events_pb2 as facts
from mizan.scheduling.v1 import bid_pb2 as bids
from mizan.scheduling.v1 import safety_pb2 as safety
from mizan.scheduling.v1 import shift_pb2 as shifts
from mizan.scheduling.v1 import staff_schedule_pb2 as schedules
from mizan.scheduling.v1 import staff_task_pb2 as tasks
from servicekit.grpc_client import RemoteRefusal
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.scheduling.tests.conftest import manager
from services.scheduling.tests.team import Team, team


async def refusal(attempt: Any) -> RemoteRefusal:
    with pytest.raises(RemoteRefusal) as refused:
        await attempt
    return refused.value


async def schedule(api: Api, us: Team, **fields: Any) -> schedules.StaffSchedule:
    values = {
        "staff": str(us.people[0]),
        "title": "Grill",
        "start_time": "2031-03-03T09:00:00Z",
        "end_time": "2031-03-03T15:00:00Z",
        **fields,
    }
    made: schedules.StaffSchedule = await api.StaffScheduleService.CreateStaffSchedule(
        schedules.CreateStaffScheduleRequest(**values), principal=us.manager
    )
    return made


async def test_it_is_the_same_shift_as_everywhere(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, timezone="UTC")
    made = await schedule(api, us, description="Wear gloves", tasks='["Scrape"]', break_duration=45)
    assert (made.title, made.start_time, made.break_duration) == ("Grill", "2031-03-03T09:00:00+00:00", 45)
    assert (made.staff_details.first_name, made.restaurant_details.name, made.tasks) == (
        "Person0",
        "Dar Atlas",
        '["Scrape"]',
    )
    same = await api.ShiftService.GetShift(shifts.GetShiftRequest(id=made.id), principal=us.manager)
    assert (same.notes, same.preparation_instructions, same.break_duration) == ("Grill", "Wear gloves", "00:45:00")
    assert (await refusal(schedule(api, us, start_time="2031-03-03T14:00:00Z"))).code == "double_booking"
    service = api.StaffScheduleService
    for search, count in (("grill", 1), ("person0", 1), ("oven", 0)):
        found = await service.ListStaffSchedules(
            schedules.ListStaffSchedulesRequest(search=search), principal=us.manager
        )
        assert found.count == count
    nothing = await service.ListStaffSchedules(schedules.ListStaffSchedulesRequest(), principal=us.principal(1))
    assert nothing.count == 0
    get = schedules.GetStaffScheduleRequest(id=made.id)
    for other in (us.principal(1), manager(uuid4())):
        assert (await refusal(service.GetStaffSchedule(get, principal=other))).code == "not_found"
        confirm = schedules.ConfirmStaffScheduleRequest(id=made.id)
        assert (await refusal(service.ConfirmStaffSchedule(confirm, principal=other))).code == "not_found"
    await service.ConfirmStaffSchedule(schedules.ConfirmStaffScheduleRequest(id=made.id), principal=us.principal(0))
    briefing = schedules.BriefStaffScheduleRequest(id=made.id)
    first = await service.BriefStaffSchedule(briefing, principal=us.principal(0))
    assert (await service.BriefStaffSchedule(briefing, principal=us.principal(0))) == first
    read = await service.GetStaffSchedule(get, principal=us.principal(0))
    assert (read.status, read.safety_briefing_completed, read.tasks) == ("CONFIRMED", True, '["Scrape"]')


async def test_a_series_is_planned_whole_or_not_at_all(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, timezone="Europe/Paris")
    fields = {"is_recurring": True, "recurrence_end_date": "2031-04-14"}
    # On the thirtieth of March clocks in Paris go forward; the shift still begins at ten.
    made = await schedule(api, us, recurrence_pattern="weekly", **fields)
    found = await api.StaffScheduleService.ListStaffSchedules(
        schedules.ListStaffSchedulesRequest(staff_id=str(us.people[0])), principal=us.manager
    )
    assert found.count == 7
    assert {one.start_time[10:16] for one in found.results} == {"T10:00"}
    assert {one.start_time[-6:] for one in found.results} == {"+01:00", "+02:00"}
    assert made.recurrence_pattern == "weekly"
    clash = {"start_time": "2031-02-24T09:00:00Z", "end_time": "2031-02-24T15:00:00Z"}
    refused = await refusal(schedule(api, us, recurrence_pattern="FREQ=WEEKLY;BYDAY=MO", **fields, **clash))
    assert refused.code == "double_booking"
    after = await api.StaffScheduleService.ListStaffSchedules(
        schedules.ListStaffSchedulesRequest(staff_id=str(us.people[0])), principal=us.manager
    )
    assert after.count == 7
    assert (await refusal(schedule(api, us, is_recurring=True))).message.startswith("Recurrence pattern is required")
    assert (await refusal(schedule(api, us, recurrence_pattern="sometimes", **fields))).code == "invalid_rule"


async def test_a_copy_brings_a_shift_back(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, timezone="UTC")
    service = api.StaffScheduleService
    made = await schedule(api, us, tasks='["Scrape"]')
    kept = await service.BackUpStaffSchedule(schedules.BackUpStaffScheduleRequest(id=made.id), principal=us.manager)
    change = schedules.UpdateStaffScheduleRequest(
        id=made.id, staff=str(us.people[1]), title="Oven", start_time="2031-03-03T11:00:00Z", tasks="[]"
    )
    change.update_mask.paths.extend(["staff", "title", "start_time", "tasks"])
    changed = await service.UpdateStaffSchedule(change, principal=us.manager)
    assert (changed.staff, changed.title, changed.start_time) == (
        str(us.people[1]),
        "Oven",
        "2031-03-03T11:00:00+00:00",
    )
    history = await service.ListStaffScheduleBackups(
        schedules.ListStaffScheduleBackupsRequest(id=made.id), principal=us.manager
    )
    assert [one.filename for one in history.backups] == [kept.backup_path]
    for name in ("/etc/passwd", f"schedule_{uuid4()}.json"):
        restore = schedules.RestoreStaffScheduleRequest(id=made.id, backup_file=name)
        assert (await refusal(service.RestoreStaffSchedule(restore, principal=us.manager))).code == "not_found"
    await service.RestoreStaffSchedule(
        schedules.RestoreStaffScheduleRequest(id=made.id, backup_file=kept.backup_path), principal=us.manager
    )
    back = await service.GetStaffSchedule(schedules.GetStaffScheduleRequest(id=made.id), principal=us.manager)
    assert (back.staff, back.title, back.start_time, back.tasks) == (
        made.staff,
        "Grill",
        made.start_time,
        '["Scrape"]',
    )


async def test_an_open_shift_goes_to_one_of_those_who_bid(api: Api, bus: Bus, scheduling: RunningService) -> None:
    us = team(scheduling, timezone="UTC")
    service = api.StaffScheduleService
    made = await schedule(api, us, staff=None, is_open_for_bidding=True, role="WAITER")
    assert (made.HasField("staff"), made.is_open_for_bidding) == (False, True)
    # Everybody sees what can be bid for, and not what else is planned.
    await schedule(api, us, staff=str(us.people[2]))
    listing = schedules.ListStaffSchedulesRequest(is_open_for_bidding=True)
    found = await service.ListStaffSchedules(listing, principal=us.principal(0))
    assert [one.id for one in found.results] == [made.id]

    wish = bids.BidForShiftRequest(id=made.id)
    for place in (1, 0):
        answer = await api.ShiftBidService.BidForShift(wish, principal=us.principal(place))
        assert answer.schedule_id == made.id
    assert (await refusal(api.ShiftBidService.BidForShift(wish, principal=us.principal(0)))).code == "already_bid"
    # Whoever works elsewhere at that time, or in another restaurant, cannot.
    assert (await refusal(api.ShiftBidService.BidForShift(wish, principal=us.principal(2)))).code == "double_booking"
    theirs = team(scheduling, timezone="UTC")
    assert (await refusal(api.ShiftBidService.BidForShift(wish, principal=theirs.principal(0)))).code == "not_found"
    (placed,) = await bus.of_aggregate(facts.ShiftBidPlaced, f"{made.id}:{us.people[1]}:bid", 1)
    assert placed.message.staff_id == str(us.people[1])

    get = schedules.GetStaffScheduleRequest(id=made.id)
    seen = await service.GetStaffSchedule(get, principal=us.manager)
    assert list(seen.preferred_staff) == [str(us.people[1]), str(us.people[0])]
    seen = await service.GetStaffSchedule(get, principal=us.principal(0))
    assert list(seen.preferred_staff) == [str(us.people[0])]

    def choose(person: UUID) -> bids.AssignFromBidsRequest:
        return bids.AssignFromBidsRequest(id=made.id, staff_id=str(person))

    assign = api.ShiftBidService.AssignFromBids
    assert (await refusal(assign(choose(us.people[2]), principal=us.manager))).code == "no_bid"
    assert (await refusal(assign(choose(theirs.people[0]), principal=us.manager))).code == "not_found"
    assert (await refusal(assign(choose(us.people[0]), principal=us.principal(0)))).code == "permission_denied"
    # What stands against it by then keeps the shift open.
    await schedule(api, us, staff=str(us.people[0]))
    refused = await refusal(assign(choose(us.people[0]), principal=us.manager))
    assert refused.code == "double_booking"
    assert (await service.GetStaffSchedule(get, principal=us.manager)).is_open_for_bidding
    given = await assign(choose(us.people[1]), principal=us.manager)
    assert given.staff == str(us.people[1])
    now = await service.GetStaffSchedule(get, principal=us.principal(1))
    assert (now.staff, now.is_open_for_bidding, list(now.preferred_staff)) == (str(us.people[1]), False, [])
    assert (await refusal(assign(choose(us.people[1]), principal=us.manager))).code == "not_open"
    assert (await refusal(api.ShiftBidService.BidForShift(wish, principal=us.principal(1)))).code == "not_open"
    (decided,) = await bus.of_aggregate(facts.ShiftBidsDecided, f"{made.id}:bids", 1)
    assert (decided.message.staff_id, list(decided.message.declined_staff_ids)) == (
        str(us.people[1]),
        [str(us.people[0])],
    )


async def test_bids_end_at_the_deadline_and_need_the_role(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, timezone="UTC")
    nobody = await refusal(schedule(api, us, staff=None))
    assert (nobody.code, nobody.fields) == ("required", {"staff": ["This field is required."]})
    assert (await refusal(schedule(api, us, is_open_for_bidding=True))).fields.keys() == {"is_open_for_bidding"}
    late = Timestamp()
    late.FromJsonString("2026-01-01T00:00:00Z")
    closed = await schedule(api, us, staff=None, is_open_for_bidding=True, bidding_deadline=late, role="WAITER")
    assert not closed.is_open_for_bidding
    kitchen = await schedule(api, us, staff=None, is_open_for_bidding=True, role="CHEF")
    for made, code in ((closed, "not_open"), (kitchen, "other_role")):
        wish = bids.BidForShiftRequest(id=made.id)
        assert (await refusal(api.ShiftBidService.BidForShift(wish, principal=us.principal(0)))).code == code
    # Without its deadline it is open; and so is a shift whose person is taken off.
    opened = schedules.UpdateStaffScheduleRequest(id=closed.id)
    opened.update_mask.paths.append("bidding_deadline")
    assert (await api.StaffScheduleService.UpdateStaffSchedule(opened, principal=us.manager)).is_open_for_bidding
    manned = await schedule(api, us)
    freed = schedules.UpdateStaffScheduleRequest(id=manned.id)
    freed.update_mask.paths.append("staff")
    assert (await api.StaffScheduleService.UpdateStaffSchedule(freed, principal=us.manager)).is_open_for_bidding
    everything = schedules.ListStaffSchedulesRequest(is_open_for_bidding=True)
    found = await api.StaffScheduleService.ListStaffSchedules(everything, principal=us.manager)
    assert {one.id for one in found.results} == {closed.id, kitchen.id, manned.id}


async def test_safety_tasks_are_tasks_in_other_words(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, timezone="UTC")
    service = api.StaffTaskService
    made = await schedule(api, us)
    sop = await api.SafetyService.CreateProcedure(
        safety.CreateProcedureRequest(title="Knives", description="Away from you", category="Kitchen"),
        principal=us.manager,
    )
    create = tasks.CreateScheduleTaskRequest(
        title="Sharpen", schedule=made.id, sop=sop.id, priority="CRITICAL", assigned_to=str(us.people[0])
    )
    create.due_time.FromJsonString("2031-03-03T10:00:00Z")
    task = await service.CreateScheduleTask(create, principal=us.manager)
    assert (task.priority, task.status, task.sop_details.title) == ("CRITICAL", "PENDING", "Knives")
    assert task.assigned_to.first_name == "Person0"
    for first, count in (("2031-03-03", 1), ("2031-03-04", 0)):
        found = await service.ListScheduleTasks(
            tasks.ListScheduleTasksRequest(start_date=first, status="PENDING"), principal=us.principal(0)
        )
        assert found.count == count
    done = await service.CompleteScheduleTask(
        tasks.CompleteScheduleTaskRequest(id=task.id, completion_notes="Sharp"), principal=us.principal(0)
    )
    assert (done.message, done.HasField("completion_time")) == ("Task marked as completed", True)
    other = await service.CreateSafetyTask(
        tasks.CreateSafetyTaskRequest(
            title="Read", task_type="sop", due_date="2031-03-04", priority="HIGH", assigned_to=str(us.people[1])
        ),
        principal=us.manager,
    )
    listed = await service.ListSafetyTasks(tasks.ListSafetyTasksRequest(), principal=us.manager)
    assert [(one.id, one.due_date, one.task_type) for one in listed.results] == [(other.id, "2031-03-04", "sop")]
    change = tasks.UpdateSafetyTaskRequest(id=other.id, status="IN_PROGRESS")
    change.update_mask.paths.append("status")
    assert (await service.UpdateSafetyTask(change, principal=us.principal(1))).status == "IN_PROGRESS"
    assert (await refusal(service.UpdateSafetyTask(change, principal=us.principal(2)))).code == "not_found"
    assert (await refusal(service.UpdateSafetyTask(change, principal=manager(uuid4())))).code == "not_found"
