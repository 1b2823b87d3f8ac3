"""The plans on offer."""

from google.protobuf.empty_pb2 import Empty

from mizan.billing.v1 import plan_pb2
from servicekit.call import Call
from servicekit.paging import page_of
from services.billing.queries import plans as queries
from services.billing.service.convert import plan_message


class PlanService:
    """Implements mizan.billing.v1.PlanService."""

    def __init__(self, public_url: str) -> None:
        self._root = public_url.rstrip("/")

    async def GetIndex(self, _request: Empty, _call: Call) -> plan_pb2.BillingIndex:
        return plan_pb2.BillingIndex(
            plans=f"{self._root}/api/billing/plans/", subscription=f"{self._root}/api/billing/subscription/"
        )

    async def ListPlans(self, request: plan_pb2.ListPlansRequest, call: Call) -> plan_pb2.ListPlansResponse:
        count, rows = await queries.page_of_plans(call.read(), page_of(request))
        return plan_pb2.ListPlansResponse(count=count, results=[plan_message(row) for row in rows])

    async def GetPlan(self, request: plan_pb2.GetPlanRequest, call: Call) -> plan_pb2.Plan:
        return plan_message(await queries.plan(call.read(), request.id))
