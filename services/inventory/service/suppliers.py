"""The suppliers."""

from mizan.inventory.v1 import supplier_pb2
from servicekit.call import Call
from servicekit.paging import page_of
from servicekit.patch import values_of
from services.inventory.commands import suppliers as commands
from services.inventory.queries import suppliers as queries
from services.inventory.service.convert import supplier_message


class SupplierService:
    """Implements mizan.inventory.v1.SupplierService."""

    async def ListSuppliers(
        self, request: supplier_pb2.ListSuppliersRequest, call: Call
    ) -> supplier_pb2.ListSuppliersResponse:
        count, rows = await queries.page_of_suppliers(call.read(), call.principal.tenant, page_of(request))
        return supplier_pb2.ListSuppliersResponse(count=count, results=[supplier_message(row) for row in rows])

    async def CreateSupplier(self, request: supplier_pb2.CreateSupplierRequest, call: Call) -> supplier_pb2.Supplier:
        session = await call.session()
        return supplier_message(await commands.create_supplier(session, call.principal.tenant, values_of(request)))
