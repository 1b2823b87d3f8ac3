"""What agents ask of the optimizer and of the forecast."""

from datetime import date
from typing import Any, Final

import refdata
from mizan.scheduling.v1 import agent_roster_pb2 as agent_pb2
from mizan.scheduling.v1 import roster_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from services.scheduling.agents import PLAN, Agents
from services.scheduling.domain.advice import Advice, advice_on
from services.scheduling.domain.conflicts import week_of
from services.scheduling.queries import rosters as queries
from services.scheduling.queries import sales as sales_queries
from services.scheduling.queries.shifts import Filter, all_shifts
from services.scheduling.service.at_once import Planner, asked
from services.scheduling.service.convert import json_text

AGENT_SECONDS: Final = 4.0
"""How long a run searches for an agent, which waits ten seconds in all."""
AGENT_WAIT_SECONDS: Final = 4.5


class AgentRosterService:
    """Implements mizan.scheduling.v1.AgentRosterService."""

    def __init__(self, agents: Agents, planner: Planner, clock: Clock) -> None:
        self._agents = agents
        self._planner = planner
        self._clock = clock

    async def OptimizeSchedule(
        self, request: agent_pb2.OptimizeScheduleRequest, call: Call
    ) -> roster_pb2.OptimizeResult:
        acting = await self._agents.acting(request, call)
        acting.require(PLAN)
        return await self._planner.outcome(
            call,
            acting.scope,
            acting.restaurant_id,
            week_of(date.fromisoformat(request.week_start)),
            {**asked(request), "seconds": AGENT_SECONDS},
            actor=acting.actor,
            wait_seconds=AGENT_WAIT_SECONDS,
        )

    async def GetOperationalAdvice(
        self, request: agent_pb2.GetOperationalAdviceRequest, call: Call
    ) -> agent_pb2.OperationalAdvice:
        acting = await self._agents.acting(request, call)
        acting.require(PLAN)
        reading, restaurant_id = call.read(acting.scope), acting.restaurant_id
        restaurant = await refdata.restaurant(reading, restaurant_id)
        zone = await refdata.time_zone(reading, restaurant_id)
        today = self._clock.now().astimezone(zone).date()
        day = date.fromisoformat(request.date) if request.date else today
        expected = await sales_queries.expected_sales(reading, restaurant_id, restaurant, week_of(day), today)
        roles = await queries.active_roles(reading, restaurant_id)
        orders = await sales_queries.orders_of_weekday(reading, restaurant_id, min(day, today), day.weekday())
        shifts = await all_shifts(reading, restaurant_id, Filter(date_from=day, date_to=day), details=False)
        planned = {person.user_id for shift in shifts if shift.row.status != "CANCELLED" for person in shift.people}
        advice = advice_on(
            expected.forecast,
            day.weekday(),
            roles,
            queries.policy_of(restaurant, day, zone).weekly_limit,
            orders=orders,
            sold=expected.sold,
            hours=expected.planned,
            planned=len(planned),
        )
        return _message(advice, day, restaurant)


def _message(advice: Advice, day: date, restaurant: Any) -> agent_pb2.OperationalAdvice:
    return agent_pb2.OperationalAdvice(
        status="success",
        date=day.isoformat(),
        demand_level=advice.level,
        optimal_staffing=json_text(advice.staff),
        shift_split_suggestions=[
            agent_pb2.SplitSuggestion(type=split.name, time=split.time, reason=split.reason) for split in advice.splits
        ],
        restaurant_type=restaurant.restaurant_type if restaurant is not None else "",
        best_practices=advice.practices,
    )
