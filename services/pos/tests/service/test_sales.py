"""Sales for planning, and the turn of the business day."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from mizan.pos.v1 import sales_pb2
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import service_principal
from servicekit.testing.service import Api
from services.pos.tests.conftest import manager, order, sell


def asked(restaurant_id: UUID, begin: datetime, until: datetime) -> sales_pb2.ListQuarterHoursRequest:
    request = sales_pb2.ListQuarterHoursRequest(restaurant_id=str(restaurant_id))
    getattr(request, "from").FromDatetime(begin)
    request.until.FromDatetime(until)
    return request


async def test_a_service_reads_what_was_ordered_in_each_quarter_of_an_hour(api: Api) -> None:
    restaurant_id = uuid4()
    chef = manager(restaurant_id)
    item = await sell(api, chef, "Tea", "10")
    taken = [await order(api, chef, (item, 1), guest_count=2) for _ in range(3)]
    now = datetime.now(UTC)
    request = asked(restaurant_id, now - timedelta(hours=1), now + timedelta(hours=1))
    planner = service_principal("gateway", "sales.read")
    quarters = (await api.SalesService.ListQuarterHours(request, principal=planner)).results
    assert sum(quarter.orders for quarter in quarters) == len(taken)
    assert sum(quarter.guests for quarter in quarters) == 6
    assert sum(Decimal(quarter.sales) for quarter in quarters) == 30
    assert all(quarter.starts_at.ToSeconds() % 900 == 0 for quarter in quarters)
    nobody = asked(uuid4(), now - timedelta(hours=1), now)
    assert not (await api.SalesService.ListQuarterHours(nobody, principal=planner)).results
    with pytest.raises(RemoteRefusal) as refused:
        await api.SalesService.ListQuarterHours(request, principal=chef)
    assert refused.value.code == "permission_denied"
    with pytest.raises(RemoteRefusal) as refused:
        await api.SalesService.ListQuarterHours(asked(restaurant_id, now, now), principal=planner)
    assert list(refused.value.fields) == ["until"]


async def test_ranges_are_bounded_and_in_order(api: Api) -> None:
    chef = manager(uuid4())
    for first, last in (("2026-02-01", "2026-01-01"), ("2020-01-01", "2026-01-01")):
        request = sales_pb2.GetSalesReportRequest(start_date=first, end_date=last)
        with pytest.raises(RemoteRefusal) as refused:
            await api.SalesService.GetSalesReport(request, principal=chef)
        assert list(refused.value.fields) == ["end_date"]
