"""What the agent's server is told of, when that is still news, and how it knows that it was us."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

USER_AUTHENTICATED: Final = "user_authenticated"
STAFF_INVITE: Final = "staff_invite"
INVITATION_ACCEPTED: Final = "staff_invitation_accepted"
INCIDENT_REPORTED: Final = "incident_reported"

_PREFIX: Final = "whsec_"
_KEY_BYTES: Final = range(24, 65)
_FRESH: Final = {USER_AUTHENTICATED: timedelta(hours=1)}
_FRESH_OTHERWISE: Final = timedelta(days=1)
_REJECTED: Final = frozenset({408, 425, 429, 500, 503})
_RIGHT_TO_LEFT: Final = frozenset({"ar"})


def is_news(event: str, occurred_at: datetime, now: datetime) -> bool:
    """Whether something happened so lately that the agent is to hear of it, as after the agent was set up."""
    return now - occurred_at <= _FRESH.get(event, _FRESH_OTHERWISE)


def signing_keys(secrets: str) -> tuple[bytes, ...]:
    """The keys of secrets that are separated by spaces: one, and a second one while they are exchanged.

    Raises ValueError for a secret that is not `whsec_` and 24 to 64 bytes in base64.
    """
    return tuple(_key(secret) for secret in secrets.split())


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("a webhook's secret is whsec_ and base64") from error
    if not secret.startswith(_PREFIX) or len(key) not in _KEY_BYTES:
        raise ValueError("a webhook's secret is whsec_ and 24 to 64 bytes in base64")
    return key


def signatures(keys: Sequence[bytes], webhook_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature` as Standard Webhooks 1.0 has it: one signature for each key."""
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return " ".join(f"v1,{base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()}" for key in keys)


def may_ask_again(status: int) -> bool:
    """Whether an answer says that the webhook was not taken and may be later."""
    return status in _REJECTED


def authenticated(person: Any, restaurant: Any, mobile: str) -> dict[str, Any]:
    """Tells who has logged in. No token goes along: the agent acts with its own key in the person's name."""
    return {
        "emailAddress": person.email,
        "mobileNumber": mobile,
        "fullName": _name(person.first_name, person.last_name),
        "restaurantId": str(restaurant.id),
        "restaurantName": restaurant.name,
        "role": person.role.lower(),
        "language": person.language,
        "rtl": person.language in _RIGHT_TO_LEFT,
        "metadata": {
            "userId": str(person.user_id),
            "sessionId": _session_name(restaurant.id, person.user_id),
            "language": person.language,
        },
    }


def invited(about: Mapping[str, Any], link: str, token: str) -> dict[str, Any]:
    """Tells of somebody who was offered a role, with the link by which they accept it."""
    return _event(
        about,
        staff_id=f"invite_{token[:8]}",
        name=_name(about["first_name"], about["last_name"]),
        role=about["role"],
        details={
            "phone": about["phone"],
            "inviteLink": link,
            "restaurantName": about["restaurant"],
            "invitationToken": token,
            "language": about["language"],
        },
    )


def accepted(about: Mapping[str, Any], person: Any, token: str) -> dict[str, Any]:
    """Tells who took the role that they were offered."""
    return _event(
        about,
        staff_id=str(person.user_id),
        name=_name(person.first_name, person.last_name),
        role=person.role,
        details={
            "phoneNumber": person.phone or "",
            "invitationToken": token,
            "flowData": {},
            "language": person.language,
        },
    )


def reported(about: Mapping[str, Any], reporter: Any | None) -> dict[str, Any]:
    """Tells of an incident, and who reported it unless that is nobody's business."""
    return _event(
        about,
        staff_id=str(reporter.user_id) if reporter is not None else "",
        name=_name(reporter.first_name, reporter.last_name) if reporter is not None else "",
        role=reporter.role if reporter is not None else "",
        details={
            "incidentDescription": about["title"],
            "phone": (reporter.phone or "") if reporter is not None else "",
            "ticket_id": about["incident_id"],
            "incident_type": about["type"],
            "severity": about["severity"],
        },
    )


def _event(
    about: Mapping[str, Any], *, staff_id: str, name: str, role: str, details: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "eventType": about["event"],
        "staffId": staff_id,
        "staffName": name,
        "role": role.lower(),
        "details": dict(details),
        "timestamp": about["at"],
    }


def _name(first: str, last: str) -> str:
    return f"{first} {last}".strip()


def _session_name(restaurant_id: UUID, user_id: UUID) -> str:
    """How the agent names a person's conversation, and how it names the person to us."""
    return f"tenant-{restaurant_id}-user-{user_id}"
