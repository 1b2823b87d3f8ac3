"""Rows to messages."""

from typing import Any

from mizan.scheduling.v1 import task_category_pb2


def task_category_message(row: Any) -> task_category_pb2.TaskCategory:
    """A category."""
    message = task_category_pb2.TaskCategory(
        id=str(row.id), name=row.name, description=row.description, color=row.color
    )
    message.created_at.FromDatetime(row.created_at)
    return message
