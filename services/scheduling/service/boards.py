"""The work of today on the boards of the dashboard."""

from datetime import date, timedelta
from typing import Any

from google.protobuf.empty_pb2 import Empty

import refdata
from mizan.scheduling.v1 import board_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.errors import Invalid
from services.scheduling.queries import boards as queries
from services.scheduling.queries.boards import BEST, Situation

DEFAULT_DAYS = 7
MAX_DAYS = 366


class BoardService:
    """Implements mizan.scheduling.v1.BoardService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def GetLiveBoard(self, _request: Empty, call: Call) -> board_pb2.LiveBoard:
        situation = await self._situation(call)
        days, processes = await queries.live_board(call.read(), situation)
        today, yesterday = days.get(situation.today), days.get(situation.today - timedelta(days=1))
        board = board_pb2.LiveBoard(
            active_processes_count=len(processes),
            on_time_rate=_on_time(today),
            on_time_change=_on_time(today) - _on_time(yesterday),
            attention_needed=today.attention if today else 0,
        )
        if today:
            board.tasks_today.total, board.tasks_today.completed = today.total, today.completed
            board.tasks_today.ongoing = today.ongoing
        else:
            board.tasks_today.SetInParent()
        for row in processes:
            health = "red" if row.is_late else "yellow" if row.is_due else "green"
            board.processes.add(
                id=str(row.id), name=row.name, completion=percent(row.completed, row.total), health=health
            )
        return board

    async def ListLiveWork(self, _request: Empty, call: Call) -> board_pb2.ListLiveWorkResponse:
        situation = await self._situation(call)
        response = board_pb2.ListLiveWorkResponse()
        for row in await queries.on_shift(call.read(), situation):
            elapsed = min(situation.now, row.ends_at) - row.starts_at
            response.people.add(
                staff_id=str(row.user_id),
                name=row.name,
                role=row.role,
                shift_id=str(row.shift_id),
                elapsed_minutes=max(0, minutes(elapsed)),
                shift_minutes=minutes(row.ends_at - row.starts_at),
                completed=row.completed,
                total=row.total,
                overdue=row.overdue,
                current_task=row.task or "",
            )
        return response

    async def GetWorkFigures(self, _request: Empty, call: Call) -> board_pb2.WorkFigures:
        situation = await self._situation(call)
        found = await queries.figures(call.read(), situation)
        today, week_ago = found.days.get(situation.today), situation.today - timedelta(days=6)
        response = board_pb2.WorkFigures(
            shifts_today=found.plan.shifts_today,
            unfilled_today=found.plan.unfilled_today,
            completion_rate=f"{100 * today.completed / today.total:.1f}" if today else "0.0",
            swap_requests=found.plan.swap_requests,
            overdue_tasks=sum(row.overdue for day, row in found.days.items() if day >= week_ago),
            urgent_tasks=sum(row.urgent for day, row in found.days.items() if day >= week_ago),
            completed_week=sum(row.completed for day, row in found.days.items() if day >= week_ago),
            completed_week_before=sum(row.completed for day, row in found.days.items() if day < week_ago),
            open_concerns=found.plan.open_concerns,
            date=situation.today.isoformat(),
        )
        for row in found.due:
            status = "OVERDUE" if row.priority == "URGENT" else row.status
            response.tasks_due.add(label=row.title, status=status, priority=row.priority)
        for row in [row for row in found.people if row.completed][:BEST]:
            response.performers.add(
                staff_id=str(row.user_id),
                name=row.name,
                role=row.role,
                tasks=row.completed,
                score=percent(row.completed, row.total),
            )
        for row in found.planned_over:
            response.planned_over.add(staff_id=str(row.user_id), name=row.name, planned_minutes=row.minutes)
        return response

    async def ListTaskCompletion(
        self, request: board_pb2.PeriodRequest, call: Call
    ) -> board_pb2.ListTaskCompletionResponse:
        situation = await self._situation(call)
        first, last = _period(request, situation.today)
        found = await queries.per_day(call.read(), situation, first, last)
        response = board_pb2.ListTaskCompletionResponse()
        for offset in range((last - first).days + 1):
            day = first + timedelta(days=offset)
            row = found.get(day)
            response.days.add(
                date=day.isoformat(), completed=row.completed if row else 0, total=row.total if row else 0
            )
        return response

    async def ListStaffPerformance(
        self, request: board_pb2.PeriodRequest, call: Call
    ) -> board_pb2.ListStaffPerformanceResponse:
        situation = await self._situation(call)
        rows = await queries.per_person(call.read(), situation, *_period(request, situation.today))
        return board_pb2.ListStaffPerformanceResponse(
            people=[
                board_pb2.StaffPerformance(
                    name=row.name, value=row.completed, completion_rate=percent(row.completed, row.total)
                )
                for row in rows
            ]
        )

    async def _situation(self, call: Call) -> Situation:
        zone = await refdata.time_zone(call.read(), call.principal.tenant)
        now = self._clock.now()
        return Situation(call.principal.tenant, now, zone, now.astimezone(zone).date())


def percent(part: int, whole: int) -> int:
    """The part in whole percent; 0 of nothing."""
    return round(100 * part / whole) if whole else 0


def minutes(length: timedelta) -> int:
    """Whole minutes."""
    return int(length.total_seconds() // 60)


def _on_time(row: Any | None) -> int:
    return percent(row.in_time, row.completed) if row is not None and row.completed else 100


def _period(request: board_pb2.PeriodRequest, today: date) -> tuple[date, date]:
    last = date.fromisoformat(request.end_date) if request.end_date else today
    first = date.fromisoformat(request.start_date) if request.start_date else last - timedelta(days=DEFAULT_DAYS - 1)
    if first > last:
        raise Invalid.field("end_date", "The period ends before it begins.")
    if (last - first).days >= MAX_DAYS:
        raise Invalid.field("start_date", f"Ask for at most {MAX_DAYS} days.")
    return first, last
