"""Rows to messages."""

from typing import Any

from mizan.pos.v1 import menu_category_pb2


def menu_category_message(row: Any) -> menu_category_pb2.MenuCategory:
    """A section of the menu."""
    message = menu_category_pb2.MenuCategory(
        id=str(row.id),
        name=row.name,
        description=row.description,
        is_active=row.is_active,
        display_order=row.display_order,
        external_provider=row.external_provider,
        external_id=row.external_id,
        restaurant=str(row.restaurant_id),
    )
    message.created_at.FromDatetime(row.created_at)
    message.updated_at.FromDatetime(row.updated_at)
    return message
