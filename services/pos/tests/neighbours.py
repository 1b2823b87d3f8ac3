"""Identity as pos sees it, and the till systems of others, for tests that need them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from mizan.identity.v1 import agent_pb2, pos_credentials_pb2
from servicekit.call import Call
from servicekit.db import Database
from servicekit.errors import Invalid
from servicekit.grpc_server import GrpcServer
from servicekit.identity import KeyRing, TokenVerifier
from servicekit.testing.service import running
from tools.till_server.server import Secrets

TILL_SECRETS = Secrets(
    square_application_id="sq0idp-mizan",
    square_application_secret="sq0csp-secret",
    square_signature_key="square-signature",
    toast_webhook_secret="toast-signature",
    clover_webhook_code="clover-code",
)


class FakeIdentity:
    """Answers what a test told it."""

    def __init__(self) -> None:
        self.tills: dict[str, pos_credentials_pb2.PosCredentials] = {}
        self.people: dict[str, agent_pb2.ContextPerson] = {}

    def chooses(self, restaurant_id: UUID, provider: str, merchant_id: str = "", api_key: str = "") -> None:
        """The settings of a restaurant name a till system."""
        self.tills[str(restaurant_id)] = pos_credentials_pb2.PosCredentials(
            provider=provider, merchant_id=merchant_id, api_key=api_key
        )

    async def GetPosCredentials(
        self, request: pos_credentials_pb2.GetPosCredentialsRequest, _call: Call
    ) -> pos_credentials_pb2.PosCredentials:
        return self.tills.get(request.restaurant_id, pos_credentials_pb2.PosCredentials(provider="NONE"))

    async def ResolveContext(
        self, request: agent_pb2.ResolveContextRequest, _call: Call
    ) -> agent_pb2.ResolveContextResponse:
        if not request.restaurant_ids:
            raise Invalid("Unable to resolve restaurant context", code="context_unresolved")
        answer = agent_pb2.ResolveContextResponse(restaurant_id=request.restaurant_ids[0], currency="MAD")
        if request.user_id in self.people:
            answer.person.CopyFrom(self.people[request.user_id])
        return answer


@contextmanager
def identity_at(port: int, keys: Path) -> Iterator[FakeIdentity]:
    """Identity behind a port, over real gRPC with real tokens."""
    fake = FakeIdentity()
    server = GrpcServer(
        [
            (agent_pb2.DESCRIPTOR.services_by_name["AgentService"], fake),
            (pos_credentials_pb2.DESCRIPTOR.services_by_name["PosCredentialService"], fake),
        ],
        database=Database("", application="nobody"),
        verifier=TokenVerifier(KeyRing(keys)),
        host="127.0.0.1",
        port=port,
        drain_seconds=1.0,
        max_connection_age_seconds=300,
    )
    part: Any = SimpleNamespace(start=server.start, stop=server.stop)
    with running(lambda: part):
        yield fake
