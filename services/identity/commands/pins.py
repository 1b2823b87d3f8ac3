"""Which restaurant and which person a PIN login is about."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from mizan.identity.v1 import access_pb2, auth_pb2
from servicekit.context import RequestContext
from servicekit.db import Reading
from servicekit.errors import Invalid, Unauthenticated
from services.identity.commands.accounts import pin_digest
from services.identity.commands.failures import account_scope
from services.identity.domain.credentials import is_pin
from services.identity.domain.fence import Fence
from services.identity.queries import accounts, devices
from services.identity.vault import Vault


@dataclass(frozen=True, slots=True)
class PinAttempt:
    """A PIN login before the PIN is checked: whose it may be, and what its failure counts against."""

    email: str = ""
    restaurant_id: UUID | None = None
    digest: bytes = b""
    device_id: UUID | None = None
    scopes: list[str] = field(default_factory=list)

    async def candidate(self, reader: Reading) -> Any | None:
        """The one person who may have sent the PIN, or None."""
        if self.email:
            return await accounts.credentials_by_email(reader, self.email)
        if self.restaurant_id is None:
            return None
        return await accounts.credentials_by_pin(reader, self.restaurant_id, self.digest)


async def find_attempt(
    reader: Reading, vault: Vault, request: auth_pb2.PinLoginRequest, context: RequestContext, now: datetime
) -> PinAttempt:
    """What a PIN login is about. Raises Invalid when it says neither who nor where."""
    if not request.pin_code:
        raise Invalid("Email and PIN code are required.", code="required")
    if request.email:
        return PinAttempt(email=request.email, scopes=[account_scope(vault, request.email)])
    address = [f"address:{context.client_ip}"] if context.client_ip else []
    if not is_pin(request.pin_code):
        return PinAttempt(scopes=address)
    device = await devices.paired_device(reader, vault.digest("device", context.device_token))
    if device is not None:
        return _attempt(vault, request, device.restaurant_id, [f"device:{device.id}", *address], device.id)
    if request.HasField("latitude") and request.HasField("longitude"):
        places = await devices.restaurants_around(reader, request.latitude, request.longitude)
        inside = [place.id for place in places if _fence(place).contains(request.latitude, request.longitude)]
        if len(inside) == 1:
            return _attempt(vault, request, inside[0], address)
        return PinAttempt(scopes=address)
    raise Invalid("Email and PIN code are required.", code="required")


async def find_kiosk_attempt(
    reader: Reading, vault: Vault, request: access_pb2.CheckPinRequest, context: RequestContext
) -> PinAttempt:
    """What a PIN at a clock on the wall is about. Raises Unauthenticated from nowhere in particular."""
    address = [f"address:{context.client_ip}"] if context.client_ip else []
    given = UUID(request.restaurant_id) if request.HasField("restaurant_id") else None
    device = None
    if context.device_token:
        device = await devices.paired_device(reader, vault.digest("device", context.device_token))
    if device is not None and given in (None, device.restaurant_id):
        return _attempt(vault, request, device.restaurant_id, [f"device:{device.id}", *address], device.id)
    if given is None:
        raise Unauthenticated("Authentication credentials were not provided.")
    return _attempt(vault, request, given, address)


def _attempt(
    vault: Vault,
    request: auth_pb2.PinLoginRequest | access_pb2.CheckPinRequest,
    restaurant_id: UUID,
    scopes: list[str],
    device_id: UUID | None = None,
) -> PinAttempt:
    return PinAttempt(
        restaurant_id=restaurant_id,
        digest=pin_digest(vault, restaurant_id, request.pin_code),
        device_id=device_id,
        scopes=[*scopes, f"restaurant:{restaurant_id}"],
    )


def _fence(place: Any) -> Fence:
    return Fence(place.latitude, place.longitude, place.radius, place.geofence_polygon)
