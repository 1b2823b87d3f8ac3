"""The push tokens of the caller's own devices."""

from mizan.notify.v1 import device_token_pb2 as pb
from servicekit.call import Call
from servicekit.clock import Clock, timestamp_of
from servicekit.db import SYSTEM
from servicekit.errors import Invalid
from services.notify.commands import devices as commands
from services.notify.queries import devices as queries


class DeviceTokenService:
    """Implements mizan.notify.v1.DeviceTokenService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ListDeviceTokens(self, _request: pb.ListDeviceTokensRequest, call: Call) -> pb.ListDeviceTokensResponse:
        rows = await queries.active_tokens(call.read(), call.principal.tenant, call.principal.user_id)
        return pb.ListDeviceTokensResponse(
            success=True,
            tokens=[
                pb.DeviceToken(
                    id=row.id,
                    user=str(row.user_id),
                    token=row.token,
                    device_type=row.device_type,
                    device_name=row.device_name,
                    is_active=row.is_active,
                    last_used=timestamp_of(row.last_used),
                    created_at=timestamp_of(row.created_at),
                )
                for row in rows
            ],
        )

    async def RegisterDeviceToken(
        self, request: pb.RegisterDeviceTokenRequest, call: Call
    ) -> pb.RegisterDeviceTokenResponse:
        # A device that changes hands may come from another restaurant.
        token_id, created = await commands.register(
            await call.session(SYSTEM),
            call.principal.tenant,
            call.principal.user_id,
            _token(request.token),
            request.device_type or "WEB",
            request.device_name or None,
            self._clock.now(),
        )
        return pb.RegisterDeviceTokenResponse(
            success=True,
            message="Device token registered successfully" if created else "Device token updated successfully",
            token_id=token_id,
            created=created,
        )

    async def UnregisterDeviceToken(
        self, request: pb.UnregisterDeviceTokenRequest, call: Call
    ) -> pb.UnregisterDeviceTokenResponse:
        known = await commands.unregister(
            await call.session(), call.principal.tenant, call.principal.user_id, _token(request.token)
        )
        return pb.UnregisterDeviceTokenResponse(
            success=True,
            message="Device token unregistered successfully" if known else "Device token not found",
        )


def _token(text: str) -> str:
    if not text.strip():
        raise Invalid("Token is required", code="required")
    return text.strip()
