"""The agent's server, which takes our webhooks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import orjson

from services.notify.domain.agent import may_ask_again, signatures, signing_keys
from services.notify.domain.deliveries import Outcome, Postponed, Refused, Sent, Skipped, Unknown

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class AgentAddress:
    """Where the agent's server takes webhooks, and what it knows us by; a webhook without an address is not sent."""

    authenticated_url: str
    events_url: str
    api_key: str = field(repr=False)
    webhook_key: str = field(repr=False)
    secrets: str = field(repr=False)
    """What signs the webhooks; none is sent unsigned."""


class Agent:
    """The agent's server; a part of the service."""

    name = "agent"

    def __init__(self, address: AgentAddress, *, timeout: float) -> None:
        """Raises ValueError for a secret that is none."""
        self._keys = signing_keys(address.secrets)
        self._authenticated_url = address.authenticated_url if self._keys else ""
        self._events_url = address.events_url if self._keys else ""
        headers = {"Content-Type": "application/json", "User-Agent": "Mizan"}
        if address.api_key:
            headers |= {"Authorization": f"Bearer {address.api_key}", "Api-Key": address.api_key}
        if address.webhook_key:
            headers["x-api-key"] = address.webhook_key
        self._http = httpx.AsyncClient(
            timeout=timeout, headers=headers, limits=httpx.Limits(max_connections=10), follow_redirects=False
        )

    @property
    def hears_of_logins(self) -> bool:
        """Whether it is to be told who logs in."""
        return bool(self._authenticated_url)

    @property
    def hears_of_events(self) -> bool:
        """Whether it is to be told of invitations and incidents."""
        return bool(self._events_url)

    async def start(self) -> None:
        """Connects to nothing: each request does."""

    async def stop(self) -> None:
        """Closes the connections that were kept."""
        await self._http.aclose()

    async def tell_login(self, body: Mapping[str, Any], reference: str, now: datetime) -> Outcome:
        """Says who has logged in."""
        return await self._post(self._authenticated_url, body, reference, now, {})

    async def tell_event(self, body: Mapping[str, Any], reference: str, now: datetime) -> Outcome:
        """Says what has happened."""
        return await self._post(self._events_url, body, reference, now, {"x-role": "manager"})

    async def _post(
        self, url: str, body: Mapping[str, Any], reference: str, now: datetime, more: Mapping[str, str]
    ) -> Outcome:
        if not url:
            return Skipped("the agent's server is not configured")
        content = orjson.dumps(body)
        timestamp = int(now.timestamp())
        headers = {
            "webhook-id": reference,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signatures(self._keys, reference, timestamp, content),
            **more,
        }
        try:
            # The status says everything; what else it answers is not read.
            async with self._http.stream("POST", url, content=content, headers=headers) as response:
                return _outcome(response)
        except _NEVER_SENT as error:
            return Postponed(type(error).__name__)
        except httpx.HTTPError as error:
            return Unknown(type(error).__name__)


def _outcome(response: httpx.Response) -> Outcome:
    if response.is_success:
        return Sent()
    problem = f"HTTP {response.status_code}"
    if may_ask_again(response.status_code):
        asked = response.headers.get("Retry-After", "")
        return Postponed(problem, timedelta(seconds=int(asked)) if asked.isdecimal() else None)
    # Something between us and the agent answers for it: what became of the request is not known.
    return Unknown(problem) if response.is_server_error else Refused(problem)
