"""Where a person may be sent back to: only to sites that are the platform's own."""

from collections.abc import Collection
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}
_LONGEST = 2000


def origin_of(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of an absolute web address; None for everything that a browser may read differently."""
    if len(url) > _LONGEST or not url.isascii() or any(sign <= " " or sign in "\\\x7f" for sign in url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme]


def is_allowed(url: str, sites: Collection[str]) -> bool:
    """Whether an address is on one of the sites, which are given by their origins such as https://app.example.com."""
    origin = origin_of(url)
    return origin is not None and origin in {origin_of(site) for site in sites}
