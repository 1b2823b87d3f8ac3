"""Weeks planned by the optimizer."""

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from math import ceil
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import refdata
from labour import Policy, policy_on
from mizan.scheduling.v1 import roster_pb2
from servicekit.call import Call
from servicekit.clock import Clock, timestamp_of
from servicekit.db import Database, scope_of
from servicekit.paging import page_of
from services.scheduling.commands import rosters as commands
from services.scheduling.domain.conflicts import week_of
from services.scheduling.domain.planning import role_code
from services.scheduling.domain.staffing import MANAGERS, staffing
from services.scheduling.models import RosterRun
from services.scheduling.models.roster import WAITING
from services.scheduling.queries import rosters as queries
from services.scheduling.queries.sales import expected_sales
from services.scheduling.queries.weeks import week_by_start
from services.scheduling.rostering.forecast import LEVELS, Forecast, Staffing
from services.scheduling.service.convert import json_text, text_of

AT_ONCE_SECONDS: Final = 6.0
"""How long a run searches whose caller waits for the answer."""
WAIT_SECONDS: Final = 20.0
"""How much longer than its search a caller waits for a run."""
POLL_SECONDS: Final = 0.2


class RosterService:
    """Implements mizan.scheduling.v1.RosterService."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def AutoSchedule(self, request: roster_pb2.AutoScheduleRequest, call: Call) -> roster_pb2.OptimizeResult:
        wanted = {**_asked(request), "apply": True, "seconds": request.seconds or AT_ONCE_SECONDS}
        monday = week_of(date.fromisoformat(request.week_start))
        return await self._at_once(call, call.principal.tenant, monday, wanted)

    async def StartRosterRun(self, request: roster_pb2.StartRosterRunRequest, call: Call) -> roster_pb2.RosterRun:
        wanted = _asked(request) | {
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
        zone = ZoneInfo(restaurant.timezone) if restaurant is not None else refdata.queries.DEFAULT_TIME_ZONE
        monday = week_of(date.fromisoformat(request.week_start))
        today = self._clock.now().astimezone(zone).date()
        expected = await expected_sales(reading, tenant, restaurant, monday, today)
        people = await queries.active_roles(reading, tenant)
        needs = staffing(
            expected.forecast,
            [role for role in people if role not in MANAGERS],
            _policy(restaurant, monday, zone).weekly_limit,
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

    async def _at_once(
        self, call: Call, restaurant_id: UUID, monday: date, wanted: dict[str, Any]
    ) -> roster_pb2.OptimizeResult:
        """Begins a run, or finds the one that this very request began, and waits for it."""
        key = call.context.idempotency_key
        async with self._database.write(scope_of(call.principal)) as session:
            run = await commands.start(
                session,
                restaurant_id,
                monday,
                wanted,
                actor=call.principal.user_id,
                now=self._clock.now(),
                request_key=hashlib.sha256(key.encode()).hexdigest() if key else None,
            )
        reading = self._database.read(scope_of(call.principal))
        until = asyncio.get_running_loop().time() + wanted["seconds"] + WAIT_SECONDS
        while asyncio.get_running_loop().time() < until:
            if await queries.state_of(reading, restaurant_id, run.id) not in WAITING:
                break
            await asyncio.sleep(POLL_SECONDS)
        row = await queries.one_run(reading, restaurant_id, run.id)
        week = await week_by_start(reading, restaurant_id, monday)
        everybody = await queries.names(reading, restaurant_id)
        zone = await refdata.time_zone(reading, restaurant_id)
        # Its key and its audit entry; the change itself has committed with the run.
        await call.session()
        call.notes.entity_id = str(run.id)
        return _outcome(row, everybody, zone, None if week is None else str(week.id))


def _asked(request: Any) -> dict[str, Any]:
    """What a run keeps of a request."""
    return {
        "department": request.department,
        "template_id": request.template_id or None,
        "budget": int(Decimal(request.labor_budget) * 100) if request.labor_budget else None,
        "demand_level": request.demand_level or None,
        "seconds": request.seconds or None,
    }


def _outcome(run: Any, names: Mapping[UUID, str], zone: ZoneInfo, schedule_id: str | None) -> roster_pb2.OptimizeResult:
    result: Mapping[str, Any] = run.result or {}
    if run.state in WAITING:
        return roster_pb2.OptimizeResult(
            status="running", success=True, message="The week is still being planned.", run_id=str(run.id)
        )
    if not result or run.state == "FAILED":
        return roster_pb2.OptimizeResult(
            status="failed", success=False, message=run.error or "The run was cancelled.", run_id=str(run.id)
        )
    created: Mapping[str, str] = result.get("created", {})
    shifts = [
        roster_pb2.PlannedShift(
            id=shift_id,
            staff=", ".join(names.get(UUID(person), "") for person in change["staff"]),
            date=change["date"],
            time=_times(change, zone),
        )
        for place, shift_id in created.items()
        for change in [result["changes"][int(place)]]
    ]
    missing = int(result["missing"]) + len(result["left_out"]) + len(result.get("skipped", ()))
    changed = int(result.get("changed", 0))
    filled = f", gave {changed} open ones to somebody" if changed else ""
    lacking = f"; {missing} could not be filled" if missing else ""
    return roster_pb2.OptimizeResult(
        status="success",
        success=True,
        message=f"Created {len(shifts)} shifts{filled}{lacking}.",
        shifts_created=len(shifts),
        conflicts_detected=missing,
        shifts=shifts,
        optimization_metrics=roster_pb2.OptimizationMetrics(
            staff_utilization=f"{result['utilization']:g}%",
            coverage=f"{result['coverage']:g}%",
            overtime_hours=round(result["overtime_minutes"] / 60, 2),
        ),
        run_id=str(run.id),
        schedule_id=schedule_id,
    )


def _times(change: Mapping[str, Any], zone: ZoneInfo) -> str:
    proposal = commands.proposal_from(change)
    start, end = proposal.period.start.astimezone(zone), proposal.period.end.astimezone(zone)
    return f"{start:%H:%M:%S}-{end:%H:%M:%S}"


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


def _policy(restaurant: Any, day: date, zone: ZoneInfo) -> Policy:
    return policy_on(day, zone.key, max_weekly_hours=restaurant.max_weekly_hours if restaurant is not None else None)


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
