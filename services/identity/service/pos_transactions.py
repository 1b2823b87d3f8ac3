"""The audit trail of the till."""

from typing import Any, Final
from uuid import UUID

import orjson

from mizan.identity.v1 import pos_transaction_pb2 as pb
from servicekit.call import Call
from servicekit.clock import timestamp_of
from servicekit.errors import NotFound
from servicekit.paging import page_of
from services.identity.queries import audit as queries

OWNER: Final = "pos"
NOTED: Final = "transaction"
"""Under this name pos notes with a change which order it was about, how, and which amount."""
TYPES: Final = (
    "ORDER_CREATED",
    "ORDER_UPDATED",
    "ORDER_CANCELLED",
    "PAYMENT_PROCESSED",
    "PAYMENT_REFUNDED",
    "DISCOUNT_APPLIED",
    "TABLE_ASSIGNED",
    "ITEM_MODIFIED",
    "ITEM_REMOVED",
)


class PosTransactionService:
    """Implements mizan.identity.v1.PosTransactionService."""

    async def ListPosTransactions(
        self, request: pb.ListPosTransactionsRequest, call: Call
    ) -> pb.ListPosTransactionsResponse:
        filters = {
            "restaurant_id": call.principal.tenant,
            "service": OWNER,
            "action": "ORDER_ACTION",
            "transaction_types": [request.transaction_type] if request.HasField("transaction_type") else list(TYPES),
        }
        count, rows = await queries.entries(call.read(), filters, page_of(request))
        return pb.ListPosTransactionsResponse(count=count, results=[_message(row) for row in rows])

    async def GetPosTransaction(self, request: pb.GetPosTransactionRequest, call: Call) -> pb.PosTransaction:
        row = await queries.entry(call.read(), call.principal.tenant, UUID(request.id))
        if row.service != OWNER or NOTED not in orjson.loads(row.new_values):
            raise NotFound(queries.NO_ENTRY)
        return _message(row)


def _message(row: Any) -> pb.PosTransaction:
    values = orjson.loads(row.new_values)
    about = values.pop(NOTED)
    return pb.PosTransaction(
        id=str(row.id),
        transaction_type=about["type"],
        user=None if row.user_id is None else str(row.user_id),
        user_name=row.actor,
        order=about.get("order"),
        order_number=about.get("order_number"),
        description=row.description,
        previous_value=_noted(orjson.loads(row.old_values)),
        new_value=_noted(values),
        amount_involved=about.get("amount"),
        created_at=timestamp_of(row.occurred_at),
    )


def _noted(values: dict[str, Any]) -> str | None:
    return orjson.dumps(values).decode() if values else None
