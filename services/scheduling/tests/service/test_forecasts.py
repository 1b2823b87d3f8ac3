"""Sales as pos tells them, summed by the quarter of an hour, and what is expected of them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from mizan.pos.events.v1 import events_pb2 as pos
from mizan.scheduling.v1 import roster_pb2 as rosters
from servicekit.db import SYSTEM
from servicekit.testing.events import Bus, handled
from servicekit.testing.service import Api, RunningService
from services.scheduling.models import SalesQuarter
from services.scheduling.tests.team import Team, team


def sold(service: RunningService, us: Team, weeks: int, *, lunch: float = 100.0) -> None:
    """Weeks of lunches up to yesterday, twice as much on Saturdays."""
    today = datetime.now(UTC).date()

    async def write() -> None:
        async with service.database.write(SYSTEM) as session:
            await session.execute(
                sa.insert(SalesQuarter),
                [
                    {
                        "restaurant_id": us.restaurant_id,
                        "day": day,
                        "quarter": quarter,
                        "orders": 4,
                        "guests": 8,
                        "amount": lunch * (2 if day.weekday() == 5 else 1),
                    }
                    for day in (today - timedelta(days=back) for back in range(1, 7 * weeks + 1))
                    for quarter in range(48, 60)
                ],
            )

    service.run(write())


async def forecast(api: Api, us: Team, week_start: str, **more: Any) -> Any:
    request = rosters.GetDemandForecastRequest(week_start=week_start, **more)
    return await api.RosterService.GetDemandForecast(request, principal=us.manager)


async def test_orders_are_summed_once_by_the_quarter_in_which_they_are_paid(
    api: Api, scheduling: RunningService, bus: Bus
) -> None:
    us = team(scheduling, timezone="UTC")

    def order(number: int, **more: Any) -> pos.OrderCompleted:
        return pos.OrderCompleted(
            order=pos.OrderFacts(
                id=str(UUID(int=number)), restaurant_id=str(us.restaurant_id), subtotal="90.00", **more
            )
        )

    ids = [
        await bus.publish(order(1, guest_count=3), restaurant_id=us.restaurant_id),
        await bus.publish(order(2, discount_amount="10.00"), restaurant_id=us.restaurant_id),
    ]
    for event_id in ids:
        await handled(scheduling, "scheduling-sales", event_id)

    async def totals() -> Any:
        async with scheduling.database.write(SYSTEM) as session:
            return (
                await session.execute(
                    sa.select(
                        sa.func.sum(SalesQuarter.orders),
                        sa.func.sum(SalesQuarter.guests),
                        sa.func.sum(SalesQuarter.amount),
                    ).where(SalesQuarter.restaurant_id == us.restaurant_id)
                )
            ).one()

    assert tuple(scheduling.run(totals())) == (2, 4, 170)


async def test_a_forecast_follows_the_week_and_states_its_error(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, timezone="UTC")
    sold(scheduling, us, 8)
    monday = datetime.now(UTC).date() + timedelta(days=7 - datetime.now(UTC).date().weekday())
    answer = await forecast(api, us, monday.isoformat())
    assert answer.days_of_history == 56
    assert answer.in_currency
    assert answer.error < 0.05
    assert set(json.loads(answer.compared)) == {"seasonal_naive_with_trend", "smoothed_weekly_profile"}
    sales = [round(day.expected_sales) for day in answer.days]
    assert sales[5] == 2 * sales[0] == 2400
    assert (answer.days[5].demand_level, answer.days[0].demand_level) == ("HIGH", "MEDIUM")
    assert [round(amount) for amount in answer.days[0].quarters[47:49]] == [0, 100]
    busy = await forecast(api, us, monday.isoformat(), demand_level="HIGH")
    assert busy.days[0].expected_sales == 1500


async def test_without_history_there_is_a_profile_and_no_error(api: Api, scheduling: RunningService) -> None:
    us, them = team(scheduling), team(scheduling)
    sold(scheduling, them, 4)
    answer = await forecast(api, us, "2031-03-05")
    assert (answer.week_start, answer.method, answer.HasField("error")) == ("2031-03-03", "profile_of_kind", False)
    assert not answer.in_currency
    assert all(day.expected_sales > 0 and json.loads(day.peak_staff)["WAITER"] > 0 for day in answer.days)
