"""Who should do the tasks of shifts."""

from uuid import UUID

from mizan.scheduling.v1 import task_assignment_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from services.scheduling.commands import task_assignment as commands
from services.scheduling.domain.task_assignment import load_level
from services.scheduling.queries import task_assignment as queries
from services.scheduling.service.shift_tasks import read_task
from services.scheduling.service.task_pictures import TaskPictures

MOST = 20


class TaskAssignmentService:
    """Implements mizan.scheduling.v1.TaskAssignmentService."""

    def __init__(self, pictures: TaskPictures, clock: Clock) -> None:
        self._pictures = pictures
        self._clock = clock

    async def GetWorkload(
        self, _request: task_assignment_pb2.GetWorkloadRequest, call: Call
    ) -> task_assignment_pb2.Workload:
        rows = await queries.loads_of(call.read(), call.principal.tenant)
        return task_assignment_pb2.Workload(
            workload_analysis=[
                task_assignment_pb2.PersonalWorkload(
                    staff_id=str(row.user_id),
                    staff_name=row.name,
                    total_tasks=row.tasks,
                    high_priority_tasks=row.pressing,
                    workload_score=row.weight,
                    status=load_level(row.tasks)[0],
                )
                for row in rows
            ]
        )

    async def ListAssignmentRecommendations(
        self, request: task_assignment_pb2.ListAssignmentRecommendationsRequest, call: Call
    ) -> task_assignment_pb2.AssignmentRecommendations:
        found = await commands.recommendations(call.read(), call.principal.tenant, UUID(request.id), self._clock.now())
        return task_assignment_pb2.AssignmentRecommendations(
            recommendations=[
                task_assignment_pb2.AssignmentRecommendation(
                    staff_id=str(one.candidate.user_id),
                    staff_name=one.candidate.name,
                    score=one.score,
                    reason=one.reason,
                )
                for one in found[:MOST]
            ]
        )

    async def AssignBest(
        self, request: task_assignment_pb2.AssignBestRequest, call: Call
    ) -> task_assignment_pb2.BestAssignment:
        session, task_id = await call.session(), UUID(request.id)
        chosen = await commands.assign_best(session, call.principal, task_id, self._clock.now())
        task = await read_task(self._pictures, call, session, task_id)
        return task_assignment_pb2.BestAssignment(task=task, assignment_reason=chosen.reason, score=chosen.score)

    async def BulkAssign(
        self, request: task_assignment_pb2.BulkAssignRequest, call: Call
    ) -> task_assignment_pb2.BulkAssignments:
        session, ids = await call.session(), [UUID(task_id) for task_id in request.task_ids]
        given = await commands.assign_all(session, call.principal, ids, self._clock.now())
        return task_assignment_pb2.BulkAssignments(
            assignments=[
                task_assignment_pb2.BulkAssignment(
                    task_id=str(one.task_id),
                    staff_id=str(one.choice.candidate.user_id),
                    staff_name=one.choice.candidate.name,
                    reason=one.choice.reason,
                    score=one.choice.score,
                )
                for one in given
                if one.choice is not None
            ],
            unassigned=[
                task_assignment_pb2.UnassignedTask(task_id=str(one.task_id), reason=commands.NOBODY)
                for one in given
                if one.choice is None
            ],
        )
