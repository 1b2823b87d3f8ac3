"""Tablets and terminals that are paired with a restaurant."""

from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.identity.v1 import device_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.paging import page_of
from services.identity.commands import devices as commands
from services.identity.queries import devices as queries
from services.identity.vault import Vault


class DeviceService:
    """Implements mizan.identity.v1.DeviceService."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock

    async def PairDevice(self, request: device_pb2.PairDeviceRequest, call: Call) -> device_pb2.PairDeviceResponse:
        tenant, me = call.principal.tenant, call.principal.user_id
        session = await call.session()
        device, token = await commands.pair(session, self._vault, tenant, me, request.name, self._clock.now())
        call.notes.entity_id = str(device.id)
        call.notes.description = f"Paired {device.name}"
        response = device_pb2.PairDeviceResponse(id=str(device.id), name=device.name, device_token=token)
        response.created_at.FromDatetime(device.created_at)
        return response

    async def ListDevices(self, request: device_pb2.ListDevicesRequest, call: Call) -> device_pb2.ListDevicesResponse:
        count, rows = await queries.paired_devices(call.read(), call.principal.tenant, page_of(request))
        return device_pb2.ListDevicesResponse(count=count, results=[_message(row) for row in rows])

    async def UnpairDevice(self, request: device_pb2.UnpairDeviceRequest, call: Call) -> Empty:
        session = await call.session()
        device = await commands.unpair(session, call.principal.tenant, UUID(request.id), self._clock.now())
        call.notes.description = f"Unpaired {device.name}"
        return Empty()


def _message(row: Any) -> device_pb2.Device:
    message = device_pb2.Device(id=str(row.id), name=row.name)
    message.created_at.FromDatetime(row.created_at)
    if row.paired_by is not None:
        message.paired_by = str(row.paired_by)
        message.paired_by_name = f"{row.first_name} {row.last_name}".strip() or row.email
    if row.last_seen_at is not None:
        message.last_seen_at.FromDatetime(row.last_seen_at)
    return message
