"""Rows to messages."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from mizan.inventory.v1 import adjustment_pb2, count_pb2, item_pb2, person_pb2, supplier_pb2

_PLACES = [Decimal(1).scaleb(-places) for places in range(7)]


def number(amount: Decimal, places: int) -> str:
    """A decimal with so many digits behind the point."""
    return str(amount.quantize(_PLACES[places], rounding=ROUND_HALF_EVEN))


def number_or_none(amount: Decimal | None, places: int) -> str | None:
    """A decimal that may be absent."""
    return None if amount is None else number(amount, places)


def text_or_none(value: UUID | date | None) -> str | None:
    """An id or a date that may be absent."""
    return None if value is None else str(value)


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


def supplier_info(row: Any) -> supplier_pb2.Supplier:
    """The supplier in a row that has the columns of one."""
    message = supplier_pb2.Supplier(
        id=str(row.supplier_id),
        name=row.supplier_name,
        contact_person=row.contact_person,
        phone=row.phone,
        email=row.email,
        address=row.address,
        restaurant=str(row.supplier_restaurant_id),
    )
    message.created_at.FromDatetime(row.supplier_created_at)
    message.updated_at.FromDatetime(row.supplier_updated_at)
    return message


def stamp(message: Timestamp, moment: datetime) -> None:
    """Sets a timestamp; lists of thousands do that thousands of times."""
    message.seconds = int(moment.timestamp())
    message.nanos = moment.microsecond * 1000


def item_message(row: Any, supplier: supplier_pb2.Supplier | None = None) -> item_pb2.Item:
    """The item in a row that has the columns of one, with its supplier where that is shown."""
    message = item_pb2.Item(
        id=str(row.item_id),
        name=row.item_name,
        description=row.description,
        category=row.category,
        current_stock=number(row.stock_quantity, 3),
        unit=row.item_unit,
        reorder_level=number_or_none(row.reorder_level, 3),
        min_stock_level=number(row.reorder_level or Decimal(0), 3),
        cost_per_unit=number(row.unit_cost, 4),
        stock_value=number(row.stock_value, 2),
        last_restock_date=text_or_none(row.last_restock_date),
        is_active=row.is_active,
        restaurant=str(row.item_restaurant_id),
        supplier=text_or_none(row.item_supplier_id),
        par_level=number_or_none(row.par_level, 3),
        stock_state=row.state,
        conversions=[
            item_pb2.UnitConversion(unit=one["unit"], quantity=one["quantity"], of_unit=one["of_unit"])
            for one in row.conversions
        ],
        supplier_info=supplier,
    )
    stamp(message.created_at, row.item_created_at)
    stamp(message.updated_at, row.item_updated_at)
    return message


def person_message(row: Any) -> person_pb2.Person | None:
    """The person in a row that has the columns of one; None where the join found nobody."""
    if row.person_id is None:
        return None
    return person_pb2.Person(
        id=str(row.person_id),
        first_name=row.first_name,
        last_name=row.last_name,
        email=row.person_email,
        role=row.role,
    )


def entry_message(row: Any) -> item_pb2.StockEntry:
    """A line of the ledger."""
    message = item_pb2.StockEntry(
        id=str(row.id),
        number=row.number,
        kind=row.kind,
        quantity=str(row.quantity),
        unit_cost=str(row.unit_cost),
        value=str(row.value),
        balance_quantity=str(row.balance_quantity),
        balance_value=str(row.balance_value),
        reason=row.reason,
        author=text_or_none(row.author_id),
        source_type=row.source_type,
        source=str(row.source_id),
        reverses=text_or_none(row.reverses_id),
    )
    message.occurred_at.FromDatetime(row.occurred_at)
    message.created_at.FromDatetime(row.created_at)
    return message


def price_message(row: Any) -> item_pb2.ItemPrice:
    """What one receipt cost."""
    message = item_pb2.ItemPrice(
        quantity=number(row.quantity, 3),
        unit_price=number(row.unit_cost, 4),
        purchase_order=text_or_none(row.purchase_order_id),
        supplier=text_or_none(row.supplier_id),
        supplier_name=row.supplier_name,
    )
    message.received_at.FromDatetime(row.occurred_at)
    return message


def adjustment_message(row: Any) -> adjustment_pb2.Adjustment:
    """An adjustment with its item and author."""
    message = adjustment_pb2.Adjustment(
        id=str(row.id),
        restaurant=str(row.restaurant_id),
        inventory_item=str(row.adjusted_item_id),
        inventory_item_info=item_message(row),
        adjustment_type=row.adjustment_type,
        quantity_changed=number(row.quantity_changed, 3),
        quantity=number(row.quantity_changed, 3),
        reason=row.reason,
        value=number(row.value, 2),
        adjusted_by=text_or_none(row.adjusted_by),
        adjusted_by_info=person_message(row),
    )
    message.created_at.FromDatetime(row.created_at)
    message.updated_at.FromDatetime(row.updated_at)
    return message


def count_message(row: Any, lines: Sequence[Any] = ()) -> count_pb2.Count:
    """A count, with its lines where they are given."""
    message = count_pb2.Count(
        id=str(row.id),
        notes=row.notes,
        total_variance=number(row.total_variance, 2),
        counted_by=text_or_none(row.counted_by),
        counted_by_info=person_message(row),
        lines=[
            count_pb2.CountLine(
                inventory_item=str(line.item_id),
                name=line.name,
                unit=line.unit,
                system_quantity=number(line.system_quantity, 3),
                counted_quantity=number(line.counted_quantity, 3),
                variance=number(line.counted_quantity - line.system_quantity, 3),
                variance_value=number(line.variance_value, 2),
            )
            for line in lines
        ],
    )
    message.created_at.FromDatetime(row.created_at)
    return message
