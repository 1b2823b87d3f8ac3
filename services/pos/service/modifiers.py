"""Choices that are offered with items, and how items are taxed."""

from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.pos.v1 import modifier_pb2
from servicekit.call import Call
from servicekit.db import SessionReader
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.pos.commands import menu_items as commands
from services.pos.queries import menu_items as queries
from services.pos.service.convert import modifier_group_message, tax_message


class ModifierService:
    """Implements mizan.pos.v1.ModifierService."""

    async def ListModifierGroups(
        self, request: modifier_pb2.ListModifierGroupsRequest, call: Call
    ) -> modifier_pb2.ListModifierGroupsResponse:
        count, groups, modifiers = await queries.page_of_groups(call.read(), call.principal.tenant, page_of(request))
        return modifier_pb2.ListModifierGroupsResponse(
            count=count, results=[modifier_group_message(group, modifiers) for group in groups]
        )

    async def CreateModifierGroup(
        self, request: modifier_pb2.CreateModifierGroupRequest, call: Call
    ) -> modifier_pb2.ModifierGroup:
        return await self._put(request, call, None)

    async def ReplaceModifierGroup(
        self, request: modifier_pb2.ReplaceModifierGroupRequest, call: Call
    ) -> modifier_pb2.ModifierGroup:
        return await self._put(request, call, UUID(request.id))

    async def DeleteModifierGroup(self, request: modifier_pb2.ModifierGroupRequest, call: Call) -> Empty:
        await commands.delete_group(await call.session(), call.principal.tenant, UUID(request.id))
        return Empty()

    async def ListTaxCategories(
        self, request: modifier_pb2.ListTaxCategoriesRequest, call: Call
    ) -> modifier_pb2.ListTaxCategoriesResponse:
        count, rows = await queries.page_of_taxes(call.read(), call.principal.tenant, page_of(request))
        return modifier_pb2.ListTaxCategoriesResponse(count=count, results=[tax_message(row) for row in rows])

    async def CreateTaxCategory(
        self, request: modifier_pb2.CreateTaxCategoryRequest, call: Call
    ) -> modifier_pb2.TaxCategory:
        return tax_message(await commands.create_tax(await call.session(), call.principal.tenant, values_of(request)))

    async def UpdateTaxCategory(
        self, request: modifier_pb2.UpdateTaxCategoryRequest, call: Call
    ) -> modifier_pb2.TaxCategory:
        changes = changes_of(request, ("name", "rate", "is_inclusive", "is_default"))
        session = await call.session()
        return tax_message(await commands.change_tax(session, call.principal.tenant, UUID(request.id), changes))

    async def DeleteTaxCategory(self, request: modifier_pb2.TaxCategoryRequest, call: Call) -> Empty:
        await commands.delete_tax(await call.session(), call.principal.tenant, UUID(request.id))
        return Empty()

    async def _put(self, request: Any, call: Call, group_id: UUID | None) -> modifier_pb2.ModifierGroup:
        session, tenant = await call.session(), call.principal.tenant
        made = await commands.put_group(
            session,
            tenant,
            group_id,
            request.name,
            request.minimum,
            request.maximum if request.HasField("maximum") else None,
            [values_of(modifier) for modifier in request.modifiers],
        )
        reading = SessionReader(session)
        groups, modifiers = await queries.groups_by_id(reading, tenant, [made])
        return modifier_group_message(groups[made], modifiers)
