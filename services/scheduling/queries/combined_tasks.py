"""The tasks of one person in one list: those of shifts and those that stand alone."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from servicekit.db import Query, Reader

DEFAULT_ORDER: Final = "due_date"
_MINE = "t.restaurant_id = CAST(:restaurant_id AS uuid)"
_ME = "CAST(:own AS uuid)"
_SAME = """t.id, t.title, t.description, t.priority, t.status, t.shift_id, t.template_id, t.category_id, t.created_at,
        t.updated_at"""
# A task of a shift that nobody has is everybody's who works the shift.
_TASKS = f"""
    SELECT 'SHIFT_TASK' AS source, {_SAME}, coalesce(t.due_date, s.shift_date) AS due_date, t.due_at,
        CASE WHEN t.assigned_to IS NULL THEN CAST('{{}}' AS uuid[]) ELSE ARRAY[t.assigned_to] END AS assigned_to,
        s.shift_date, s.role
    FROM shift_tasks t LEFT JOIN shifts s ON s.id = t.shift_id
    WHERE {_MINE} AND (t.assigned_to = {_ME} OR t.assigned_to IS NULL AND EXISTS (
        SELECT FROM shift_people p WHERE p.shift_id = t.shift_id AND p.user_id = {_ME}))
    UNION ALL
    SELECT 'TEMPLATE_TASK', {_SAME}, t.due_date, t.due_time, t.assigned_to, s.shift_date, s.role
    FROM tasks t LEFT JOIN shifts s ON s.id = t.shift_id
    WHERE {_MINE} AND t.assigned_to @> ARRAY[{_ME}]"""  # noqa: S608 - fixed texts
_URGENCY = "array_position(ARRAY['URGENT', 'HIGH', 'MEDIUM', 'LOW'], c.priority)"
_STAGE = "array_position(ARRAY['TODO', 'IN_PROGRESS', 'COMPLETED', 'CANCELLED'], c.status)"
_DUE = "c.due_date NULLS LAST, c.due_at NULLS LAST"
_ORDERS: Final = {
    "due_date": f"{_DUE}, {_URGENCY}, c.id",
    "priority": f"{_URGENCY}, {_DUE}, c.id",
    "status": f"{_STAGE}, {_DUE}, {_URGENCY}, c.id",
}


def _ordered(order: str) -> Query:
    return Query(
        text(
            f"""SELECT c.*, template.name AS template_name, template.template_type, category.name AS category_name,
                count(*) OVER () AS found
            FROM ({_TASKS}) c
            LEFT JOIN task_templates template ON template.id = c.template_id
            LEFT JOIN task_categories category ON category.id = c.category_id
            WHERE (CAST(:status AS text) IS NULL OR c.status = :status)
              AND (CAST(:priority AS text) IS NULL OR c.priority = :priority)
              AND (CAST(:due_from AS date) IS NULL OR c.due_date >= :due_from)
              AND (CAST(:due_to AS date) IS NULL OR c.due_date <= :due_to)
            ORDER BY {order} LIMIT CAST(:limit AS integer)"""  # noqa: S608 - fixed texts
        )
    )


_QUERIES: Final = {name: _ordered(order) for name, order in _ORDERS.items()}


async def combined_of(
    reader: Reader, restaurant_id: UUID, own: UUID, ordering: str, limit: int, **chosen: Any
) -> tuple[int, list[Any]]:
    """How many tasks of somebody fit, and the first of them in an order."""
    given = {"status": None, "priority": None, "due_from": None, "due_to": None, **chosen}
    rows = await reader.all(_QUERIES[ordering], restaurant_id=restaurant_id, own=own, limit=limit, **given)
    return (rows[0].found if rows else 0), list(rows)
