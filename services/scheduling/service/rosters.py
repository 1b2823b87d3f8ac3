"""Weeks planned by the optimizer."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from math import ceil
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import refdata
from mizan.scheduling.v1 import roster_pb2
from servicekit.call import Call
from servicekit.clock import Clock, timestamp_of
from servicekit.db import scope_of
from servicekit.paging import page_of
from services.scheduling.commands import rosters as commands
from services.scheduling.domain.conflicts import week_of
from services.scheduling.domain.planning import role_code
from services.scheduling.domain.staffing import MANAGERS, staffing
from services.scheduling.models import RosterRun
from services.scheduling.models.roster import WAITING
from services.scheduling.queries import rosters as queries
from services.scheduling.queries.sales import expected_sales
from services.scheduling.rostering.forecast import LEVELS, Forecast, Staffing
from services.scheduling.service.at_once import Planner, asked
from services.scheduling.service.convert import json_text, text_of

AT_ONCE_SECONDS: Final = 6.0
"""How long a run searches whose caller waits for the answer."""


class RosterService:
    """Implements mizan.scheduling.v1.RosterService."""

    def __init__(self, planner: Planner, clock: Clock) -> None:
        self._planner = planner
        self._clock = clock

    async def AutoSchedule(self, request: roster_pb2.AutoScheduleRequest, call: Call) -> roster_pb2.OptimizeResult:
        wanted = {**asked(request), "seconds": request.seconds or AT_ONCE_SECONDS}
        return await self._planner.outcome(
            call,
            scope_of(call.principal),
            call.principal.tenant,
            week_of(date.fromisoformat(request.week_start)),
            wanted,
            actor=call.principal.user_id,
            wait_seconds=self._planner.wait_seconds,
        )

    async def StartRosterRun(self, request: roster_pb2.StartRosterRunRequest, call: Call) -> roster_pb2.RosterRun:
        wanted = asked(request) | {
            "seconds": request.seconds or None,
            "apply": request.apply,
            "rearrange": request.rearrange,
            "demand": [
                {
                    "role": role_code(need.role),
                    "day_of_week": need.day_of_week,
                    "start_time": need.start_time,
                    "end_time": need.end_time,
                    "required_staff": need.required_staff,
                    "is_shift": need.is_shift,
                }
                for need in request.demand
            ],
        }
        session = await call.session()
        run = await commands.start(
            session,
            call.principal.tenant,
            week_of(date.fromisoformat(request.week_start)),
            wanted,
            actor=call.principal.user_id,
            now=self._clock.now(),
        )
        call.notes.entity_id = str(run.id)
        return _message(run, {})

    async def ListRosterRuns(
        self, request: roster_pb2.ListRosterRunsRequest, call: Call
    ) -> roster_pb2.ListRosterRunsResponse:
        week = week_of(date.fromisoformat(request.week_start)) if request.week_start else None
        count, rows = await queries.page_of_runs(call.read(), call.principal.tenant, page_of(request), week)
        return roster_pb2.ListRosterRunsResponse(count=count, results=[_message(row, None) for row in rows])

    async def GetRosterRun(self, request: roster_pb2.GetRosterRunRequest, call: Call) -> roster_pb2.RosterRun:
        tenant = call.principal.tenant
        run = await queries.one_run(call.read(), tenant, UUID(request.id))
        return _message(run, await queries.names(call.read(), tenant))

    async def CancelRosterRun(self, request: roster_pb2.CancelRosterRunRequest, call: Call) -> roster_pb2.RosterRun:
        session = await call.session()
        run = await commands.cancel(session, call.principal.tenant, UUID(request.id), self._clock.now())
        return _message(run, {})

    async def ApplyRosterRun(
        self, request: roster_pb2.ApplyRosterRunRequest, call: Call
    ) -> roster_pb2.ApplyRosterRunResponse:
        session = await call.session()
        tenant = call.principal.tenant
        run = await commands.locked(session, tenant, UUID(request.id))
        applied = await commands.apply(
            session,
            run,
            actor=call.principal.user_id,
            now=self._clock.now(),
            skip_conflicts=request.skip_conflicts,
        )
        run.result = {**(run.result or {}), **commands.applied_json(applied)}
        await session.flush()
        created, skipped = len(applied.created), len(applied.skipped)
        return roster_pb2.ApplyRosterRunResponse(
            detail=f"Created {created} shifts, changed {applied.changed}.",
            shifts_created=created,
            shifts_changed=applied.changed,
            skipped=skipped,
            run=_message(run, await queries.names(call.read(), tenant)),
        )

    async def GetDemandForecast(
        self, request: roster_pb2.GetDemandForecastRequest, call: Call
    ) -> roster_pb2.DemandForecast:
        tenant, reading = call.principal.tenant, call.read()
        restaurant = await refdata.restaurant(reading, tenant)
        zone = ZoneInfo(restaurant.timezone) if restaurant is not None else refdata.DEFAULT_TIME_ZONE
        monday = week_of(date.fromisoformat(request.week_start))
        today = self._clock.now().astimezone(zone).date()
        commands.require_near(monday, today)
        expected = await expected_sales(reading, tenant, restaurant, monday, today)
        people = await queries.active_roles(reading, tenant)
        needs = staffing(
            expected.forecast,
            [role for role in people if role not in MANAGERS],
            queries.policy_of(restaurant, monday, zone).weekly_limit,
            sold=expected.sold,
            planned=expected.planned,
        )
        made = expected.forecast
        level = LEVELS[request.demand_level or "MEDIUM"]
        message = roster_pb2.DemandForecast(
            week_start=monday.isoformat(),
            method=made.method.value,
            compared=json_text({method.value: error for method, error in made.compared.items()}),
            days_of_history=expected.days,
            in_currency=made.error is not None,
            days=[_day(made, day, monday, needs, level) for day in range(len(made.sales))],
        )
        if made.error is not None:
            message.error = made.error
        return message


def _message(run: RosterRun | Any, names: Mapping[UUID, str] | None) -> roster_pb2.RosterRun:
    """A run, with its draft when `names` are given."""
    progress: Mapping[str, Any] = run.progress or {}
    message = roster_pb2.RosterRun(
        id=str(run.id),
        week_start=run.week_start.isoformat(),
        state=run.state,
        progress=progress.get("percent", 0) if run.state in WAITING else 100,
        objective=progress.get("objective"),
        bound=progress.get("bound"),
        seconds=progress.get("seconds"),
        cancelled=run.cancel_asked,
        error=run.error,
        wanted=json_text(run.wanted),
        created_at=timestamp_of(run.created_at),
        started_at=timestamp_of(run.started_at),
        finished_at=timestamp_of(run.finished_at),
        applied_at=timestamp_of(run.applied_at),
        version=run.version,
    )
    if names is not None and run.result is not None:
        result = run.result
        message.objective, message.bound, message.seconds = result["objective"], result["bound"], result["seconds"]
        message.draft.CopyFrom(_draft(result, names))
    return message


def _draft(result: Mapping[str, Any], names: Mapping[UUID, str]) -> roster_pb2.RosterDraft:
    return roster_pb2.RosterDraft(
        status=result["status"],
        changes=[_change(change, names) for change in result["changes"]],
        coverage_percentage=result["coverage"],
        staff_utilization_percentage=result["utilization"],
        overtime_hours=round(result["overtime_minutes"] / 60, 2),
        cost=str(Decimal(result["cost"]) / 100),
        score=json_text(result["score"]),
        unfilled=json_text(result["unfilled"]),
        rules_in_conflict=json_text(result["rules_in_conflict"]),
        left_out=json_text(result["left_out"]),
        demand=json_text(result["demand"]),
    )


def _change(change: Mapping[str, Any], names: Mapping[UUID, str]) -> roster_pb2.RosterChange:
    proposal = commands.proposal_from(change)
    return roster_pb2.RosterChange(
        action=change["action"],
        shift_id=text_of(proposal.shift_id),
        role=proposal.role,
        shift_date=proposal.day.isoformat(),
        starts_at=timestamp_of(proposal.period.start),
        ends_at=timestamp_of(proposal.period.end),
        break_minutes=proposal.break_minutes,
        staff=change["staff"],
        staff_names=[names.get(person, "") for person in proposal.people],
        previous_staff=change["previous_staff"],
    )


def _day(made: Forecast, day: int, monday: date, needs: list[Staffing], level: float) -> roster_pb2.DayForecast:
    sales = made.sales[day] * level
    total, average = float(sales.sum()), float(made.sales.sum()) * level / max(1, len(made.sales))
    peak = float(sales.max()) * 4
    return roster_pb2.DayForecast(
        date=(monday + timedelta(days=day)).isoformat(),
        expected_sales=round(total, 2),
        demand_level="HIGH" if total > 1.15 * average else "LOW" if total < 0.85 * average else "MEDIUM",
        quarters=[round(float(amount), 3) for amount in sales],
        peak_staff=json_text(
            {need.role: min(need.most, max(need.least, ceil(peak / need.per_person))) if total else 0 for need in needs}
        ),
    )
