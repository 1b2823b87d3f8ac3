"""The agent's server: what it checks before it takes a webhook, and what it was told."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.phone_server.faults import Faults

Object = dict[str, Any]
TOLERANCE_SECONDS = 300
PERSON = {"emailAddress", "mobileNumber", "fullName", "restaurantId", "restaurantName", "role", "language", "rtl"}
EVENT = {"eventType", "staffId", "staffName", "role", "details", "timestamp"}
DETAILS = {
    "staff_invite": {"phone", "inviteLink", "restaurantName", "invitationToken", "language"},
    "staff_invitation_accepted": {"phoneNumber", "invitationToken", "flowData", "language"},
    "incident_reported": {"incidentDescription", "phone", "ticket_id", "incident_type", "severity"},
}


class Refused(Exception):
    """A webhook that the agent does not take."""

    def __init__(self, problem: str, status: int = 400) -> None:
        super().__init__(problem)
        self.status = status


class Agent:
    """One agent, known by its key, with the secret that signs what it is told."""

    def __init__(self, *, api_key: str, webhook_key: str, secret: str) -> None:
        self.took: list[Object] = []
        self.faults = Faults()
        self.asked = 0
        self._headers = {"authorization": f"Bearer {api_key}", "api-key": api_key, "x-api-key": webhook_key}
        self._key = base64.b64decode(secret.removeprefix("whsec_"))
        self.routes = [
            Route("/agent/user-authenticated", self._authenticated, methods=["POST"]),
            Route("/agent/user-events", self._event, methods=["POST"]),
        ]

    def heard(self, event: str, of: str) -> list[Object]:
        """What it was told of one kind that names a person, an incident, a number or a restaurant, in its order."""
        return [one["body"] for one in self.took if one["event"] == event and of in json.dumps(one["body"])]

    async def _authenticated(self, request: Request) -> Response:
        return await self._take(request, _check_person)

    async def _event(self, request: Request) -> Response:
        return await self._take(request, _check_event)

    async def _take(self, request: Request, check: Callable[[Object, Request], str]) -> Response:
        self.asked += 1
        fault = self.faults.take()
        if fault is not None and not fault.accepts:
            return await fault.answer()
        try:
            body = await request.body()
            self._check(request, body)
            told = json.loads(body)
            event = check(told, request)
        except Refused as refused:
            return JSONResponse({"success": False, "error": str(refused)}, refused.status)
        self.took.append({"event": event, "id": request.headers["webhook-id"], "body": told})
        if fault is not None:
            return await fault.answer()
        return JSONResponse({"success": True, "eventId": request.headers["webhook-id"]}, 201)

    def _check(self, request: Request, body: bytes) -> None:
        for name, value in self._headers.items():
            if request.headers.get(name) != value:
                raise Refused(f"{name} is wrong", 401)
        stamp, reference = request.headers.get("webhook-timestamp", ""), request.headers.get("webhook-id", "")
        if not stamp.isdecimal() or abs(time.time() - int(stamp)) > TOLERANCE_SECONDS:
            raise Refused("the timestamp is not of now", 401)
        signed = b".".join((reference.encode(), stamp.encode(), body))
        wanted = "v1," + base64.b64encode(hmac.digest(self._key, signed, hashlib.sha256)).decode()
        given = request.headers.get("webhook-signature", "").split(" ")
        if not any(hmac.compare_digest(wanted, one) for one in given):
            raise Refused("the signature is wrong", 401)


def _check_person(told: Object, _request: Request) -> str:
    if set(told) != PERSON | {"metadata"} or not isinstance(told["rtl"], bool):
        raise Refused(f"unknown shape {sorted(told)}")
    if set(told["metadata"]) != {"userId", "sessionId", "language"}:
        raise Refused(f"unknown metadata {sorted(told['metadata'])}")
    if told["mobileNumber"] and not told["mobileNumber"].isdecimal():
        raise Refused("the number is not in digits")
    if told["role"] != told["role"].lower():
        raise Refused("the role is not in lower case")
    return "user_authenticated"


def _check_event(told: Object, request: Request) -> str:
    if request.headers.get("x-role") != "manager":
        raise Refused("x-role is wrong", 401)
    if set(told) != EVENT or told["eventType"] not in DETAILS:
        raise Refused(f"unknown shape {sorted(told)}")
    event: str = told["eventType"]
    if set(told["details"]) != DETAILS[event]:
        raise Refused(f"unknown details {sorted(told['details'])}")
    datetime.fromisoformat(told["timestamp"])
    return event
