"""What was sold."""

from collections.abc import Sequence
from datetime import UTC, date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from google.api import httpbody_pb2
from google.protobuf import any_pb2
from google.protobuf.empty_pb2 import Empty

from mizan.options.v1 import files_pb2
from mizan.pos.v1 import sales_pb2
from servicekit import spreadsheet
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import Scope
from servicekit.errors import Invalid, NotFound
from servicekit.paging import page_of
from servicekit.patch import values_of
from services.pos.commands.pricing import Terms, terms_of
from services.pos.queries import sales as queries

MAX_DAYS = 400
MAX_PLANNING_DAYS = 400
TOP_ITEMS = 10
DEFAULT_TOP_DAYS = 7
_BEGINNING, _END = date(2000, 1, 1), date(2999, 12, 31)


class SalesService:
    """Implements mizan.pos.v1.SalesService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def GetOrderStatistics(self, _request: Empty, call: Call) -> sales_pb2.OrderStatistics:
        _, today = await self._today(call)
        rows = await queries.today(call.read(), call.principal.tenant, today)
        sold = [row for row in rows if row.status == "COMPLETED"]
        count, revenue = sum(row.orders for row in sold), sum((row.total for row in sold), Decimal(0))

        def of_type(name: str) -> int:
            return sum(row.orders for row in rows if row.order_type == name)

        return sales_pb2.OrderStatistics(
            total_orders=sum(row.orders for row in rows),
            completed_orders=count,
            total_revenue=str(revenue),
            average_order_value=_average(revenue, count),
            by_type=sales_pb2.OrdersByType(
                dine_in=of_type("DINE_IN"),
                takeout=of_type("TAKEOUT"),
                delivery=of_type("DELIVERY"),
                catering=of_type("CATERING"),
            ),
            pending_orders=sum(row.orders for row in rows if row.status in ("PENDING", "CONFIRMED")),
        )

    async def GetDailySummary(self, _request: Empty, call: Call) -> sales_pb2.DailySummary:
        _, today = await self._today(call)
        row = await queries.totals(call.read(), call.principal.tenant, today)
        return sales_pb2.DailySummary(
            date=today.isoformat(),
            total_revenue=str(row.total),
            total_orders=row.orders,
            average_order_value=_average(row.total, row.orders),
            total_discounts=str(row.discounts),
            total_tax=str(row.tax),
            total_tips=str(row.tips),
            total_refunds=str(row.refunds),
        )

    async def ListTopItems(self, request: sales_pb2.ListTopItemsRequest, call: Call) -> sales_pb2.ListTopItemsResponse:
        _, today = await self._today(call)
        days = request.days if request.HasField("days") else DEFAULT_TOP_DAYS
        rows = await queries.top_items(
            call.read(), call.principal.tenant, today - timedelta(days=days - 1), today, TOP_ITEMS
        )
        return sales_pb2.ListTopItemsResponse(
            results=[sales_pb2.TopItem(item_name=row.name, quantity=row.count, revenue=str(row.amount)) for row in rows]
        )

    async def ListDailySales(
        self, request: sales_pb2.ListDailySalesRequest, call: Call
    ) -> sales_pb2.ListDailySalesResponse:
        given = values_of(request)
        first, last = given.get("start_date", _BEGINNING), given.get("end_date", _END)
        tenant = call.principal.tenant
        count, days = await queries.page_of_days(call.read(), tenant, page_of(request), first, last)
        return sales_pb2.ListDailySalesResponse(
            count=count, results=[_daily_message(tenant, row, best) for row, best in days]
        )

    async def GetDailySales(self, request: sales_pb2.GetDailySalesRequest, call: Call) -> sales_pb2.DailySales:
        day = date.fromisoformat(request.id)
        tenant = call.principal.tenant
        _, days = await queries.page_of_days(call.read(), tenant, page_of(sales_pb2.ListDailySalesRequest()), day, day)
        if not days:
            raise NotFound("No DailySalesReport matches the given query.")
        return _daily_message(tenant, *days[0])

    async def GetSalesReport(self, request: sales_pb2.GetSalesReportRequest, call: Call) -> sales_pb2.SalesReport:
        terms, first, last = await self._range(request, call)
        sales = await queries.sales(call.read(), call.principal.tenant, first, last, terms.zone)
        total = sales.totals
        rows = {f"by_{name}": [_row(row) for row in found] for name, found in sales.by.items()}
        return sales_pb2.SalesReport(
            start_date=first.isoformat(),
            end_date=last.isoformat(),
            currency=terms.currency,
            total_orders=total.orders,
            total_sales=str(total.total),
            average_order_value=_average(total.total, total.orders),
            total_tax=str(total.tax),
            total_discounts=str(total.discounts),
            total_service_charges=str(total.service_charges),
            total_tips=str(total.tips),
            total_refunds=str(total.refunds),
            net_sales=str(total.total - total.refunds),
            **rows,
        )

    async def ExportSalesReport(self, request: sales_pb2.ExportSalesReportRequest, call: Call) -> httpbody_pb2.HttpBody:
        terms, first, last = await self._range(request, call)
        by = request.by or "day"
        rows = await queries.grouped(call.read(), call.principal.tenant, first, last, terms.zone, by)
        packed = any_pb2.Any()
        packed.Pack(files_pb2.Disposition(filename=f"sales-by-{by}-{first}-{last}.csv"))
        return httpbody_pb2.HttpBody(content_type="text/csv; charset=utf-8", data=_csv(by, rows), extensions=[packed])

    async def ListQuarterHours(
        self, request: sales_pb2.ListQuarterHoursRequest, call: Call
    ) -> sales_pb2.ListQuarterHoursResponse:
        begin, until = request.__getattribute__("from").ToDatetime(tzinfo=UTC), request.until.ToDatetime(tzinfo=UTC)
        if not timedelta(0) < until - begin <= timedelta(days=MAX_PLANNING_DAYS):
            raise Invalid.field("until", f"Ask for at most {MAX_PLANNING_DAYS} days.")
        restaurant_id = UUID(request.restaurant_id)
        answer = sales_pb2.ListQuarterHoursResponse()
        for row in await queries.quarters(call.read(Scope(restaurant_id)), restaurant_id, begin, until):
            quarter = answer.results.add(orders=row.orders, guests=row.guests, sales=str(row.sales))
            quarter.starts_at.FromDatetime(row.starts_at)
        return answer

    async def _today(self, call: Call) -> tuple[Terms, date]:
        terms = await terms_of(call.read(), call.principal.tenant)
        return terms, terms.day_of(self._clock.now())

    async def _range(self, request: Any, call: Call) -> tuple[Terms, date, date]:
        terms, today = await self._today(call)
        given = values_of(request)
        first = given.get("start_date", today)
        last = given.get("end_date", max(first, today) if "start_date" not in given else first)
        if not timedelta(0) <= last - first < timedelta(days=MAX_DAYS):
            raise Invalid.field("end_date", f"Ask for at most {MAX_DAYS} days, the first before the last.")
        return terms, first, last


def _average(total: Decimal, count: int) -> str:
    return str(total / count) if count else "0"


def _row(row: Any) -> sales_pb2.SalesRow:
    return sales_pb2.SalesRow(key=row.key, name=row.name, count=int(row.count), amount=str(row.amount))


def _daily_message(restaurant_id: UUID, row: Any, best: Sequence[Any]) -> sales_pb2.DailySales:
    day = row.business_date.isoformat()
    message = sales_pb2.DailySales(
        id=day,
        restaurant=str(restaurant_id),
        date=day,
        total_revenue=str(row.total),
        total_orders=row.orders,
        avg_order_value=_average(row.total, row.orders),
        top_selling_items=[
            sales_pb2.SoldItem(
                menu_item_id=str(item.item_id),
                name=item.name,
                quantity=item.count,
                quantity_sold=item.count,
                revenue=str(item.amount),
                total_revenue=str(item.amount),
            )
            for item in best
        ],
    )
    message.created_at.FromDatetime(row.created_at)
    message.updated_at.FromDatetime(row.updated_at)
    return message


def _csv(by: str, rows: Sequence[Any]) -> bytes:
    cells = ([row.key, row.name, int(row.count), f"{row.amount:f}"] for row in rows)
    return spreadsheet.lines([[by, "name", "count", "amount"], *cells]).encode()
