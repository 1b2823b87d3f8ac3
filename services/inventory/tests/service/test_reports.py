"""Reports: what they say follows from the ledger, also for what is entered late, and quickly for much of it."""

import csv
import io
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from google.protobuf.timestamp_pb2 import Timestamp

from mizan.inventory.v1 import count_pb2
from mizan.inventory.v1 import report_pb2 as pb
from mizan.pos.events.v1 import events_pb2 as pos
from servicekit.db import SYSTEM, Query, Scope
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import Principal
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService, person
from servicekit.testing.statistics import vacuum
from servicekit.zones import beginning_of
from services.inventory.commands.integrity import sum_up_again
from services.inventory.queries import items, reports
from services.inventory.tests.conftest import cook
from services.inventory.tests.service.test_adjustments import adjust
from services.inventory.tests.service.test_recipes import dish, put, recipe
from services.inventory.tests.service.test_sales import order, tell
from services.inventory.tests.stock import entries, item
from tools.stack import Endpoints

D = Decimal
ZONE = ZoneInfo("Africa/Casablanca")
ALL = frozenset({"inventory.view", "inventory.manage", "report.view", "report.export"})


def owner(restaurant_id: UUID) -> Principal:
    return person(ALL, restaurant_id=restaurant_id, role="OWNER")


def days_ago(days: float) -> Timestamp:
    instant = Timestamp()
    instant.FromDatetime(datetime.now(UTC) - timedelta(days=days))
    return instant


async def listed(api: Api, principal: Principal, **wanted: Any) -> pb.ListInventoryReportsResponse:
    request = pb.ListInventoryReportsRequest(**wanted)
    answer: pb.ListInventoryReportsResponse = await api.ReportService.ListInventoryReports(request, principal=principal)
    return answer


async def test_a_day_shows_its_value_its_waste_and_what_was_short(api: Api) -> None:
    boss = owner(uuid4())
    flour = await item(api, boss, current_stock="10", cost_per_unit="2", reorder_level="7")
    await adjust(api, boss, flour.id, "WASTE", "4", reason="Damp")
    await adjust(api, boss, flour.id, "ADD", "1")
    answer = await listed(api, boss)
    assert (answer.count, len(answer.results)) == (31, 31)
    today = answer.results[0]
    assert (today.total_inventory_value, today.waste_cost) == ("14.00", "8.00")
    assert [(one.name, one.current_stock, one.min_stock_level) for one in today.low_stock_items] == [
        ("Flour", "7.000", "7.000")
    ]
    assert [
        (one.adjustment_type, one.quantity, one.reason, one.total_removed) for one in today.stock_adjustment_summary
    ] == [
        ("WASTE", "4.000", "Damp", "4.000"),
        ("ADD", "1.000", "", "0.000"),
    ]
    request = pb.GetInventoryReportRequest(id=today.id)
    again = await api.ReportService.GetInventoryReport(request, principal=boss)
    assert (again.date, again.total_inventory_value) == (today.date, "14.00")
    assert list(again.stock_adjustment_summary) == list(today.stock_adjustment_summary)
    with pytest.raises(RemoteRefusal) as refused:
        await api.ReportService.GetInventoryReport(request, principal=owner(uuid4()))
    assert refused.value.code == "not_found"


async def test_what_is_entered_late_is_in_the_report_of_its_day(api: Api) -> None:
    boss = owner(uuid4())
    flour = await item(api, boss, cost_per_unit="2")
    await adjust(api, boss, flour.id, "ADD", "10", occurred_at=days_ago(5))
    await adjust(api, boss, flour.id, "WASTE", "3", occurred_at=days_ago(2))
    answer = await listed(api, boss, days=7)
    assert [one.total_inventory_value for one in answer.results] == ["14.00"] * 3 + ["20.00"] * 3 + ["0.00"]
    assert [one.waste_cost for one in answer.results] == ["0.00", "0.00", "6.00", "0.00", "0.00", "0.00", "0.00"]
    second = await listed(api, boss, days=7, page=2, page_size=3)
    assert [one.date for one in second.results] == [one.date for one in answer.results[3:6]]
    assert [one.total_inventory_value for one in second.results] == ["20.00"] * 3


async def test_each_day_says_what_the_ledger_says_of_its_end(api: Api) -> None:
    boss, luck = owner(uuid4()), Random(3)
    made = [await item(api, boss, f"Item {number}", cost_per_unit="2", reorder_level="12") for number in range(3)]
    now = datetime.now(UTC)
    there = [0, 0, 0]
    for number in range(45):
        amount = luck.randint(1, 9)
        kind = "ADD" if there[number % 3] < amount or luck.random() < 0.4 else "WASTE"
        there[number % 3] += amount if kind == "ADD" else -amount
        hours = 12 * 24 - number * 6.4 + luck.randint(0, 9)
        when = days_ago(hours / 24)
        await adjust(api, boss, made[number % 3].id, kind, str(amount), occurred_at=when)
    answer = await listed(api, boss, days=14)
    ledger = [(one, entry) for one in made for entry in await entries(api, boss, one.id)]
    for report in answer.results:
        ends = datetime.combine(date.fromisoformat(report.date) + timedelta(days=1), time.min, ZONE)
        until = [(one, entry) for one, entry in ledger if entry.occurred_at.ToDatetime(tzinfo=UTC) < ends]
        value = sum((D(entry.value) for _, entry in until), D(0))
        assert D(report.total_inventory_value) == value.quantize(D("0.01"))
        stock = {one.name: sum((D(entry.quantity) for of, entry in until if of is one), D(0)) for one in made}
        # They were entered today, and are not missed on days before.
        low = {name: amount for name, amount in stock.items() if amount <= 12} if ends > now else {}
        assert {one.name: D(one.current_stock) for one in report.low_stock_items} == low
    single = await api.ReportService.GetInventoryReport(
        pb.GetInventoryReportRequest(id=answer.results[9].id), principal=boss
    )
    assert single.total_inventory_value == answer.results[9].total_inventory_value


async def test_usage_tells_what_sales_explain_from_what_is_missing(
    inventory: RunningService, api: Api, bus: Bus
) -> None:
    restaurant_id = uuid4()
    boss = owner(restaurant_id)
    flour = await item(api, boss, "=Flour", current_stock="10", cost_per_unit="8")
    pizza = await dish(inventory, bus, restaurant_id)
    made = await recipe(api, boss, menu_item=pizza)
    await put(api, boss, made.id, "250", "g", ingredient=flour.id)
    sale, undone = order(restaurant_id, (pizza, 8)), order(restaurant_id, (pizza, 1))
    await tell(inventory, bus, restaurant_id, pos.OrderCompleted(order=sale), pos.OrderCompleted(order=undone))
    await tell(inventory, bus, restaurant_id, pos.OrderVoided(order=undone))
    await adjust(api, boss, flour.id, "WASTE", "1")
    await adjust(api, boss, flour.id, "ADD", "2")
    counted = count_pb2.CountedItem(inventory_item=flour.id, counted_quantity="8.5")
    await api.CountService.CreateCount(count_pb2.CreateCountRequest(lines=[counted]), principal=boss)
    (line,) = (await api.ReportService.GetUsage(pb.UsageRequest(), principal=boss)).results
    assert (line.opening, line.received, line.adjusted, line.closing) == ("0.000", "10.000", "2.000", "8.500")
    assert (line.sold, line.wasted, line.counted) == ("2.000", "1.000", "-0.500")
    assert (line.theoretical_usage, line.actual_usage, line.variance, line.variance_value) == (
        "2.000",
        "3.500",
        "1.500",
        "12.00",
    )
    earlier = pb.UsageRequest(start_date="2024-01-01", end_date="2024-01-31")
    (before,) = (await api.ReportService.GetUsage(earlier, principal=boss)).results
    assert (before.opening, before.sold, before.closing) == ("0.000", "0.000", "0.000")
    body = await api.ReportService.ExportUsage(pb.UsageRequest(), principal=boss)
    (row,) = csv.DictReader(io.StringIO(body.data.decode()))
    assert (row["name"], row["variance"], body.content_type) == ("'=Flour", "1.500", "text/csv; charset=utf-8")


async def test_usage_from_one_count_to_another_leaves_out_what_came_before_and_after(
    inventory: RunningService, api: Api, bus: Bus
) -> None:
    restaurant_id = uuid4()
    boss = owner(restaurant_id)
    flour = await item(api, boss, current_stock="10", cost_per_unit="8")
    pizza = await dish(inventory, bus, restaurant_id)
    made = await recipe(api, boss, menu_item=pizza)
    await put(api, boss, made.id, "250", "g", ingredient=flour.id)

    async def count(quantity: str) -> str:
        counted = count_pb2.CountedItem(inventory_item=flour.id, counted_quantity=quantity)
        return str(
            (await api.CountService.CreateCount(count_pb2.CreateCountRequest(lines=[counted]), principal=boss)).id
        )

    async def used(**counts: str) -> tuple[str, ...]:
        (line,) = (await api.ReportService.GetUsage(pb.UsageRequest(**counts), principal=boss)).results
        return line.opening, line.theoretical_usage, line.actual_usage, line.variance, line.closing

    await tell(inventory, bus, restaurant_id, pos.OrderCompleted(order=order(restaurant_id, (pizza, 4))))
    first = await count("8")
    await tell(inventory, bus, restaurant_id, pos.OrderCompleted(order=order(restaurant_id, (pizza, 8))))
    second = await count("5.5")
    await tell(inventory, bus, restaurant_id, pos.OrderCompleted(order=order(restaurant_id, (pizza, 2))))
    assert await used(from_count=first, to_count=second) == ("8.000", "2.000", "2.500", "0.500", "5.500")
    assert await used(from_count=first) == ("8.000", "2.500", "3.000", "0.500", "5.000")
    for counts, code in (
        ({"to_count": second}, "required"),
        ({"from_count": second, "to_count": first}, "invalid"),
        ({"from_count": str(uuid4())}, "not_found"),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await used(**counts)
        assert refused.value.code == code
    with pytest.raises(RemoteRefusal) as refused:
        await api.ReportService.GetUsage(pb.UsageRequest(from_count=first), principal=owner(uuid4()))
    assert refused.value.code == "not_found"


async def test_periods_are_bounded_and_reports_for_those_who_may_see_them(api: Api) -> None:
    boss = owner(uuid4())
    for period in (
        pb.UsageRequest(start_date="2026-02-01", end_date="2026-01-01"),
        pb.UsageRequest(start_date="2024-01-01", end_date="2026-01-01"),
        pb.UsageRequest(end_date="0001-01-01"),
        pb.UsageRequest(end_date="9999-12-31"),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await api.ReportService.GetUsage(period, principal=boss)
        assert refused.value.code == "invalid"
    for attempt in (
        listed(api, cook(uuid4())),
        api.ReportService.GetUsage(pb.UsageRequest(), principal=cook(uuid4())),
        api.ReportService.ExportUsage(pb.UsageRequest(), principal=cook(uuid4())),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await attempt
        assert refused.value.code == "permission_denied"


ITEMS, MOVEMENTS = 1_000, 100_000
_FILL = (
    "INSERT INTO items (id, restaurant_id, name, unit) "
    "SELECT gen_random_uuid(), :restaurant, 'Item ' || n, 'kg' FROM generate_series(1, :items) n",
    "INSERT INTO stock_balances (item_id, restaurant_id, quantity, value, unit_cost, entries, state) "
    "SELECT id, restaurant_id, :each, :each, 1, :each, 'OK' FROM items WHERE restaurant_id = :restaurant",
    "INSERT INTO stock_entries (id, restaurant_id, item_id, number, kind, quantity, unit_cost, value, "
    "balance_quantity, balance_value, source_type, source_id, occurred_at) "
    "SELECT gen_random_uuid(), :restaurant, id, n, 'ADD', 1, 1, 1, n, n, 'item', id, now() - n * interval '3 days' "
    "FROM items, generate_series(1, :each) n WHERE restaurant_id = :restaurant",
)


@pytest.fixture(scope="module")
def busy(inventory: RunningService, stack: Endpoints) -> UUID:
    """A restaurant with many items and a year of movements beside the others."""
    restaurant_id = uuid4()

    async def fill() -> None:
        async with inventory.database.write(SYSTEM) as session:
            parameters = {"restaurant": restaurant_id, "items": ITEMS, "each": MOVEMENTS // ITEMS}
            for statement in _FILL:
                await session.execute(sa.text(statement), {k: v for k, v in parameters.items() if f":{k}" in statement})
            await sum_up_again(session, restaurant_id)

    inventory.run(fill())
    vacuum(stack, inventory.database.url, "items", "stock_balances", "stock_entries", "stock_sums")
    return restaurant_id


def explained(inventory: RunningService, query: Query, restaurant_id: UUID, **parameters: Any) -> Any:
    """How PostgreSQL runs a query, after running it."""

    async def work() -> Any:
        async with inventory.database.write(Scope(restaurant_id)) as session:
            connection = await (await session.connection()).get_raw_connection()
            driver: Any = connection.driver_connection
            cursor = await driver.execute(
                f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query.text}",
                query.parameters({"restaurant_id": restaurant_id, **parameters}),
            )
            return (await cursor.fetchone())[0][0]["Plan"]

    return inventory.run(work())


def rows_read(plan: Any) -> int:
    """How many rows of the ledger and of its sums it looked at."""
    rows = sum(rows_read(part) for part in plan.get("Plans", ()))
    if plan.get("Relation Name") in ("stock_entries", "stock_sums"):
        rows += int((plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"])
    return rows


CONTROL = Query(
    sa.text(
        "SELECT item_id, sum(quantity) FROM stock_entries"
        " WHERE restaurant_id = :restaurant_id AND occurred_at >= :since GROUP BY item_id"
    )
)
"""What a report would read that knew no sums: everything since the period began."""


@pytest.mark.parametrize(("days_back", "share"), [(7, 1.5), (200, 0.5)])
def test_usage_reads_sums_and_not_the_ledger(
    inventory: RunningService, busy: UUID, days_back: int, share: float
) -> None:
    begins = datetime.now(UTC).replace(hour=23, minute=0) - timedelta(days=days_back)
    period = reports.usage_parameters(begins, begins + timedelta(days=7))
    report = explained(inventory, reports.USAGE, busy, **period)
    control = explained(inventory, CONTROL, busy, since=begins)
    assert ITEMS <= rows_read(report) <= rows_read(control) * share


@pytest.mark.parametrize(("days_back", "days"), [(31, 31), (300, 1)])
def test_reports_of_days_read_sums_and_not_the_ledger(
    inventory: RunningService, busy: UUID, days_back: int, days: int
) -> None:
    first = datetime.now(UTC).date() - timedelta(days=days_back)
    period = reports.days_parameters(first, first + timedelta(days=days - 1), ZONE)
    report = explained(inventory, reports.DAYS, busy, first=first, **period)
    control = explained(inventory, CONTROL, busy, since=beginning_of(first, ZONE))
    assert 0 < rows_read(report) <= rows_read(control) * (1.5 if days > 1 else 0.5)


def test_no_list_reads_the_whole_ledger(inventory: RunningService, busy: UUID) -> None:
    listing = explained(inventory, items.ROWS, busy, search=None, category=None, state=None, limit=500, offset=0)
    assert "stock_entries" not in str(listing)
    some_item = inventory.run(
        inventory.database.read(Scope(busy)).scalar(Query(sa.text("SELECT item_id FROM stock_balances LIMIT 1")))
    )
    ledger = explained(inventory, items.ENTRIES, busy, item_id=some_item, limit=50, offset=0)
    assert "uq_stock_entries_restaurant_id_item_id_number" in str(ledger)
    assert rows_read(ledger) <= 50
