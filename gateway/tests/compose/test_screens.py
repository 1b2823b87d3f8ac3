"""What the composed screens make of their parts' answers."""

from datetime import date

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from gateway.compose import home, kpis, team
from mizan.gateway.v1 import dashboard_pb2
from mizan.identity.v1 import user_pb2
from mizan.inventory.v1 import purchase_order_pb2, report_pb2, supplier_pb2
from mizan.pos.v1 import sales_pb2
from mizan.scheduling.v1 import board_pb2 as work
from mizan.timeclock.v1 import board_pb2 as attendance
from servicekit.errors import Invalid, NotFound

RESTAURANT = "5b2f1f4e-9d4e-4c47-9b1a-4f5b0f6f0001"


def person(name: str, amount: int = 0) -> attendance.NamedPerson:
    return attendance.NamedPerson(id=f"id of {name}", name=name, amount=amount)


def order(expected: str | None, supplier: str) -> purchase_order_pb2.PurchaseOrder:
    return purchase_order_pb2.PurchaseOrder(
        id=supplier, expected_delivery_date=expected, supplier_info=supplier_pb2.Supplier(name=supplier)
    )


def day(of: str) -> report_pb2.InventoryReport:
    return report_pb2.InventoryReport(
        restaurant=RESTAURANT,
        date=of,
        total_inventory_value="120.50",
        waste_cost="4.00",
        created_at=Timestamp(seconds=1_795_300_000),
        updated_at=Timestamp(seconds=1_795_386_400),
    )


def test_the_home_page_of_an_empty_restaurant_is_zero_and_in_its_shape() -> None:
    page = home.summary(
        work.WorkFigures(completion_rate="0.0", date="2026-11-22"),
        attendance.AttendanceFigures(avg_rating="0.0"),
        user_pb2.TeamFigures(),
        purchase_order_pb2.ListPurchaseOrdersResponse(),
        [],
    )
    assert page.attendance == dashboard_pb2.AttendanceSummary()
    assert (page.operations.next_delivery.supplier, page.operations.next_delivery.date) == ("None", "None")
    assert (list(page.insights.items), dict(page.insights.counts), list(page.warnings)) == ([], {}, [])
    assert page.date == "2026-11-22"


def test_the_home_page_shows_the_most_urgent_first_and_counts_all_of_them() -> None:
    page = home.summary(
        work.WorkFigures(
            completion_rate="50.0",
            unfilled_today=2,
            overdue_tasks=1,
            swap_requests=1,
            open_concerns=1,
            planned_over=[work.PlannedOver(name="Omar")],
        ),
        attendance.AttendanceFigures(
            no_shows=1, missing=[person("Nadia")], late=[person("A"), person("B"), person("C")], avg_rating="4.2"
        ),
        user_pb2.TeamFigures(new_hires=3),
        purchase_order_pb2.ListPurchaseOrdersResponse(),
        ["Sales cannot be shown right now."],
    )
    assert [item.id for item in page.insights.items] == ["no-shows", "gaps", "concerns", "tasks", "planned-over"]
    assert dict(page.insights.counts) == {"CRITICAL": 2, "OPERATIONAL": 3, "PREVENTIVE": 1, "PERFORMANCE": 1}
    assert page.insights.items[0].impacted == dashboard_pb2.Impact(count=1, people=["Nadia"])
    assert (page.wellbeing.new_hires, page.attendance.ot_risk) == (3, 1)
    assert list(page.warnings) == ["Sales cannot be shown right now."]


def test_the_numbers_above_the_staff_are_of_three_services_and_zero_without_them() -> None:
    shown = team.figures(
        user_pb2.TeamFigures(active=12),
        work.WorkFigures(shifts_today=5),
        sales_pb2.OrderStatistics(pending_orders=2, total_revenue="188.500"),
        [],
    )
    assert (shown.total_staff, shown.active_shifts, shown.pending_orders) == (12, 5, 2)
    assert shown.revenue_today == "188.500"
    away = team.figures(
        user_pb2.TeamFigures(), work.WorkFigures(), sales_pb2.OrderStatistics(), ["Orders cannot be shown right now."]
    )
    assert (away.total_staff, away.revenue_today, list(away.warnings)) == (
        0,
        "0",
        ["Orders cannot be shown right now."],
    )


def test_the_next_delivery_is_the_one_expected_first() -> None:
    orders = [order(None, "Late"), order("2026-12-02", "Second"), order("2026-12-01", "First")]
    found = home.next_delivery(purchase_order_pb2.ListPurchaseOrdersResponse(results=orders))
    assert (found.supplier, found.date) == ("First", "2026-12-01")
    alone = home.next_delivery(purchase_order_pb2.ListPurchaseOrdersResponse(results=orders[:1]))
    assert (alone.supplier, alone.date) == ("Late", "Not set")


def test_a_day_is_put_together_from_sales_stock_and_hours() -> None:
    stock = report_pb2.ListInventoryReportsResponse(results=[day("2026-11-22"), day("2026-11-21")])
    sold = sales_pb2.DailySales(
        restaurant=RESTAURANT, date="2026-11-21", total_revenue="400.000", total_orders=8, avg_order_value="50.000"
    )
    hours = attendance.LaborDay(date="2026-11-21", cost="90.00", people=4)
    today, yesterday = kpis.days(
        30,
        stock,
        sales_pb2.ListDailySalesResponse(results=[sold]),
        attendance.ListDailyLaborResponse(days=[hours]),
        [],
    )
    assert (today.date, today.total_revenue, today.labor_cost_percentage) == ("2026-11-22", "0.00", "0.00")
    assert (yesterday.total_revenue, yesterday.total_orders, yesterday.avg_order_value) == ("400.00", 8, "50.00")
    assert (yesterday.labor_cost_percentage, yesterday.staff_online_count) == ("22.50", 4)
    assert (yesterday.inventory_value, yesterday.food_waste_cost) == ("120.50", "4.00")
    assert today.id != yesterday.id
    assert (today.created_at, today.updated_at) == (stock.results[0].created_at, stock.results[0].updated_at)


def test_a_day_without_its_stock_says_so_and_keeps_its_sales() -> None:
    sold = sales_pb2.DailySales(restaurant=RESTAURANT, date="2026-11-21", total_revenue="400.000")
    (row,) = kpis.days(
        30,
        report_pb2.ListInventoryReportsResponse(),
        sales_pb2.ListDailySalesResponse(results=[sold]),
        attendance.ListDailyLaborResponse(),
        ["The stock cannot be shown right now."],
    )
    assert (row.total_revenue, row.inventory_value) == ("400.00", "0.00")
    assert not row.HasField("updated_at")
    assert list(row.warnings) == ["The stock cannot be shown right now."]


def test_pages_of_days_end() -> None:
    rows = [dashboard_pb2.DailyKpi(date=str(number)) for number in range(5)]
    second = kpis.page(rows, dashboard_pb2.ListKpisRequest(page=2, page_size=3))
    assert (second.count, [row.date for row in second.results]) == (5, ["3", "4"])
    assert len(kpis.page(rows, dashboard_pb2.ListKpisRequest()).results) == 5
    with pytest.raises(NotFound):
        kpis.page(rows, dashboard_pb2.ListKpisRequest(page=3, page_size=3))


def kpi(day: int, revenue: int, orders: int = 0, waste: int = 0, labor: int = 0) -> dashboard_pb2.DailyKpi:
    return dashboard_pb2.DailyKpi(
        id=f"id of {day}",
        date=f"2026-11-{day:02}",
        total_revenue=f"{revenue}.00",
        total_orders=orders,
        avg_order_value=f"{revenue / orders:.2f}" if orders else "0.00",
        food_waste_cost=f"{waste}.00",
        labor_cost_percentage=f"{labor}.00",
    )


def test_a_period_sums_its_days_and_no_others() -> None:
    rows = [kpi(4, 900, 9), kpi(3, 300, 3, waste=5, labor=30), kpi(2, 0, waste=1), kpi(1, 100, 2, labor=20)]
    found = kpis.period(rows, "2026-11-01", "2026-11-03")
    assert [row.date for row in found.daily_data] == ["2026-11-03", "2026-11-02", "2026-11-01"]
    sums = found.summary
    assert (sums.total_revenue, sums.total_orders, sums.total_food_waste) == ("400.00", 5, "6.00")
    # A day that was closed has neither a usual order nor a share of wages.
    assert (sums.avg_order_value, sums.avg_labor_cost) == ("75.00", "25.00")
    nothing = kpis.period(rows, "2026-10-01", "2026-10-03").summary
    assert (nothing.total_revenue, nothing.avg_order_value, nothing.avg_labor_cost) == ("0.00", "0.00", "0.00")


def test_a_period_ends_after_its_start_and_begins_a_year_ago_at_most() -> None:
    today = date(2026, 11, 23)
    assert kpis.reach(date(2026, 11, 22), today, today) == 2
    assert kpis.reach(date(2025, 11, 25), today, today) == kpis.MOST_DAYS
    assert kpis.reach(date(2027, 1, 1), date(2027, 1, 2), today) == 1
    for first, last in ((today, date(2026, 11, 22)), (date(2025, 11, 24), today)):
        with pytest.raises(Invalid):
            kpis.reach(first, last, today)


def test_hints_compare_the_last_day_that_is_over() -> None:
    rows = [kpi(4, 10, 1), kpi(3, 500, 5, waste=8, labor=40), kpi(2, 100, 1, waste=2), kpi(1, 100, 1, waste=2)]
    assert [(hint.type, hint.title) for hint in kpis.hints(rows).insights] == [
        ("POSITIVE", "Revenue boost"),
        ("WARNING", "High labor cost"),
        ("WARNING", "Food waste rising"),
    ]
    usual = kpis.hints([kpi(4, 0), *(kpi(day, 100, 1, waste=2, labor=30) for day in (3, 2, 1))])
    assert (len(usual.insights), usual.HasField("message")) == (0, False)
    for rows in ([], [kpi(4, 100, 1)], [kpi(4, 100, 1), kpi(3, 0)]):
        assert kpis.hints(rows).message == "There are no figures to compare yet."


def test_a_day_is_found_by_its_id() -> None:
    rows = [kpi(2, 1), kpi(1, 2)]
    assert kpis.one(rows, "id of 1") == rows[1]
    with pytest.raises(NotFound):
        kpis.one(rows, "id of 3")


@pytest.mark.parametrize(
    ("completed", "overdue", "elapsed", "pace"),
    [(2, 0, 240, "GREEN"), (0, 0, 240, "YELLOW"), (3, 1, 240, "RED"), (0, 0, 0, "GREEN")],
    ids=["on-time", "behind", "overdue", "begins"],
)
def test_pace_compares_what_is_done_with_the_time_that_went(
    completed: int, overdue: int, elapsed: int, pace: str
) -> None:
    row = work.LiveWork(
        staff_id="1", completed=completed, total=4, overdue=overdue, elapsed_minutes=elapsed, shift_minutes=480
    )
    (live,) = team.live_staff(work.ListLiveWorkResponse(people=[row]), attendance.ListPresenceResponse()).people
    assert live.pace.status == pace


def test_whoever_is_missing_or_on_a_break_is_told_apart() -> None:
    rows = [work.LiveWork(staff_id=name, elapsed_minutes=10, shift_minutes=60) for name in ("in", "pause", "out")]
    presence = attendance.ListPresenceResponse(
        people=[attendance.Presence(staff_id="in"), attendance.Presence(staff_id="pause", is_on_break=True)]
    )
    found = team.live_staff(work.ListLiveWorkResponse(people=rows), presence).people
    assert [row.shift_status for row in found] == ["ON_SHIFT", "BREAK", "OFF_SHIFT"]
    assert [row.attention.reason for row in found] == ["", "", "Not clocked in"]


def test_names_in_signals_are_escaped_and_there_is_always_one() -> None:
    busy = work.WorkFigures(performers=[work.Performer(name="<script>", tasks=3)], completed_week=3)
    found = team.insights(busy, attendance.AttendanceFigures(), [])
    assert found.signals[0].text.startswith("<b>&lt;script&gt;</b>")
    assert len(team.insights(work.WorkFigures(), attendance.AttendanceFigures(), []).signals) == 1


def test_insights_measure_reliability_and_name_whom_to_look_at() -> None:
    figures = attendance.AttendanceFigures(
        shifts_week=10,
        attended_week=8,
        on_time_week=6,
        unreliable=[person("Omar", 2)],
        overworked=[person("Nadia", 3000)],
        present_count=5,
    )
    found = team.insights(work.WorkFigures(completed_week=6, completed_week_before=4), figures, [])
    assert (found.summary.tasks_trend, found.summary.team_reliability, found.summary.active_workers) == (50, 80, 5)
    assert (found.attendance_health.on_time_arrival, found.attendance_health.no_show_rate) == (75, "20.0")
    assert [(row.type, row.title) for row in found.alerts] == [
        ("Burnout Risk", "Nadia"),
        ("Reliability Alert", "Omar"),
    ]
