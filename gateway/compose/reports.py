"""Reports of a period: `mizan.gateway.v1.ReportService`. Each is made of one or two services' figures and then kept."""

from collections import defaultdict
from datetime import UTC, date, timedelta
from decimal import Decimal
from typing import Any

import orjson
from google.protobuf.timestamp_pb2 import Timestamp

from gateway.compose.parts import Handler, Metadata, Part, Parts, handlers_of
from mizan.gateway.v1 import report_pb2
from mizan.identity.v1 import report_pb2 as kept_pb2
from mizan.inventory.v1 import report_pb2 as stock_pb2
from mizan.pos.v1 import menu_item_pb2, sales_pb2
from mizan.timeclock.v1 import attendance_pb2
from servicekit.errors import Invalid

LONGEST = timedelta(days=400)
LONGEST_WITH_SHIFTS = timedelta(days=62)
TOP_PRODUCTS = 5
PRODUCTS = 500
DAYS = 366

KEEP = Part("identity", "/mizan.identity.v1.ReportService/KeepReport", kept_pb2.KeptReport, "Reports")
KEPT = Part("identity", "/mizan.identity.v1.ReportService/ListKeptReports", kept_pb2.ListKeptReportsResponse, "Reports")
SALES = Part("pos", "/mizan.pos.v1.SalesService/GetSalesReport", sales_pb2.SalesReport, "Sales")
PRODUCT_LIST = Part(
    "pos", "/mizan.pos.v1.MenuItemService/ListStaffProducts", menu_item_pb2.ListMenuItemsResponse, "The menu"
)
STOCK = Part(
    "inventory",
    "/mizan.inventory.v1.ReportService/ListInventoryReports",
    stock_pb2.ListInventoryReportsResponse,
    "The stock",
)
ATTENDANCE = Part(
    "timeclock",
    "/mizan.timeclock.v1.AttendanceService/ListAttendanceReports",
    attendance_pb2.ListAttendanceReportsResponse,
    "Attendance",
)
SHIFTS = Part(
    "timeclock",
    "/mizan.timeclock.v1.AttendanceService/CompareWithSchedule",
    attendance_pb2.CompareWithScheduleResponse,
    "Shifts",
)


class Reports:
    """Answers the operations of ReportService."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._makers = {
            "SALES_SUMMARY": self._sales,
            "ATTENDANCE_OVERVIEW": self._attendance,
            "INVENTORY_STATUS": self._inventory,
            "SHIFT_PERFORMANCE": self._shifts,
        }

    @property
    def handlers(self) -> dict[str, Handler]:
        """The handlers by gRPC path."""
        return handlers_of(report_pb2.DESCRIPTOR.services_by_name["ReportService"], self)

    async def ListReports(self, _request: Any, *, metadata: Metadata, timeout: float) -> report_pb2.ListReportsResponse:
        kept = await self._parts.need(KEPT, None, metadata, timeout)
        return report_pb2.ListReportsResponse(reports=kept.reports)

    async def GenerateReport(
        self, request: report_pb2.GenerateReportRequest, *, metadata: Metadata, timeout: float
    ) -> kept_pb2.KeptReport:
        check_period(request)
        data = await self._makers[request.report_type](request, metadata, timeout)
        keep = kept_pb2.KeepReportRequest(
            report_type=request.report_type,
            start_date=request.start_date,
            end_date=request.end_date,
            data=orjson.dumps(data).decode(),
        )
        return await self._parts.need(KEEP, keep, metadata, timeout)

    async def _sales(
        self, request: report_pb2.GenerateReportRequest, metadata: Metadata, timeout: float
    ) -> dict[str, Any]:
        wanted = sales_pb2.GetSalesReportRequest(start_date=request.start_date, end_date=request.end_date)
        return sales_summary(await self._parts.need(SALES, wanted, metadata, timeout))

    async def _attendance(
        self, request: report_pb2.GenerateReportRequest, metadata: Metadata, timeout: float
    ) -> dict[str, Any]:
        wanted = attendance_pb2.ListAttendanceReportsRequest(start_date=request.start_date, end_date=request.end_date)
        return attendance_overview(await self._parts.need(ATTENDANCE, wanted, metadata, timeout))

    async def _inventory(
        self, request: report_pb2.GenerateReportRequest, metadata: Metadata, timeout: float
    ) -> dict[str, Any]:
        stock = await self._parts.need(STOCK, stock_pb2.ListInventoryReportsRequest(days=DAYS), metadata, timeout)
        wanted = menu_item_pb2.ListMenuItemsRequest(page=1, page_size=PRODUCTS)
        menu = await self._parts.need(PRODUCT_LIST, wanted, metadata, timeout)
        return inventory_status(stock, menu, request.end_date)

    async def _shifts(
        self, request: report_pb2.GenerateReportRequest, metadata: Metadata, timeout: float
    ) -> dict[str, Any]:
        wanted = attendance_pb2.CompareWithScheduleRequest(start_date=request.start_date, end_date=request.end_date)
        return shift_performance(await self._parts.need(SHIFTS, wanted, metadata, timeout))


def check_period(request: report_pb2.GenerateReportRequest) -> None:
    """Raises Invalid for a period that ends before it begins or is too long for the report."""
    length = date.fromisoformat(request.end_date) - date.fromisoformat(request.start_date)
    if length < timedelta(0):
        raise Invalid.field("end_date", "The period ends before it begins.")
    longest = LONGEST_WITH_SHIFTS if request.report_type == "SHIFT_PERFORMANCE" else LONGEST
    if length >= longest:
        raise Invalid.field("end_date", f"This report covers {longest.days} days at most.")


def sales_summary(sales: sales_pb2.SalesReport) -> dict[str, Any]:
    """What was sold, and the products that sold most often."""
    best = sorted(sales.by_item, key=lambda row: (-row.count, row.name))[:TOP_PRODUCTS]
    return {
        "total_sales": _number(sales.total_sales),
        "total_orders": sales.total_orders,
        "average_order_value": _number(sales.average_order_value),
        "top_products": [{"product__name": row.name, "total_quantity": row.count} for row in best],
    }


def attendance_overview(reports: attendance_pb2.ListAttendanceReportsResponse) -> dict[str, Any]:
    """How long everybody worked; who worked longest first."""
    hours: defaultdict[tuple[str, str, str], float] = defaultdict(float)
    for day in reports.results:
        for row in day.attendance_details:
            hours[row.user_id, row.staff_name, row.role] += row.hours
    longest = sorted(hours.items(), key=lambda item: (-item[1], item[0][1]))
    return {
        "attendance_summary": [
            {"staff_name": name, "staff_role": role, "total_hours_worked": round(worked, 2)}
            for (_, name, role), worked in longest
        ]
    }


def inventory_status(
    stock: stock_pb2.ListInventoryReportsResponse, menu: menu_item_pb2.ListMenuItemsResponse, day: str
) -> dict[str, Any]:
    """What the stock was worth at the end of a day, and the products of the menu with their prices."""
    held = next((row for row in stock.results if row.date <= day), None)
    note = "Nothing was in stock."
    if held is not None:
        low = len(held.low_stock_items)
        note = f"Stock of {held.date}: worth {held.total_inventory_value}, {low} items low."
    return {
        "note": note,
        "product_list": [
            {"name": item.name, "base_price": _number(item.base_price), "category__name": item.category_info.name}
            for item in menu.results
        ],
    }


def shift_performance(compared: attendance_pb2.CompareWithScheduleResponse) -> dict[str, Any]:
    """The shifts of everybody, with what was planned and what was worked."""
    return {
        "shift_performance_summary": [
            {
                "staff_name": row.staff_name,
                "role": row.role,
                "shift_date": row.date,
                "start_time": _instant(row.shift_starts_at),
                "end_time": _instant(row.shift_ends_at),
                "scheduled_hours": row.scheduled_hours,
                "worked_hours": row.worked_hours,
                "status": row.status,
            }
            for row in compared.shifts
            if row.HasField("shift_id")
        ]
    }


def _number(amount: str) -> float:
    return float(Decimal(amount or 0))


def _instant(stamp: Timestamp) -> str:
    return stamp.ToDatetime(tzinfo=UTC).isoformat()
