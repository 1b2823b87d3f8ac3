"""The sections of the menu."""

from mizan.pos.v1 import menu_category_pb2
from servicekit.call import Call
from servicekit.paging import page_of
from servicekit.patch import values_of
from services.pos.commands import menu_categories as commands
from services.pos.queries import menu_categories as queries
from services.pos.service.convert import menu_category_message


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
