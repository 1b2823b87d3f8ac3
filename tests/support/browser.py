"""An HTTP client that comes from another address each time, so that tests do not share one address's limits."""

import ipaddress
import ssl
from uuid import uuid4

import httpx

TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""There is no TLS on loopback, and to read every authority's certificate takes longer than most tests."""


def client(url: str) -> httpx.Client:
    """A client of the gateway; close it when done."""
    hooks = {"request": [_come_from_elsewhere]}
    return httpx.Client(base_url=url, timeout=30, verify=TRUSTS_NOBODY, event_hooks=hooks)


def elsewhere() -> str:
    """An address of the range that documentation uses, another one each time."""
    documentation = ipaddress.ip_network("2001:db8::/32")
    return str(documentation[uuid4().int % documentation.num_addresses])


def _come_from_elsewhere(request: httpx.Request) -> None:
    request.headers["X-Forwarded-For"] = elsewhere()
