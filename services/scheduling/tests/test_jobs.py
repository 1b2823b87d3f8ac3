"""Reminders and overdue work: told once each, late rather than never, and to everybody concerned."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from mizan.scheduling.events.v1 import events_pb2 as facts
from mizan.scheduling.v1 import checklist_pb2 as checklists
from mizan.scheduling.v1 import checklist_template_pb2 as checklist_templates
from mizan.scheduling.v1 import shift_task_pb2 as shift_tasks
from mizan.scheduling.v1 import task_pb2 as tasks
from mizan.scheduling.v1 import task_template_pb2 as task_templates
from servicekit import events
from servicekit.db import scope_of
from servicekit.jobs import Job
from servicekit.testing.clock import MovableClock
from servicekit.testing.service import Api, RunningService
from services.scheduling.commands import attendance
from services.scheduling.jobs import OVERDUE, REMIND, Reminders
from services.scheduling.tests.service.test_shifts import plan
from services.scheduling.tests.team import team

START = datetime(2031, 3, 3, 9, tzinfo=UTC)
JOB = Job(id=1, task=REMIND.name, attempt=1, last_attempt=False)


@pytest.fixture
def emitted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Every event that the service emits while a test runs: what it is about, and its message."""
    seen: list[tuple[str, Any]] = []
    emit = events.emit

    def recorded(session: Any, message: Any, **about: Any) -> Any:
        seen.append((str(about["aggregate_id"]), message))
        return emit(session, message, **about)

    monkeypatch.setattr(events, "emit", recorded)
    return seen


def messages(emitted: list[tuple[str, Any]], kind: type, about: str) -> list[Any]:
    """Those of a kind whose subject begins so."""
    return [message for subject, message in emitted if isinstance(message, kind) and subject.startswith(about)]


def clock_at(moment: datetime) -> MovableClock:
    clock = MovableClock()
    clock.advance(moment - clock.now())
    return clock


async def test_each_reminder_is_given_once(
    api: Api, scheduling: RunningService, emitted: list[tuple[str, Any]]
) -> None:
    us = team(scheduling, timezone="UTC")
    made = await plan(api, us, 0, 1, shift_date="2031-03-03")
    clock = clock_at(START - timedelta(hours=1))
    reminders = Reminders(scheduling.database, clock)
    # Nothing is due an hour before; the outage then lasts until ten minutes before.
    scheduling.run(reminders.remind(JOB))
    clock.advance(timedelta(minutes=50))
    for _ in range(2):
        scheduling.run(reminders.remind(JOB))
    for person in us.people[:2]:
        found = messages(emitted, facts.ShiftReminderDue, f"{made.id}:{person}")
        assert [(one.kind, one.minutes_left) for one in found] == [("SHIFT", 10), ("CLOCK_IN", 10)]


async def test_the_work_of_a_shift_comes_with_it(
    api: Api, scheduling: RunningService, emitted: list[tuple[str, Any]]
) -> None:
    us = team(scheduling, timezone="UTC")
    template = await api.TaskTemplateService.CreateTaskTemplate(
        task_templates.CreateTaskTemplateRequest(name="Open", template_type="OPENING"), principal=us.manager
    )
    await api.ChecklistTemplateService.CreateChecklistTemplate(
        checklist_templates.CreateChecklistTemplateRequest(
            name="Doors",
            task_template=template.id,
            steps=[checklist_templates.ChecklistStepDraft(title="Unlock")],
        ),
        principal=us.manager,
    )
    made = await plan(api, us, 0, 1, shift_date="2031-03-03", task_templates=[template.id])
    await api.ShiftTaskService.CreateShiftTask(
        shift_tasks.CreateShiftTaskRequest(title="Lights", shift=made.id), principal=us.manager
    )
    idle = await plan(api, us, 2, shift_date="2031-03-03")
    reminders = Reminders(scheduling.database, clock_at(START + timedelta(minutes=20)))
    for _ in range(2):
        scheduling.run(reminders.remind(JOB))
    for place in (0, 1):
        mine = await api.ChecklistService.ListMyExecutions(
            checklists.ListMyExecutionsRequest(), principal=us.principal(place)
        )
        assert [(one.template.name, one.assigned_shift_id) for one in mine.results] == [("Doors", made.id)]
        (told,) = messages(emitted, facts.ShiftReminderDue, f"{made.id}:{us.people[place]}")
        assert (told.kind, list(told.open_tasks)) == ("CHECKLIST", ["Lights", "Doors"])
    assert messages(emitted, facts.ShiftReminderDue, idle.id) == []


async def test_a_shift_follows_the_clock_and_its_end_is_told(
    api: Api, scheduling: RunningService, emitted: list[tuple[str, Any]]
) -> None:
    us = team(scheduling, timezone="UTC")
    made = await plan(api, us, 0, shift_date="2031-03-03")
    made_id, ends = UUID(made.id), datetime.fromisoformat(made.end_time)
    clock = clock_at(START + timedelta(minutes=30))

    async def hear(*, ended: datetime | None = None, missing: bool = False) -> None:
        async with scheduling.database.write(scope_of(us.manager)) as session:
            if missing:
                await attendance.missed(session, us.restaurant_id, made_id, us.people[0], clock.now())
            elif ended is None:
                await attendance.begun(session, us.restaurant_id, made_id)
            else:
                await attendance.over(session, us.restaurant_id, made_id, ended)

    scheduling.run(hear(missing=True))
    (missed,) = messages(emitted, facts.ShiftMissed, made.id)
    assert (list(missed.staff_ids), missed.minutes_late) == ([str(us.people[0])], 30)
    scheduling.run(hear())
    clock.advance(ends - clock.now() - timedelta(minutes=4))
    reminders = Reminders(scheduling.database, clock)
    for _ in range(2):
        scheduling.run(reminders.remind(JOB))
    (told,) = messages(emitted, facts.ShiftReminderDue, f"{made.id}:{us.people[0]}")
    assert (told.kind, told.minutes_left, told.shift.status) == ("CLOCK_OUT", 4, "IN_PROGRESS")
    scheduling.run(hear(ended=ends))
    # The news that it began comes again, and late.
    scheduling.run(hear())
    states = messages(emitted, facts.ShiftUpdated, made.id)
    assert [state.shift.status for state in states] == ["IN_PROGRESS", "COMPLETED"]


async def test_what_is_overdue_is_told_once_in_the_restaurants_zone(
    api: Api, scheduling: RunningService, emitted: list[tuple[str, Any]]
) -> None:
    us = team(scheduling, timezone="America/New_York")
    alone = await api.TaskService.CreateTask(
        tasks.CreateTaskRequest(title="Order fish", due_date="2031-03-03"), principal=us.manager
    )
    done = await api.TaskService.CreateTask(
        tasks.CreateTaskRequest(title="Done", due_date="2031-03-03"), principal=us.manager
    )
    await api.TaskService.CompleteTask(tasks.CompleteTaskRequest(id=done.id), principal=us.manager)
    # In New York it is still the third of March.
    clock = clock_at(datetime(2031, 3, 4, 4, 30, tzinfo=UTC))
    reminders = Reminders(scheduling.database, clock)
    job = Job(id=2, task=OVERDUE.name, attempt=1, last_attempt=False)
    scheduling.run(reminders.note_overdue(job))
    assert messages(emitted, facts.TaskOverdue, alone.id) == []
    clock.advance(timedelta(hours=1))
    for _ in range(2):
        scheduling.run(reminders.note_overdue(job))
    (told,) = messages(emitted, facts.TaskOverdue, alone.id)
    assert told.task.title == "Order fish"
    assert messages(emitted, facts.TaskOverdue, done.id) == []
