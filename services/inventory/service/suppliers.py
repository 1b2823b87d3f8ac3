"""The suppliers."""

from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.inventory.v1 import supplier_pb2
from servicekit.call import Call
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.inventory.commands import suppliers as commands
from services.inventory.queries import suppliers as queries
from services.inventory.service.convert import supplier_info, supplier_message

NULLABLE = ("contact_person", "phone", "email", "address")


class SupplierService:
    """Implements mizan.inventory.v1.SupplierService."""

    async def ListSuppliers(
        self, request: supplier_pb2.ListSuppliersRequest, call: Call
    ) -> supplier_pb2.ListSuppliersResponse:
        count, rows = await queries.page_of_suppliers(call.read(), call.principal.tenant, page_of(request))
        return supplier_pb2.ListSuppliersResponse(count=count, results=[supplier_info(row) for row in rows])

    async def CreateSupplier(self, request: supplier_pb2.CreateSupplierRequest, call: Call) -> supplier_pb2.Supplier:
        session = await call.session()
        return supplier_message(await commands.create_supplier(session, call.principal.tenant, values_of(request)))

    async def GetSupplier(self, request: supplier_pb2.GetSupplierRequest, call: Call) -> supplier_pb2.Supplier:
        return supplier_info(await queries.supplier(call.read(), call.principal.tenant, UUID(request.id)))

    async def UpdateSupplier(self, request: supplier_pb2.UpdateSupplierRequest, call: Call) -> supplier_pb2.Supplier:
        session = await call.session()
        changes = changes_of(request, ("name", *NULLABLE), nullable=NULLABLE)
        return supplier_message(
            await commands.change_supplier(session, call.principal.tenant, UUID(request.id), changes)
        )

    async def DeleteSupplier(self, request: supplier_pb2.DeleteSupplierRequest, call: Call) -> Empty:
        await commands.remove_supplier(await call.session(), call.principal.tenant, UUID(request.id))
        return Empty()
