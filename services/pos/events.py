"""What pos publishes, and how each fact is made from its rows."""

from sqlalchemy.ext.asyncio import AsyncSession

from mizan.pos.events.v1 import events_pb2 as facts
from servicekit import events
from services.pos.models import MenuCategory


def menu_category_created(session: AsyncSession, category: MenuCategory) -> None:
    """The menu has a new section."""
    about = facts.MenuCategoryFacts(
        id=str(category.id),
        restaurant_id=str(category.restaurant_id),
        name=category.name,
        is_active=category.is_active,
        display_order=category.display_order,
        version=category.version,
    )
    events.emit(
        session,
        facts.MenuCategoryCreated(category=about),
        restaurant_id=category.restaurant_id,
        aggregate_id=category.id,
        version=category.version,
    )
