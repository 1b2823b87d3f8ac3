"""Figures about people: who writes and who reads them."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from mizan.identity.v1 import performance_pb2
from servicekit.db import SYSTEM
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import Principal
from servicekit.testing.service import Api, RunningService
from services.identity.models import PerformanceMetric
from services.identity.tests.conftest import Owner, register
from services.identity.tests.team import hire


@pytest.fixture
async def owner(api: Api) -> Owner:
    return await register(api, f"m{uuid4().hex[:10]}")


async def record(
    api: Api, caller: Principal, staff: str, value: float = 8.5, day: str = "2026-11-22"
) -> performance_pb2.PerformanceMetric:
    request = performance_pb2.CreateMetricRequest(staff=staff, metric_type="punctuality", value=value, date=day)
    answer: performance_pb2.PerformanceMetric = await api.PerformanceService.CreateMetric(request, principal=caller)
    return answer


async def listed(api: Api, caller: Principal, **request: Any) -> performance_pb2.ListMetricsResponse:
    answer: performance_pb2.ListMetricsResponse = await api.PerformanceService.ListMetrics(
        performance_pb2.ListMetricsRequest(**request), principal=caller
    )
    return answer


async def test_managers_record_and_people_read_their_own(api: Api, identity: RunningService, owner: Owner) -> None:
    waiter, cook = hire(identity, owner), hire(identity, owner, "CHEF")
    manager = hire(identity, owner, "MANAGER")
    older = await record(api, manager, waiter.subject, day="2026-11-01")
    newer = await record(api, manager, waiter.subject, value=0)
    other = await record(api, manager, cook.subject, day="2026-11-10")
    assert (older.staff, older.staff_details.id, older.metric_type, older.value, older.date) == (
        waiter.subject,
        waiter.subject,
        "punctuality",
        8.5,
        "2026-11-01",
    )
    assert newer.value == 0
    assert [row.id for row in (await listed(api, manager)).results] == [newer.id, other.id, older.id]
    assert [row.id for row in (await listed(api, manager, staff_id=cook.subject)).results] == [other.id]
    assert [row.id for row in (await listed(api, waiter)).results] == [newer.id, older.id]
    assert (await listed(api, waiter, staff_id=cook.subject)).count == 0
    fetch = performance_pb2.GetMetricRequest
    assert await api.PerformanceService.GetMetric(fetch(id=older.id), principal=waiter) == older
    with pytest.raises(RemoteRefusal) as refused:
        await api.PerformanceService.GetMetric(fetch(id=other.id), principal=waiter)
    assert refused.value.grpc_code == grpc.StatusCode.NOT_FOUND
    with pytest.raises(RemoteRefusal) as refused:
        await record(api, waiter, waiter.subject)
    assert refused.value.grpc_code == grpc.StatusCode.PERMISSION_DENIED


async def test_nobody_is_measured_from_below(api: Api, identity: RunningService, owner: Owner) -> None:
    manager, chief = hire(identity, owner, "MANAGER"), hire(identity, owner, "OWNER")
    about_chief = await record(api, owner.principal, chief.subject)
    calls = [
        record(api, manager, chief.subject),
        api.PerformanceService.DeleteMetric(performance_pb2.DeleteMetricRequest(id=about_chief.id), principal=manager),
    ]
    for call in calls:
        with pytest.raises(RemoteRefusal) as refused:
            await call
        assert refused.value.grpc_code == grpc.StatusCode.PERMISSION_DENIED


async def test_a_figure_is_corrected_and_deleted(api: Api, identity: RunningService, owner: Owner) -> None:
    waiter, cook = hire(identity, owner), hire(identity, owner, "CHEF")
    made = await record(api, owner.principal, waiter.subject)
    request = performance_pb2.UpdateMetricRequest(
        id=made.id,
        value=0,
        notes="Typo",
        staff=cook.subject,
        date="2026-10-01",
        update_mask=FieldMask(paths=["value", "notes", "staff", "date"]),
    )
    changed = await api.PerformanceService.UpdateMetric(request, principal=owner.principal)
    assert (changed.value, changed.notes, changed.staff, changed.date, changed.metric_type) == (
        0,
        "Typo",
        cook.subject,
        "2026-10-01",
        "punctuality",
    )
    cleared = await api.PerformanceService.UpdateMetric(
        performance_pb2.UpdateMetricRequest(id=made.id, update_mask=FieldMask(paths=["notes"])),
        principal=owner.principal,
    )
    assert not cleared.HasField("notes")
    await api.PerformanceService.DeleteMetric(
        performance_pb2.DeleteMetricRequest(id=made.id), principal=owner.principal
    )
    assert (await listed(api, owner.principal)).count == 0


async def test_another_restaurant_sees_and_changes_nothing(api: Api, identity: RunningService, owner: Owner) -> None:
    stranger = (await register(api, f"m{uuid4().hex[:10]}")).principal
    waiter = hire(identity, owner)
    made = await record(api, owner.principal, waiter.subject)
    own = await record(api, stranger, stranger.subject)
    staff_mask = FieldMask(paths=["staff", "value"])
    calls = [
        record(api, stranger, waiter.subject),
        listed(api, stranger, staff_id=waiter.subject),
        api.PerformanceService.GetMetric(performance_pb2.GetMetricRequest(id=made.id), principal=stranger),
        api.PerformanceService.DeleteMetric(performance_pb2.DeleteMetricRequest(id=made.id), principal=stranger),
        api.PerformanceService.UpdateMetric(
            performance_pb2.UpdateMetricRequest(id=made.id, value=1, update_mask=staff_mask), principal=stranger
        ),
        api.PerformanceService.UpdateMetric(
            performance_pb2.UpdateMetricRequest(id=own.id, staff=waiter.subject, update_mask=staff_mask),
            principal=stranger,
        ),
    ]
    for call in calls:
        with pytest.raises(RemoteRefusal) as refused:
            await call
        assert refused.value.grpc_code == grpc.StatusCode.NOT_FOUND
    assert list((await listed(api, owner.principal)).results) == [made]
    assert list((await listed(api, stranger)).results) == [own]


async def test_a_list_costs_the_same_for_one_figure_and_for_a_hundred(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    first = await record(api, owner.principal, owner.user.id)

    async def insert() -> None:
        async with identity.database.write(SYSTEM) as session:
            session.add_all(
                PerformanceMetric(
                    id=uuid4(),
                    restaurant_id=owner.restaurant_id,
                    staff_id=UUID(owner.user.id),
                    metric_type="speed",
                    value=number,
                    measured_on=date.fromisoformat(first.date),
                )
                for number in range(99)
            )

    costs = []
    with identity.statements() as statements:
        await listed(api, owner.principal, page=1, page_size=500)
    costs.append(len(statements))
    identity.run(insert())
    with identity.statements() as statements:
        answer = await listed(api, owner.principal, page=1, page_size=500)
    costs.append(len(statements))
    assert answer.count == len(answer.results) == 100
    assert costs == [2, 2]
