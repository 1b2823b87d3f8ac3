"""The list: one's own, filtered, paged, read, deleted, counted."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
import sqlalchemy as sa

from mizan.audit.events.v1 import events_pb2 as audit
from mizan.notify.v1 import notification_pb2 as pb
from mizan.notify.v1 import shift_message_pb2 as messages
from mizan.scheduling.events.v1 import events_pb2 as scheduling
from servicekit.db import Scope
from servicekit.errors import Refusal
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS, Principal
from servicekit.testing.service import Api, RunningService
from servicekit.testing.statistics import vacuum
from services.notify.commands.telling import News, tell
from services.notify.models import Delivery, Notification
from services.notify.tests.conftest import manager, waiter
from services.notify.tests.facts import shift
from services.notify.tests.town import Someone, Town
from tools.stack import Endpoints


def told(town: Town, *people: Someone, kind: str = "SYSTEM_ALERT", **news: Any) -> None:
    """Tells people something, in the list alone."""
    about = News(key=str(uuid4()), kind=kind, text="test", words={"message": "Hello"}, channels=("app",), **news)

    async def work() -> None:
        restaurant_id = people[0].restaurant_id
        async with town.notify.database.write(Scope(restaurant_id)) as session:
            found = await tell(session, restaurant_id, [one.id for one in people], about, datetime.now(UTC))
            assert set(found) == {one.id for one in people}

    town.notify.run(work())


def acting(someone: Someone) -> Principal:
    return waiter(someone.restaurant_id, someone.id)


async def listed(api: Api, principal: Principal, **filters: Any) -> pb.ListNotificationsResponse:
    request = pb.ListNotificationsRequest(**{"page": 1, "page_size": 20, **filters})
    return await api.NotificationService.ListNotifications(request, principal=principal)


async def test_people_see_their_own_newest_first_as_the_front_end_reads_it(town: Town, api: Api) -> None:
    place = await town.restaurant()
    amina, other = await town.person(place), await town.person(place, "Bahia")
    told(town, amina, other)
    told(town, amina, kind="TASK_ASSIGNED", priority="HIGH", sender_id=other.id, data={"task_id": 7})
    page = await listed(api, acting(amina))
    assert page.count == 2
    newest, oldest = page.results
    assert (newest.notification_type, newest.priority, newest.sender_name) == ("TASK_ASSIGNED", "HIGH", "Bahia Idrissi")
    assert (oldest.sender_name, oldest.title, oldest.message) == ("System", "Test notification", "Hello")
    assert orjson.loads(newest.data) == {"task_id": 7}
    assert orjson.loads(newest.delivery_status)["app"]["status"] == "SENT"
    assert (list(newest.channels_sent), newest.is_read, newest.time_ago) == (["app"], False, "Just now")
    assert (await listed(api, acting(other))).count == 1
    stats = await api.NotificationService.GetNotificationStats(
        pb.GetNotificationStatsRequest(), principal=acting(amina)
    )
    assert (stats.total_count, stats.unread_count) == (2, 2)
    assert dict(stats.type_counts) == {"TASK_ASSIGNED": 1, "SYSTEM_ALERT": 1}


async def test_filters(town: Town, api: Api) -> None:
    place = await town.restaurant()
    amina = await town.person(place)
    told(town, amina)
    told(town, amina, kind="TASK_ASSIGNED", priority="LOW")
    me = acting(amina)
    await api.NotificationService.MarkAllNotificationsRead(pb.MarkAllNotificationsReadRequest(), principal=me)
    told(town, amina, kind="TASK_ASSIGNED", priority="URGENT")
    today = f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%d}"
    assert (await listed(api, me, type="TASK_ASSIGNED")).count == 2
    assert (await listed(api, me, priority="URGENT")).count == 1
    assert (await listed(api, me, is_read=True)).count == 2
    assert (await listed(api, me, is_read=False)).count == 1
    assert (await listed(api, me, date_from=today, date_to=today)).count == 3
    assert (await listed(api, me, date_from="2100-01-01")).count == 0
    assert (await listed(api, me, date_to="9999-12-31")).count == 3
    with pytest.raises(RemoteRefusal, match=r"Invalid page\."):
        await listed(api, me, page=2)


async def test_reading_keeps_its_first_time_and_counts_once(town: Town, api: Api) -> None:
    place = await town.restaurant()
    amina = await town.person(place)
    told(town, amina)
    told(town, amina)
    me = acting(amina)
    one = (await listed(api, me)).results[0].id
    request = pb.MarkNotificationReadRequest(id=one)
    first = await api.NotificationService.MarkNotificationRead(request, principal=me)
    again = await api.NotificationService.MarkNotificationRead(request, principal=me)
    assert first.read_at == again.read_at
    everything = await api.NotificationService.MarkAllNotificationsRead(
        pb.MarkAllNotificationsReadRequest(), principal=me
    )
    assert (everything.count, everything.message) == (1, "1 notifications marked as read")


async def test_deleting_takes_it_out_for_good_and_stops_what_waits(town: Town, api: Api) -> None:
    place = await town.restaurant()
    amina = await town.person(place)
    told(town, amina)
    told(town, amina)
    me = acting(amina)
    ids = [row.id for row in (await listed(api, me)).results]
    delivery_id = uuid4()

    async def wait_for_its_time() -> None:
        async with town.notify.database.write(Scope(place)) as session:
            session.add(
                Delivery(
                    id=delivery_id,
                    restaurant_id=place,
                    addressee=str(amina.id),
                    channel="email",
                    key="later",
                    notification_id=UUID(ids[0]),
                    state="PENDING",
                    payload={},
                    not_before=datetime.now(UTC) + timedelta(hours=1),
                )
            )

    town.notify.run(wait_for_its_time())
    done = await api.NotificationService.DeleteNotification(pb.DeleteNotificationRequest(id=ids[0]), principal=me)
    assert done.message == "Notification deleted successfully"
    assert (await listed(api, me)).count == 1

    async def state() -> str:
        async with town.notify.database.write(Scope(place)) as session:
            return str(await session.scalar(sa.select(Delivery.state).where(Delivery.id == delivery_id)))

    assert town.notify.run(state()) == "CANCELLED"
    for action, ids_given in (("delete", ids), ("mark_read", ids)):
        request = pb.ChangeNotificationsRequest(action=action, notification_ids=ids_given)
        changed = await api.NotificationService.ChangeNotifications(request, principal=me)
        assert changed.count == (1 if action == "delete" else 0)
    for wrong in (pb.ChangeNotificationsRequest(action="delete"), pb.ChangeNotificationsRequest(notification_ids=ids)):
        with pytest.raises(RemoteRefusal, match="Action and notification_ids are required"):
            await api.NotificationService.ChangeNotifications(wrong, principal=me)
    with pytest.raises(RemoteRefusal, match="Invalid action"):
        await api.NotificationService.ChangeNotifications(
            pb.ChangeNotificationsRequest(action="burn", notification_ids=ids), principal=me
        )


async def test_nobody_touches_what_is_somebody_elses(town: Town, api: Api) -> None:
    place = await town.restaurant()
    amina, colleague = await town.person(place), await town.person(place, "Bahia")
    told(town, amina)
    one = (await listed(api, acting(amina))).results[0].id
    strangers = (acting(colleague), waiter(uuid4(), amina.id), manager(uuid4()), manager(place))
    for stranger in strangers:
        for attempt in (
            api.NotificationService.MarkNotificationRead(pb.MarkNotificationReadRequest(id=one), principal=stranger),
            api.NotificationService.DeleteNotification(pb.DeleteNotificationRequest(id=one), principal=stranger),
        ):
            with pytest.raises(RemoteRefusal) as refused:
                await attempt
            assert refused.value.code == "not_found"
        request = pb.ChangeNotificationsRequest(action="delete", notification_ids=[one])
        assert (await api.NotificationService.ChangeNotifications(request, principal=stranger)).count == 0
    with pytest.raises(Refusal):
        await listed(api, ANONYMOUS)
    found = await listed(api, acting(amina))
    assert (found.count, found.results[0].is_read) == (1, False)


async def test_a_list_costs_the_same_for_1_and_for_100(town: Town, api: Api) -> None:
    place = await town.restaurant()
    amina = await town.person(place)
    told(town, amina)
    me = acting(amina)
    with town.notify.statements() as for_one:
        assert len((await listed(api, me, page_size=100)).results) == 1
    for _ in range(99):
        told(town, amina)
    with town.notify.statements() as for_hundred:
        assert len((await listed(api, me, page_size=100)).results) == 100
    assert len(for_one) == len(for_hundred) == 2


async def test_the_list_is_read_by_its_index(town: Town, notify: RunningService, stack: Endpoints) -> None:
    place, person = uuid4(), uuid4()

    async def fill() -> None:
        async with notify.database.write(Scope(place)) as session:
            await session.execute(
                sa.text(
                    "INSERT INTO notifications (id, restaurant_id, recipient_id, key, kind, priority, title, message,"
                    " language, created_at) SELECT gen_random_uuid(), :place, CASE WHEN n % 500 = 0 THEN"
                    " CAST(:person AS uuid) ELSE gen_random_uuid() END, n::text, 'OTHER', 'LOW', 't', 'm', 'en',"
                    " now() - n * interval '1 second' FROM generate_series(1, 100000) AS n"
                ),
                {"place": place, "person": person},
            )

    async def explain() -> str:
        newest = (
            sa.select(Notification.id)
            .where(
                Notification.restaurant_id == place,
                Notification.recipient_id == person,
                Notification.deleted_at.is_(None),
            )
            .order_by(Notification.created_at.desc(), Notification.id)
            .limit(20)
        )
        sql = str(newest.compile(compile_kwargs={"literal_binds": True}))
        async with notify.database.write(Scope(place)) as session:
            return "\n".join(row[0] for row in await session.execute(sa.text(f"EXPLAIN {sql}")))

    notify.run(fill())
    vacuum(stack, notify.database.url, Notification.__tablename__)
    plan = notify.run(explain())
    assert "ix_notifications_list" in plan
    assert "Seq Scan" not in plan


async def test_a_test_notification_goes_where_it_is_asked_for(town: Town, api: Api) -> None:
    place = await town.restaurant()
    amina = await town.person(place)
    request = pb.SendTestNotificationRequest(message="Ping", channels=["app", "push"])
    done = await api.NotificationService.SendTestNotification(request, principal=acting(amina))
    assert done.message == "Test notification sent successfully"
    await town.settle()
    assert town.received(amina) == {"whatsapp": 0, "push": 1, "email": 0}
    assert town.world.firebase.on(amina.device)[0]["notification"]["body"] == "Ping"


async def test_managers_hear_once_of_a_submitted_checklist(town: Town, api: Api) -> None:
    place = await town.restaurant()
    boss, amina = await town.person(place, "Boss", role="MANAGER"), await town.person(place)
    request = pb.ReportChecklistSubmissionRequest(execution_id=str(uuid4()), title="Opening", channels=["in_app"])
    for _ in range(2):
        done = await api.NotificationService.ReportChecklistSubmission(request, principal=acting(amina))
        assert done.success
    (notification,) = town.notifications(boss)
    assert notification.message == "Amina Idrissi submitted Opening."
    with pytest.raises(RemoteRefusal):
        await api.NotificationService.ReportChecklistSubmission(
            pb.ReportChecklistSubmissionRequest(execution_id=" "), principal=acting(amina)
        )


async def test_activity_enters_the_audit_trail_unless_it_happens_by_itself(town: Town, api: Api) -> None:
    place = await town.restaurant()
    me = waiter(place)
    for kind in ("AUTO_SAVE", "DOCUMENT_SIGNED"):
        request = pb.ReportActivityRequest(event_type=kind, execution_id="e1", severity="LOW", message=f"About {kind}")
        assert (await api.NotificationService.ReportActivity(request, principal=me)).success
    entry = await town.bus.first(audit.EntryRecorded, place)
    assert entry.message.description == "About DOCUMENT_SIGNED"


async def test_somebody_is_written_to_about_a_shift(town: Town, api: Api) -> None:
    place, elsewhere = await town.restaurant(), await town.restaurant()
    amina, boss, stranger = await town.person(place), await town.person(place, "Bahia"), await town.person(elsewhere)
    theirs = shift(place, amina.id, is_published=False)
    await town.happens(scheduling.ShiftCreated(shift=theirs), place)
    service, sender = api.ShiftMessageService, manager(place, boss.id)

    def letter(**fields: str) -> messages.SendShiftMessageRequest:
        given = {"schedule": theirs.id, "recipient": str(amina.id), "message": " Bring your apron. "}
        return messages.SendShiftMessageRequest(**{**given, **fields})

    sent = await service.SendShiftMessage(letter(), principal=sender)
    assert (sent.message, sent.is_read, sent.schedule, sent.recipient) == (
        "Bring your apron.",
        False,
        theirs.id,
        str(amina.id),
    )
    (row,) = (await listed(api, acting(amina), type="SHIFT_ASSIGNED")).results
    assert (row.id, row.title, row.message) == (sent.id, "About your shift", "Bring your apron.")
    wrong = (
        (letter(recipient=str(stranger.id)), sender, "not_found"),
        (letter(schedule=str(uuid4())), sender, "not_found"),
        (letter(), manager(elsewhere, stranger.id), "not_found"),
        (letter(message="  "), sender, "blank"),
        (letter(), acting(amina), "permission_denied"),
    )
    for request, principal, code in wrong:
        with pytest.raises(RemoteRefusal) as refused:
            await service.SendShiftMessage(request, principal=principal)
        assert refused.value.code == code

    change = messages.UpdateShiftMessageRequest(id=sent.id, is_read=True, message="Bring your apron.")
    change.update_mask.paths.extend(["is_read", "message"])
    assert (await service.UpdateShiftMessage(change, principal=acting(amina))).is_read
    change.is_read = False
    assert not (await service.UpdateShiftMessage(change, principal=acting(amina))).is_read
    change.message = "Stay at home."
    with pytest.raises(RemoteRefusal) as refused:
        await service.UpdateShiftMessage(change, principal=acting(amina))
    assert refused.value.code == "told"
    get = messages.GetShiftMessageRequest(id=sent.id)
    remove = messages.DeleteShiftMessageRequest(id=sent.id)
    for other in (sender, acting(stranger)):
        for attempt in (
            service.GetShiftMessage(get, principal=other),
            service.UpdateShiftMessage(change, principal=other),
            service.DeleteShiftMessage(remove, principal=other),
        ):
            with pytest.raises(RemoteRefusal) as refused:
                await attempt
            assert refused.value.code == "not_found"
    await service.DeleteShiftMessage(remove, principal=acting(amina))
    assert (await listed(api, acting(amina))).count == 0
