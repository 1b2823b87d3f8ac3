"""The categories of tasks."""

from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.scheduling.v1 import task_category_pb2
from servicekit.call import Call
from servicekit.db import SessionReader
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.scheduling.commands import task_categories as commands
from services.scheduling.commands.shift_tasks import PLAN
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

    async def ListTaskCategoriesWithCounts(
        self, request: task_category_pb2.ListTaskCategoriesWithCountsRequest, call: Call
    ) -> task_category_pb2.ListTaskCategoriesWithCountsResponse:
        reader, tenant = call.read(), call.principal.tenant
        count, rows = await queries.page_of_categories(reader, tenant, page_of(request))
        own = None if call.principal.may(PLAN) else call.principal.user_id
        tasks = await queries.task_counts(reader, tenant, [row.id for row in rows], own)
        return task_category_pb2.ListTaskCategoriesWithCountsResponse(
            count=count,
            results=[
                task_category_pb2.TaskCategoryCount(
                    id=str(row.id),
                    name=row.name,
                    color=row.color,
                    task_count=tasks.get(row.id, 0),
                    description=row.description,
                )
                for row in rows
            ],
        )

    async def CreateTaskCategory(
        self, request: task_category_pb2.CreateTaskCategoryRequest, call: Call
    ) -> task_category_pb2.TaskCategory:
        session = await call.session()
        return task_category_message(await commands.create_category(session, call.principal.tenant, values_of(request)))

    async def GetTaskCategory(
        self, request: task_category_pb2.GetTaskCategoryRequest, call: Call
    ) -> task_category_pb2.TaskCategory:
        row = await queries.one_category(call.read(), call.principal.tenant, UUID(request.id))
        return task_category_message(row)

    async def UpdateTaskCategory(
        self, request: task_category_pb2.UpdateTaskCategoryRequest, call: Call
    ) -> task_category_pb2.TaskCategory:
        session = await call.session()
        tenant, category_id = call.principal.tenant, UUID(request.id)
        changes = changes_of(request, ("name", "description", "color"), nullable=("description",))
        await commands.change(session, tenant, category_id, changes)
        return task_category_message(await queries.one_category(SessionReader(session), tenant, category_id))

    async def DeleteTaskCategory(self, request: task_category_pb2.DeleteTaskCategoryRequest, call: Call) -> Empty:
        session = await call.session()
        category = await commands.delete(session, call.principal.tenant, UUID(request.id))
        call.notes.old_values = {"name": category.name}
        return Empty()
