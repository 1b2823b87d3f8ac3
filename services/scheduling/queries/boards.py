"""The work of some days, for boards and figures: tasks of shifts, tasks that stand alone, and who does them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text

from servicekit.db import Query, Reader
from servicekit.zones import beginning_of

MOST_URGENT = 4
BEST = 3

_MINE = "restaurant_id = CAST(:restaurant_id AS uuid)"
_DAYS = "BETWEEN CAST(:first AS date) AND CAST(:last AS date)"
_NOW = "CAST(:now AS timestamptz)"
_TODAY = "CAST(:today AS date)"

# Whoever a task is assigned to does it; a shift's task without a name is its first person's.
_WORK = f"""WITH work AS (
    SELECT s.shift_date AS day, s.id AS shift_id, t.title, t.status, t.priority, t.due_at, t.completed_at,
        coalesce(t.completed_by, t.assigned_to, (
            SELECT p.user_id FROM shift_people p WHERE p.shift_id = s.id ORDER BY p.place LIMIT 1)) AS person
    FROM shifts s JOIN shift_tasks t ON t.shift_id = s.id AND t.parent_id IS NULL
    WHERE s.{_MINE} AND s.shift_date {_DAYS}
    UNION ALL
    SELECT t.due_date, NULL, t.title, t.status, t.priority, t.due_at, t.completed_at,
        coalesce(t.completed_by, t.assigned_to)
    FROM shift_tasks t
    WHERE t.{_MINE} AND t.shift_id IS NULL AND t.parent_id IS NULL AND t.due_date {_DAYS}
    UNION ALL
    SELECT t.due_date, t.shift_id, t.title, t.status, t.priority, t.due_time, t.completed_at,
        coalesce(t.completed_by, t.assigned_to[1])
    FROM tasks t WHERE t.{_MINE} AND t.parent_id IS NULL AND t.due_date {_DAYS}
), judged AS (
    SELECT work.*, status IN ('TODO', 'IN_PROGRESS') AS is_open, status = 'COMPLETED' AS is_done,
        coalesce(due_at, (CAST(:ends AS timestamptz[]))[1 + day - CAST(:first AS date)]) AS due FROM work
    WHERE status <> 'CANCELLED'
)
"""  # noqa: S608 - fixed texts


def _of_work(select: str) -> Query:
    return Query(text(_WORK + select))


_PER_DAY = _of_work(
    f"""SELECT day, count(*) AS total, count(*) FILTER (WHERE is_done) AS completed,
            count(*) FILTER (WHERE status = 'IN_PROGRESS') AS ongoing,
            count(*) FILTER (WHERE is_done AND completed_at <= due) AS in_time,
            count(*) FILTER (WHERE is_open AND due < {_NOW}) AS overdue,
            count(*) FILTER (WHERE is_open AND priority = 'URGENT') AS urgent,
            count(*) FILTER (WHERE is_open AND (due < {_NOW} OR priority = 'URGENT')) AS attention
        FROM judged GROUP BY day ORDER BY day"""  # noqa: S608 - fixed texts
)
_DUE = _of_work(
    f"""SELECT title, status, priority FROM judged WHERE is_open
        ORDER BY array_position(ARRAY['URGENT', 'HIGH', 'MEDIUM', 'LOW'], priority), due, title
        LIMIT {MOST_URGENT}"""  # noqa: S608 - fixed texts
)
_PER_PERSON = _of_work(
    """SELECT judged.person AS user_id, trim(r.first_name || ' ' || r.last_name) AS name, r.role,
            count(*) AS total, count(*) FILTER (WHERE is_done) AS completed
        FROM judged JOIN staff_ref r ON r.user_id = judged.person AND r.restaurant_id = CAST(:restaurant_id AS uuid)
        GROUP BY 1, 2, 3 ORDER BY completed DESC, total DESC, name"""
)
_ON_SHIFT = _of_work(
    f"""SELECT p.user_id, trim(r.first_name || ' ' || r.last_name) AS name, coalesce(s.role, r.role) AS role,
            s.id AS shift_id, s.starts_at, s.ends_at, count(j.title) AS total,
            count(*) FILTER (WHERE j.is_done) AS completed,
            count(*) FILTER (WHERE j.is_open AND j.due < {_NOW}) AS overdue,
            (array_agg(j.title ORDER BY j.status = 'IN_PROGRESS' DESC, j.due) FILTER (WHERE j.is_open))[1] AS task
        FROM shifts s JOIN shift_people p ON p.shift_id = s.id
        JOIN staff_ref r ON r.user_id = p.user_id AND r.restaurant_id = s.restaurant_id
        LEFT JOIN judged j ON j.person = p.user_id AND (j.shift_id = s.id OR j.shift_id IS NULL)
        WHERE s.{_MINE} AND s.shift_date = {_TODAY} AND s.status <> 'CANCELLED'
        GROUP BY p.user_id, 2, 3, s.id, s.starts_at, s.ends_at ORDER BY s.starts_at, name"""  # noqa: S608 - fixed texts
)
_PROCESSES = Query(
    text(
        f"""SELECT p.id, p.name, count(t.id) AS total, count(t.id) FILTER (WHERE t.status = 'COMPLETED') AS completed,
            bool_or(t.due_date < {_TODAY} AND t.status IN ('TODO', 'IN_PROGRESS')) AS is_late,
            bool_or(t.due_date = {_TODAY} AND t.status IN ('TODO', 'IN_PROGRESS')) AS is_due
        FROM processes p LEFT JOIN process_tasks t ON t.process_id = p.id AND t.status <> 'CANCELLED'
        WHERE p.{_MINE} AND p.status = 'ACTIVE' AND p.is_active GROUP BY p.id, p.name ORDER BY p.name, p.id"""  # noqa: S608
    )
)
_PLAN = Query(
    text(
        f"""SELECT
            (SELECT count(*) FROM shifts s WHERE s.{_MINE} AND s.shift_date = {_TODAY} AND s.occupies
                AND s.ends_at > {_NOW}) AS shifts_today,
            (SELECT count(*) FROM shifts s WHERE s.{_MINE} AND s.shift_date = {_TODAY} AND s.occupies
                AND s.ends_at > {_NOW}
                AND NOT EXISTS (SELECT FROM shift_people p WHERE p.shift_id = s.id)) AS unfilled_today,
            (SELECT count(*) FROM swap_requests w WHERE w.{_MINE} AND w.status = 'PENDING') AS swap_requests,
            (SELECT count(*) FROM incidents i WHERE i.{_MINE}
                AND i.status IN ('REPORTED', 'UNDER_REVIEW')) AS open_concerns"""  # noqa: S608 - fixed texts
    )
)
_PLANNED_OVER = Query(
    text(
        f"""SELECT p.user_id, trim(r.first_name || ' ' || r.last_name) AS name,
            sum(extract(epoch FROM s.ends_at - s.starts_at) / 60 - s.break_minutes)::int AS minutes
        FROM shifts s JOIN shift_people p ON p.shift_id = s.id
        JOIN staff_ref r ON r.user_id = p.user_id AND r.restaurant_id = s.restaurant_id
        JOIN restaurant_ref h ON h.id = s.restaurant_id
        WHERE s.{_MINE} AND s.shift_date {_DAYS} AND s.occupies
        GROUP BY p.user_id, 2, h.max_weekly_hours
        HAVING sum(extract(epoch FROM s.ends_at - s.starts_at) / 60 - s.break_minutes) > h.max_weekly_hours * 60
        ORDER BY minutes DESC, name LIMIT {BEST}"""  # noqa: S608 - fixed texts
    )
)


@dataclass(frozen=True, slots=True)
class Situation:
    """Whose work, at which instant, in which zone."""

    restaurant_id: UUID
    now: datetime
    zone: ZoneInfo
    today: date

    def days(self, first: date, last: date) -> dict[str, Any]:
        """Parameters for the work of the days from first to last."""
        ends = [beginning_of(first + timedelta(days=day), self.zone) for day in range(1, (last - first).days + 2)]
        return {"restaurant_id": self.restaurant_id, "first": first, "last": last, "ends": ends}


async def per_day(reader: Reader, situation: Situation, first: date, last: date) -> dict[date, Any]:
    """Counts of the tasks of each day that has any."""
    rows = await reader.all(_PER_DAY, **situation.days(first, last), now=situation.now)
    return {row.day: row for row in rows}


async def per_person(reader: Reader, situation: Situation, first: date, last: date) -> Sequence[Any]:
    """Who did how many of their tasks, those who did most first."""
    return await reader.all(_PER_PERSON, **situation.days(first, last))


async def live_board(reader: Reader, situation: Situation) -> tuple[dict[date, Any], Sequence[Any]]:
    """Counts of today's and yesterday's tasks, and how far the active processes are."""
    yesterday = situation.today - timedelta(days=1)
    days, processes = await reader.batch(
        (_PER_DAY, {**situation.days(yesterday, situation.today), "now": situation.now}),
        (_PROCESSES, {"restaurant_id": situation.restaurant_id, "today": situation.today}),
    )
    return {row.day: row for row in days}, processes


async def on_shift(reader: Reader, situation: Situation) -> Sequence[Any]:
    """Everybody with a shift today and the state of their tasks."""
    parameters = situation.days(situation.today, situation.today)
    return await reader.all(_ON_SHIFT, **parameters, now=situation.now, today=situation.today)


@dataclass(frozen=True, slots=True)
class Figures:
    """What the home page says of planning and tasks."""

    days: dict[date, Any]
    """Counts per day of the last fortnight."""
    due: Sequence[Any]
    people: Sequence[Any]
    """Of the last seven days."""
    plan: Any
    planned_over: Sequence[Any]


async def figures(reader: Reader, situation: Situation) -> Figures:
    """Everything at once."""
    today = situation.today
    week_ago, monday = today - timedelta(days=6), today - timedelta(days=today.weekday())
    home = {"restaurant_id": situation.restaurant_id, "now": situation.now, "today": today}
    sunday = {"restaurant_id": situation.restaurant_id, "first": monday, "last": monday + timedelta(days=6)}
    days, due, people, plan, planned_over = await reader.batch(
        (_PER_DAY, {**situation.days(today - timedelta(days=13), today), "now": situation.now}),
        (_DUE, situation.days(week_ago, today)),
        (_PER_PERSON, situation.days(week_ago, today)),
        (_PLAN, home),
        (_PLANNED_OVER, sunday),
    )
    return Figures({row.day: row for row in days}, due, people, plan[0], planned_over)
