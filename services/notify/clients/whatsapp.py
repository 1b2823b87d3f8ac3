"""WhatsApp's Cloud API: sending messages, and fetching what people attach to theirs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import httpx
import structlog

from servicekit.errors import Unavailable
from services.notify.domain.deliveries import Outcome, Postponed, Refused, Sent, Skipped, Unknown

RATE_LIMITED: Final = frozenset({4, 80007, 130429, 131048, 131056})
"""Too many messages: of the app, of the number, to the same person."""
TRY_AGAIN: Final = frozenset({1, 2, 131000, 131016, 133004, 190})
"""WhatsApp is away, or our token has run out, which an operator mends."""
OUTSIDE_WINDOW: Final = 131047
NO_SUCH_TEMPLATE: Final = frozenset({132001, 132007, 132015, 132016})
RATE_PAUSE: Final = timedelta(seconds=10)
LARGEST_MEDIA: Final = 16 * 1024 * 1024

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a message; `data` is what WhatsApp answered, `code` its number of the error."""

    outcome: Outcome
    status: int = 0
    data: Any = None
    code: int = 0
    message: Mapping[str, Any] = field(default_factory=dict)


class WhatsApp:
    """One of our numbers at WhatsApp; a part of the service. Nothing is sent without a token and a number."""

    name = "whatsapp"

    def __init__(self, *, url: str, version: str, number_id: str, token: str, timeout: float) -> None:
        self._base = f"{url.rstrip('/')}/{version}"
        self._number_id = number_id
        self.is_configured = bool(number_id and token)
        self._http = httpx.AsyncClient(
            timeout=timeout,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            limits=httpx.Limits(max_connections=20),
        )

    async def start(self) -> None:
        """Connects to nothing: each request does."""

    async def stop(self) -> None:
        """Closes the connections that were kept."""
        await self._http.aclose()

    async def send(self, to: str, message: Mapping[str, Any], *, reference: str) -> Answer:
        """Sends a message to a number; its status reports will name the reference."""
        if not self.is_configured:
            return Answer(Skipped("WhatsApp is not configured"))
        body = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": to,
            "biz_opaque_callback_data": reference,
            **message,
        }
        try:
            response = await self._http.post(f"{self._base}/{self._number_id}/messages", json=body)
        except _NEVER_SENT as error:
            return Answer(Postponed(type(error).__name__))
        except httpx.HTTPError as error:
            return Answer(Unknown(type(error).__name__))
        return _answer(response)

    async def media(self, media_id: str) -> tuple[bytes, str]:
        """What somebody attached, and its type as WhatsApp names it. Raises Unavailable when it cannot be had."""
        try:
            found = (await self._http.get(f"{self._base}/{media_id}")).raise_for_status().json()
            async with self._http.stream("GET", found["url"]) as response:
                response.raise_for_status()
                content = bytearray()
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > LARGEST_MEDIA:
                        raise Unavailable("The file is too large.", code="media_too_large")
        except (httpx.HTTPError, KeyError, ValueError, TypeError) as error:
            log.warning("media_not_fetched", error=type(error).__name__)
            raise Unavailable("The file could not be fetched from WhatsApp.", code="media_unavailable") from error
        return bytes(content), str(found.get("mime_type", ""))


def text(body: str, *, preview: bool = False) -> dict[str, Any]:
    """A text, for people who wrote within a day."""
    return {"type": "text", "text": {"body": body, "preview_url": preview}}


def template(name: str, language_code: str, components: list[dict[str, Any]]) -> dict[str, Any]:
    """An approved template."""
    return {
        "type": "template",
        "template": {"name": name, "language": {"code": language_code}, "components": components},
    }


def buttons(body: str, choices: list[tuple[str, str]]) -> dict[str, Any]:
    """A text with up to three buttons, each with an id and a title of up to 20 characters."""
    replies = [{"type": "reply", "reply": {"id": key, "title": title[:20]}} for key, title in choices[:3]]
    return {
        "type": "interactive",
        "interactive": {"type": "button", "body": {"text": body[:1024]}, "action": {"buttons": replies}},
    }


def choices(body: str, opener: str, rows: list[tuple[str, str]]) -> dict[str, Any]:
    """A text with a list of up to ten rows, each with an id and a title of up to 24 characters."""
    listed = [{"id": key, "title": title[:24]} for key, title in rows[:10]]
    return {
        "type": "interactive",
        "interactive": {
            "type": "list",
            "body": {"text": body[:1024]},
            "action": {"button": opener[:20], "sections": [{"rows": listed}]},
        },
    }


def location_request(body: str) -> dict[str, Any]:
    """A text with a button that sends where the person is."""
    return {
        "type": "interactive",
        "interactive": {
            "type": "location_request_message",
            "body": {"text": body[:1024]},
            "action": {"name": "send_location"},
        },
    }


def _answer(response: httpx.Response) -> Answer:
    try:
        data: Any = response.json()
    except ValueError:
        data = None
    if response.status_code == 200:
        return Answer(Sent(_message_id(data)), 200, data)
    error = data.get("error") if isinstance(data, dict) else None
    if not isinstance(error, dict):
        # Not WhatsApp's own words: something between us and it may have lost the answer only.
        unclear = Unknown(f"HTTP {response.status_code}")
        return Answer(unclear if response.status_code >= 500 else Refused(f"HTTP {response.status_code}"))
    number = error.get("code")
    code = number if isinstance(number, int) else 0
    return Answer(_refusal(response, code), response.status_code, data, code)


def _refusal(response: httpx.Response, code: int) -> Outcome:
    problem = f"WhatsApp {code}"
    if response.status_code == 429 or code in RATE_LIMITED:
        asked = response.headers.get("Retry-After", "")
        return Postponed(problem, timedelta(seconds=int(asked)) if asked.isdecimal() else RATE_PAUSE)
    if response.status_code >= 500 or code in TRY_AGAIN:
        return Postponed(problem)
    return Refused(problem)


def _message_id(data: Any) -> str:
    messages = data.get("messages") if isinstance(data, dict) else None
    first = messages[0] if isinstance(messages, list) and messages else None
    return str(first["id"]) if isinstance(first, dict) and "id" in first else ""
