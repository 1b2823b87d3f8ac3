"""Where people last were."""

from typing import Any

from google.protobuf.empty_pb2 import Empty

from mizan.identity.v1 import location_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.errors import Invalid, NotFound
from servicekit.paging import page_of
from services.identity.commands import locations as commands
from services.identity.queries import locations as queries
from services.identity.queries import restaurants as restaurant_queries
from services.identity.service.settings import fence_of, point_of


class LocationService:
    """Implements mizan.identity.v1.LocationService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def UpdateLocation(
        self, request: location_pb2.UpdateLocationRequest, call: Call
    ) -> location_pb2.UpdateLocationResponse:
        here = point_of(request)
        if here is None:
            raise Invalid("latitude and longitude required", code="coordinates_missing")
        tenant, me = call.principal.tenant, call.principal.user_id
        session = await call.session()
        await commands.keep_location(session, tenant, me, *here, self._clock.now())
        response = location_pb2.UpdateLocationResponse(status="Location updated")
        row = await restaurant_queries.fence(call.read(), tenant)
        if row.geofence_enabled and row.latitude is not None and row.longitude is not None:
            fence = fence_of(row)
            response.within_geofence = fence.contains(*here)
            response.distance_meters = round(fence.distance_to(*here), 2)
        return response

    async def GetLocation(self, _request: Empty, call: Call) -> location_pb2.Location:
        row = await queries.own_location(call.read(), call.principal.user_id)
        if row is None:
            raise NotFound("No location data", code="no_location")
        message = location_pb2.Location(latitude=_text(row.last_latitude), longitude=_text(row.last_longitude))
        if row.last_located_at is not None:
            message.timestamp.FromDatetime(row.last_located_at)
        return message

    async def ListStaffLocations(
        self, request: location_pb2.ListStaffLocationsRequest, call: Call
    ) -> location_pb2.ListStaffLocationsResponse:
        count, rows = await queries.staff_locations(call.read(), call.principal.tenant, page_of(request))
        sees_records = call.principal.may("staff.records")
        return location_pb2.ListStaffLocationsResponse(
            count=count, results=[_staff_message(row, sees_records=sees_records) for row in rows]
        )


def _staff_message(row: Any, *, sees_records: bool) -> location_pb2.StaffLocation:
    message = location_pb2.StaffLocation(
        user_id=str(row.id),
        user_email=row.email,
        user_name=f"{row.first_name} {row.last_name}".strip() or row.email,
        last_location_latitude=_text(row.last_latitude),
        last_location_longitude=_text(row.last_longitude),
        # People without a profile have the column's default.
        geofence_alerts_enabled=row.geofence_alerts_enabled is not False,
    )
    if row.last_located_at is not None:
        message.last_location_timestamp.FromDatetime(row.last_located_at)
    if sees_records:
        for field, value in (
            ("contract_end_date", row.contract_end_date),
            ("health_card_expiry", row.health_card_expiry),
            ("hourly_rate", row.hourly_rate),
            ("emergency_contact_name", row.emergency_contact_name),
            ("emergency_contact_phone", row.emergency_contact_phone),
            ("notes", row.notes),
        ):
            if value is not None:
                setattr(message, field, str(value))
    return message


def _text(value: object) -> str | None:
    return None if value is None else str(value)
