"""Links under which whoever has them can fetch one file for a while, signed with the service's own internal key."""

import base64
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from servicekit.clock import Clock
from servicekit.errors import Forbidden

STEP_SECONDS = 1800
STEPS = 3
# No internal token is signed over a text with this beginning.
_PURPOSE = "file-link\n"


class FileLinks:
    """Makes and checks links.

    One stays the same for half an hour, so that browsers keep what they fetched, and works for at least an hour. It
    ends at once when its file is replaced; exchanging the key ends all.
    """

    def __init__(self, key: Ed25519PrivateKey, clock: Clock, *, public_url: str) -> None:
        self._key = key
        self._public_key = key.public_key()
        self._clock = clock
        self._public_url = public_url.rstrip("/")
        self._signature = lru_cache(maxsize=4096)(self._sign)

    @classmethod
    def from_folder(cls, issuer: str, folder: Path, clock: Clock, *, public_url: str) -> "FileLinks":
        """Reads `<issuer>.pem`. Raises OSError when it is missing and ValueError when it is no Ed25519 key."""
        key = load_pem_private_key((folder / f"{issuer}.pem").read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError(f"{issuer}.pem holds no Ed25519 key")
        return cls(key, clock, public_url=public_url)

    def link(self, path: str, file_key: str) -> str:
        """The URL of a file that is served at a path."""
        expires = (int(self._clock.now().timestamp()) // STEP_SECONDS + STEPS) * STEP_SECONDS
        return f"{self._public_url}{path}?expires={expires}&signature={self._signature(path, file_key, expires)}"

    def check(self, path: str, file_key: str | None, expires: int, signature: str) -> None:
        """Raises Forbidden unless a link is ours, for this very file, and has not expired; None is no file."""
        if (
            file_key is None
            or self._clock.now().timestamp() >= expires
            or not self._is_ours(_text(path, file_key, expires), signature)
        ):
            raise Forbidden("This link does not work any more.", code="link_expired")

    def _is_ours(self, text: bytes, signature: str) -> bool:
        try:
            self._public_key.verify(base64.urlsafe_b64decode(f"{signature}=="), text)
        except (InvalidSignature, ValueError):
            return False
        return True

    def _sign(self, path: str, file_key: str, expires: int) -> str:
        return base64.urlsafe_b64encode(self._key.sign(_text(path, file_key, expires))).decode().rstrip("=")


def _text(path: str, file_key: str, expires: int) -> bytes:
    return f"{_PURPOSE}{path}\n{file_key}\n{expires}".encode()
