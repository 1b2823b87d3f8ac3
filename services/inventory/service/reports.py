"""Reports about the stock."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from google.api import httpbody_pb2

import refdata
from mizan.inventory.v1 import report_pb2 as pb
from mizan.options.v1 import files_pb2
from servicekit import spreadsheet
from servicekit.call import Call
from servicekit.clock import Clock, local_date
from servicekit.errors import Invalid, NotFound
from servicekit.paging import page_of
from servicekit.patch import values_of
from servicekit.zones import beginning_of
from services.inventory.domain.ledger import money
from services.inventory.domain.usage import Usage
from services.inventory.queries import reports as queries
from services.inventory.queries.adjustments import counted_at
from services.inventory.queries.reports import Day
from services.inventory.service.convert import number

DAYS = 31
YEAR = 366
NO_REPORT = "No InventoryReport matches the given query."
WRONG_ORDER = "The last day comes before the first."
TOO_LONG = "A report covers a year at most."
NO_FIRST_COUNT = "Name the count to begin with."
COUNTED_BEFORE = "This count was taken before the other one."

_AFTER = timedelta(microseconds=1)


class ReportService:
    """Implements mizan.inventory.v1.ReportService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ListInventoryReports(
        self, request: pb.ListInventoryReportsRequest, call: Call
    ) -> pb.ListInventoryReportsResponse:
        page = page_of(request)
        wanted = request.days if request.HasField("days") else DAYS
        page.check(wanted)
        zone, today = await self._today(call)
        last = today - timedelta(days=page.offset)
        first = today - timedelta(days=min(wanted, page.offset + page.limit) - 1)
        found = await queries.days(call.read(), call.principal.tenant, first, last, zone)
        return pb.ListInventoryReportsResponse(
            count=wanted, results=[self._report(call.principal.tenant, day, zone) for day in found]
        )

    async def GetInventoryReport(self, request: pb.GetInventoryReportRequest, call: Call) -> pb.InventoryReport:
        restaurant_id = call.principal.tenant
        zone, today = await self._today(call)
        wanted = UUID(request.id)
        for back in range(YEAR):
            day = today - timedelta(days=back)
            if report_id(restaurant_id, day) == wanted:
                (found,) = await queries.days(call.read(), restaurant_id, day, day, zone)
                return self._report(restaurant_id, found, zone)
        raise NotFound(NO_REPORT)

    async def GetUsage(self, request: pb.UsageRequest, call: Call) -> pb.UsageResponse:
        return pb.UsageResponse(results=[_usage(row, used) for row, used in await self._usage(request, call)])

    async def ExportUsage(self, request: pb.UsageRequest, call: Call) -> httpbody_pb2.HttpBody:
        lines = [_usage(row, used) for row, used in await self._usage(request, call)]
        columns = [field.name for field in pb.ItemUsage.DESCRIPTOR.fields if field.name != "inventory_item"]
        text = spreadsheet.lines([columns, *([getattr(line, column) for column in columns] for line in lines)])
        body = httpbody_pb2.HttpBody(content_type="text/csv; charset=utf-8", data=text.encode())
        body.extensions.add().Pack(files_pb2.Disposition(filename="usage.csv"))
        return body

    async def _usage(self, request: pb.UsageRequest, call: Call) -> list[tuple[Any, Usage]]:
        wanted = values_of(request)
        by_counts = "from_count" in wanted or "to_count" in wanted
        start, end = await (self._between_counts(wanted, call) if by_counts else self._between_days(wanted, call))
        return await queries.usage(call.read(), call.principal.tenant, start, end)

    async def _between_days(self, wanted: Mapping[str, Any], call: Call) -> tuple[datetime, datetime]:
        zone, today = await self._today(call)
        last: date = wanted.get("end_date", today)
        first: date = wanted.get("start_date", last - timedelta(days=6))
        if last < first:
            raise Invalid.field("end_date", WRONG_ORDER)
        if (last - first).days >= YEAR:
            raise Invalid.field("start_date", TOO_LONG)
        return beginning_of(first, zone), beginning_of(last + timedelta(days=1), zone)

    async def _between_counts(self, wanted: Mapping[str, Any], call: Call) -> tuple[datetime, datetime]:
        if "from_count" not in wanted:
            raise Invalid.field("from_count", NO_FIRST_COUNT, code="required")
        reader, restaurant_id = call.read(), call.principal.tenant
        # What a count found is entered at its own instant, and belongs to what came before it.
        start = await counted_at(reader, restaurant_id, wanted["from_count"]) + _AFTER
        end = self._clock.now()
        if "to_count" in wanted:
            end = await counted_at(reader, restaurant_id, wanted["to_count"]) + _AFTER
        if end < start:
            raise Invalid.field("to_count", COUNTED_BEFORE)
        if (end - start).days >= YEAR:
            raise Invalid.field("from_count", TOO_LONG)
        return start, end

    async def _today(self, call: Call) -> tuple[ZoneInfo, date]:
        zone = await refdata.time_zone(call.read(), call.principal.tenant)
        return zone, local_date(self._clock.now(), zone.key)

    def _report(self, restaurant_id: UUID, day: Day, zone: ZoneInfo) -> pb.InventoryReport:
        begins = beginning_of(day.date, zone)
        ends = beginning_of(day.date + timedelta(days=1), zone)
        message = pb.InventoryReport(
            id=str(report_id(restaurant_id, day.date)),
            restaurant=str(restaurant_id),
            date=day.date.isoformat(),
            total_inventory_value=number(day.value, 2),
            waste_cost=number(day.waste_cost, 2),
        )
        for row, stock in day.low:
            message.low_stock_items.add(
                inventory_item_id=str(row.id),
                name=row.name,
                current_stock=number(stock, 3),
                min_stock_level=number(row.reorder_level, 3),
            )
        for row in day.adjustments:
            quantity = number(row.quantity_changed, 3)
            message.stock_adjustment_summary.add(
                inventory_item_id=str(row.item_id),
                item_name=row.name,
                adjustment_type=row.adjustment_type,
                quantity=quantity,
                reason=row.reason,
                total_added=quantity if row.adjustment_type == "ADD" else "0.000",
                total_removed=quantity if row.adjustment_type in ("REMOVE", "WASTE") else "0.000",
            )
        message.created_at.FromDatetime(_utc(begins))
        message.updated_at.FromDatetime(_utc(min(ends, self._clock.now())))
        return message


def report_id(restaurant_id: UUID, day: date) -> UUID:
    """The id of a restaurant's report of a day, always the same."""
    return uuid5(restaurant_id, day.isoformat())


def _utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


def _usage(row: Any, used: Usage) -> pb.ItemUsage:
    return pb.ItemUsage(
        inventory_item=str(row.id),
        name=row.name,
        unit=row.unit,
        opening=number(used.opening, 3),
        received=number(used.received, 3),
        sold=number(used.sold, 3),
        wasted=number(used.wasted, 3),
        adjusted=number(used.adjusted, 3),
        counted=number(used.counted, 3),
        closing=number(used.closing, 3),
        theoretical_usage=number(used.sold, 3),
        actual_usage=number(used.actual, 3),
        variance=number(used.variance, 3),
        variance_value=number(money(used.variance * row.unit_cost), 2),
    )
