"""The operator's commands."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from mizan.notify.v1 import announcement_pb2 as pb
from servicekit.db import SYSTEM, Scope
from servicekit.jobs import Job
from servicekit.testing.clock import MovableClock
from servicekit.testing.service import Api
from services.notify import tasks
from services.notify.cli import app
from services.notify.commands import deliveries
from services.notify.models import Delivery, DeviceToken, Notification
from services.notify.tests.conftest import manager
from services.notify.tests.facts import stamp
from services.notify.tests.town import Someone, Town

Command = Callable[[Sequence[str]], Awaitable[Result]]


@pytest.fixture
def command(town: Town, monkeypatch: pytest.MonkeyPatch) -> Command:
    settings = town.notify.service.core.settings
    for name in ("nats_url", "redis_url", "internal_keys_dir", "files_url"):
        monkeypatch.setenv(name.upper(), str(getattr(settings, name)))
    monkeypatch.setenv("NOTIFY_DATABASE_URL", settings.database_url)

    async def invoke(arguments: Sequence[str]) -> Result:
        # A command has an event loop of its own.
        return await asyncio.to_thread(CliRunner().invoke, app, arguments)

    return invoke


def told(
    town: Town, someone: Someone, age: timedelta, *, is_read: bool, kind: str = "OTHER", due: bool = False
) -> UUID:
    """Something that somebody was told a while ago; with a delivery that was settled then, or is due."""
    notification_id, moment = uuid4(), datetime.now(UTC) - age

    async def work() -> None:
        async with town.notify.database.write(Scope(someone.restaurant_id)) as session:
            session.add(
                Notification(
                    id=notification_id,
                    restaurant_id=someone.restaurant_id,
                    recipient_id=someone.id,
                    key=str(notification_id),
                    kind=kind,
                    priority="LOW",
                    title="Old news",
                    message="…",
                    language="en",
                    words={"text": "test"},
                    data={},
                    created_at=moment,
                    read_at=moment if is_read else None,
                )
            )
            await session.flush()
            session.add(
                Delivery(
                    restaurant_id=someone.restaurant_id,
                    addressee=str(someone.id),
                    channel="push",
                    key=str(notification_id),
                    notification_id=notification_id,
                    state="PENDING" if due else "FAILED",
                    payload={},
                    created_at=moment,
                    updated_at=moment,
                )
            )

    town.notify.run(work())
    return notification_id


async def test_health_is_said(command: Command) -> None:
    result = await command(["check_notification_health"])
    assert result.exit_code == 0, result.output
    assert "email_configured: False" in result.output
    assert "device_tokens_count:" in result.output


async def test_what_is_old_goes_and_what_is_unread_may_stay(town: Town, command: Command) -> None:
    place = await town.restaurant()
    amina = await town.person(place)
    year = timedelta(days=365)
    unread, read = told(town, amina, year, is_read=False), told(town, amina, year, is_read=True)
    fresh = told(town, amina, timedelta(days=1), is_read=True)

    async def age_token() -> None:
        async with town.notify.database.write(SYSTEM) as session:
            await session.execute(
                sa.update(DeviceToken)
                .where(DeviceToken.user_id == amina.id)
                .values(is_active=False, last_used=datetime.now(UTC) - year)
            )

    town.notify.run(age_token())
    tried = await command(["cleanup-notifications", "--dry-run"])
    assert "would delete 2 notifications" in tried.output
    assert tried.output.count("Old news") == 2
    assert {row.id for row in town.notifications(amina)} == {unread, read, fresh}
    careful = await command(["cleanup-notifications", "--keep-unread"])
    assert "deleted 1 notifications" in careful.output
    assert "deleted 1 device_tokens" in careful.output
    assert {row.id for row in town.notifications(amina)} == {unread, fresh}
    await command(["cleanup-notifications", "--log-days", "365"])
    assert [row.id for row in town.notifications(amina)] == [fresh]
    assert len(town.addressed(str(amina.id))) == 1


async def test_what_is_due_is_sent_once(town: Town, api: Api, command: Command, clock: MovableClock) -> None:
    place = await town.restaurant()
    amina = await town.person(place)
    told(town, amina, timedelta(minutes=1), is_read=False, kind="SHIFT_REMINDER", due=True)
    for _ in range(2):
        dry = await command(["send-scheduled-notifications", "--type", "reminders", "--dry-run"])
        assert "1 reminders due" in dry.output
    for _ in range(2):
        assert (await command(["send_scheduled_notifications", "--type", "reminders"])).exit_code == 0
    await town.settle()
    assert town.received(amina)["push"] == 1
    request = pb.CreateAnnouncementRequest(
        title="x", message="y", channels=["app"], schedule_for=stamp(clock.now() + timedelta(hours=1))
    )
    await api.AnnouncementService.CreateAnnouncement(request, principal=manager(place))
    assert "0 announcements queued" in (await command(["send-scheduled-notifications"])).output
    assert (await command(["send-scheduled-notifications", "--type", "love letters"])).exit_code == 2


async def test_the_sweep_finds_what_lost_its_job_and_settles_what_nobody_sends(town: Town, clock: MovableClock) -> None:
    place = await town.restaurant()
    lost, stuck = await town.person(place), await town.person(place)
    told(town, lost, timedelta(hours=1), is_read=False, due=True)
    told(town, stuck, timedelta(hours=1), is_read=False, due=True)

    async def sweep() -> int:
        async with town.notify.database.write(SYSTEM) as session:
            await session.execute(
                sa.update(Delivery)
                .where(Delivery.addressee == str(stuck.id))
                .values(state="SENDING", updated_at=Delivery.created_at)
            )
        async with town.notify.database.write(SYSTEM) as session:
            return await deliveries.requeue_overdue(session, clock.now(), limit=100)

    assert town.notify.run(sweep()) == 1
    await town.settle()
    assert town.received(lost)["push"] == 1
    assert town.deliveries(stuck)["push"].state == "UNCERTAIN"
    clean = town.notify.service.jobs._handlers[tasks.CLEAN]
    town.notify.run(clean(Job(id=0, task=tasks.CLEAN.name, attempt=1, last_attempt=False)))
    assert len(town.notifications(lost)) == 1
