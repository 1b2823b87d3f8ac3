"""What makes orders cheaper, and how a restaurant makes its bills."""

from datetime import datetime
from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.pos.v1 import discount_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.pos.commands import discounts as commands
from services.pos.commands.pricing import Terms, terms_of
from services.pos.domain import discounts as rules
from services.pos.queries import discounts as queries

_FILTERS = ("is_active", "discount_type", "search", "ordering")
_CHANGEABLE = (
    "description",
    "discount_type",
    "discount_value",
    "is_active",
    "min_order_amount",
    "max_discount_amount",
    "max_usage",
    "valid_from",
    "valid_until",
)
_NULLABLE = ("description", "max_discount_amount", "max_usage", "valid_until")


class DiscountService:
    """Implements mizan.pos.v1.DiscountService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ListDiscounts(
        self, request: discount_pb2.ListDiscountsRequest, call: Call
    ) -> discount_pb2.ListDiscountsResponse:
        given = values_of(request)
        filters: dict[str, Any] = {name: given[name] for name in _FILTERS if name in given}
        count, rows = await queries.page_of_discounts(call.read(), call.principal.tenant, page_of(request), **filters)
        return discount_pb2.ListDiscountsResponse(count=count, results=[self._message(row) for row in rows])

    async def ListValidCodes(self, _request: Empty, call: Call) -> discount_pb2.ListValidCodesResponse:
        rows = await queries.valid(call.read(), call.principal.tenant, self._clock.now())
        return discount_pb2.ListValidCodesResponse(results=[self._message(row) for row in rows])

    async def CreateDiscount(self, request: discount_pb2.CreateDiscountRequest, call: Call) -> discount_pb2.Discount:
        session = await call.session()
        made = await commands.create(session, call.principal.tenant, values_of(request), self._clock.now())
        return self._message(made)

    async def GetDiscount(self, request: discount_pb2.DiscountRequest, call: Call) -> discount_pb2.Discount:
        return self._message(await queries.discount(call.read(), call.principal.tenant, UUID(request.id)))

    async def UpdateDiscount(self, request: discount_pb2.UpdateDiscountRequest, call: Call) -> discount_pb2.Discount:
        changes = changes_of(request, _CHANGEABLE, nullable=_NULLABLE)
        session = await call.session()
        return self._message(await commands.change(session, call.principal.tenant, UUID(request.id), changes))

    async def DeleteDiscount(self, request: discount_pb2.DiscountRequest, call: Call) -> Empty:
        await commands.delete(await call.session(), call.principal.tenant, UUID(request.id))
        return Empty()

    async def GetBillSettings(self, _request: Empty, call: Call) -> discount_pb2.BillSettings:
        return _settings_message(await terms_of(call.read(), call.principal.tenant))

    async def UpdateBillSettings(
        self, request: discount_pb2.UpdateBillSettingsRequest, call: Call
    ) -> discount_pb2.BillSettings:
        changes = changes_of(request, ("day_starts_at", "service_charge_rate"))
        return _settings_message(await commands.change_bills(await call.session(), call.principal.tenant, changes))

    def _message(self, row: Any) -> discount_pb2.Discount:
        now: datetime = self._clock.now()
        message = discount_pb2.Discount(
            id=str(row.id),
            discount_code=row.discount_code,
            description=row.description,
            discount_type=row.discount_type,
            discount_value=str(row.discount_value),
            is_active=row.is_active,
            min_order_amount=str(row.min_order_amount),
            max_discount_amount=str(row.max_discount_amount) if row.max_discount_amount is not None else None,
            max_usage=row.max_usage,
            usage_count=row.usage_count,
            is_valid_now=rules.problem(
                is_active=row.is_active,
                valid_from=row.valid_from,
                valid_until=row.valid_until,
                max_usage=row.max_usage,
                usage_count=row.usage_count,
                min_order_amount=row.min_order_amount,
                subtotal=row.min_order_amount,
                now=now,
            )
            is None,
        )
        message.valid_from.FromDatetime(row.valid_from)
        if row.valid_until is not None:
            message.valid_until.FromDatetime(row.valid_until)
        message.created_at.FromDatetime(row.created_at)
        message.updated_at.FromDatetime(row.updated_at)
        return message


def _settings_message(terms: Terms) -> discount_pb2.BillSettings:
    return discount_pb2.BillSettings(
        day_starts_at=terms.day_starts_at.isoformat(), service_charge_rate=str(terms.service_rate)
    )
