"""The figures of days, put together from sales, stock and hours."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid5

from mizan.gateway.v1 import dashboard_pb2
from mizan.inventory.v1 import report_pb2 as stock_pb2
from mizan.pos.v1 import sales_pb2
from mizan.timeclock.v1 import board_pb2 as attendance_pb2
from servicekit.paging import page_of

CENT = Decimal("0.01")
NONE = "0.00"


def since(count: int, now: datetime) -> str:
    """A first day that is early enough for the last days of any time zone."""
    return (now - timedelta(days=count)).date().isoformat()


def days(
    count: int,
    stock: stock_pb2.ListInventoryReportsResponse,
    sales: sales_pb2.ListDailySalesResponse,
    labor: attendance_pb2.ListDailyLaborResponse,
    warnings: Sequence[str],
) -> list[dashboard_pb2.DailyKpi]:
    """One row per day, the newest first; the stock knows every day, sales and hours only those that had some."""
    stock_on = {row.date: row for row in stock.results}
    sold_on = {row.date: row for row in sales.results}
    labor_on = {row.date: row for row in labor.days}
    restaurants = [row.restaurant for row in stock.results] + [row.restaurant for row in sales.results]
    if not restaurants:
        return []
    restaurant = restaurants[0]
    newest = sorted(stock_on or {*sold_on, *labor_on}, reverse=True)[:count]
    rows = []
    for day in newest:
        row = dashboard_pb2.DailyKpi(
            id=str(uuid5(UUID(restaurant), day)),
            restaurant=restaurant,
            date=day,
            total_revenue=NONE,
            avg_order_value=NONE,
            food_waste_cost=NONE,
            labor_cost_percentage=NONE,
            inventory_value=NONE,
            revenue_lost_to_stockouts=NONE,
            warnings=warnings,
        )
        if sold := sold_on.get(day):
            row.total_revenue, row.total_orders = _cents(sold.total_revenue), sold.total_orders
            row.avg_order_value = _cents(sold.avg_order_value)
        if held := stock_on.get(day):
            row.inventory_value, row.food_waste_cost = held.total_inventory_value, held.waste_cost
            row.created_at.CopyFrom(held.created_at)
            row.updated_at.CopyFrom(held.updated_at)
        if hours := labor_on.get(day):
            row.staff_online_count = hours.people
            revenue = Decimal(row.total_revenue)
            if revenue > 0:
                row.labor_cost_percentage = str((100 * Decimal(hours.cost) / revenue).quantize(CENT))
        rows.append(row)
    return rows


def page(
    rows: Sequence[dashboard_pb2.DailyKpi], request: dashboard_pb2.ListKpisRequest
) -> dashboard_pb2.ListKpisResponse:
    """The page that was asked for, or everything. Raises NotFound beyond the end."""
    wanted = page_of(request)
    wanted.check(len(rows))
    return dashboard_pb2.ListKpisResponse(count=len(rows), results=rows[wanted.offset : wanted.offset + wanted.limit])


def _cents(amount: str) -> str:
    return str(Decimal(amount or 0).quantize(CENT))
