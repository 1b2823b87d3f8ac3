"""Keys of agents and integrators."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.identity.v1 import api_key_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.paging import page_of
from services.identity.commands import api_keys as commands
from services.identity.queries import api_keys as queries
from services.identity.vault import Vault


class ApiKeyService:
    """Implements mizan.identity.v1.ApiKeyService."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock

    async def CreateApiKey(
        self, request: api_key_pb2.CreateApiKeyRequest, call: Call
    ) -> api_key_pb2.CreateApiKeyResponse:
        tenant, me = call.principal.tenant, call.principal.user_id
        session = await call.session()
        key, text = await commands.create(
            session,
            self._vault,
            tenant,
            me,
            name=request.name,
            kind=request.kind,
            scopes=request.scopes,
            held=call.principal.permissions,
            expires_at=request.expires_at.ToDatetime(tzinfo=UTC) if request.HasField("expires_at") else None,
            now=self._clock.now(),
        )
        call.notes.entity_id = str(key.id)
        call.notes.description = f"Created the key {key.name}"
        response = api_key_pb2.CreateApiKeyResponse(
            id=str(key.id), name=key.name, kind=key.kind, prefix=key.prefix, scopes=key.scopes, key=text
        )
        response.created_at.FromDatetime(key.created_at)
        if key.expires_at is not None:
            response.expires_at.FromDatetime(key.expires_at)
        return response

    async def ListApiKeys(self, request: api_key_pb2.ListApiKeysRequest, call: Call) -> api_key_pb2.ListApiKeysResponse:
        count, rows = await queries.api_keys(call.read(), call.principal.tenant, page_of(request))
        now = self._clock.now()
        return api_key_pb2.ListApiKeysResponse(count=count, results=[_message(row, now) for row in rows])

    async def RevokeApiKey(self, request: api_key_pb2.RevokeApiKeyRequest, call: Call) -> Empty:
        session = await call.session()
        key = await commands.revoke(session, call.principal.tenant, UUID(request.id), self._clock.now())
        call.notes.description = f"Revoked the key {key.name}"
        return Empty()


def _message(row: Any, now: datetime) -> api_key_pb2.ApiKey:
    message = api_key_pb2.ApiKey(id=str(row.id), name=row.name, kind=row.kind, prefix=row.prefix, scopes=row.scopes)
    message.created_at.FromDatetime(row.created_at)
    if row.created_by is not None:
        message.created_by = str(row.created_by)
        message.created_by_name = f"{row.first_name} {row.last_name}".strip() or row.email
    if row.expires_at is not None:
        message.expires_at.FromDatetime(row.expires_at)
        message.is_expired = row.expires_at <= now
    return message
