"""What scheduling publishes, and how each fact is made from its rows."""

from sqlalchemy.ext.asyncio import AsyncSession

from mizan.scheduling.events.v1 import events_pb2 as facts
from servicekit import events
from services.scheduling.models import TaskCategory


def task_category_created(session: AsyncSession, category: TaskCategory) -> None:
    """Tasks can be sorted by a new category."""
    about = facts.TaskCategoryFacts(
        id=str(category.id),
        restaurant_id=str(category.restaurant_id),
        name=category.name,
        color=category.color,
        version=category.version,
    )
    events.emit(
        session,
        facts.TaskCategoryCreated(category=about),
        restaurant_id=category.restaurant_id,
        aggregate_id=category.id,
        version=category.version,
    )
