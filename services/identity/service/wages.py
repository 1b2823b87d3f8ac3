"""What people are paid, for the service that plans within a budget."""

from uuid import UUID

from mizan.identity.v1 import wage_pb2
from servicekit.call import Call
from servicekit.db import Scope
from services.identity.queries import wages as queries


class WageService:
    """Implements mizan.identity.v1.WageService."""

    async def ListWages(self, request: wage_pb2.ListWagesRequest, call: Call) -> wage_pb2.ListWagesResponse:
        restaurant_id = UUID(request.restaurant_id)
        rows = await queries.wages(call.read(Scope(restaurant_id)), restaurant_id)
        return wage_pb2.ListWagesResponse(
            wages=[wage_pb2.Wage(user_id=str(row.id), hourly_rate=str(row.hourly_rate)) for row in rows]
        )
