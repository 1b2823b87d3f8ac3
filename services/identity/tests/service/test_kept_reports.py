"""Reports that were made: kept as they were, in their restaurant alone."""

from uuid import uuid4

from google.protobuf.empty_pb2 import Empty

from mizan.identity.v1 import report_pb2
from servicekit.testing.service import Api
from services.identity.tests.conftest import Owner, register


async def keep(api: Api, owner: Owner, kind: str = "SALES_SUMMARY") -> report_pb2.KeptReport:
    request = report_pb2.KeepReportRequest(
        report_type=kind, start_date="2026-11-01", end_date="2026-11-21", data='{"total_sales": 12.5}'
    )
    return await api.ReportService.KeepReport(request, principal=owner.principal)


async def test_a_report_stays_as_it_was_and_the_newest_comes_first(api: Api) -> None:
    owner = await register(api, f"r{uuid4().hex[:10]}")
    first = await keep(api, owner)
    second = await keep(api, owner, "SHIFT_PERFORMANCE")
    assert (first.data, first.start_date, first.end_date) == ('{"total_sales": 12.5}', "2026-11-01", "2026-11-21")
    assert (first.generated_by, first.generated_by_info.first_name) == (owner.user.id, "Amina")
    listed = await api.ReportService.ListKeptReports(Empty(), principal=owner.principal)
    assert list(listed.reports) == [second, first]


async def test_another_restaurant_has_none_of_them(api: Api) -> None:
    owner, other = [await register(api, f"r{uuid4().hex[:10]}") for _ in range(2)]
    await keep(api, owner)
    assert list((await api.ReportService.ListKeptReports(Empty(), principal=other.principal)).reports) == []
