"""The sections of the menu."""

from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.pos.v1 import menu_category_pb2
from servicekit.call import Call
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.pos.commands import menu_categories as commands
from services.pos.queries import menu_categories as queries
from services.pos.service.convert import menu_category_message

CHANGEABLE = ("name", "description", "is_active", "display_order")


class MenuCategoryService:
    """Implements mizan.pos.v1.MenuCategoryService; the two doors to each operation differ in their REST form only."""

    async def ListMenuCategories(
        self, request: menu_category_pb2.ListMenuCategoriesRequest, call: Call
    ) -> menu_category_pb2.ListMenuCategoriesResponse:
        count, rows = await queries.page_of_categories(call.read(), call.principal.tenant, page_of(request))
        return menu_category_pb2.ListMenuCategoriesResponse(
            count=count, results=[menu_category_message(row) for row in rows]
        )

    ListStaffCategories = ListMenuCategories

    async def CreateMenuCategory(
        self, request: menu_category_pb2.CreateMenuCategoryRequest, call: Call
    ) -> menu_category_pb2.MenuCategory:
        session = await call.session()
        return menu_category_message(await commands.create_category(session, call.principal.tenant, values_of(request)))

    CreateStaffCategory = CreateMenuCategory

    async def GetMenuCategory(
        self, request: menu_category_pb2.MenuCategoryRequest, call: Call
    ) -> menu_category_pb2.MenuCategory:
        return menu_category_message(await queries.category(call.read(), call.principal.tenant, UUID(request.id)))

    async def UpdateMenuCategory(
        self, request: menu_category_pb2.UpdateMenuCategoryRequest, call: Call
    ) -> menu_category_pb2.MenuCategory:
        session = await call.session()
        changes = changes_of(request, CHANGEABLE, nullable=("description",))
        return menu_category_message(
            await commands.change_category(session, call.principal.tenant, UUID(request.id), changes)
        )

    UpdateStaffCategory = UpdateMenuCategory

    async def DeleteMenuCategory(self, request: menu_category_pb2.MenuCategoryRequest, call: Call) -> Empty:
        await commands.delete_category(await call.session(), call.principal.tenant, UUID(request.id))
        return Empty()
