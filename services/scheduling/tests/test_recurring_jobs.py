"""What comes back is made once for its day or week, late rather than never, and one failure holds up nothing else."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import sqlalchemy as sa

from mizan.scheduling.events.v1 import events_pb2 as facts
from mizan.scheduling.v1 import task_pb2 as tasks
from mizan.scheduling.v1 import task_template_pb2 as task_templates
from mizan.scheduling.v1 import template_pb2 as templates
from servicekit.db import SYSTEM
from servicekit.jobs import Job
from servicekit.testing.clock import MovableClock
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.scheduling.models import RosterRun, TaskTemplate
from services.scheduling.recurring_jobs import RECUR, Recurring
from services.scheduling.tests.team import Team, team

JOB = Job(id=1, task=RECUR.name, attempt=1, last_attempt=False)
MONDAY = date(2031, 3, 3)


def at(moment: datetime) -> MovableClock:
    clock = MovableClock()
    clock.advance(moment - clock.now())
    return clock


async def task_template(api: Api, us: Team, **fields: Any) -> str:
    request = task_templates.CreateTaskTemplateRequest(
        **{"name": "Fridges", "template_type": "TEMPERATURE", "tasks": '[{"title": "Read"}]', **fields}
    )
    made = await api.TaskTemplateService.CreateTaskTemplate(request, principal=us.manager)
    return str(made.id)


async def due_dates(api: Api, us: Team) -> list[str]:
    found = await api.TaskService.ListTasks(tasks.ListTasksRequest(page_size=100), principal=us.manager)
    return sorted(task.due_date for task in found.results)


async def test_tasks_come_back_on_their_days_in_the_restaurants_zone(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, timezone="Asia/Tokyo")
    await task_template(api, us, recurrence="FREQ=WEEKLY;BYDAY=MO,TH", recurs_from="2031-03-03")
    # In Tokyo the Monday begins at three in the afternoon of the Sunday, UTC.
    clock = at(datetime(2031, 3, 2, 14, 59, tzinfo=UTC))
    recurring = Recurring(scheduling.database, clock)
    scheduling.run(recurring.recur(JOB))
    assert await due_dates(api, us) == []
    clock.advance(timedelta(minutes=2))
    for _ in range(2):
        scheduling.run(recurring.recur(JOB))
    assert await due_dates(api, us) == ["2031-03-03"]
    # An outage from Wednesday to Saturday: Thursday's tasks are made late.
    clock.advance(timedelta(days=5))
    scheduling.run(recurring.recur(JOB))
    assert await due_dates(api, us) == ["2031-03-03", "2031-03-06"]


async def test_tasks_are_made_on_request_once(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    await task_template(api, us, frequency="MONTHLY")
    await task_template(api, us, name="Never", frequency="CUSTOM")
    service = api.TaskTemplateService
    request = task_templates.RunRecurringRequest(date="2031-03-15")
    nothing = await service.RunRecurring(request, principal=us.manager)
    assert (nothing.templates_considered, nothing.tasks_created) == (2, 0)
    request.frequency = "monthly"
    first = await service.RunRecurring(request, principal=us.manager)
    assert (first.templates_generated, first.tasks_created, first.details[0].template_name) == (1, 1, "Fridges")
    again = await service.RunRecurring(request, principal=us.manager)
    assert (again.templates_skipped, again.tasks_created) == (1, 0)


async def test_a_template_that_fails_is_told_of_once_and_holds_up_no_other(
    api: Api, scheduling: RunningService, bus: Bus
) -> None:
    us = team(scheduling)
    broken = await task_template(api, us, name="Broken", recurrence="FREQ=DAILY", recurs_from="2031-03-03")
    await task_template(api, us, recurrence="FREQ=DAILY", recurs_from="2031-03-03")

    async def spoil() -> None:
        async with scheduling.database.write(SYSTEM) as session:
            await session.execute(
                sa.update(TaskTemplate).where(TaskTemplate.id == UUID(broken)).values(tasks=sa.text("'7'::jsonb"))
            )

    scheduling.run(spoil())
    recurring = Recurring(scheduling.database, at(datetime(2031, 3, 3, 12, tzinfo=UTC)))
    for _ in range(2):
        scheduling.run(recurring.recur(JOB))
    assert await due_dates(api, us) == ["2031-03-03"]
    (failed,) = await bus.of_aggregate(facts.RecurrenceFailed, f"{broken}:2031-03-03", 1)
    assert failed.message.template_name == "Broken"


async def test_weeks_are_filled_ahead_once_and_left_alone_when_begun(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    need = templates.TemplateShiftDraft(role="WAITER", day_of_week=0, start_time="09:00:00", end_time="15:00:00")
    request = templates.CreateScheduleTemplateRequest(
        name="Every second week",
        shifts=[need],
        recurrence="FREQ=WEEKLY;INTERVAL=2;BYDAY=MO",
        recurs_from="2031-03-03",
        weeks_ahead=2,
    )
    made = await api.ScheduleTemplateService.CreateScheduleTemplate(request, principal=us.manager)
    assert (made.recurrence, made.recurs_from) == ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", "2031-03-03")
    clock = at(datetime(2031, 2, 20, 12, tzinfo=UTC))
    recurring = Recurring(scheduling.database, clock)

    async def runs() -> list[tuple[date, str]]:
        async with scheduling.database.write(SYSTEM) as session:
            rows = await session.execute(
                sa.select(RosterRun.week_start, RosterRun.wanted)
                .where(RosterRun.restaurant_id == us.restaurant_id)
                .order_by(RosterRun.week_start)
            )
            return [(row.week_start, row.wanted["template_id"]) for row in rows]

    for _ in range(2):
        scheduling.run(recurring.recur(JOB))
    assert scheduling.run(runs()) == [(MONDAY, made.id)]
    clock.advance(timedelta(days=14))
    scheduling.run(recurring.recur(JOB))
    assert [monday for monday, _ in scheduling.run(runs())] == [MONDAY, MONDAY + timedelta(days=14)]


async def test_earlier_states_of_a_template_come_back(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    need = templates.TemplateShiftDraft(role="WAITER", day_of_week=0, start_time="09:00:00", end_time="15:00:00")
    service = api.ScheduleTemplateService
    made = await service.CreateScheduleTemplate(
        templates.CreateScheduleTemplateRequest(name="Winter", shifts=[need]), principal=us.manager
    )
    change = templates.UpdateScheduleTemplateRequest(id=made.id, name="Summer")
    change.update_mask.paths.extend(["name", "shifts"])
    await service.UpdateScheduleTemplate(change, principal=us.manager)
    versions = await service.ListTemplateVersions(
        templates.ListTemplateVersionsRequest(id=made.id), principal=us.manager
    )
    assert [(one.name, len(orjson.loads(one.shifts))) for one in versions.results] == [("Winter", 1)]
    restored = await service.RestoreTemplateVersion(
        templates.RestoreTemplateVersionRequest(id=made.id, version_number=versions.results[0].version_number),
        principal=us.manager,
    )
    assert (restored.name, restored.shifts[0].start_time, restored.version) == ("Winter", "09:00:00", 3)
