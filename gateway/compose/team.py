"""People at work: the live rows of the board, and what the last week says of the team."""

from collections.abc import Sequence
from html import escape

from mizan.gateway.v1 import dashboard_pb2
from mizan.identity.v1 import user_pb2
from mizan.pos.v1 import sales_pb2
from mizan.scheduling.v1 import board_pb2 as work_pb2
from mizan.timeclock.v1 import board_pb2 as attendance_pb2

SIGNALS = 2
ALERTS = 2
MINUTES_PER_HOUR = 60
ON_SHIFT, BREAK, OFF_SHIFT = "ON_SHIFT", "BREAK", "OFF_SHIFT"
NOTHING_TO_DO = "No task"


def figures(
    people: user_pb2.TeamFigures,
    work: work_pb2.WorkFigures,
    orders: sales_pb2.OrderStatistics,
    warnings: Sequence[str],
) -> dashboard_pb2.StaffFigures:
    """The numbers above the list of staff; what a missing part would say is zero."""
    return dashboard_pb2.StaffFigures(
        total_staff=people.active,
        active_shifts=work.shifts_today,
        pending_orders=orders.pending_orders,
        revenue_today=orders.total_revenue or "0",
        warnings=warnings,
    )


def live_staff(
    work: work_pb2.ListLiveWorkResponse, presence: attendance_pb2.ListPresenceResponse
) -> dashboard_pb2.ListLiveStaffResponse:
    """A row per shift of today."""
    there = {person.staff_id: BREAK if person.is_on_break else ON_SHIFT for person in presence.people}
    return dashboard_pb2.ListLiveStaffResponse(
        people=[_live(row, there.get(row.staff_id, OFF_SHIFT)) for row in work.people]
    )


def _live(row: work_pb2.LiveWork, status: str) -> dashboard_pb2.LiveStaff:
    is_completed = row.total > 0 and row.completed == row.total
    reason = ""
    if row.overdue:
        reason = f"{row.overdue} overdue"
    elif status == OFF_SHIFT and 0 < row.elapsed_minutes < row.shift_minutes:
        reason = "Not clocked in"
    return dashboard_pb2.LiveStaff(
        staff_id=row.staff_id,
        name=row.name,
        role=row.role,
        shift_status=status,
        current_process=dashboard_pb2.CurrentProcess(
            name=row.current_task or NOTHING_TO_DO, progress=_percent(row.completed, row.total)
        ),
        tasks=dashboard_pb2.LiveTasks(
            completed=row.completed, total=row.total, overdue=row.overdue, is_completed=is_completed
        ),
        pace=dashboard_pb2.Pace(
            elapsed_minutes=row.elapsed_minutes,
            avg_minutes=row.shift_minutes // row.total if row.total else row.shift_minutes,
            status=_pace(row),
        ),
        attention=dashboard_pb2.Attention(needed=bool(reason), reason=reason),
    )


def _pace(row: work_pb2.LiveWork) -> str:
    if row.overdue:
        return "RED"
    behind = row.completed * row.shift_minutes < (row.total - 1) * row.elapsed_minutes
    return "YELLOW" if behind else "GREEN"


def insights(
    work: work_pb2.WorkFigures, attendance: attendance_pb2.AttendanceFigures, warnings: list[str]
) -> dashboard_pb2.StaffInsights:
    """What the last seven days say."""
    missed = attendance.shifts_week - attendance.attended_week
    return dashboard_pb2.StaffInsights(
        summary=dashboard_pb2.InsightSummary(
            tasks_completed=work.completed_week,
            tasks_trend=_trend(work.completed_week, work.completed_week_before),
            team_reliability=_percent(attendance.attended_week, attendance.shifts_week, of_nothing=100),
            active_workers=attendance.present_count,
        ),
        star_performers=[
            dashboard_pb2.StarPerformer(name=row.name, role=row.role, tasks=row.tasks, score=row.score)
            for row in work.performers
        ],
        attendance_health=dashboard_pb2.AttendanceHealth(
            on_time_arrival=_percent(attendance.on_time_week, attendance.attended_week, of_nothing=100),
            no_show_rate=f"{100 * missed / attendance.shifts_week:.1f}" if attendance.shifts_week else "0.0",
        ),
        signals=[dashboard_pb2.Signal(color="emerald", text=text) for text in _signals(work, attendance)],
        alerts=_alerts(attendance),
        warnings=warnings,
    )


def _signals(work: work_pb2.WorkFigures, attendance: attendance_pb2.AttendanceFigures) -> list[str]:
    """At most two sentences; the page shows them as HTML, so names are escaped."""
    found = []
    if work.performers:
        best = work.performers[0]
        found.append(f"<b>{escape(best.name)}</b> completed {best.tasks} tasks in the last seven days")
    if attendance.shifts_week and attendance.attended_week == attendance.shifts_week:
        found.append("Everybody came to every shift of the last seven days")
    if not found:
        found.append(f"{work.completed_week} tasks completed in the last seven days")
    return found[:SIGNALS]


def _alerts(attendance: attendance_pb2.AttendanceFigures) -> list[dashboard_pb2.TeamAlert]:
    tired = [
        dashboard_pb2.TeamAlert(
            type="Burnout Risk",
            level="Critical",
            title=person.name,
            description=f"Worked {person.amount // MINUTES_PER_HOUR} hours in the last seven days",
        )
        for person in attendance.overworked
    ]
    missing = [
        dashboard_pb2.TeamAlert(
            type="Reliability Alert",
            level="Monitor",
            title=person.name,
            description=f"Missed {person.amount} shifts in the last seven days",
        )
        for person in attendance.unreliable
    ]
    return [*tired, *missing][:ALERTS]


def _percent(part: int, whole: int, *, of_nothing: int = 0) -> int:
    return round(100 * part / whole) if whole else of_nothing


def _trend(now: int, before: int) -> int:
    if not before:
        return 100 if now else 0
    return round(100 * (now - before) / before)
