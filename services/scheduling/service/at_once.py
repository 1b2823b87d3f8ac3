"""Planning a week while its caller waits: for the planning page and for agents."""

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import refdata
from mizan.scheduling.v1 import roster_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import Database, Scope
from services.scheduling.commands import rosters as commands
from services.scheduling.models.roster import WAITING
from services.scheduling.queries import rosters as queries
from services.scheduling.queries.weeks import week_by_start

POLL_SECONDS: Final = 0.2


class Planner:
    """Begins runs that are applied when they are over, and waits for them."""

    def __init__(self, database: Database, clock: Clock, *, wait_seconds: float) -> None:
        self.wait_seconds = wait_seconds
        self._database = database
        self._clock = clock

    async def run(
        self,
        call: Call,
        scope: Scope,
        restaurant_id: UUID,
        monday: date,
        wanted: Mapping[str, Any],
        *,
        actor: UUID | None,
        wait_seconds: float,
    ) -> Any:
        """Begins a run, or finds the one that this very request began, and returns its row when it is over.

        One that takes longer than its search and `wait_seconds` is returned as it is.
        """
        key = call.context.idempotency_key
        async with self._database.write(scope) as session:
            run = await commands.start(
                session,
                restaurant_id,
                monday,
                {**wanted, "apply": True},
                actor=actor,
                now=self._clock.now(),
                request_key=hashlib.sha256(key.encode()).hexdigest() if key else None,
            )
        reading = self._database.read(scope)
        until = asyncio.get_running_loop().time() + wanted["seconds"] + wait_seconds
        while asyncio.get_running_loop().time() < until:
            if await queries.state_of(reading, restaurant_id, run.id) not in WAITING:
                break
            await asyncio.sleep(POLL_SECONDS)
        # Its key and its audit entry; the change itself has committed with the run.
        await call.session(scope)
        call.notes.entity_id = str(run.id)
        return await queries.one_run(reading, restaurant_id, run.id)

    async def outcome(
        self,
        call: Call,
        scope: Scope,
        restaurant_id: UUID,
        monday: date,
        wanted: Mapping[str, Any],
        *,
        actor: UUID | None,
        wait_seconds: float,
    ) -> roster_pb2.OptimizeResult:
        """As `run`, with what came of it as clients read it."""
        row = await self.run(call, scope, restaurant_id, monday, wanted, actor=actor, wait_seconds=wait_seconds)
        reading = self._database.read(scope)
        week = await week_by_start(reading, restaurant_id, monday)
        everybody = await queries.names(reading, restaurant_id)
        zone = await refdata.time_zone(reading, restaurant_id)
        return _outcome(row, everybody, zone, None if week is None else str(week.id))


def asked(request: Any) -> dict[str, Any]:
    """What a run keeps of a request."""
    return {
        "department": request.department,
        "template_id": request.template_id or None,
        "budget": int(Decimal(request.labor_budget) * 100) if request.labor_budget else None,
        "demand_level": request.demand_level or None,
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
