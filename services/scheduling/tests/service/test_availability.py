"""What people say about their time, who grants time off, and what both mean for planning."""

from typing import Any
from uuid import uuid4

import pytest

from mizan.scheduling.events.v1 import events_pb2 as facts
from mizan.scheduling.v1 import availability_pb2 as availability
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import Principal
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.scheduling.tests.conftest import manager
from services.scheduling.tests.service.test_shifts import plan
from services.scheduling.tests.service.test_weeks import publish
from services.scheduling.tests.team import team


async def say(api: Api, principal: Principal, **fields: Any) -> Any:
    request = availability.CreateAvailabilityRequest(**fields)
    return await api.AvailabilityService.CreateAvailability(request, principal=principal)


async def review(api: Api, principal: Principal, entry_id: str, decision: str = "APPROVED") -> Any:
    request = availability.ReviewAvailabilityRequest(id=entry_id, decision=decision)
    return await api.AvailabilityService.ReviewAvailability(request, principal=principal)


async def refusal(attempt: Any) -> RemoteRefusal:
    with pytest.raises(RemoteRefusal) as refused:
        await attempt
    return refused.value


@pytest.mark.parametrize(
    ("sent", "kept"), [("09:00", "09:00:00"), ("2031-12-08T08:00:00Z", "09:00:00"), ("2031-12-08T09:00", "09:00:00")]
)
async def test_hours_are_times_of_day_or_instants(api: Api, scheduling: RunningService, sent: str, kept: str) -> None:
    us = team(scheduling, timezone="Europe/Paris")
    said = await say(api, us.principal(0), day_of_week=0, start_time=sent, end_time="17:30:00")
    assert (said.start_time, said.end_time) == (kept, "17:30:00")
    wrong = await refusal(say(api, us.principal(0), day_of_week=0, start_time="nine", end_time="17:30"))
    assert (wrong.code, list(wrong.fields)) == ("invalid_times", ["start_time"])


async def test_time_off_waits_is_granted_by_somebody_else_and_then_forbids_shifts(
    api: Api, scheduling: RunningService, bus: Bus
) -> None:
    us = team(scheduling)
    asked = await say(
        api, us.principal(0), availability_type="TIME_OFF", specific_date="2031-11-24", end_date="2031-11-26"
    )
    assert (asked.status, asked.staff) == ("PENDING", str(us.people[0]))
    planned = await plan(api, us, 0)
    assert (await refusal(review(api, us.principal(0), asked.id))).code == "permission_denied"
    own = us.principal(0, "schedule.manage")
    assert (await refusal(review(api, own, asked.id))).code == "permission_denied"
    granted = await review(api, us.manager, asked.id)
    assert (granted.status, granted.reviewed_by) == ("APPROVED", us.manager.subject)
    assert (await refusal(review(api, us.manager, asked.id, "DENIED"))).code == "already_decided"
    decided = await bus.first(facts.TimeOffDecided, us.restaurant_id)
    assert (decided.message.time_off.status, decided.message.time_off.last_day) == ("APPROVED", "2031-11-26")
    refused = await refusal(plan(api, us, 0, shift_date="2031-11-26"))
    assert (refused.code, refused.http_status) == ("conflict", 409)
    assert (await refusal(publish(api, us, planned.schedule))).code == "conflict"
    assert await plan(api, us, 0, shift_date="2031-11-27")


async def test_leave_from_one_moment_to_another_goes_on_without_a_break(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, timezone="Europe/Paris")
    asked = await say(
        api,
        us.principal(0),
        availability_type="TIME_OFF",
        start_datetime="2031-11-24T14:00",
        end_datetime="2031-11-26T09:00:00Z",
    )
    assert (asked.specific_date, asked.start_time) == ("2031-11-24", "14:00:00")
    assert (asked.end_date, asked.end_time) == ("2031-11-26", "10:00:00")
    assert asked.start_datetime.ToJsonString() == "2031-11-24T13:00:00Z"
    assert asked.end_datetime.ToJsonString() == "2031-11-26T09:00:00Z"
    await review(api, us.manager, asked.id)
    assert (await refusal(plan(api, us, 0, start="11:00", end="13:00", shift_date="2031-11-25"))).code == "conflict"
    assert await plan(api, us, 0, start="11:00", end="13:00", shift_date="2031-11-26")
    assert await plan(api, us, 0, start="09:00", end="13:00", shift_date="2031-11-24")
    whole = await say(api, us.principal(1), availability_type="TIME_OFF", specific_date="2031-11-24")
    ends = whole.end_datetime.ToJsonString()
    assert (whole.start_datetime.ToJsonString(), ends) == ("2031-11-23T23:00:00Z", "2031-11-24T23:00:00Z")
    assert not (await say(api, us.principal(1), day_of_week=0)).HasField("start_datetime")


async def test_leave_comes_again_until_its_last_day(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    asked = await say(
        api,
        us.principal(0),
        availability_type="TIME_OFF",
        specific_date="2031-11-25",
        is_recurring=True,
        recurrence_pattern="BIWEEKLY",
        recurrence_end_date="2031-12-23",
    )
    assert (asked.is_recurring, asked.recurrence_pattern, asked.recurrence_end_date) == (
        True,
        "BIWEEKLY",
        "2031-12-23",
    )
    await review(api, us.manager, asked.id)
    for day in ("2031-11-25", "2031-12-09", "2031-12-23"):
        assert (await refusal(plan(api, us, 0, shift_date=day))).code == "conflict"
    for day in ("2031-12-02", "2032-01-06"):
        assert await plan(api, us, 0, shift_date=day)


async def test_a_day_of_the_week_counts_until_its_last_day(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    said = await say(api, us.principal(0), day_of_week=0, is_available=False, recurrence_end_date="2031-11-24")
    assert not said.is_recurring
    assert [warning.type for warning in (await plan(api, us, 0)).warnings] == ["AVAILABILITY"]
    assert not (await plan(api, us, 0, shift_date="2031-12-01")).warnings


async def test_stated_hours_warn(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    said = await say(api, us.principal(0), day_of_week=0, start_time="12:00:00", end_time="20:00:00")
    assert (said.status, said.day_name, said.is_available) == ("APPROVED", "Monday", True)
    made = await plan(api, us, 0)
    assert [warning.type for warning in made.warnings] == ["AVAILABILITY"]
    busy = await say(api, us.principal(1), day_of_week=0, is_available=False)
    assert not busy.is_available
    assert [warning.type for warning in (await plan(api, us, 1)).warnings] == ["AVAILABILITY"]


async def test_people_speak_for_themselves(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    refused = await refusal(say(api, us.principal(0), staff=str(us.people[1]), day_of_week=1))
    assert refused.code == "permission_denied"
    assert (await refusal(say(api, us.manager, staff=str(uuid4()), day_of_week=1))).code == "not_found"
    said = await say(api, us.principal(1), day_of_week=1)
    for principal in (us.principal(0), manager(uuid4())):
        request = availability.GetAvailabilityRequest(id=said.id)
        assert (
            await refusal(api.AvailabilityService.GetAvailability(request, principal=principal))
        ).code == "not_found"
    listed = await api.AvailabilityService.ListAvailability(
        availability.ListAvailabilityRequest(staff_id=str(us.people[1])), principal=us.manager
    )
    assert [entry.id for entry in listed.results] == [said.id]


async def test_what_people_say_about_their_time_is_told(api: Api, scheduling: RunningService, bus: Bus) -> None:
    us = team(scheduling)
    said = await say(api, us.principal(0), day_of_week=0, start_time="09:00", end_time="17:30", is_available=False)
    change = availability.UpdateAvailabilityRequest(id=said.id, day_of_week=2)
    change.update_mask.paths.append("day_of_week")
    await api.AvailabilityService.UpdateAvailability(change, principal=us.principal(0))
    gone = availability.DeleteAvailabilityRequest(id=said.id)
    await api.AvailabilityService.DeleteAvailability(gone, principal=us.principal(0))
    (made,) = await bus.of_aggregate(facts.AvailabilityCreated, said.id, 1)
    about = made.message.availability
    assert (about.staff_id, about.day_of_week, about.is_available, about.version) == (str(us.people[0]), 0, False, 1)
    assert (about.start_time, about.end_time, about.first_day) == ("09:00:00", "17:30:00", "")
    (changed,) = await bus.of_aggregate(facts.AvailabilityUpdated, said.id, 1)
    (removed,) = await bus.of_aggregate(facts.AvailabilityDeleted, said.id, 1)
    assert (changed.message.availability.day_of_week, changed.message.availability.version) == (2, 2)
    assert removed.message.availability.version == 3


async def test_changed_time_off_waits_again_and_cancelled_no_longer_counts(
    api: Api, scheduling: RunningService
) -> None:
    us = team(scheduling)
    asked = await say(api, us.principal(0), availability_type="TIME_OFF", specific_date="2031-11-24")
    await review(api, us.manager, asked.id)
    longer = availability.UpdateAvailabilityRequest(id=asked.id, end_date="2031-11-25")
    longer.update_mask.paths.append("end_date")
    changed = await api.AvailabilityService.UpdateAvailability(longer, principal=us.principal(0))
    assert (changed.status, changed.HasField("reviewed_by")) == ("PENDING", False)
    await review(api, us.manager, asked.id)
    cancel = availability.UpdateAvailabilityRequest(id=asked.id, status="CANCELLED")
    cancel.update_mask.paths.append("status")
    cancelled = await api.AvailabilityService.UpdateAvailability(cancel, principal=us.principal(0))
    assert cancelled.status == "CANCELLED"
    assert await plan(api, us, 0)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "specific_date"),
        ({"specific_date": "2031-11-24", "is_recurring": True}, "recurrence_pattern"),
        ({"day_of_week": 1, "is_recurring": True, "recurrence_pattern": "DAILY"}, "recurrence_pattern"),
        ({"specific_date": "2031-11-24", "recurrence_end_date": "2031-11-23"}, "recurrence_end_date"),
        ({"specific_date": "9999-12-31"}, "specific_date"),
        ({"specific_date": "0001-01-01", "is_recurring": True, "recurrence_pattern": "DAILY"}, "specific_date"),
        ({"start_datetime": "09:00", "end_datetime": "2031-11-24T10:00"}, "start_datetime"),
        ({"start_datetime": "2031-11-24T10:00"}, "end_datetime"),
        ({"start_datetime": "2031-11-24T10:00", "end_datetime": "2031-11-24T10:00"}, "end_datetime"),
        ({"availability_type": "TIME_OFF", "day_of_week": 1}, "specific_date"),
        ({"specific_date": "2031-11-24", "end_date": "2031-11-23"}, "end_date"),
        ({"day_of_week": 1, "start_time": "09:00:00"}, "end_time"),
        ({"day_of_week": 1, "start_time": "09:00:00", "end_time": "08:00:00"}, "end_time"),
    ],
)
async def test_what_says_no_time_is_refused(
    api: Api, scheduling: RunningService, fields: dict[str, Any], field: str
) -> None:
    us = team(scheduling)
    assert list((await refusal(say(api, us.principal(0), **fields))).fields) == [field]
