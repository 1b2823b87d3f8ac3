"""Rows to messages."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from mizan.pos.v1 import (
    dining_table_pb2,
    kitchen_pb2,
    menu_category_pb2,
    menu_item_pb2,
    modifier_pb2,
    order_pb2,
    payment_pb2,
)
from services.pos.domain import orders
from services.pos.queries.orders import WholeOrder

_STAFF_TYPES = {"TAKEOUT": "TAKEAWAY"}
_STAFF_TABLE_STATUSES = {"MAINTENANCE": "OUT_OF_SERVICE"}


def _id(value: Any) -> str | None:
    return str(value) if value is not None else None


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


def menu_item_message(row: Any, public_url: str) -> menu_item_pb2.MenuItem:
    """An item of the menu, of a row of queries.menu_items."""
    price = str(row.price)
    message = menu_item_pb2.MenuItem(
        id=str(row.id),
        name=row.name,
        description=row.description,
        price=price,
        base_price=price,
        is_active=row.is_active,
        is_available=row.is_available,
        external_provider=row.external_provider,
        external_id=row.external_id,
        external_metadata=row.external_metadata,
        restaurant=str(row.restaurant_id),
        category=_id(row.category_id),
        tax_category=_id(row.tax_category_id),
        allergens=row.allergens,
        modifier_groups=[str(group) for group in row.modifier_group_ids],
    )
    if row.image_key is not None:
        message.image = f"{public_url}/api/menu/items/{row.id}/image/?v={picture_version(row.image_key)}"
    message.created_at.FromDatetime(row.created_at)
    message.updated_at.FromDatetime(row.updated_at)
    if row.category_name is not None:
        category = message.category_info
        category.id = str(row.category_id)
        category.restaurant = str(row.restaurant_id)
        category.name = row.category_name
        category.is_active = row.category_is_active
        category.display_order = row.category_display_order
        for name in ("description", "external_provider", "external_id"):
            value = getattr(row, f"category_{name}")
            if value is not None:
                setattr(category, name, value)
        category.created_at.FromDatetime(row.category_created_at)
        category.updated_at.FromDatetime(row.category_updated_at)
    return message


def picture_version(key: str) -> str:
    """The part of a stored picture's name that makes its link unguessable."""
    return key.rpartition("/")[2].partition(".")[0]


def modifier_group_message(group: Any, modifiers: Sequence[Any]) -> modifier_pb2.ModifierGroup:
    """A group with its modifiers."""
    return modifier_pb2.ModifierGroup(
        id=str(group.id),
        name=group.name,
        minimum=group.minimum,
        maximum=group.maximum,
        modifiers=[
            modifier_pb2.Modifier(id=str(row.id), name=row.name, price=str(row.price), is_active=row.is_active)
            for row in modifiers
            if row.group_id == group.id
        ],
    )


def tax_message(row: Any) -> modifier_pb2.TaxCategory:
    """A tax category."""
    return modifier_pb2.TaxCategory(
        id=str(row.id),
        name=row.name,
        rate=str(row.rate),
        is_inclusive=row.is_inclusive,
        is_default=row.is_default,
    )


def table_message(row: Any) -> dining_table_pb2.DiningTable:
    """A table."""
    message = dining_table_pb2.DiningTable(
        id=str(row.id),
        table_number=row.table_number,
        capacity=row.capacity,
        status=row.status,
        section=row.section,
        is_active=row.is_active,
        is_available=row.is_active and row.status == "AVAILABLE",
        restaurant=str(row.restaurant_id),
    )
    message.created_at.FromDatetime(row.created_at)
    message.updated_at.FromDatetime(row.updated_at)
    return message


def staff_table_message(row: Any) -> dining_table_pb2.StaffTable:
    """A table as the floor plan shows it."""
    message = dining_table_pb2.StaffTable(
        id=str(row.id),
        number=str(row.table_number),
        capacity=row.capacity,
        status=_STAFF_TABLE_STATUSES.get(row.status, row.status),
        current_order=_id(row.order_id),
    )
    if row.order_id is not None:
        order = message.current_order_info
        order.id = str(row.order_id)
        order.order_type = _STAFF_TYPES.get(row.order_type, row.order_type)
        order.status = row.order_status
        order.total_amount = str(row.total_amount)
    return message


def order_message(whole: WholeOrder) -> order_pb2.Order:
    """An order with its lines and payments."""
    row = whole.row
    server = _id(row.server_id)
    due = Decimal(0) if row.status in orders.FINAL else row.total_amount - row.amount_paid
    message = order_pb2.Order(
        id=str(row.id),
        order_number=row.order_number,
        order_type=row.order_type,
        status=row.status,
        table=_id(row.table_id),
        table_number=row.table_number,
        server=server,
        server_name=row.server_name or None,
        subtotal=str(row.subtotal),
        tax_amount=str(row.tax_amount),
        tax_included=str(row.tax_included),
        discount_amount=str(row.discount_amount),
        discount_reason=row.discount_reason,
        service_charge=str(row.service_charge),
        total_amount=str(row.total_amount),
        currency=row.currency,
        customer_name=row.customer_name,
        customer_phone=row.customer_phone,
        customer_email=row.customer_email,
        delivery_address=row.delivery_address,
        delivery_instructions=row.delivery_instructions,
        guest_count=row.guest_count,
        notes=row.notes,
        is_priority=row.is_priority,
        payments=[payment_message(payment) for payment in whole.payments],
        amount_paid=str(row.amount_paid),
        balance_due=str(due),
        tip_amount=str(row.tip_amount),
        is_paid=row.status == "COMPLETED",
        refund_status="COMPLETED" if row.refund_amount else None,
        refund_reason=row.refund_reason,
        refund_amount=str(row.refund_amount),
        void_reason=row.void_reason,
        business_date=row.business_date.isoformat(),
        version=row.version,
        restaurant=str(row.restaurant_id),
        ordered_by=server,
        line_items=[line_message(line) for line in whole.lines],
        items=[item_message(line) for line in whole.lines],
    )
    if whole.payments:
        message.payment.CopyFrom(message.payments[-1])
    if server is not None:
        message.ordered_by_info.id = server
        message.ordered_by_info.name = row.server_name or ""
    if row.table_id is not None:
        message.table_info.id = str(row.table_id)
        message.table_info.table_number = row.table_number
    message.order_time.FromDatetime(row.order_time)
    message.created_at.FromDatetime(row.created_at)
    message.updated_at.FromDatetime(row.updated_at)
    if row.ready_time is not None:
        message.ready_time.FromDatetime(row.ready_time)
    if row.completion_time is not None:
        message.completion_time.FromDatetime(row.completion_time)
    return message


def _ordered(line: Any) -> order_pb2.LineMenuItem:
    return order_pb2.LineMenuItem(
        id=str(line.menu_item_id), name=line.name, price=str(line.base_price), category=_id(line.category_id)
    )


def line_message(line: Any) -> order_pb2.LineItem:
    """A line of an order."""
    message = order_pb2.LineItem(
        id=str(line.id),
        menu_item=_ordered(line),
        quantity=line.quantity,
        unit_price=str(line.unit_price),
        total_price=str(line.total_price),
        special_instructions=line.special_instructions,
        status=line.status,
        order=str(line.order_id),
        modifiers=[
            order_pb2.LineModifier(id=modifier.get("id"), name=modifier["name"], price=modifier["price"])
            for modifier in line.modifiers
        ],
    )
    message.created_at.FromDatetime(line.created_at)
    message.updated_at.FromDatetime(line.updated_at)
    return message


def item_message(line: Any) -> order_pb2.OrderItem:
    """A line of an order, flat."""
    ordered = _ordered(line)
    message = order_pb2.OrderItem(
        id=str(line.id),
        order=str(line.order_id),
        menu_item=str(line.menu_item_id),
        menu_item_info=ordered,
        product_info=ordered,
        quantity=line.quantity,
        unit_price=str(line.unit_price),
        total_price=str(line.total_price),
        notes=line.special_instructions,
        status=line.status,
    )
    message.created_at.FromDatetime(line.created_at)
    message.updated_at.FromDatetime(line.updated_at)
    return message


def staff_order_message(whole: WholeOrder) -> order_pb2.StaffOrder:
    """An order as the floor plan shows it."""
    row = whole.row
    message = order_pb2.StaffOrder(
        id=str(row.id),
        order_type=_STAFF_TYPES.get(row.order_type, row.order_type),
        status=row.status,
        table_number=_id(row.table_number),
        customer_name=row.customer_name,
        total_amount=str(row.total_amount),
        items=[item_message(line) for line in whole.lines if line.status != "CANCELLED"],
        order_number=row.order_number,
    )
    message.created_at.FromDatetime(row.created_at)
    return message


def payment_message(row: Any) -> payment_pb2.Payment:
    """A payment."""
    message = payment_pb2.Payment(
        id=str(row.id),
        order=str(row.order_id),
        payment_method=row.payment_method,
        amount=str(row.amount),
        status=row.status,
        transaction_id=row.transaction_id,
        amount_paid=str(row.amount_paid),
        change_given=str(row.change_given),
        tip_amount=str(row.tip_amount),
        refund_amount=str(row.refund_amount),
        tip_refund_amount=str(row.tip_refund_amount),
        tax_refund_amount=str(row.tax_refund_amount),
        refund_reason=row.refund_reason,
        notes=row.notes,
        currency=row.currency,
        processed_by=_id(row.processed_by),
    )
    message.payment_time.FromDatetime(row.payment_time)
    message.created_at.FromDatetime(row.created_at)
    message.updated_at.FromDatetime(row.updated_at)
    return message


def ticket_message(row: Any, lines: Sequence[Any]) -> kitchen_pb2.Ticket:
    """A ticket of the kitchen."""
    message = kitchen_pb2.Ticket(
        id=str(row.id),
        order=str(row.order_id),
        order_number=row.order_number,
        order_type=row.order_type,
        table_number=row.table_number,
        status=row.status,
        is_priority=row.is_priority,
        notes=row.notes,
        lines=[
            kitchen_pb2.TicketLine(
                id=str(line.id),
                name=line.name,
                quantity=line.quantity,
                modifiers=[modifier["name"] for modifier in line.modifiers],
                special_instructions=line.special_instructions,
                status=line.status,
            )
            for line in lines
        ],
    )
    message.created_at.FromDatetime(row.created_at)
    if row.bumped_at is not None:
        message.bumped_at.FromDatetime(row.bumped_at)
    return message
