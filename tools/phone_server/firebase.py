"""Firebase Cloud Messaging's HTTP v1 API, and the token endpoint of Google's that stands before it."""

import json
from itertools import count
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.phone_server.faults import Faults

Object = dict[str, Any]
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCE = "https://oauth2.googleapis.com/token"
"""What assertions are made for, wherever the account's key says that they are taken."""
LONGEST_PAYLOAD = 4096


def service_account(url: str, project: str = "mizan-local") -> str:
    """The key of a fresh service account whose tokens are given out at a local address."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return json.dumps(
        {
            "type": "service_account",
            "project_id": project,
            "private_key_id": uuid4().hex,
            "private_key": pem,
            "client_email": f"push@{project}.iam.gserviceaccount.com",
            "client_id": "1",
            "token_uri": f"{url}/token",
        }
    )


class Firebase:
    """One project at Firebase, with everybody's devices behind it."""

    def __init__(self, account: str) -> None:
        self.account: Object = json.loads(account)
        self.sent: list[Object] = []
        self.gone: set[str] = set()
        self.faults = Faults()
        self._numbers = count(1)
        self._tokens: set[str] = set()
        private: Any = load_pem_private_key(self.account["private_key"].encode(), password=None)
        self._public_key = private.public_key()
        self.routes = [
            Route("/token", self._authorize, methods=["POST"]),
            Route("/v1/projects/{project}/messages:send", self._take, methods=["POST"]),
        ]

    def on(self, token: str) -> list[Object]:
        """What arrived on a device, in its order."""
        return [message for message in self.sent if message["token"] == token]

    def revoke(self) -> None:
        """Have every access token that was given out stop working."""
        self._tokens.clear()

    async def _authorize(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        try:
            assertion = form["assertion"][0]
            claims = jwt.decode(assertion, self._public_key, ["RS256"], audience=AUDIENCE, options={"require": ["exp"]})
        except (KeyError, jwt.PyJWTError):
            return JSONResponse({"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, 400)
        scopes = str(claims.get("scope", "")).split()
        if form.get("grant_type") != [GRANT] or claims.get("iss") != self.account["client_email"] or not scopes:
            return JSONResponse({"error": "invalid_grant"}, 400)
        token = f"ya29.{uuid4().hex}"
        self._tokens.add(token)
        return JSONResponse({"access_token": token, "expires_in": 3599, "token_type": "Bearer"})

    async def _take(self, request: Request) -> Response:
        fault = self.faults.take()
        if fault is not None and not fault.accepts:
            return await fault.answer()
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if bearer not in self._tokens:
            return _refused(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        if request.path_params["project"] != self.account["project_id"]:
            return _refused(403, "PERMISSION_DENIED", "Permission denied on resource project.", "SENDER_ID_MISMATCH")
        content = json.loads(await request.body())
        message = content.get("message")
        if not isinstance(message, dict) or not isinstance(message.get("token"), str):
            return _refused(400, "INVALID_ARGUMENT", "Recipient of the message is not set.")
        data = message.get("data", {})
        if not all(isinstance(value, str) for value in data.values()):
            return _refused(400, "INVALID_ARGUMENT", "Invalid value at 'message.data'.")
        if len(json.dumps({"data": data, "notification": message.get("notification")})) > LONGEST_PAYLOAD:
            return _refused(400, "INVALID_ARGUMENT", "Message is too big.")
        token = message["token"]
        if token.startswith("malformed"):
            text = "The registration token is not a valid FCM registration token"
            return _refused(400, "INVALID_ARGUMENT", text, "INVALID_ARGUMENT")
        if token in self.gone:
            return _refused(404, "NOT_FOUND", "Requested entity was not found.", "UNREGISTERED")
        self.sent.append(message)
        if fault is not None:
            return await fault.answer()
        return JSONResponse({"name": f"projects/{self.account['project_id']}/messages/{next(self._numbers)}"})


def _refused(status: int, name: str, text: str, code: str = "") -> JSONResponse:
    details = [{"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}] if code else []
    return JSONResponse({"error": {"code": status, "message": text, "status": name, "details": details}}, status)
