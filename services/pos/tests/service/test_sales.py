"""Sales for planning, and the turn of the business day."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from mizan.pos.v1 import payment_pb2, sales_pb2
from servicekit.db import SYSTEM, Query
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import service_principal
from servicekit.testing.clock import MovableClock
from servicekit.testing.service import Api, RunningService
from services.pos import tasks
from services.pos.tests.conftest import manager, order, run_jobs, sell
from services.pos.tests.service.test_payments import pay


def rows(pos: RunningService, statement: str, restaurant_id: UUID) -> list[Any]:
    return list(pos.run(pos.database.read(SYSTEM).all(Query(text(statement)), id=restaurant_id)))


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


async def test_sums_of_days_say_what_their_orders_say_however_late_these_change(
    pos: RunningService, api: Api, clock: MovableClock
) -> None:
    chef = manager(uuid4())
    tea, cake = await sell(api, chef, "Tea", "10"), await sell(api, chef, "Cake", "25.50")
    days, payments = [], []
    for count in (1, 2, 3):
        clock.advance(timedelta(days=1))
        taken = await order(api, chef, (tea, count), (cake, 1))
        payments.append(await pay(api, chef, taken.id, taken.total_amount, payment_method="CARD", tip_amount="1"))
        days.append(taken.business_date)
    open_still = await order(api, chef, (tea, 1))
    clock.advance(timedelta(days=2))
    whole = sales_pb2.GetSalesReportRequest(start_date=days[0], end_date=days[-1])
    best = sales_pb2.ListTopItemsRequest(days=30)
    every_day = sales_pb2.ListDailySalesRequest()

    async def asked_now() -> list[Any]:
        return [
            await api.SalesService.GetSalesReport(whole, principal=chef),
            await api.SalesService.ListTopItems(best, principal=chef),
            [
                (day.date, day.total_orders, day.total_revenue, list(day.top_selling_items))
                for day in (await api.SalesService.ListDailySales(every_day, principal=chef)).results
            ],
        ]

    def summed() -> int:
        found = rows(pos, "SELECT count(*) FROM sales_days WHERE restaurant_id = :id AND summed = changes", chef.tenant)
        return int(found[0][0])

    live = await asked_now()
    assert (live[0].total_orders, Decimal(live[0].total_sales), summed()) == (3, Decimal("136.5"), 0)
    run_jobs(pos, tasks.SUM_SALES)
    assert summed() == 3
    assert await asked_now() == live
    assert [day[0] for day in live[2]] == days[::-1]

    # A refund and a late payment make their days' sums stale at once, and right again when they are made anew.
    await api.PaymentService.RefundPayment(
        payment_pb2.RefundPaymentRequest(id=payments[0].id, refund_amount="5.5"), principal=chef
    )
    await pay(api, chef, open_still.id, "10")
    assert summed() == 1
    later = await asked_now()
    assert (Decimal(later[0].total_sales), Decimal(later[0].total_refunds)) == (Decimal("146.5"), Decimal("5.5"))
    assert sum(Decimal(row.amount) for row in later[0].by_payment) == Decimal(later[0].net_sales) == 141
    run_jobs(pos, tasks.SUM_SALES)
    assert (summed(), await asked_now()) == (3, later)
    stranger = await api.SalesService.GetSalesReport(whole, principal=manager(uuid4()))
    assert (stranger.total_orders, len(stranger.by_item)) == (0, 0)


async def test_a_year_of_summed_days_is_read_without_its_orders(pos: RunningService, api: Api) -> None:
    chef = manager(uuid4())
    request = sales_pb2.GetSalesReportRequest(start_date="2025-01-01", end_date="2025-12-31")
    with pos.statements() as few:
        await api.SalesService.GetSalesReport(request, principal=chef)
    fill = (
        "INSERT INTO orders (id, restaurant_id, business_date, sequence, order_number, order_type, status, currency,"
        " subtotal, total_amount, amount_paid, order_time)"
        " SELECT gen_random_uuid(), CAST(:id AS uuid), day::date, n, 'ORD', 'DINE_IN', 'COMPLETED', 'MAD', 10, 10, 10,"
        " day + interval '12 hours' FROM generate_series(date '2025-01-01', date '2025-12-31', interval '1 day') AS day"
        " CROSS JOIN generate_series(1, 5) AS n"
    )
    touch = (
        "INSERT INTO sales_days (restaurant_id, business_date)"
        " SELECT DISTINCT restaurant_id, business_date FROM orders WHERE restaurant_id = CAST(:id AS uuid)"
    )

    async def load() -> None:
        async with pos.database.write(SYSTEM) as session:
            for statement in (fill, touch):
                await session.execute(text(statement), {"id": chef.tenant})

    pos.run(load())
    run_jobs(pos, tasks.SUM_SALES)
    with pos.statements() as many:
        report = await api.SalesService.GetSalesReport(request, principal=chef)
    assert len(many) == len(few)
    assert (report.total_orders, Decimal(report.total_sales), len(report.by_day)) == (1825, Decimal(18250), 365)
    # The clocks of Casablanca change for Ramadan, which the day's noon in UTC shows.
    assert {row.name: row.count for row in report.by_hour} == {"12:00": 210, "13:00": 1615}
