"""The settings of the caller's restaurant."""

from typing import Any

from google.protobuf.empty_pb2 import Empty

from mizan.identity.v1 import settings_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import Reading, SessionReader
from servicekit.errors import Invalid
from servicekit.identity import Principal
from servicekit.patch import changes_of, values_of
from services.identity.commands import restaurants as commands
from services.identity.domain import settings as rules
from services.identity.domain.fence import Fence
from services.identity.queries import restaurants as queries
from services.identity.vault import Vault

_COMMON = (
    "name",
    "address",
    "phone",
    "email",
    "timezone",
    "currency",
    "language",
    "operating_hours",
    "automatic_clock_out",
    "break_duration",
    "email_notifications",
    "push_notifications",
    "pos_provider",
    "pos_merchant_id",
    "pin_login_in_geofence",
)
UNIFIED_FIELDS = (*_COMMON, "pos_api_key", "ai_enabled", "ai_provider", "ai_features_enabled")
MY_RESTAURANT_FIELDS = (*_COMMON, *sorted(rules.LOCATION_FIELDS))
NULLABLE = ("address", "phone", "pos_merchant_id", "latitude", "longitude")


class SettingsService:
    """Implements mizan.identity.v1.SettingsService."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock

    async def GetUnifiedSettings(self, _request: Empty, call: Call) -> settings_pb2.Settings:
        return await _settings(call.read(), call.principal)

    async def UpdateUnifiedSettings(
        self, request: settings_pb2.UpdateUnifiedSettingsRequest, call: Call
    ) -> settings_pb2.Settings:
        wanted = changes_of(request, UNIFIED_FIELDS, nullable=NULLABLE)
        if "ai_features_enabled" in wanted:
            wanted["ai_features"] = wanted.pop("ai_features_enabled")
        return await _settings(await self._change(call, wanted, based_on(request)), call.principal)

    async def GetMyRestaurant(self, _request: Empty, call: Call) -> settings_pb2.Settings:
        return await _settings(call.read(), call.principal)

    async def UpdateMyRestaurant(
        self, request: settings_pb2.UpdateMyRestaurantRequest, call: Call
    ) -> settings_pb2.Settings:
        wanted = changes_of(request, MY_RESTAURANT_FIELDS, nullable=NULLABLE)
        return await _settings(await self._change(call, wanted, based_on(request)), call.principal)

    async def GetGeolocation(self, _request: Empty, call: Call) -> settings_pb2.Geolocation:
        return _geolocation_message(await queries.settings(call.read(), call.principal.tenant))

    async def SetGeolocation(self, request: settings_pb2.SetGeolocationRequest, call: Call) -> settings_pb2.Geolocation:
        wanted = {
            "radius": rules.DEFAULT_RADIUS,
            "geofence_enabled": True,
            "geofence_polygon": [],
            **values_of(request),
        }
        reading = await self._change(call, wanted, sets_location=True)
        return _geolocation_message(await queries.settings(reading, call.principal.tenant))

    async def ValidateGeolocation(
        self, request: settings_pb2.ValidateGeolocationRequest, call: Call
    ) -> settings_pb2.ValidateGeolocationResponse:
        here = point_of(request)
        if here is None:
            raise Invalid("Missing coordinates", code="coordinates_missing")
        row = await queries.fence(call.read(), call.principal.tenant)
        if row.latitude is None or row.longitude is None:
            raise Invalid("The restaurant's location is not set.", code="location_not_set")
        fence = fence_of(row)
        distance, inside = fence.distance_to(*here), fence.contains(*here)
        return settings_pb2.ValidateGeolocationResponse(
            distance_meters=round(distance, 2),
            radius_meters=float(row.radius),
            is_within_geofence=inside,
            message="You are on site." if inside else f"You are {distance:.0f} m away from the restaurant.",
        )

    async def GetPosIntegration(self, _request: Empty, call: Call) -> settings_pb2.PosIntegration:
        return _pos_message(await queries.settings(call.read(), call.principal.tenant))

    async def SetPosIntegration(
        self, request: settings_pb2.SetPosIntegrationRequest, call: Call
    ) -> settings_pb2.SetPosIntegrationResponse:
        provider, merchant_id = request.pos_provider or rules.NO_PROVIDER, request.pos_merchant_id or None
        wanted = {
            "pos_provider": provider,
            "pos_merchant_id": merchant_id,
            "pos_api_key": request.pos_api_key or None,
        }
        await self._change(call, wanted)
        return settings_pb2.SetPosIntegrationResponse(
            status="POS configuration updated", provider=provider, merchant_id=merchant_id
        )

    async def GetAiAssistantConfig(self, _request: Empty, call: Call) -> settings_pb2.AiConfig:
        return _ai_message(await queries.settings(call.read(), call.principal.tenant))

    async def SetAiAssistantConfig(
        self, request: settings_pb2.SetAiAssistantConfigRequest, call: Call
    ) -> settings_pb2.AiConfig:
        sent = values_of(request)
        wanted = {
            "ai_enabled": sent.get("enabled", True),
            "ai_provider": sent.get("ai_provider", "GROQ"),
            "ai_features": sent.get("features_enabled", {}),
        }
        return _ai_message(await queries.settings(await self._change(call, wanted), call.principal.tenant))

    async def _change(
        self, call: Call, wanted: dict[str, Any], version: int | None = None, *, sets_location: bool = False
    ) -> Reading:
        session = await call.session()
        change = await commands.change_settings(
            session,
            self._vault,
            call.principal.tenant,
            wanted,
            role=call.principal.role,
            now=self._clock.now(),
            based_on=version,
            sets_location=sets_location,
        )
        note_change(call, change)
        return SessionReader(session)


def based_on(request: Any) -> int | None:
    """The settings version that a change names, or None."""
    return request.settings_schema_version if request.HasField("settings_schema_version") else None


def note_change(call: Call, change: commands.SettingsChange) -> None:
    """The audit entry of a change says what differs; a change that changed nothing leaves none."""
    call.notes.skip = not change.changed
    call.notes.entity_id = str(call.principal.tenant)
    call.notes.description = f"Changed {', '.join(change.changed)}"
    call.notes.old_values = change.old_values
    call.notes.new_values = change.new_values or {"changed": change.changed}


def point_of(request: Any) -> tuple[float, float] | None:
    """The point that a request names, or None; clients that know nothing send zeros."""
    if not (request.HasField("latitude") and request.HasField("longitude")):
        return None
    return (request.latitude, request.longitude) if request.latitude or request.longitude else None


def fence_of(row: Any) -> Fence:
    """The fence of a restaurant whose coordinates are set."""
    return Fence(row.latitude, row.longitude, row.radius, row.geofence_polygon)


async def _settings(reading: Reading, principal: Principal) -> settings_pb2.Settings:
    row = await queries.settings(reading, principal.tenant)
    return settings_pb2.Settings(
        **_place(row),
        address=row.address,
        phone=row.phone,
        phone_restaurant=row.phone,
        email=row.email,
        geolocation_locked=rules.is_location_locked(row.latitude, row.longitude, principal.role),
        automatic_clock_out=row.automatic_clock_out,
        break_duration=row.break_duration,
        email_notifications=row.email_notifications,
        push_notifications=row.push_notifications,
        pos_merchant_id=row.pos_merchant_id,
        pos_integration=_pos_message(row),
        ai_config=_ai_message(row),
        pin_login_in_geofence=row.pin_login_in_geofence,
        settings_schema_version=row.settings_version,
        settings_version=row.settings_version,
    )


def _geolocation_message(row: Any) -> settings_pb2.Geolocation:
    return settings_pb2.Geolocation(**_place(row))


def _place(row: Any) -> dict[str, Any]:
    """What the settings and the geolocation screen both show."""
    return {
        "id": str(row.id),
        "name": row.name,
        "latitude": None if row.latitude is None else str(row.latitude),
        "longitude": None if row.longitude is None else str(row.longitude),
        "radius": str(row.radius),
        "geofence_enabled": row.geofence_enabled,
        "geofence_polygon": row.geofence_polygon,
        "timezone": row.timezone,
        "currency": row.currency,
        "language": row.language,
        "operating_hours": row.operating_hours,
        "pos_provider": row.pos_provider,
        "pos_is_connected": row.pos_is_connected,
    }


def _pos_message(row: Any) -> settings_pb2.PosIntegration:
    message = settings_pb2.PosIntegration(
        sync_status=row.pos_sync_status, total_transactions_synced=row.pos_transactions_synced
    )
    _head(message, row)
    if row.pos_last_sync_time is not None:
        message.last_sync_time.FromDatetime(row.pos_last_sync_time)
    return message


def _ai_message(row: Any) -> settings_pb2.AiConfig:
    message = settings_pb2.AiConfig(
        enabled=row.ai_enabled, ai_provider=row.ai_provider, features_enabled=row.ai_features
    )
    _head(message, row)
    return message


def _head(message: settings_pb2.PosIntegration | settings_pb2.AiConfig, row: Any) -> None:
    """Whose settings they are; they have no identity of their own."""
    message.id = message.restaurant = str(row.id)
    message.restaurant_name = row.name
    message.created_at.FromDatetime(row.created_at)
    message.updated_at.FromDatetime(row.updated_at)
