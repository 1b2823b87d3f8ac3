"""The history of shifts and weeks: everything that is done to them, once, to be seen by those it concerns."""

from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from mizan.scheduling.v1 import schedule_change_pb2 as changes
from mizan.scheduling.v1 import shift_pb2 as shifts
from mizan.scheduling.v1 import week_pb2 as weeks
from servicekit.db import Scope
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import Principal
from servicekit.testing.service import Api, RunningService
from services.scheduling.commands import attendance
from services.scheduling.tests.conftest import manager
from services.scheduling.tests.team import Team, team


async def plan(api: Api, us: Team, day: str = "2031-03-04", **fields: Any) -> shifts.AssignedShift:
    values: dict[str, Any] = {"shift_date": day, "start_time": "09:00", "end_time": "15:00", "notes": "Grill", **fields}
    made: shifts.AssignedShift = await api.ShiftService.CreateShift(
        shifts.CreateShiftRequest(**values), principal=us.manager
    )
    return made


async def history(
    api: Api, principal: Principal, schedule_id: str | None = None, **page: int
) -> list[changes.ScheduleChange]:
    request = changes.ListScheduleChangesRequest(schedule_id=schedule_id, **page)
    answer = await api.ScheduleChangeService.ListScheduleChanges(request, principal=principal)
    return list(answer.results)


async def test_what_is_done_to_a_shift_is_kept_with_both_its_states(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, timezone="UTC")
    made = await plan(api, us, staff=str(us.people[0]))
    change = shifts.UpdateShiftRequest(id=made.id, start_time="10:00", staff=str(us.people[1]))
    change.update_mask.paths.extend(["start_time", "staff"])
    await api.ShiftService.UpdateShift(change, principal=us.manager)
    # What leaves it as it was is nothing to tell.
    await api.ShiftService.UpdateShift(change, principal=us.manager)
    await api.ShiftService.ConfirmShift(shifts.ConfirmShiftRequest(id=made.id), principal=us.manager)

    async def clock_in() -> None:
        async with scheduling.database.write(Scope(us.restaurant_id)) as session:
            await attendance.begun(session, us.restaurant_id, UUID(made.id))

    scheduling.run(clock_in())
    await api.ShiftService.DeleteShift(shifts.DeleteShiftRequest(id=made.id), principal=us.manager)

    found = await history(api, us.manager, made.id)
    assert [one.change_type for one in found] == ["DELETE", "UPDATE", "UPDATE", "UPDATE", "CREATE"]
    removed, begun, confirmed, moved, created = (
        (orjson.loads(one.previous_data), orjson.loads(one.new_data)) for one in found
    )
    assert (created[0], removed[1]) == ({}, {})
    assert created[1] == moved[0]
    assert (moved[0]["start_time"], moved[1]["start_time"]) == (
        "2031-03-04T09:00:00+00:00",
        "2031-03-04T10:00:00+00:00",
    )
    assert (moved[0]["staff"], moved[1]["staff"]) == ([str(us.people[0])], [str(us.people[1])])
    assert [state["status"] for state in (confirmed[0], *(pair[1] for pair in (confirmed, begun)), removed[0])] == [
        "SCHEDULED",
        "CONFIRMED",
        "IN_PROGRESS",
        "IN_PROGRESS",
    ]
    assert {one.subject for one in found} == {"SHIFT"}
    assert [one.changed_by for one in found] == [str(us.manager.user_id), "", *[str(us.manager.user_id)] * 3]
    one = await api.ScheduleChangeService.GetScheduleChange(
        changes.GetScheduleChangeRequest(id=found[0].id), principal=us.manager
    )
    assert one == found[0]


async def test_people_see_what_concerned_them_and_nobody_sees_another_restaurant(
    api: Api, scheduling: RunningService
) -> None:
    us = team(scheduling, timezone="UTC")
    mine = await plan(api, us, staff=str(us.people[0]))
    theirs = await plan(api, us, staff=str(us.people[1]))
    assert {one.schedule for one in await history(api, us.manager)} == {mine.id, theirs.id}
    assert [one.schedule for one in await history(api, us.principal(0))] == [mine.id]
    assert await history(api, us.principal(0), theirs.id) == []
    (hidden,) = await history(api, us.manager, theirs.id)
    service = api.ScheduleChangeService
    for stranger in (us.principal(0), manager(uuid4())):
        with pytest.raises(RemoteRefusal) as refused:
            await service.GetScheduleChange(changes.GetScheduleChangeRequest(id=hidden.id), principal=stranger)
        assert refused.value.code == "not_found"
    with pytest.raises(RemoteRefusal) as refused:
        await history(api, manager(uuid4()), mine.id)
    assert refused.value.code == "not_found"


async def test_weeks_are_published_taken_back_and_removed_in_the_history(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, timezone="UTC")
    week = await api.WeekService.CreateWeek(weeks.CreateWeekRequest(week_start="2031-03-03"), principal=us.manager)
    made = await plan(api, us, staff=str(us.people[0]))
    await api.WeekService.PublishWeek(weeks.PublishWeekRequest(id=week.id), principal=us.manager)
    draft = weeks.UpdateWeekRequest(id=week.id, is_published=False)
    await api.WeekService.UpdateWeek(draft, principal=us.manager)
    await api.WeekService.DeleteWeek(weeks.DeleteWeekRequest(id=week.id), principal=us.manager)
    found = await history(api, us.manager, week.id)
    states = [(one.change_type, orjson.loads(one.new_data).get("is_published")) for one in found]
    assert states == [("DELETE", None), ("UPDATE", False), ("UPDATE", True), ("CREATE", False)]
    assert {one.subject for one in found} == {"WEEK"}
    assert orjson.loads(found[2].new_data) == {
        "title": "Week of 2031-03-03",
        "week_start": "2031-03-03",
        "is_published": True,
        "publications": 1,
        "shifts": 1,
    }
    # The shift went with its week, and its person was told of the publication.
    assert [one.change_type for one in await history(api, us.manager, made.id)] == ["DELETE", "CREATE"]
    assert [(one.subject, one.change_type) for one in await history(api, us.principal(0))] == [
        ("SHIFT", "DELETE"),
        ("WEEK", "UPDATE"),
        ("SHIFT", "CREATE"),
    ]


async def test_a_page_costs_the_same_however_much_was_done(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, timezone="UTC")
    made = await plan(api, us, staff=str(us.people[0]))
    with scheduling.statements() as for_one:
        assert len(await history(api, us.manager, made.id, page=1, page_size=100)) == 1
    for step in range(12):
        change = shifts.UpdateShiftRequest(id=made.id, notes=f"Grill {step}")
        change.update_mask.paths.append("notes")
        await api.ShiftService.UpdateShift(change, principal=us.manager)
    with scheduling.statements() as for_many:
        assert len(await history(api, us.manager, made.id, page=1, page_size=100)) == 13
    assert len(for_many) == len(for_one)
    titles = [
        orjson.loads(one.new_data)["title"]
        for page in (1, 2)
        for one in await history(api, us.manager, page=page, page_size=10)
    ]
    assert titles == [*(f"Grill {step}" for step in reversed(range(12))), "Grill"]
