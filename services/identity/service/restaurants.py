"""The restaurant as a whole."""

from uuid import UUID

from mizan.identity.v1 import account_pb2, restaurant_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SessionReader
from servicekit.errors import NotFound
from servicekit.patch import changes_of
from services.identity.commands import restaurants as commands
from services.identity.queries import accounts as queries
from services.identity.service.convert import restaurant_message
from services.identity.service.settings import based_on, note_change
from services.identity.vault import Vault

CHANGEABLE = (
    "name",
    "address",
    "phone",
    "email",
    "latitude",
    "longitude",
    "radius",
    "geofence_enabled",
    "geofence_polygon",
    "timezone",
    "currency",
    "language",
    "operating_hours",
    "automatic_clock_out",
    "break_duration",
    "email_notifications",
    "push_notifications",
    "general_settings",
    "restaurant_type",
    "max_weekly_hours",
    "min_rest_hours",
    "pos_provider",
    "pos_merchant_id",
    "pos_api_key",
    "pin_login_in_geofence",
)
NULLABLE = ("address", "phone", "latitude", "longitude", "pos_merchant_id")


class RestaurantService:
    """Implements mizan.identity.v1.RestaurantService."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock

    async def GetRestaurant(self, request: restaurant_pb2.GetRestaurantRequest, call: Call) -> account_pb2.Restaurant:
        own = _own(request, call)
        return restaurant_message(await queries.restaurant(call.read(), own))

    async def UpdateRestaurant(
        self, request: restaurant_pb2.UpdateRestaurantRequest, call: Call
    ) -> account_pb2.Restaurant:
        own = _own(request, call)
        session = await call.session()
        change = await commands.change_settings(
            session,
            self._vault,
            own,
            changes_of(request, CHANGEABLE, nullable=NULLABLE),
            role=call.principal.role,
            now=self._clock.now(),
            based_on=based_on(request),
        )
        note_change(call, change)
        return restaurant_message(await queries.restaurant(SessionReader(session), own))


def _own(request: restaurant_pb2.GetRestaurantRequest | restaurant_pb2.UpdateRestaurantRequest, call: Call) -> UUID:
    """The caller's restaurant. Raises NotFound when the request names another."""
    own = call.principal.tenant
    if request.HasField("id") and UUID(request.id) != own:
        raise NotFound("No Restaurant matches the given query.")
    return own
