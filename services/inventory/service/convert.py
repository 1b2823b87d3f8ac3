"""Rows to messages."""

from typing import Any

from mizan.inventory.v1 import supplier_pb2


def supplier_message(row: Any) -> supplier_pb2.Supplier:
    """A supplier."""
    message = supplier_pb2.Supplier(
        id=str(row.id),
        name=row.name,
        contact_person=row.contact_person,
        phone=row.phone,
        email=row.email,
        address=row.address,
        restaurant=str(row.restaurant_id),
    )
    message.created_at.FromDatetime(row.created_at)
    message.updated_at.FromDatetime(row.updated_at)
    return message
