"""Identity and pos, as far as sockets ask them: a gRPC server that tests steer."""

import json
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from uuid import UUID, uuid4

import grpc
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.message import Message
from jwt.algorithms import OKPAlgorithm

from mizan.identity.v1 import access_pb2
from mizan.options.v1 import options_pb2
from mizan.pos.v1 import kitchen_pb2

_KEY_ID: Final = "key-1"


class FakeNeighbours:
    """Knows sessions and tickets, and counts what it is asked."""

    def __init__(self) -> None:
        self.sessions: dict[str, access_pb2.ResolvedPrincipal] = {}
        self.tickets: list[kitchen_pb2.Ticket] = []
        self.worked: list[tuple[str, str]] = []
        self.asked: list[str] = []
        self.is_away = False
        self._key = Ed25519PrivateKey.generate()
        self._server = grpc.server(ThreadPoolExecutor(4))
        self._server.add_generic_rpc_handlers(
            (
                _handlers("mizan.identity.v1.AccessService", {"GetJwks": self._jwks, "ResolveSession": self._session}),
                _handlers(
                    "mizan.pos.v1.KitchenService",
                    {"ListTickets": self._tickets, "StartTicket": self._start, "BumpTicket": self._bump},
                ),
            )
        )
        self.target = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def stop(self) -> None:
        self._server.stop(None).wait()

    def log_in(
        self, restaurant_id: UUID | None, permissions: Iterable[str] = (), *, user_id: str | None = None
    ) -> "Login":
        """A new session of a person."""
        session_id, subject = str(uuid4()), user_id or str(uuid4())
        self.sessions[session_id] = access_pb2.ResolvedPrincipal(
            kind=options_pb2.CALLER_KIND_USER,
            subject=subject,
            restaurant_id=str(restaurant_id) if restaurant_id else None,
            role="WAITER",
            permissions=sorted(permissions),
            session_id=session_id,
            name="Amina",
        )
        return Login(self.token(session_id), session_id, subject, restaurant_id)

    def token(self, session_id: str, *, seconds: float = 600, **claims: Any) -> str:
        """An access token of a session."""
        payload = {"sid": session_id, "token_type": "access", "exp": time.time() + seconds, **claims}
        return jwt.encode(payload, self._key, "EdDSA", headers={"kid": _KEY_ID})

    def _jwks(self, _request: bytes, _context: grpc.ServicerContext) -> Message:
        public = json.loads(OKPAlgorithm.to_jwk(self._key.public_key()))
        keys = {"keys": [{**public, "kid": _KEY_ID, "alg": "EdDSA", "use": "sig"}]}
        return access_pb2.GetJwksResponse(jwks_json=json.dumps(keys))

    def _session(self, request: bytes, context: grpc.ServicerContext) -> Message:
        session_id = access_pb2.ResolveSessionRequest.FromString(request).session_id
        self.asked.append(session_id)
        if self.is_away:
            context.abort(grpc.StatusCode.INTERNAL, "identity is ill")
        if session_id not in self.sessions:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "The session is over.")
        return access_pb2.ResolveSessionResponse(principal=self.sessions[session_id])

    def _tickets(self, _request: bytes, _context: grpc.ServicerContext) -> Message:
        return kitchen_pb2.ListTicketsResponse(count=len(self.tickets), results=self.tickets)

    def _start(self, request: bytes, _context: grpc.ServicerContext) -> Message:
        self.worked.append(("start", kitchen_pb2.TicketRequest.FromString(request).id))
        return kitchen_pb2.Ticket()

    def _bump(self, request: bytes, _context: grpc.ServicerContext) -> Message:
        self.worked.append(("bump", kitchen_pb2.TicketRequest.FromString(request).id))
        return kitchen_pb2.Ticket()


class Login:
    """A session and its token."""

    def __init__(self, token: str, session_id: str, user_id: str, restaurant_id: UUID | None) -> None:
        self.token = token
        self.session_id = session_id
        self.user_id = user_id
        self.restaurant_id = restaurant_id


def _handlers(service: str, methods: dict[str, Any]) -> grpc.GenericRpcHandler:
    return grpc.method_handlers_generic_handler(
        service,
        {
            name: grpc.unary_unary_rpc_method_handler(
                behave, response_serializer=lambda message: message.SerializeToString()
            )
            for name, behave in methods.items()
        },
    )
