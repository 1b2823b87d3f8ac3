"""An HTTP client that comes from another address with every request, so that tests do not share one address's limits."""

import ipaddress
from uuid import uuid4

import httpx


def client(url: str) -> httpx.Client:
    """A client of the gateway; close it when done."""
    return httpx.Client(base_url=url, timeout=30, event_hooks={"request": [_come_from_elsewhere]})


def _come_from_elsewhere(request: httpx.Request) -> None:
    documentation = ipaddress.ip_network("2001:db8::/32")
    request.headers["X-Forwarded-For"] = str(documentation[uuid4().int % documentation.num_addresses])
