"""What the restaurant sells."""

from typing import Any
from uuid import UUID

from google.api import httpbody_pb2
from google.protobuf.empty_pb2 import Empty

from mizan.pos.v1 import menu_item_pb2
from servicekit.call import Call
from servicekit.db import SYSTEM, SessionReader
from servicekit.errors import NotFound
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.pos.commands import menu_items as commands
from services.pos.pictures import Pictures
from services.pos.queries import menu_items as queries
from services.pos.service.convert import menu_item_message, picture_version

CHANGEABLE = (
    "name",
    "price",
    "description",
    "category",
    "is_active",
    "external_metadata",
    "tax_category",
    "allergens",
    "modifier_groups",
)


class MenuItemService:
    """Implements mizan.pos.v1.MenuItemService; the two doors to each operation differ in their REST form only."""

    def __init__(self, pictures: Pictures, public_url: str) -> None:
        self._pictures = pictures
        self._public_url = public_url.rstrip("/")

    async def ListMenuItems(
        self, request: menu_item_pb2.ListMenuItemsRequest, call: Call
    ) -> menu_item_pb2.ListMenuItemsResponse:
        filters = values_of(request)
        count, rows = await queries.page_of_items(
            call.read(),
            call.principal.tenant,
            page_of(request),
            category_id=filters.get("category_id"),
            search=filters.get("search"),
            is_active=filters.get("is_active"),
        )
        return menu_item_pb2.ListMenuItemsResponse(
            count=count, results=[menu_item_message(row, self._public_url) for row in rows]
        )

    ListStaffProducts = ListMenuItems

    async def CreateMenuItem(self, request: menu_item_pb2.CreateMenuItemRequest, call: Call) -> menu_item_pb2.MenuItem:
        session = await call.session()
        values = await self._with_picture(request, call, values_of(request, without=("image",)))
        item = await commands.create_item(session, call.principal.tenant, values)
        return await self._read(call, item.id)

    CreateStaffProduct = CreateMenuItem

    async def GetMenuItem(self, request: menu_item_pb2.MenuItemRequest, call: Call) -> menu_item_pb2.MenuItem:
        row = await queries.item(call.read(), call.principal.tenant, UUID(request.id))
        return menu_item_message(row, self._public_url)

    async def UpdateMenuItem(self, request: menu_item_pb2.UpdateMenuItemRequest, call: Call) -> menu_item_pb2.MenuItem:
        session = await call.session()
        changes = changes_of(request, CHANGEABLE, nullable=("description", "category", "tax_category"))
        changes = await self._with_picture(request, call, changes)
        await commands.change_item(session, call.principal.tenant, UUID(request.id), changes)
        return await self._read(call, UUID(request.id))

    UpdateStaffProduct = UpdateMenuItem

    async def DeleteMenuItem(self, request: menu_item_pb2.MenuItemRequest, call: Call) -> Empty:
        await commands.delete_item(await call.session(), call.principal.tenant, UUID(request.id))
        return Empty()

    async def SetMenuItemAvailability(
        self, request: menu_item_pb2.SetMenuItemAvailabilityRequest, call: Call
    ) -> menu_item_pb2.MenuItem:
        session = await call.session()
        await commands.set_availability(session, call.principal.tenant, UUID(request.id), request.is_available)
        return await self._read(call, UUID(request.id))

    async def GetMenuItemImage(
        self, request: menu_item_pb2.GetMenuItemImageRequest, call: Call
    ) -> httpbody_pb2.HttpBody:
        key = await queries.image_key(call.read(SYSTEM), UUID(request.id))
        if key is None or picture_version(key) != request.v:
            raise NotFound
        return await self._pictures.body(key)

    async def _with_picture(self, request: Any, call: Call, values: dict[str, Any]) -> dict[str, Any]:
        if not request.HasField("image"):
            return values
        return {**values, "image_key": await self._pictures.store(call.principal.tenant, request.image)}

    async def _read(self, call: Call, item_id: UUID) -> menu_item_pb2.MenuItem:
        row = await queries.item(SessionReader(await call.session()), call.principal.tenant, item_id)
        return menu_item_message(row, self._public_url)
