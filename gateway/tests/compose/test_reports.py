"""What reports say, from their parts' answers."""

from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from gateway.compose import reports
from mizan.gateway.v1 import report_pb2
from mizan.inventory.v1 import report_pb2 as stock_pb2
from mizan.pos.v1 import menu_category_pb2, menu_item_pb2, sales_pb2
from mizan.timeclock.v1 import attendance_pb2
from servicekit.errors import Invalid


def test_the_products_that_sold_most_often_come_first() -> None:
    rows = [sales_pb2.SalesRow(name=name, count=count) for name, count in [("Tea", 3), ("Tajine", 9), ("Bread", 3)]]
    rows += [sales_pb2.SalesRow(name=f"Rare {number}", count=1) for number in range(5)]
    found = reports.sales_summary(
        sales_pb2.SalesReport(total_sales="120.500", total_orders=4, average_order_value="30.125", by_item=rows)
    )
    assert (found["total_sales"], found["total_orders"], found["average_order_value"]) == (120.5, 4, 30.125)
    assert [row["product__name"] for row in found["top_products"]] == ["Tajine", "Bread", "Tea", "Rare 0", "Rare 1"]
    assert found["top_products"][0]["total_quantity"] == 9


def test_hours_of_several_days_are_summed_per_person() -> None:
    def day(**hours: float) -> attendance_pb2.AttendanceDayReport:
        details = [
            attendance_pb2.AttendanceDetail(user_id=name, staff_name=name.title(), role="CHEF", hours=worked)
            for name, worked in hours.items()
        ]
        return attendance_pb2.AttendanceDayReport(attendance_details=details)

    answer = attendance_pb2.ListAttendanceReportsResponse(results=[day(amina=4.25, badr=8), day(amina=5)])
    assert reports.attendance_overview(answer) == {
        "attendance_summary": [
            {"staff_name": "Amina", "staff_role": "CHEF", "total_hours_worked": 9.25},
            {"staff_name": "Badr", "staff_role": "CHEF", "total_hours_worked": 8.0},
        ]
    }


def test_the_stock_is_that_of_the_last_day_of_the_period() -> None:
    days = [
        stock_pb2.InventoryReport(date=date, total_inventory_value=value)
        for date, value in [("2026-11-22", "9.00"), ("2026-11-21", "7.00"), ("2026-11-20", "5.00")]
    ]
    stock = stock_pb2.ListInventoryReportsResponse(results=days)
    item = menu_item_pb2.MenuItem(
        name="Tea", base_price="12.000", category_info=menu_category_pb2.MenuCategory(name="Drinks")
    )
    menu = menu_item_pb2.ListMenuItemsResponse(results=[item])
    found = reports.inventory_status(stock, menu, "2026-11-21")
    assert found["note"] == "Stock of 2026-11-21: worth 7.00, 0 items low."
    assert found["product_list"] == [{"name": "Tea", "base_price": 12.0, "category__name": "Drinks"}]
    assert reports.inventory_status(stock, menu, "2026-01-01")["note"] == "Nothing was in stock."


def test_work_without_a_shift_is_no_shift() -> None:
    start = Timestamp()
    start.FromDatetime(datetime(2026, 11, 21, 8, tzinfo=UTC))
    planned = attendance_pb2.ShiftComparison(
        staff_name="Amina", role="CHEF", date="2026-11-21", shift_id="s", shift_starts_at=start, scheduled_hours=7.5
    )
    besides = attendance_pb2.ShiftComparison(staff_name="Badr", worked_hours=2)
    answer = attendance_pb2.CompareWithScheduleResponse(shifts=[planned, besides])
    (row,) = reports.shift_performance(answer)["shift_performance_summary"]
    assert (row["staff_name"], row["start_time"], row["scheduled_hours"]) == ("Amina", "2026-11-21T08:00:00+00:00", 7.5)


@pytest.mark.parametrize(
    ("kind", "start", "end"),
    [
        ("SALES_SUMMARY", "2026-02-02", "2026-02-01"),
        ("SALES_SUMMARY", "2025-01-01", "2026-11-01"),
        ("SHIFT_PERFORMANCE", "2026-01-01", "2026-03-31"),
    ],
    ids=["turned", "long", "long-for-shifts"],
)
def test_impossible_periods_are_refused(kind: str, start: str, end: str) -> None:
    with pytest.raises(Invalid):
        reports.check_period(report_pb2.GenerateReportRequest(report_type=kind, start_date=start, end_date=end))
