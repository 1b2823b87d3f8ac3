"""What the audit trail is told of a change at the till beyond the request: of which order, in which way, how much."""

from decimal import Decimal
from typing import Any, Literal

from servicekit.audit import visible_values
from servicekit.call import Call

Kind = Literal[
    "ORDER_CREATED",
    "ORDER_UPDATED",
    "ORDER_CANCELLED",
    "PAYMENT_PROCESSED",
    "PAYMENT_REFUNDED",
    "DISCOUNT_APPLIED",
    "TABLE_ASSIGNED",
    "ITEM_MODIFIED",
    "ITEM_REMOVED",
]


def note(call: Call, request: Any, kind: Kind, order: Any, amount: Decimal | None = None) -> None:
    """Adds to the entry of a call what it did to an order, which is a row of it; the amount is the order's total."""
    about = {"type": kind, "order": order.id, "order_number": order.order_number}
    about["amount"] = order.total_amount if amount is None else amount
    call.notes.action = "ORDER_ACTION"
    call.notes.new_values = {**visible_values(request), "transaction": about}
