"""Announcements: to whom they are meant, at their time, once, acknowledged."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from mizan.notify.events.v1 import events_pb2 as facts
from mizan.notify.v1 import announcement_pb2 as pb
from mizan.notify.v1 import channel_pb2
from mizan.options.v1 import files_pb2
from mizan.scheduling.events.v1 import events_pb2 as scheduling
from servicekit.db import Scope
from servicekit.errors import Refusal
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS, Principal
from servicekit.jobs import Job
from servicekit.testing.clock import MovableClock
from servicekit.testing.service import Api
from services.notify import tasks
from services.notify.tests.conftest import manager, waiter
from services.notify.tests.facts import shift, stamp
from services.notify.tests.town import Someone, Town

RUN = Job(id=0, task=tasks.RELEASE.name, attempt=1, last_attempt=False)


async def announce(api: Api, principal: Principal, **about: Any) -> pb.CreateAnnouncementResponse:
    given = {"title": "Party", "message": "On Sunday", "channels": ["app"]}
    request = pb.CreateAnnouncementRequest(**{**given, **about})
    return await api.AnnouncementService.CreateAnnouncement(request, principal=principal)


async def hears(town: Town, *people: Someone) -> list[int]:
    await town.settle()
    return [len(town.notifications(one)) for one in people]


async def test_everybody_hears_it_but_the_sender(town: Town, api: Api) -> None:
    place, elsewhere = await town.restaurant(), await town.restaurant()
    boss = await town.person(place, "Boss", role="MANAGER")
    amina, bahia, stranger = await town.person(place), await town.person(place), await town.person(elsewhere)
    sent = await announce(api, manager(place, boss.id), message="On <img src=x onerror=alert(1)>Sunday", tags=["fun"])
    assert (sent.message, sent.notification_count, sent.targeted) == ("Announcement sent to 2 staff members", 2, False)
    assert await hears(town, boss, amina, bahia, stranger) == [0, 1, 1, 0]
    assert town.notifications(amina)[0].message == "On Sunday"
    assert town.notifications(amina)[0].data["tags"] == ["fun"]


async def test_kinds_of_recipients_are_added_up(town: Town, api: Api) -> None:
    place = await town.restaurant()
    by_id, by_role, on_shift, nobody = (
        await town.person(place),
        await town.person(place, role="CHEF"),
        await town.person(place, role="CLEANER"),
        await town.person(place, role="CASHIER"),
    )
    planned = shift(place, on_shift.id, is_published=False)
    await town.happens(scheduling.ShiftCreated(shift=planned), place)
    sent = await announce(
        api,
        manager(place),
        recipients_staff_ids=[str(by_id.id), str(by_id.id)],
        recipients_roles=["chef"],
        recipients_shift_ids=[planned.id],
    )
    assert (sent.notification_count, sent.targeted) == (3, True)
    assert await hears(town, by_id, by_role, on_shift, nobody) == [1, 1, 1, 0]


async def test_people_and_shifts_of_others_are_unknown(town: Town, api: Api) -> None:
    place, elsewhere = await town.restaurant(), await town.restaurant()
    stranger = await town.person(elsewhere)
    foreign = shift(elsewhere, stranger.id)
    await town.happens(scheduling.ShiftCreated(shift=foreign), elsewhere)
    for about in ({"recipients_staff_ids": [str(stranger.id)]}, {"recipients_shift_ids": [foreign.id]}):
        with pytest.raises(RemoteRefusal) as refused:
            await announce(api, manager(place), **about)
        assert refused.value.code == "not_found"
    assert await hears(town, stranger) == [1]


async def test_a_scheduled_one_is_invisible_until_its_time_and_comes_once(
    town: Town, api: Api, clock: MovableClock
) -> None:
    place = await town.restaurant()
    amina = await town.person(place)
    later = clock.now() + timedelta(hours=2)
    sent = await announce(api, manager(place), schedule_for=stamp(later))
    assert sent.message == "Announcement scheduled for 1 staff members"
    release: Any = town.notify.service.jobs._handlers[tasks.RELEASE]
    town.notify.run(release(RUN, announcement_id=sent.announcement_id))
    assert await hears(town, amina) == [0]
    clock.advance(timedelta(hours=3))
    for _ in range(3):
        town.notify.run(release(RUN, announcement_id=sent.announcement_id))
    assert await hears(town, amina) == [1]
    (listed,) = (await reports(api, manager(place))).results
    assert (listed.status, listed.recipient_count) == ("SENT", 1)


async def test_one_that_is_taken_back_or_has_run_out_is_told_to_nobody(
    town: Town, api: Api, clock: MovableClock
) -> None:
    place = await town.restaurant()
    amina = await town.person(place)
    release: Any = town.notify.service.jobs._handlers[tasks.RELEASE]
    soon = clock.now() + timedelta(hours=1)
    cancelled = await announce(api, manager(place), schedule_for=stamp(soon))
    over = await announce(api, manager(place), schedule_for=stamp(soon), expires_at=stamp(soon + timedelta(hours=1)))
    request = pb.CancelAnnouncementRequest(id=cancelled.announcement_id)
    for stranger in (manager(uuid4()),):
        with pytest.raises(RemoteRefusal, match="No Announcement"):
            await api.AnnouncementService.CancelAnnouncement(request, principal=stranger)
    for _ in range(2):
        taken = await api.AnnouncementService.CancelAnnouncement(request, principal=manager(place))
        assert taken.status == "CANCELLED"
    clock.advance(timedelta(hours=3))
    for announcement in (cancelled, over):
        town.notify.run(release(RUN, announcement_id=announcement.announcement_id))
    assert await hears(town, amina) == [0]
    now = await announce(api, manager(place))
    await town.settle()
    with pytest.raises(RemoteRefusal) as refused:
        await api.AnnouncementService.CancelAnnouncement(
            pb.CancelAnnouncementRequest(id=now.announcement_id), principal=manager(place)
        )
    assert refused.value.code == "already_sent"


async def test_a_crowd_is_told_in_parts_by_an_event_for_each_part(town: Town, api: Api) -> None:
    place = await town.restaurant()
    crowd = 650

    async def move_in() -> None:
        async with town.notify.database.write(Scope(place)) as session:
            await session.execute(
                sa.text(
                    "INSERT INTO staff_ref (restaurant_id, user_id, first_name, last_name, email, role, is_active,"
                    " language, version) SELECT :place, gen_random_uuid(), 'P', n::text, n || '@example.com', 'WAITER',"
                    " true, 'en', 1 FROM generate_series(1, :crowd) AS n"
                ),
                {"place": place, "crowd": crowd},
            )

    town.notify.run(move_in())
    sent = await announce(api, manager(place))
    assert sent.notification_count == crowd
    await town.settle()
    (report,) = (await reports(api, manager(place))).results
    assert (report.status, report.recipient_count) == ("SENT", crowd)
    told = await recipients(town, place)
    assert len(told) == len(set(told)) == crowd


async def recipients(town: Town, place: UUID) -> list[str]:
    """Whom the first three events of a restaurant name."""
    parts = await town.bus._take(facts.NotificationCreated, 3, lambda envelope: envelope.restaurant_id == place)
    return [one.user_id for part in parts for one in part.message.recipients]


async def test_overriding_reaches_those_who_switched_it_off(town: Town, api: Api) -> None:
    place = await town.restaurant()
    silent = await town.person(place, announcement_notifications=False, push_enabled=False)
    await announce(api, manager(place), channels=["app", "whatsapp"])
    assert await hears(town, silent) == [0]
    await announce(api, manager(place), channels=["app", "whatsapp"], override_preferences=True, priority="URGENT")
    assert await hears(town, silent) == [1]
    assert town.received(silent) == {"whatsapp": 1, "push": 1, "email": 1}
    checks = (
        await api.ChannelService.CheckChannels(channel_pb2.CheckChannelsRequest(), principal=manager(place))
    ).checks
    assert (checks.announcement_disabled_count, checks.device_tokens_count, checks.twilio_configured) == (1, 1, False)
    assert checks.email_configured
    assert checks.firebase_initialized
    assert checks.whatsapp_webhook_configured


async def test_taking_note_is_counted(town: Town, api: Api) -> None:
    place = await town.restaurant()
    amina, _ = await town.person(place), await town.person(place)
    sent = await announce(api, manager(place))
    await town.settle()
    named = (str(town.notifications(amina)[0].id), sent.announcement_id)
    times = set()
    for one in named:
        answer = await api.AnnouncementService.AcknowledgeAnnouncement(
            pb.AcknowledgeAnnouncementRequest(id=one), principal=waiter(place, amina.id)
        )
        times.add(answer.acknowledged_at.ToDatetime())
    assert len(times) == 1
    (listed,) = (await reports(api, manager(place))).results
    assert (listed.recipient_count, listed.read_count, listed.acknowledged_count) == (2, 1, 1)
    for stranger in (waiter(place), waiter(uuid4(), amina.id)):
        with pytest.raises(RemoteRefusal) as refused:
            await api.AnnouncementService.AcknowledgeAnnouncement(
                pb.AcknowledgeAnnouncementRequest(id=named[0]), principal=stranger
            )
        assert refused.value.code == "not_found"
    assert (await reports(api, manager(uuid4()))).count == 0


async def reports(api: Api, principal: Principal) -> pb.ListAnnouncementsResponse:
    request = pb.ListAnnouncementsRequest(page=1, page_size=20)
    return await api.AnnouncementService.ListAnnouncements(request, principal=principal)


async def test_a_report_of_many_costs_the_same(town: Town, api: Api) -> None:
    place = await town.restaurant()
    await town.person(place)
    await announce(api, manager(place))
    with town.notify.statements() as for_one:
        await reports(api, manager(place))
    for _ in range(14):
        await announce(api, manager(place))
    await town.settle()
    with town.notify.statements() as for_many:
        assert len((await reports(api, manager(place))).results) == 15
    assert len(for_one) == len(for_many) == 2


async def test_what_is_wrong_is_said(town: Town, api: Api) -> None:
    place = await town.restaurant()
    past = stamp(datetime.now(UTC) - timedelta(minutes=1))
    soon = stamp(datetime.now(UTC) + timedelta(days=1))
    fake = files_pb2.Upload(filename="x.png", content=b"\x00\x01 not a picture")
    for about, field in (
        ({"schedule_for": past}, "schedule_for"),
        ({"expires_at": past}, "expires_at"),
        ({"expires_at": soon, "schedule_for": soon}, "expires_at"),
        ({"title": "<b></b>"}, "title"),
        ({"attachments": [fake]}, "attachments"),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await announce(api, manager(place), **about)
        assert list(refused.value.fields) == [field]
    assert (await reports(api, manager(place))).count == 0
    for nobody in (waiter(place), ANONYMOUS):
        with pytest.raises(Refusal):
            await announce(api, nobody)


async def test_reports_of_problems_are_about_ones_own(town: Town, api: Api) -> None:
    place = await town.restaurant()
    amina = await town.person(place)
    await announce(api, manager(place))
    await town.settle()
    notification_id = str(town.notifications(amina)[0].id)
    request = pb.ReportDeliveryIssueRequest(description="Late", notification_id=notification_id)
    answer = await api.AnnouncementService.ReportDeliveryIssue(request, principal=waiter(place, amina.id))
    assert answer.issue_id > 0
    with pytest.raises(RemoteRefusal, match="No Notification"):
        await api.AnnouncementService.ReportDeliveryIssue(request, principal=waiter(place))
    with pytest.raises(RemoteRefusal, match="description is required"):
        await api.AnnouncementService.ReportDeliveryIssue(
            pb.ReportDeliveryIssueRequest(description=" "), principal=waiter(place)
        )
