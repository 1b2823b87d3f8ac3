"""What the settings say of a restaurant's till system, for the service that talks to it."""

from uuid import UUID

from mizan.identity.v1 import pos_credentials_pb2
from servicekit.call import Call
from servicekit.db import Scope
from services.identity.queries import restaurants as queries
from services.identity.vault import Vault


class PosCredentialService:
    """Implements mizan.identity.v1.PosCredentialService."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def GetPosCredentials(
        self, request: pos_credentials_pb2.GetPosCredentialsRequest, call: Call
    ) -> pos_credentials_pb2.PosCredentials:
        restaurant_id = UUID(request.restaurant_id)
        row = await queries.pos_credentials(call.read(Scope(restaurant_id)), restaurant_id)
        stored = row.pos_api_key_encrypted
        return pos_credentials_pb2.PosCredentials(
            provider=row.pos_provider,
            merchant_id=row.pos_merchant_id or "",
            api_key="" if stored is None else self._vault.decrypt(stored),
        )
