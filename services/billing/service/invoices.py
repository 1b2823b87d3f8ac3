"""What a restaurant was asked to pay, and what it may use."""

from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.billing.v1 import entitlement_pb2, invoice_pb2
from servicekit.call import Call
from servicekit.paging import page_of
from services.billing.queries import entitlements as entitlement_queries
from services.billing.queries import invoices as queries
from services.billing.service.convert import entitlements_message, invoice_message


class InvoiceService:
    """Implements mizan.billing.v1.InvoiceService."""

    async def ListInvoices(
        self, request: invoice_pb2.ListInvoicesRequest, call: Call
    ) -> invoice_pb2.ListInvoicesResponse:
        status = request.status if request.HasField("status") else None
        count, rows = await queries.page_of_invoices(
            call.read(), call.principal.tenant, page_of(request), status=status
        )
        return invoice_pb2.ListInvoicesResponse(count=count, results=[invoice_message(row) for row in rows])

    async def GetInvoice(self, request: invoice_pb2.GetInvoiceRequest, call: Call) -> invoice_pb2.Invoice:
        return invoice_message(await queries.invoice(call.read(), call.principal.tenant, UUID(request.id)))


class EntitlementService:
    """Implements mizan.billing.v1.EntitlementService."""

    async def GetEntitlements(self, _request: Empty, call: Call) -> entitlement_pb2.Entitlements:
        return entitlements_message(await entitlement_queries.entitlements_of(call.read(), call.principal.tenant))
