"""Weeks planned by the optimizer, in a process of its own: at once, as drafts, cancelled, refused, and again."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from mizan.scheduling.events.v1 import events_pb2 as facts
from mizan.scheduling.v1 import roster_pb2 as rosters
from mizan.scheduling.v1 import template_pb2 as templates
from servicekit.db import SYSTEM
from servicekit.grpc_client import RemoteRefusal
from servicekit.testing.events import Bus, eventually
from servicekit.testing.service import Api, RunningService
from services.scheduling.models import RosterRun
from services.scheduling.tests.service.test_availability import refusal, review, say
from services.scheduling.tests.service.test_shifts import plan
from services.scheduling.tests.service.test_weeks import template
from services.scheduling.tests.team import Team, team

MONDAY = "2031-03-03"
OVER = ("DRAFT", "APPLIED", "CANCELLED", "FAILED")


def lunch(day: int, staff: int = 1, role: str = "WAITER") -> templates.TemplateShiftDraft:
    return templates.TemplateShiftDraft(
        role=role, day_of_week=day, start_time="11:00", end_time="16:00", required_staff=staff
    )


async def run(api: Api, us: Team, run_id: str) -> Any:
    return await api.RosterService.GetRosterRun(rosters.GetRosterRunRequest(id=run_id), principal=us.manager)


async def over(api: Api, us: Team, run_id: str) -> Any:
    """The run once it is over."""

    async def is_over() -> Any:
        found = await run(api, us, run_id)
        return found if found.state in OVER else None

    return await eventually(is_over, within=120)


async def begin(api: Api, us: Team, **wanted: Any) -> Any:
    request = rosters.StartRosterRunRequest(**{"week_start": MONDAY, "seconds": 1, **wanted})
    return await api.RosterService.StartRosterRun(request, principal=us.manager)


async def apply(api: Api, us: Team, run_id: str, **how: Any) -> Any:
    request = rosters.ApplyRosterRunRequest(id=run_id, **how)
    return await api.RosterService.ApplyRosterRun(request, principal=us.manager)


async def test_a_template_is_planned_at_once_and_not_twice(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, size=3)
    made = await template(api, us, *(lunch(day, 2) for day in range(5)), lunch(5, role="CHEF"))
    request = rosters.AutoScheduleRequest(week_start="2031-03-05", template_id=made.id, seconds=1)
    answer = await api.RosterService.AutoSchedule(request, principal=us.manager, timeout=180)
    assert (answer.status, answer.success, answer.shifts_created) == ("success", True, 10)
    # Nobody can cook.
    assert answer.conflicts_detected == 1
    assert answer.optimization_metrics.coverage == "90.9%"
    assert (answer.shifts[0].staff.split()[-1], answer.shifts[0].time) == ("Idrissi", "11:00:00-16:00:00")
    assert answer.schedule_id
    again = await api.RosterService.AutoSchedule(request, principal=us.manager, timeout=180)
    assert (again.shifts_created, again.conflicts_detected) == (0, 1)
    draft = (await run(api, us, answer.run_id)).draft
    assert [json.loads(draft.unfilled)[0][name] for name in ("role", "missing", "considered")] == ["CHEF", 1, []]


async def test_what_is_planned_leave_and_rest_are_kept_and_explained(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, size=2)
    await plan(api, us, 0, shift_date=MONDAY, start="16:00", end="23:00")
    leave = await say(api, us.principal(1), availability_type="TIME_OFF", specific_date="2031-03-04")
    await review(api, us.manager, leave.id)
    breakfast = templates.TemplateShiftDraft(role="WAITER", day_of_week=1, start_time="07:00", end_time="12:00")
    made = await template(api, us, breakfast)
    started = await begin(api, us, template_id=made.id)
    found = await over(api, us, started.id)
    assert (found.state, list(found.draft.changes), found.draft.coverage_percentage) == ("DRAFT", [], 0.0)
    (gap,) = json.loads(found.draft.unfilled)
    reasons = {person["staff_id"]: [reason["rule"] for reason in person["reasons"]] for person in gap["considered"]}
    assert reasons == {str(us.people[0]): ["rest between working days"], str(us.people[1]): ["availability"]}


async def test_a_draft_changes_nothing_until_it_is_applied_and_conflicts_are_looked_at_anew(
    api: Api, scheduling: RunningService, bus: Bus
) -> None:
    us = team(scheduling, size=2)
    open_shift = await plan(api, us, shift_date="2031-03-04", role="WAITER")
    wanted = rosters.StaffDemand(
        role="waiter", day_of_week=4, start_time="18:00", end_time="23:00", required_staff=2, is_shift=True
    )
    found = await over(api, us, (await begin(api, us, demand=[wanted])).id)
    assert sorted((change.action, change.shift_date) for change in found.draft.changes) == [
        ("ADD", "2031-03-07"),
        ("ADD", "2031-03-07"),
        ("REASSIGN", "2031-03-04"),
    ]
    assert found.draft.changes[0].shift_id == open_shift.id
    assert json.loads(found.draft.demand)["source"] == "request"
    # Somebody plans by hand what the draft would have given the same person.
    taken = next(place for place, person in enumerate(us.people) if str(person) == found.draft.changes[1].staff[0])
    await plan(api, us, taken, shift_date="2031-03-07", start="17:00", end="22:00")
    with pytest.raises(RemoteRefusal) as refused:
        await apply(api, us, found.id)
    assert (refused.value.code, refused.value.http_status) == ("draft_outdated", 409)
    applied = await apply(api, us, found.id, skip_conflicts=True)
    assert (applied.shifts_created, applied.shifts_changed, applied.skipped, applied.run.state) == (1, 1, 1, "APPLIED")
    updated = await bus.of_aggregate(facts.ShiftUpdated, open_shift.id, 1)
    assert list(updated[0].message.shift.staff_ids) == list(found.draft.changes[0].staff)
    with pytest.raises(RemoteRefusal) as refused:
        await apply(api, us, found.id)
    assert refused.value.code == "no_draft"


async def test_people_swap_shifts_when_a_week_may_be_rearranged(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, size=2)
    # Each is on the shift that the other prefers, and the two overlap.
    for place, start, end in ((0, "14:00", "18:00"), (1, "11:00", "15:00")):
        await say(
            api,
            us.principal(place),
            availability_type="PREFERRED",
            day_of_week=0,
            start_time=start,
            end_time=end,
        )
    early = await plan(api, us, 0, shift_date=MONDAY, start="11:00", end="15:00", role="WAITER")
    late = await plan(api, us, 1, shift_date=MONDAY, start="14:00", end="18:00", role="WAITER")
    elsewhere = await template(api, us, lunch(3))
    kept = await over(api, us, (await begin(api, us, template_id=elsewhere.id)).id)
    assert [change.action for change in kept.draft.changes] == ["ADD"]
    found = await over(api, us, (await begin(api, us, template_id=elsewhere.id, rearrange=True)).id)
    first, second = (str(person) for person in us.people)
    swapped = {change.shift_id: list(change.staff) for change in found.draft.changes if change.action == "REASSIGN"}
    assert swapped == {early.id: [second], late.id: [first]}
    applied = await apply(api, us, found.id)
    assert (applied.shifts_created, applied.shifts_changed) == (1, 2)


async def test_a_second_run_for_a_week_is_refused_and_the_first_can_be_cancelled(
    api: Api, scheduling: RunningService
) -> None:
    us = team(scheduling, size=12)
    first = await begin(api, us, seconds=100)
    with pytest.raises(RemoteRefusal) as refused:
        await begin(api, us)
    assert (refused.value.code, refused.value.http_status) == ("roster_running", 409)
    at_once = rosters.AutoScheduleRequest(week_start=MONDAY)
    with pytest.raises(RemoteRefusal) as refused:
        await api.RosterService.AutoSchedule(at_once, principal=us.manager)
    assert refused.value.code == "roster_running"
    # Another week is none of its business.
    other = await begin(api, us, week_start="2031-03-10")

    async def has_a_roster() -> bool:
        return (await run(api, us, first.id)).HasField("objective")

    await eventually(has_a_roster, within=60)
    request = rosters.CancelRosterRunRequest(id=first.id)
    assert (await api.RosterService.CancelRosterRun(request, principal=us.manager)).cancelled
    found = await over(api, us, first.id)
    assert (found.state, found.cancelled) == ("DRAFT", True)
    # Without history, people are planned by what restaurants of the kind sell.
    basis = json.loads(found.draft.demand)
    assert (basis["source"], basis["method"], basis["error"]) == ("profile", "profile_of_kind", None)
    assert found.draft.changes
    assert found.draft.coverage_percentage > 50
    assert found.objective >= found.bound
    await over(api, us, other.id)
    request = rosters.CancelRosterRunRequest(id=other.id)
    with pytest.raises(RemoteRefusal) as refused:
        await api.RosterService.CancelRosterRun(request, principal=us.manager)
    assert refused.value.code == "roster_over"


async def test_the_same_key_asks_for_one_run(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, size=1)
    made = await template(api, us, lunch(0))
    request = rosters.AutoScheduleRequest(week_start=MONDAY, template_id=made.id, seconds=1)
    answers = [
        await api.RosterService.AutoSchedule(request, principal=us.manager, idempotency_key="once", timeout=180)
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert answers[0].shifts_created == 1
    listed = await api.RosterService.ListRosterRuns(rosters.ListRosterRunsRequest(), principal=us.manager)
    assert [(found.state, found.HasField("draft")) for found in listed.results] == [("APPLIED", False)]


async def test_what_cannot_be_planned_is_said(api: Api, scheduling: RunningService) -> None:
    us, nobody, them = team(scheduling), team(scheduling, size=0), team(scheduling)
    theirs = await template(api, them, lunch(0))
    running = await begin(api, them, template_id=theirs.id)
    for attempt, code in (
        (begin(api, nobody), "no_staff"),
        (begin(api, us, department="kitchen"), "no_staff"),
        (begin(api, us, week_start="2020-01-06"), "week_over"),
        (begin(api, us, template_id=theirs.id), "not_found"),
        (run(api, us, running.id), "not_found"),
        (apply(api, us, running.id), "not_found"),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await attempt
        assert refused.value.code == code
    await over(api, them, running.id)


async def test_lists_cost_the_same_for_one_run_and_for_many(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)

    async def keep(count: int) -> None:
        async with scheduling.database.write(SYSTEM) as session:
            await session.execute(
                sa.insert(RosterRun),
                [
                    {
                        "restaurant_id": us.restaurant_id,
                        "week_start": date.fromisoformat(MONDAY) + timedelta(weeks=week),
                        "state": "DRAFT",
                    }
                    for week in range(count)
                ],
            )

    counted = []
    for more in (1, 99):
        scheduling.run(keep(more))
        with scheduling.statements() as ran:
            request = rosters.ListRosterRunsRequest(page=1, page_size=100)
            listed = await api.RosterService.ListRosterRuns(request, principal=us.manager)
        counted.append(len(ran))
    assert (listed.count, len(listed.results)) == (100, 100)
    assert counted[0] == counted[1]


@pytest.mark.parametrize("week", ["9999-12-27", "2815-01-01"], ids=["last", "far"])
async def test_weeks_that_are_too_far_away_are_refused_at_once(api: Api, scheduling: RunningService, week: str) -> None:
    us = team(scheduling)
    start = rosters.StartRosterRunRequest(week_start=week)
    assert (await refusal(api.RosterService.StartRosterRun(start, principal=us.manager))).code == "too_far_away"
    forecast = rosters.GetDemandForecastRequest(week_start=week)
    assert (await refusal(api.RosterService.GetDemandForecast(forecast, principal=us.manager))).code == "too_far_away"
