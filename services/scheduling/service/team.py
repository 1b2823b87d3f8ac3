"""The team as a whole."""

from datetime import timedelta

from labour import hours
from mizan.scheduling.v1 import team_pb2 as pb
from servicekit.call import Call
from services.scheduling.domain.planning import availability_score
from services.scheduling.queries.team import loads
from services.scheduling.service.shifts import days_of


class TeamService:
    """Implements mizan.scheduling.v1.TeamService."""

    async def GetTeamAvailability(
        self, request: pb.GetTeamAvailabilityRequest, call: Call
    ) -> pb.GetTeamAvailabilityResponse:
        first, last = days_of(request.start_date, request.end_date, "end_date")
        answer = pb.GetTeamAvailabilityResponse()
        for row in await loads(call.read(), call.principal.tenant, first, last):
            planned = timedelta(seconds=row.seconds)
            answer.availability.add(
                staff_id=str(row.user_id),
                name=row.name,
                role=row.role,
                shifts_count=row.shifts,
                total_hours=float(hours(planned)),
                availability_score=availability_score(planned, (last - first).days + 1),
            )
        return answer
