"""The figures of days, put together from sales, stock and hours."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid5

from mizan.gateway.v1 import dashboard_pb2
from mizan.inventory.v1 import report_pb2 as stock_pb2
from mizan.pos.v1 import sales_pb2
from mizan.timeclock.v1 import board_pb2 as attendance_pb2
from servicekit.errors import Invalid, NotFound
from servicekit.paging import page_of

CENT = Decimal("0.01")
NONE = "0.00"
# Hours are told for a year at most, a day of which `since` and one the zone may take.
MOST_DAYS = 364
BOOST = Decimal("1.2")
WASTEFUL = Decimal("1.15")
MOST_LABOR = 35


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


def one(rows: Sequence[dashboard_pb2.DailyKpi], wanted: str) -> dashboard_pb2.DailyKpi:
    """The day of an id. Raises NotFound."""
    found = next((row for row in rows if row.id == wanted), None)
    if found is None:
        raise NotFound("No DailyKPI matches the given query.")
    return found


def reach(first: date, last: date, today: date) -> int:
    """How many days back from a day a period begins, itself included. Raises Invalid for none or an early one."""
    if last < first:
        raise Invalid.field("end_date", "The end is before the start.", code="invalid_period")
    count = (today - first).days + 1
    if count > MOST_DAYS:
        raise Invalid.field("start_date", "The figures go back a year.", code="invalid_period")
    return max(count, 1)


def period(rows: Sequence[dashboard_pb2.DailyKpi], first: str, last: str) -> dashboard_pb2.KpiRange:
    """The days between two, the last one included, and what they come to."""
    chosen = [row for row in rows if first <= row.date <= last]
    return dashboard_pb2.KpiRange(
        date_range=dashboard_pb2.KpiPeriod(start=first, end=last),
        summary=dashboard_pb2.KpiSums(
            total_revenue=str(sum((Decimal(row.total_revenue) for row in chosen), Decimal(NONE))),
            total_orders=sum(row.total_orders for row in chosen),
            avg_order_value=_mean([Decimal(row.avg_order_value) for row in chosen if row.total_orders]),
            total_food_waste=str(sum((Decimal(row.food_waste_cost) for row in chosen), Decimal(NONE))),
            avg_labor_cost=_mean([Decimal(row.labor_cost_percentage) for row in chosen if Decimal(row.total_revenue)]),
        ),
        daily_data=chosen,
    )


def hints(rows: Sequence[dashboard_pb2.DailyKpi]) -> dashboard_pb2.KpiHints:
    """What the latest day that is over says beside all that are; today would always look poor."""
    over, missing = rows[1:], rows[0].warnings if rows else ()
    if not any(Decimal(row.total_revenue) or Decimal(row.food_waste_cost) for row in over):
        return dashboard_pb2.KpiHints(message="There are no figures to compare yet.", warnings=missing)
    latest = over[0]
    revenue, waste = Decimal(latest.total_revenue), Decimal(latest.food_waste_cost)
    usual_revenue = _exact_mean([Decimal(row.total_revenue) for row in over])
    usual_waste = _exact_mean([Decimal(row.food_waste_cost) for row in over])
    labor = Decimal(latest.labor_cost_percentage)
    found = []
    if revenue > usual_revenue * BOOST:
        more = _percent_more(revenue, usual_revenue)
        found.append(_hint("POSITIVE", "Revenue boost", f"Revenue was {more}% above the average.", "trending-up"))
    if labor > MOST_LABOR:
        text = f"Labor cost {labor}% of the revenue; {MOST_LABOR}% is the mark."
        found.append(_hint("WARNING", "High labor cost", text, "users"))
    if waste > usual_waste * WASTEFUL:
        more = _percent_more(waste, usual_waste)
        found.append(_hint("WARNING", "Food waste rising", f"Food waste was {more}% above the average.", "trash"))
    return dashboard_pb2.KpiHints(insights=found, warnings=missing)


def _hint(kind: str, title: str, message: str, icon: str) -> dashboard_pb2.KpiHint:
    return dashboard_pb2.KpiHint(type=kind, title=title, message=message, icon=icon)


def _percent_more(amount: Decimal, usual: Decimal) -> Decimal:
    return ((amount / usual - 1) * 100).quantize(Decimal(1))


def _exact_mean(amounts: Sequence[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0)) / len(amounts) if amounts else Decimal(0)


def _mean(amounts: Sequence[Decimal]) -> str:
    return str(_exact_mean(amounts).quantize(CENT))


def _cents(amount: str) -> str:
    return str(Decimal(amount or 0).quantize(CENT))
