"""The boards of the dashboard: what is counted as today's work, whose it is, and what another restaurant sees."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from mizan.scheduling.v1 import board_pb2 as boards
from mizan.scheduling.v1 import process_pb2 as processes
from mizan.scheduling.v1 import shift_pb2 as shifts
from mizan.scheduling.v1 import task_pb2 as tasks
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import Principal
from servicekit.testing.service import Api, RunningService, person
from services.scheduling.tests.service.test_shifts import plan
from services.scheduling.tests.team import Team, team

ZONE = ZoneInfo("Africa/Casablanca")


def today() -> str:
    return datetime.now(UTC).astimezone(ZONE).date().isoformat()


def days_ago(days: int) -> str:
    return (datetime.now(UTC).astimezone(ZONE).date() - timedelta(days=days)).isoformat()


async def task(
    api: Api, us: Team, title: str, due: str, *, done: bool = False, by: Principal | None = None, **fields: Any
) -> Any:
    made = await api.TaskService.CreateTask(
        tasks.CreateTaskRequest(title=title, due_date=due, **fields), principal=us.manager
    )
    if done:
        await api.TaskService.CompleteTask(tasks.CompleteTaskRequest(id=made.id), principal=by or us.manager)
    return made


async def test_the_live_board_counts_the_tasks_of_today_only(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    await task(api, us, "Sweep", today(), done=True)
    await task(api, us, "Fridge is warm", today(), priority="URGENT")
    await task(api, us, "Old", days_ago(1), done=True)
    await task(api, us, "Dropped", today(), status="CANCELLED")
    await plan(api, us, 0, shift_date=today(), tasks=[shifts.ShiftTaskDraft(title="Lay tables")])
    await api.ProcessService.CreateProcess(
        processes.CreateProcessRequest(name="Opening", status="ACTIVE"), principal=us.manager
    )

    board = await api.BoardService.GetLiveBoard(Empty(), principal=us.principal(0))
    counted = board.tasks_today
    assert (counted.total, counted.completed, counted.ongoing) == (3, 1, 0)
    assert board.attention_needed == 1
    assert board.on_time_rate == 100
    # Yesterday's was completed a day late.
    assert board.on_time_change == 100
    assert [(row.name, row.completion, row.health) for row in board.processes] == [("Opening", 0, "green")]
    assert board.active_processes_count == 1


async def test_a_board_without_anything_is_calm(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    board = await api.BoardService.GetLiveBoard(Empty(), principal=us.manager)
    assert board == boards.LiveBoard(on_time_rate=100, tasks_today=boards.TasksOfDay())
    assert (await api.BoardService.ListLiveWork(Empty(), principal=us.manager)).people == []
    figures = await api.BoardService.GetWorkFigures(Empty(), principal=us.manager)
    assert figures == boards.WorkFigures(completion_rate="0.0", date=today())


async def test_everybody_on_shift_has_their_own_tasks(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    first, second = (str(person_id) for person_id in us.people[:2])
    drafts = [shifts.ShiftTaskDraft(title="Lay tables")]
    await plan(api, us, 0, 1, start="00:00", end="23:00", shift_date=today(), tasks=drafts)
    await task(api, us, "Count the till", today(), assigned_to=[second])

    live = (await api.BoardService.ListLiveWork(Empty(), principal=us.manager)).people
    assert {row.staff_id: (row.total, row.completed, row.current_task) for row in live} == {
        first: (1, 0, "Lay tables"),
        second: (1, 0, "Count the till"),
    }
    assert {row.shift_minutes for row in live} == {23 * 60}
    assert all(0 <= row.elapsed_minutes <= 23 * 60 for row in live)


async def test_the_figures_of_the_home_page(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, max_weekly_hours=20)
    best = str(us.people[0])
    for number in range(2):
        await task(api, us, f"Done {number}", today(), done=True, by=us.principal(0), assigned_to=[best])
    await task(api, us, "Broken glass", today(), priority="URGENT")
    await task(api, us, "Long ago", days_ago(9), done=True)
    await plan(api, us, start="00:00", end="23:59", shift_date=today())
    await plan(api, us, 1, start="00:00", end="23:00", shift_date=today())

    figures = await api.BoardService.GetWorkFigures(Empty(), principal=us.manager)
    assert figures.completion_rate == "66.7"
    assert [(row.label, row.status) for row in figures.tasks_due] == [("Broken glass", "OVERDUE")]
    assert (figures.completed_week, figures.completed_week_before, figures.urgent_tasks) == (2, 1, 1)
    assert [(row.staff_id, row.tasks, row.score) for row in figures.performers] == [(best, 2, 100)]
    assert figures.unfilled_today == 1
    assert [(row.staff_id, row.planned_minutes) for row in figures.planned_over] == [(str(us.people[1]), 22 * 60 + 30)]


async def test_completion_has_a_row_for_every_day(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    await task(api, us, "Sweep", today(), done=True)
    found = (await api.BoardService.ListTaskCompletion(boards.PeriodRequest(), principal=us.manager)).days
    assert [row.date for row in found] == [days_ago(days) for days in range(6, -1, -1)]
    assert [(row.completed, row.total) for row in found] == [(0, 0)] * 6 + [(1, 1)]


@pytest.mark.parametrize("period", [("2026-02-02", "2026-02-01"), ("2024-01-01", "2026-01-01")], ids=["turned", "long"])
async def test_impossible_periods_are_refused(api: Api, scheduling: RunningService, period: tuple[str, str]) -> None:
    us = team(scheduling)
    request = boards.PeriodRequest(start_date=period[0], end_date=period[1])
    with pytest.raises(RemoteRefusal) as refused:
        await api.BoardService.ListTaskCompletion(request, principal=us.manager)
    assert refused.value.grpc_code is grpc.StatusCode.INVALID_ARGUMENT


async def test_the_statements_do_not_grow_with_the_rows(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)

    async def count() -> int:
        with scheduling.statements() as statements:
            await api.BoardService.GetLiveBoard(Empty(), principal=us.manager)
            await api.BoardService.ListLiveWork(Empty(), principal=us.manager)
            await api.BoardService.GetWorkFigures(Empty(), principal=us.manager)
        return len(statements)

    before = await count()
    for number in range(12):
        await task(api, us, f"Task {number}", today())
    await plan(api, us, 0, 1, 2, shift_date=today())
    assert await count() == before <= 12


async def test_another_restaurant_sees_nothing_of_it(api: Api, scheduling: RunningService) -> None:
    us, them = team(scheduling), team(scheduling)
    await task(api, us, "Sweep", today(), done=True)
    await plan(api, us, 0, shift_date=today())
    assert (await api.BoardService.GetLiveBoard(Empty(), principal=them.manager)).tasks_today.total == 0
    assert (await api.BoardService.ListLiveWork(Empty(), principal=them.manager)).people == []
    performance = person(frozenset({"report.view"}), restaurant_id=them.restaurant_id)
    assert (await api.BoardService.ListStaffPerformance(boards.PeriodRequest(), principal=performance)).people == []
