"""Weeks: begun once, filled from templates, published with one message per person, and again with what changed."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from mizan.scheduling.events.v1 import events_pb2 as facts
from mizan.scheduling.v1 import shift_pb2 as shifts
from mizan.scheduling.v1 import task_template_pb2 as task_templates
from mizan.scheduling.v1 import template_pb2 as templates
from mizan.scheduling.v1 import week_pb2 as weeks
from servicekit.db import Scope, scope_of
from servicekit.grpc_client import RemoteRefusal
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.scheduling.models import WeeklySchedule
from services.scheduling.tests.service.test_shifts import change, plan
from services.scheduling.tests.team import Team, team

MONDAY = "2031-11-24"


async def begin(api: Api, us: Team, week_start: str = MONDAY) -> Any:
    return await api.WeekService.CreateWeek(weeks.CreateWeekRequest(week_start=week_start), principal=us.manager)


async def publish(api: Api, us: Team, week_id: str) -> Any:
    return await api.WeekService.PublishWeek(weeks.PublishWeekRequest(id=week_id), principal=us.manager)


async def template(api: Api, us: Team, *drafts: templates.TemplateShiftDraft) -> Any:
    request = templates.CreateScheduleTemplateRequest(name="Winter", shifts=drafts)
    return await api.ScheduleTemplateService.CreateScheduleTemplate(request, principal=us.manager)


async def test_a_week_begins_once_and_on_a_monday(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    made = await begin(api, us)
    assert (made.week_start, made.week_end, made.is_published) == (MONDAY, "2031-11-30", False)
    for start in (MONDAY, "2031-11-25"):
        with pytest.raises(RemoteRefusal) as refused:
            await begin(api, us, start)
        assert list(refused.value.fields) == ["week_start"]


async def test_a_week_of_a_calendar_that_begins_on_sunday_is_that_of_the_monday_after(
    api: Api, scheduling: RunningService
) -> None:
    us = team(scheduling)
    made = await begin(api, us, "2031-11-23")
    assert (made.week_start, made.week_end) == (MONDAY, "2031-11-30")
    assert (await begin(api, us, "2031-11-23")).id == made.id


async def test_publishing_tells_each_person_once_and_again_only_what_changed(
    api: Api, scheduling: RunningService, bus: Bus
) -> None:
    us = team(scheduling)
    first = await plan(api, us, 0, 1)
    gone = await plan(api, us, 1, shift_date="2031-11-26")
    await plan(api, us, 2, shift_date="2031-11-27")
    outcome = await publish(api, us, first.schedule)
    assert (outcome.notified, outcome.added, outcome.changed, outcome.removed) == (3, 4, 0, 0)
    told = [
        (await bus.of_aggregate(facts.StaffSchedulePublished, f"{first.schedule}:{person}", 1))[0].message
        for person in us.people
    ]
    assert [len(message.added) for message in told] == [1, 2, 1]
    assert told[1].total_hours == 15.0
    again = await publish(api, us, first.schedule)
    assert again.notified == 0
    await change(api, us, first.id, end_time="18:00")
    await api.ShiftService.DeleteShift(shifts.DeleteShiftRequest(id=gone.id), principal=us.manager)
    third = await publish(api, us, first.schedule)
    assert (third.notified, third.added, third.changed, third.removed) == (2, 0, 2, 1)
    message = (await bus.of_aggregate(facts.StaffSchedulePublished, f"{first.schedule}:{us.people[1]}", 2))[1].message
    assert ([about.id for about in message.changed], [about.id for about in message.removed]) == ([first.id], [gone.id])
    assert message.number == 3


async def test_a_template_fills_a_week_with_who_is_free(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, size=2)
    made = await template(
        api,
        us,
        templates.TemplateShiftDraft(
            role="waiter", day_of_week=0, start_time="09:00", end_time="15:00", required_staff=3
        ),
        templates.TemplateShiftDraft(role="WAITER", day_of_week=1, start_time="20:00", end_time="02:00"),
    )
    request = weeks.GenerateWeekRequest(template_id=made.id, week_start=MONDAY)
    answer = await api.WeekService.GenerateWeek(request, principal=us.manager, timeout=180)
    assert (answer.shifts_created, answer.unfilled) == (4, 1)
    people = [shift.staff for shift in answer.schedule.assigned_shifts if shift.shift_date == MONDAY]
    assert sorted(people) == sorted(["", *(str(person) for person in us.people)])
    night = answer.schedule.assigned_shifts[-1]
    assert night.end_time.startswith("2031-11-26T02:00:00")
    coverage = await api.WeekService.GetCoverage(weeks.GetCoverageRequest(id=answer.schedule.id), principal=us.manager)
    assert (coverage.total_required, coverage.total_assigned, coverage.coverage_percentage) == (4, 3, 75.0)
    analytics = await api.WeekService.GetAnalytics(
        weeks.GetAnalyticsRequest(id=answer.schedule.id), principal=us.manager
    )
    assert (analytics.total_shifts, analytics.total_hours, analytics.unique_staff) == (4, 22.0, 2)
    used = await api.ScheduleTemplateService.GetScheduleTemplate(
        templates.GetScheduleTemplateRequest(id=made.id), principal=us.manager
    )
    assert (used.usage_count, used.version) == (1, 1)


async def test_a_week_is_copied_at_the_same_times_of_day_through_a_change_of_clocks(
    api: Api, scheduling: RunningService
) -> None:
    us = team(scheduling, timezone="Europe/Paris")
    made = await plan(api, us, 0, shift_date="2026-10-19")
    request = weeks.CopyWeekRequest(id=made.schedule, week_start="2026-10-26")
    answer = await api.WeekService.CopyWeek(request, principal=us.manager)
    (copied,) = answer.schedule.assigned_shifts
    assert (made.start_time[10:], copied.start_time) == ("T09:00:00+02:00", "2026-10-26T09:00:00+01:00")
    assert copied.staff == made.staff
    repeated = await api.WeekService.CopyWeek(request, principal=us.manager)
    assert (repeated.shifts_created, repeated.unfilled) == (1, 1)


async def test_a_template_keeps_its_shifts_and_replaces_them_whole(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    made = await template(api, us, templates.TemplateShiftDraft(role="CHEF", day_of_week=0))
    request = templates.UpdateScheduleTemplateRequest(
        id=made.id, shifts=[templates.TemplateShiftDraft(role="CHEF", day_of_week=6, start_time="10:00")]
    )
    request.update_mask.paths.append("shifts")
    changed = await api.ScheduleTemplateService.UpdateScheduleTemplate(request, principal=us.manager)
    assert [(shift.day_of_week, shift.start_time) for shift in changed.shifts] == [(6, "10:00:00")]
    assert (changed.name, changed.version) == ("Winter", 2)
    listed = await api.ScheduleTemplateService.ListScheduleTemplates(
        templates.ListScheduleTemplatesRequest(), principal=us.manager
    )
    assert list(listed.results) == [changed]
    twice = [templates.TemplateShiftDraft(role="CHEF", day_of_week=0)] * 2
    with pytest.raises(RemoteRefusal) as refused:
        await template(api, us, *twice)
    assert list(refused.value.fields) == ["shifts"]


async def test_a_week_by_date_is_empty_rather_than_missing(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    request = weeks.GetWeekByDateRequest(week_start="2031-11-26")
    empty = await api.WeekService.GetWeekByDate(request, principal=us.manager)
    assert (empty.week_start, empty.HasField("id"), len(empty.assigned_shifts)) == (MONDAY, False, 0)
    await plan(api, us, 0)
    found = await api.WeekService.GetWeekByDate(request, principal=us.manager)
    assert [shift.start_time for shift in found.assigned_shifts] == ["09:00:00"]


async def test_weeks_are_filtered_and_shown_with_own_shifts(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    await plan(api, us, 0)
    await plan(api, us, 1)
    await plan(api, us, 0, shift_date="2031-12-02")
    everything = await api.WeekService.ListWeeks(weeks.ListWeeksRequest(), principal=us.manager)
    assert [week.week_start for week in everything.results] == ["2031-12-01", MONDAY]
    own = await api.WeekService.ListWeeks(weeks.ListWeeksRequest(week_start=MONDAY), principal=us.principal(1))
    assert [[UUID(shift.staff) for shift in week.assigned_shifts] for week in own.results] == [[us.people[1]]]


async def test_weeks_and_templates_of_others_are_not_found(api: Api, scheduling: RunningService) -> None:
    us, them = team(scheduling), team(scheduling)
    theirs = await begin(api, them)
    pattern = await template(api, them, templates.TemplateShiftDraft(role="CHEF"))
    for attempt in (
        publish(api, us, theirs.id),
        api.WeekService.GetWeek(weeks.GetWeekRequest(id=theirs.id), principal=us.manager),
        api.WeekService.DeleteWeek(weeks.DeleteWeekRequest(id=theirs.id), principal=us.manager),
        api.WeekService.GenerateWeek(
            weeks.GenerateWeekRequest(template_id=pattern.id, week_start=MONDAY), principal=us.manager
        ),
        api.WeekService.CopyWeek(weeks.CopyWeekRequest(id=str(uuid4()), week_start=MONDAY), principal=us.manager),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await attempt
        assert refused.value.code == "not_found"


async def test_five_hundred_shifts_are_published_at_once_with_one_message_per_person(
    api: Api, scheduling: RunningService
) -> None:
    us = team(scheduling, size=72)
    week = await begin(api, us)

    async def fill() -> None:
        async with scheduling.database.write(scope_of(us.manager)) as session:
            await session.execute(
                sa.text(
                    """
                    WITH days AS (
                        SELECT CAST(:monday AS date) + day AS day FROM generate_series(0, 6) AS day
                    ), planned AS (
                        INSERT INTO shifts
                            (id, restaurant_id, schedule_id, shift_date, starts_at, ends_at, role, version)
                        SELECT gen_random_uuid(), :restaurant, :week, day,
                               (day + time '09:00') AT TIME ZONE 'UTC',
                               (day + time '17:00') AT TIME ZONE 'UTC', person, 1
                        FROM days, unnest(CAST(:people AS text[])) AS person
                        LIMIT 500
                        RETURNING id, restaurant_id, role, period, occupies
                    )
                    INSERT INTO shift_people (shift_id, user_id, restaurant_id, place, period, occupies)
                    SELECT id, CAST(role AS uuid), restaurant_id, 0, period, occupies FROM planned
                    """
                ),
                {
                    "monday": MONDAY,
                    "restaurant": us.restaurant_id,
                    "week": UUID(week.id),
                    "people": [str(person) for person in us.people],
                },
            )

    scheduling.run(fill())
    with scheduling.statements() as ran:
        outcome = await publish(api, us, week.id)
    assert (outcome.notified, outcome.added) == (72, 500)
    # One transaction, and no statement per shift: what it tells is written in a few inserts of many rows.
    assert len(ran) < 40
    assert (await publish(api, us, week.id)).notified == 0


async def test_a_week_shows_each_shift_as_the_shift_itself_does(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, timezone="Europe/Paris")
    template = await api.TaskTemplateService.CreateTaskTemplate(
        task_templates.CreateTaskTemplateRequest(name="Opening", template_type="OPENING"), principal=us.manager
    )
    first = await plan(
        api, us, 0, 1, notes="Lunch", tasks=[shifts.ShiftTaskDraft(title="Tables")], task_templates=[template.id]
    )
    second = await plan(api, us, 2, shift_date="2031-11-25", start="22:00", end="06:00")
    await plan(api, us, shift_date="2031-12-01")

    async def shown(shift: Any) -> Any:
        return await api.ShiftService.GetShift(shifts.GetShiftRequest(id=shift.id), principal=us.manager)

    request = weeks.GetWeekRequest(id=first.schedule)
    week = await api.WeekService.GetWeek(request, principal=us.manager)
    assert list(week.assigned_shifts) == [await shown(first), await shown(second)]
    assert [task.title for task in week.assigned_shifts[0].tasks] == ["Tables"]
    assert [detail.name for detail in week.assigned_shifts[0].task_templates_details] == ["Opening"]
    own = await api.WeekService.GetWeek(request, principal=us.principal(1))
    assert list(own.assigned_shifts) == [week.assigned_shifts[0]]


async def test_a_list_holds_the_newest_year_and_further_pages_what_was_before(
    api: Api, scheduling: RunningService
) -> None:
    us = team(scheduling)
    newest = date.fromisoformat(MONDAY)
    starts = [newest - timedelta(weeks=number) for number in range(55)]

    async def write() -> None:
        async with scheduling.database.write(Scope(us.restaurant_id)) as session:
            session.add_all(WeeklySchedule(restaurant_id=us.restaurant_id, week_start=start) for start in starts)

    scheduling.run(write())
    await plan(api, us, 0)
    listed = await api.WeekService.ListWeeks(weeks.ListWeeksRequest(), principal=us.manager)
    assert [week.week_start for week in listed.results] == [start.isoformat() for start in starts[:53]]
    assert (listed.count, len(listed.results[0].assigned_shifts)) == (55, 1)
    before = await api.WeekService.ListWeeks(weeks.ListWeeksRequest(page=2), principal=us.manager)
    assert [week.week_start for week in before.results] == [start.isoformat() for start in starts[53:]]
