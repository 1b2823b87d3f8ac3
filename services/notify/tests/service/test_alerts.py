"""Alerts of the dashboard: seen by everybody in the restaurant, written by who may tell people something."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from mizan.notify.events.v1 import events_pb2 as facts
from mizan.notify.v1 import alert_pb2 as alerts
from servicekit.grpc_client import RemoteRefusal
from servicekit.testing.clock import MovableClock
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.notify.tests.conftest import manager, waiter


async def refusal(attempt: Any) -> RemoteRefusal:
    with pytest.raises(RemoteRefusal) as refused:
        await attempt
    return refused.value


async def test_an_alert_is_shown_until_somebody_deals_with_it(api: Api, clock: MovableClock, bus: Bus) -> None:
    place, service = uuid4(), api.AlertService
    boss, amina = manager(place), waiter(place)
    made = await service.CreateAlert(
        alerts.CreateAlertRequest(message=" Oven 2 is broken ", alert_type="ERROR"), principal=boss
    )
    assert (made.message, made.alert_type, made.is_resolved) == ("Oven 2 is broken", "ERROR", False)
    clock.advance(timedelta(seconds=1))
    newer = await service.CreateAlert(alerts.CreateAlertRequest(message="Inspection at 10"), principal=boss)
    listing, unresolved = alerts.ListAlertsRequest(), alerts.ListUnresolvedAlertsRequest()
    shown = await service.ListUnresolvedAlerts(unresolved, principal=amina)
    assert [(one.id, one.alert_type) for one in shown.results] == [(newer.id, "INFO"), (made.id, "ERROR")]
    for _ in range(2):
        await service.ResolveAlert(alerts.ResolveAlertRequest(id=made.id), principal=boss)
    assert [one.id for one in (await service.ListUnresolvedAlerts(unresolved, principal=amina)).results] == [newer.id]
    every = await service.ListAlerts(listing, principal=amina)
    assert [(one.id, one.is_resolved) for one in every.results] == [(newer.id, False), (made.id, True)]
    (created,) = await bus.of_aggregate(facts.AlertCreated, made.id, 1)
    (updated,) = await bus.of_aggregate(facts.AlertUpdated, made.id, 1)
    assert (created.message.alert.message, created.message.alert.version) == ("Oven 2 is broken", 1)
    assert (updated.message.alert.resolved_by, updated.message.alert.version) == (boss.subject, 2)


async def test_an_alert_is_changed_opened_again_and_removed(api: Api) -> None:
    place, service = uuid4(), api.AlertService
    boss = manager(place)
    request = alerts.CreateAlertRequest(message="Oven", is_resolved=True)
    made = await service.CreateAlert(request, principal=boss)
    assert (made.is_resolved, made.HasField("resolved_at")) == (True, True)
    change = alerts.UpdateAlertRequest(
        id=made.id, message="Oven 2", is_resolved=False, update_mask=FieldMask(paths=["message", "is_resolved"])
    )
    changed = await service.UpdateAlert(change, principal=boss)
    assert (changed.message, changed.alert_type, changed.is_resolved) == ("Oven 2", "INFO", False)
    assert not changed.HasField("resolved_at")
    change.message = "   "
    assert list((await refusal(service.UpdateAlert(change, principal=boss))).fields) == ["message"]
    await service.DeleteAlert(alerts.DeleteAlertRequest(id=made.id), principal=boss)
    assert (await refusal(service.GetAlert(alerts.GetAlertRequest(id=made.id), principal=boss))).code == "not_found"


async def test_staff_read_and_strangers_see_nothing(api: Api, notify: RunningService) -> None:
    place, service = uuid4(), api.AlertService
    made = await service.CreateAlert(alerts.CreateAlertRequest(message="Oven"), principal=manager(place))
    amina, stranger = waiter(place), manager(uuid4())
    assert (await service.GetAlert(alerts.GetAlertRequest(id=made.id), principal=amina)).message == "Oven"
    for attempt in (
        service.CreateAlert(alerts.CreateAlertRequest(message="Mine"), principal=amina),
        service.ResolveAlert(alerts.ResolveAlertRequest(id=made.id), principal=amina),
        service.DeleteAlert(alerts.DeleteAlertRequest(id=made.id), principal=amina),
    ):
        assert (await refusal(attempt)).code == "permission_denied"
    for attempt in (
        service.GetAlert(alerts.GetAlertRequest(id=made.id), principal=stranger),
        service.ResolveAlert(alerts.ResolveAlertRequest(id=made.id), principal=stranger),
        service.DeleteAlert(alerts.DeleteAlertRequest(id=made.id), principal=stranger),
    ):
        assert (await refusal(attempt)).code == "not_found"
    for number in range(3):
        await service.CreateAlert(alerts.CreateAlertRequest(message=str(number)), principal=stranger)
    with notify.statements() as ran:
        assert (await service.ListAlerts(alerts.ListAlertsRequest(), principal=stranger)).count == 3
    assert len(ran) == 2
