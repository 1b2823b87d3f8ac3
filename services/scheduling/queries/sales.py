"""What was sold and planned, and what is to be expected of it."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from labour import Period, net_hours
from servicekit.db import Query, Reading
from services.scheduling.domain.staffing import canonical, kind_of, opening_hours
from services.scheduling.models import SalesQuarter, Shift, ShiftPerson
from services.scheduling.rostering.forecast import QUARTERS, Forecast, forecast
from services.scheduling.rostering.model import WEEK

HISTORY: Final = timedelta(weeks=16)
"""How far back a forecast looks."""
PRODUCTIVITY: Final = timedelta(weeks=4)
"""How far back it is looked up how many people served how many sales."""
TWELVE_WEEKS: Final = timedelta(weeks=12)

_RESTAURANT = bindparam("restaurant_id", type_=sa.Uuid)
_FROM, _UNTIL = bindparam("first", type_=sa.Date), bindparam("until", type_=sa.Date)
_SALES = Query(
    sa.select(SalesQuarter.day, SalesQuarter.quarter, SalesQuarter.amount)
    .where(SalesQuarter.restaurant_id == _RESTAURANT, SalesQuarter.day >= _FROM, SalesQuarter.day < _UNTIL)
    .order_by(SalesQuarter.day, SalesQuarter.quarter)
)
# Days of the week as PostgreSQL counts them, 1 being Monday.
_ORDERS = Query(
    sa.select(sa.func.sum(SalesQuarter.orders).label("orders"))
    .where(
        SalesQuarter.restaurant_id == _RESTAURANT,
        SalesQuarter.day >= _FROM,
        SalesQuarter.day < _UNTIL,
        sa.extract("isodow", SalesQuarter.day) == bindparam("weekday", type_=sa.Integer),
    )
    .group_by(SalesQuarter.day)
)
_WORKED = Query(
    sa.select(Shift.role, Shift.starts_at, Shift.ends_at, Shift.break_minutes)
    .join(ShiftPerson, ShiftPerson.shift_id == Shift.id)
    .where(Shift.restaurant_id == _RESTAURANT, Shift.occupies, Shift.shift_date >= _FROM, Shift.shift_date < _UNTIL)
)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a week is expected to sell, from how many days, and what one role's hours have served lately."""

    forecast: Forecast
    days: int
    sold: float
    planned: dict[str, float]


async def expected_sales(reading: Reading, restaurant_id: UUID, restaurant: Any, monday: date, today: date) -> Expected:
    """The forecast for the week that begins on a Monday, from all whole days before it that are over."""
    until = min(today, monday)
    rows, worked = await reading.batch(
        (_SALES, {"restaurant_id": restaurant_id, "first": until - HISTORY, "until": until}),
        (_WORKED, {"restaurant_id": restaurant_id, "first": until - PRODUCTIVITY, "until": until}),
    )
    history = _by_day(rows, until)
    planned: defaultdict[str, float] = defaultdict(float)
    for shift in worked:
        length = net_hours(Period(shift.starts_at, shift.ends_at), timedelta(minutes=shift.break_minutes))
        planned[canonical(shift.role)] += length.total_seconds() / 3600
    # What lies between the last day that is over and the week is forecast too, and left out.
    ahead = (monday - until).days
    made = forecast(
        history,
        ahead + WEEK,
        first_weekday=until.weekday(),
        hours=opening_hours(restaurant.operating_hours if restaurant is not None else {}),
        kind=kind_of(restaurant.restaurant_type if restaurant is not None else ""),
    )
    lately = [row.amount for row in rows if row.day >= until - PRODUCTIVITY]
    return Expected(
        Forecast(made.sales[ahead:], made.open[ahead:], made.method, made.error, made.compared),
        len(history),
        float(sum(lately)) if made.error is not None else 0.0,
        dict(planned),
    )


async def orders_of_weekday(reading: Reading, restaurant_id: UUID, until: date, weekday: int) -> float:
    """The mean number of orders on the last twelve days of a weekday before a day; 0 when nothing was sold."""
    rows = await reading.all(
        _ORDERS, restaurant_id=restaurant_id, first=until - TWELVE_WEEKS, until=until, weekday=weekday + 1
    )
    return sum(row.orders for row in rows) / len(rows) if rows else 0.0


def _by_day(rows: Any, until: date) -> list[list[float]]:
    """The days from the first one with sales, each with its 96 quarters."""
    if not rows:
        return []
    first = rows[0].day
    days = [[0.0] * QUARTERS for _ in range((until - first).days)]
    for row in rows:
        days[(row.day - first).days][row.quarter] = max(0.0, float(row.amount))
    return days
