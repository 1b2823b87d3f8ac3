"""The categories of tasks, as scheduling keeps them."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduling.commands import task_categories
from services.scheduling.models import TaskCategory
from tools.operations.legacy.source import Row
from tools.operations.legacy.steps import Step


async def take_category(session: AsyncSession, row: Row) -> None:
    """A category. Raises Invalid."""
    values = {name: row.get(name) for name in ("id", "name", "description", "color")}
    await task_categories.create_category(session, row["restaurant_id"], values)


STEPS = (Step("scheduling", ("task_categories", "scheduling_taskcategory"), TaskCategory.id, take_category),)
