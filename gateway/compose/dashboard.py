"""The home page, the boards and the daily figures: `mizan.gateway.v1.DashboardService`."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from gateway.compose import home, kpis, team
from gateway.compose.parts import Handler, Metadata, Part, Parts, Wanted, handlers_of
from mizan.gateway.v1 import dashboard_pb2
from mizan.identity.v1 import user_pb2
from mizan.inventory.v1 import purchase_order_pb2
from mizan.inventory.v1 import report_pb2 as stock_pb2
from mizan.pos.v1 import sales_pb2
from mizan.scheduling.v1 import board_pb2 as work_pb2
from mizan.timeclock.v1 import board_pb2 as attendance_pb2
from servicekit.errors import Unavailable

ORDERS_LOOKED_AT = 100
KPI_DAYS = 30

WORK = Part("scheduling", "/mizan.scheduling.v1.BoardService/GetWorkFigures", work_pb2.WorkFigures, "Planning")
LIVE_WORK = Part("scheduling", "/mizan.scheduling.v1.BoardService/ListLiveWork", work_pb2.ListLiveWorkResponse, "Work")
ATTENDANCE = Part(
    "timeclock",
    "/mizan.timeclock.v1.BoardService/GetAttendanceFigures",
    attendance_pb2.AttendanceFigures,
    "Attendance",
)
PRESENCE = Part(
    "timeclock", "/mizan.timeclock.v1.BoardService/ListPresence", attendance_pb2.ListPresenceResponse, "Attendance"
)
LABOR = Part(
    "timeclock", "/mizan.timeclock.v1.BoardService/ListDailyLabor", attendance_pb2.ListDailyLaborResponse, "Labour cost"
)
TEAM = Part("identity", "/mizan.identity.v1.UserService/GetTeamFigures", user_pb2.TeamFigures, "The team")
DELIVERIES = Part(
    "inventory",
    "/mizan.inventory.v1.PurchaseOrderService/ListPurchaseOrders",
    purchase_order_pb2.ListPurchaseOrdersResponse,
    "Deliveries",
)
SALES = Part("pos", "/mizan.pos.v1.SalesService/ListDailySales", sales_pb2.ListDailySalesResponse, "Sales")
ORDERS = Part("pos", "/mizan.pos.v1.SalesService/GetOrderStatistics", sales_pb2.OrderStatistics, "Orders")
STOCK = Part(
    "inventory",
    "/mizan.inventory.v1.ReportService/ListInventoryReports",
    stock_pb2.ListInventoryReportsResponse,
    "The stock",
)


class Dashboard:
    """Answers the operations of DashboardService; each handler takes the request and what travels with the call."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @property
    def handlers(self) -> dict[str, Handler]:
        """The handlers by gRPC path."""
        return handlers_of(dashboard_pb2.DESCRIPTOR.services_by_name["DashboardService"], self)

    async def GetSummary(self, _request: Any, *, metadata: Metadata, timeout: float) -> dashboard_pb2.Summary:
        orders = purchase_order_pb2.ListPurchaseOrdersRequest(status="ORDERED", page=1, page_size=ORDERS_LOOKED_AT)
        wanted: Wanted = {WORK: None, ATTENDANCE: None, TEAM: None, DELIVERIES: orders}
        answers = await self._parts.ask(wanted, metadata, timeout)
        return home.summary(
            answers.of(WORK), answers.of(ATTENDANCE), answers.of(TEAM), answers.of(DELIVERIES), answers.warnings
        )

    async def GetStaffFigures(self, _request: Any, *, metadata: Metadata, timeout: float) -> dashboard_pb2.StaffFigures:
        answers = await self._parts.ask({TEAM: None, WORK: None, ORDERS: None}, metadata, timeout)
        return team.figures(answers.of(TEAM), answers.of(WORK), answers.of(ORDERS), answers.warnings)

    async def GetStaffInsights(
        self, _request: Any, *, metadata: Metadata, timeout: float
    ) -> dashboard_pb2.StaffInsights:
        answers = await self._parts.ask({WORK: None, ATTENDANCE: None}, metadata, timeout)
        return team.insights(answers.of(WORK), answers.of(ATTENDANCE), answers.warnings)

    async def ListLiveStaff(
        self, _request: Any, *, metadata: Metadata, timeout: float
    ) -> dashboard_pb2.ListLiveStaffResponse:
        answers = await self._parts.ask({LIVE_WORK: None, PRESENCE: None}, metadata, timeout)
        return team.live_staff(answers.of(LIVE_WORK), answers.of(PRESENCE))

    async def ListKpis(
        self, request: dashboard_pb2.ListKpisRequest, *, metadata: Metadata, timeout: float
    ) -> dashboard_pb2.ListKpisResponse:
        return kpis.page(await self._days(request.days or KPI_DAYS, metadata, timeout), request)

    async def GetTodaysKpi(self, _request: Any, *, metadata: Metadata, timeout: float) -> dashboard_pb2.DailyKpi:
        days = await self._days(1, metadata, timeout)
        if not days:
            raise Unavailable("Today's figures cannot be shown right now. Please try again.")
        return days[0]

    async def GetKpi(
        self, request: dashboard_pb2.GetKpiRequest, *, metadata: Metadata, timeout: float
    ) -> dashboard_pb2.DailyKpi:
        return kpis.one(await self._days(kpis.MOST_DAYS, metadata, timeout), request.id)

    async def GetKpiRange(
        self, request: dashboard_pb2.GetKpiRangeRequest, *, metadata: Metadata, timeout: float
    ) -> dashboard_pb2.KpiRange:
        # It is tomorrow already in some zones; a day too many is left out again.
        latest = (datetime.now(UTC) + timedelta(days=1)).date()
        first, last = date.fromisoformat(request.start_date), date.fromisoformat(request.end_date)
        days = await self._days(kpis.reach(first, last, latest), metadata, timeout)
        return kpis.period(days, request.start_date, request.end_date)

    async def ListKpiHints(self, _request: Any, *, metadata: Metadata, timeout: float) -> dashboard_pb2.KpiHints:
        return kpis.hints(await self._days(KPI_DAYS + 1, metadata, timeout))

    async def _days(self, count: int, metadata: Metadata, timeout: float) -> list[dashboard_pb2.DailyKpi]:
        wanted: Wanted = {
            STOCK: stock_pb2.ListInventoryReportsRequest(days=count),
            SALES: sales_pb2.ListDailySalesRequest(page=1, page_size=count),
            LABOR: attendance_pb2.LaborPeriodRequest(start_date=kpis.since(count, datetime.now(UTC))),
        }
        answers = await self._parts.ask(wanted, metadata, timeout)
        return kpis.days(count, answers.of(STOCK), answers.of(SALES), answers.of(LABOR), answers.warnings)
