"""The categories of tasks."""

from mizan.scheduling.v1 import task_category_pb2
from servicekit.call import Call
from servicekit.paging import page_of
from servicekit.patch import values_of
from services.scheduling.commands import task_categories as commands
from services.scheduling.queries import task_categories as queries
from services.scheduling.service.convert import task_category_message


class TaskCategoryService:
    """Implements mizan.scheduling.v1.TaskCategoryService."""

    async def ListTaskCategories(
        self, request: task_category_pb2.ListTaskCategoriesRequest, call: Call
    ) -> task_category_pb2.ListTaskCategoriesResponse:
        count, rows = await queries.page_of_categories(call.read(), call.principal.tenant, page_of(request))
        return task_category_pb2.ListTaskCategoriesResponse(
            count=count, results=[task_category_message(row) for row in rows]
        )

    async def CreateTaskCategory(
        self, request: task_category_pb2.CreateTaskCategoryRequest, call: Call
    ) -> task_category_pb2.TaskCategory:
        session = await call.session()
        return task_category_message(await commands.create_category(session, call.principal.tenant, values_of(request)))
