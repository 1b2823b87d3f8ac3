"""Reminders: given once for each kind, late rather than never, and to everybody on the shift."""

from datetime import UTC, datetime, timedelta

from mizan.scheduling.events.v1 import events_pb2 as facts
from servicekit.jobs import Job
from servicekit.testing.clock import MovableClock
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.scheduling.jobs import REMIND, Reminders
from services.scheduling.tests.service.test_shifts import plan
from services.scheduling.tests.team import team

START = datetime(2031, 3, 3, 9, tzinfo=UTC)


async def test_each_reminder_is_given_once(api: Api, scheduling: RunningService, bus: Bus) -> None:
    us = team(scheduling, timezone="UTC")
    made = await plan(api, us, 0, 1, shift_date="2031-03-03")
    clock = MovableClock()
    clock.advance(START - timedelta(hours=1) - clock.now())
    reminders = Reminders(scheduling.database, clock)
    job = Job(id=1, task=REMIND.name, attempt=1, last_attempt=False)
    # Nothing is due an hour before; the outage then lasts until ten minutes before.
    scheduling.run(reminders.remind(job))
    clock.advance(timedelta(minutes=50))
    for _ in range(2):
        scheduling.run(reminders.remind(job))
    for person in us.people[:2]:
        for kind in ("SHIFT", "CLOCK_IN"):
            aggregate = f"{made.id}:{person}:{kind}"
            (event,) = await bus.of_aggregate(facts.ShiftReminderDue, aggregate, 1)
            assert (event.message.kind, event.message.minutes_left) == (kind, 10)
