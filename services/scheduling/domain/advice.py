"""What the forecast of a day means for those who plan it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Final

from services.scheduling.domain.staffing import QUARTER, staffing
from services.scheduling.rostering.forecast import Forecast, Method

BUSY: Final = 50
"""Orders of a day above which demand is high; above half of it, medium."""
_PEAKS: Final = (("LUNCH_PEAK", 11, 15), ("DINNER_PEAK", 18, 22))
_TELLING_SHARE: Final = 0.25
_HOUR: Final = 60 // QUARTER


@dataclass(frozen=True, slots=True)
class Split:
    """A time of day that deserves a short shift of its own."""

    name: str
    time: str
    reason: str


@dataclass(frozen=True, slots=True)
class Advice:
    """How busy a day is going to be, and what follows."""

    level: str
    staff: dict[str, int]
    splits: tuple[Split, ...]
    practices: tuple[str, ...]


def level_of(orders: float) -> str:
    """A day's demand by its usual number of orders."""
    return "HIGH" if orders > BUSY else "MEDIUM" if orders > BUSY / 2 else "LOW"


def advice_on(
    expected: Forecast,
    day: int,
    roles: Sequence[str],
    weekly_limit: timedelta,
    *,
    orders: float,
    sold: float,
    hours: Mapping[str, float],
    planned: int,
) -> Advice:
    """Advice on one day of the forecast; `orders` is what the day usually brings, `planned` who works on it so far."""
    level, sales = level_of(orders), expected.sales[day]
    total = float(sales.sum())
    needs = staffing(expected, roles, weekly_limit, sold=sold, planned=hours)
    peak = float(sales.max()) * _HOUR
    staff = {
        need.role: min(need.most, max(need.least, ceil(peak / need.per_person - 1e-9))) if total else 0
        for need in needs
    }
    splits = []
    for name, start, end in _PEAKS:
        share = float(sales[start * _HOUR : end * _HOUR].sum()) / total if total else 0.0
        if level == "HIGH" and share >= _TELLING_SHARE:
            reason = f"{share:.0%} of the day's sales fall between {start}:00 and {end}:00"
            splits.append(Split(name, f"{start}:00-{end}:00", reason))
    return Advice(level, staff, tuple(splits), _practices(expected, day, sum(staff.values()), planned))


def _practices(expected: Forecast, day: int, wanted: int, planned: int) -> tuple[str, ...]:
    sales = expected.sales[day]
    by_hour = sales.reshape(-1, _HOUR).sum(axis=1)
    if not sales.sum():
        return (
            "The restaurant is closed on this day; nobody needs to be planned.",
            f"{planned} people are planned for it.",
            "Use the day for leave and for maintenance.",
        )
    busiest = int(by_hour.argmax())
    open_hours = [hour for hour in range(24) if expected.open[day][hour * _HOUR : (hour + 1) * _HOUR].any()]
    calm = min(open_hours, key=lambda hour: float(by_hour[hour]))
    staffed = f"{planned} people are planned; the busiest hour asks for {wanted} at the same time."
    known = (
        "There is too little history yet; this goes by what restaurants of the kind see."
        if expected.method is Method.KIND_PROFILE
        else f"Forecasts like this one have been wrong by {expected.error or 0:.0%} of sales lately."
    )
    return (
        f"The busiest hour begins at {busiest:02}:00: have everybody there by then; breaks fit around {calm:02}:00.",
        staffed,
        known,
    )
