"""Resolved credentials, kept until they expire, grow old, or somebody revokes them."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from servicekit.identity import Principal

LIMIT = 50_000


@dataclass(slots=True)
class Entry:
    """A credential that was checked: until when it is good at all, and when its principal was last asked for."""

    principal: Principal
    expires_at: float
    resolved_at: float


class PrincipalCache:
    """Principals by credential, which can be dropped by session, person (or key) and restaurant.

    A resolution that was under way when something was dropped may have seen the state before; `generation` tells.
    """

    def __init__(self, on_drop: Callable[[Principal], None] = lambda _principal: None) -> None:
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._credentials: dict[tuple[str, str], set[str]] = {}
        self._on_drop = on_drop
        self.generation = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, credential: str, max_age: float) -> Principal | None:
        """The principal, unless it is unknown, expired or was resolved longer ago than `max_age` seconds."""
        entry = self._entries.get(credential)
        if entry is None:
            return None
        if time.time() >= entry.expires_at:
            self._remove(credential)
            return None
        if time.monotonic() - entry.resolved_at > max_age:
            return None
        return entry.principal

    def put(self, credential: str, principal: Principal, expires_at: float, generation: int) -> None:
        """Keeps a principal, unless something was dropped since `generation` was read."""
        if generation != self.generation:
            return
        self._remove(credential)
        self._entries[credential] = Entry(principal, expires_at, time.monotonic())
        for key in _keys_of(principal):
            self._credentials.setdefault(key, set()).add(credential)
        if len(self._entries) > LIMIT:
            self._remove(next(iter(self._entries)))

    def drop(self, *, session_id: str = "", subject: str = "", restaurant_id: str = "") -> int:
        """Forgets everything that belongs to a session, a person or key, or a restaurant; says how much that was."""
        self.generation += 1
        dropped = 0
        for key in (("session", session_id), ("subject", subject), ("restaurant", restaurant_id)):
            if key[1]:
                for credential in tuple(self._credentials.get(key, ())):
                    self._remove(credential)
                    dropped += 1
        return dropped

    def clear(self) -> None:
        """Forgets everything: revocations may have been missed."""
        self.generation += 1
        for credential in tuple(self._entries):
            self._remove(credential)

    def _remove(self, credential: str) -> None:
        entry = self._entries.pop(credential, None)
        if entry is None:
            return
        self._on_drop(entry.principal)
        for key in _keys_of(entry.principal):
            credentials = self._credentials.get(key)
            if credentials is not None:
                credentials.discard(credential)
                if not credentials:
                    del self._credentials[key]


def _keys_of(principal: Principal) -> Iterable[tuple[str, str]]:
    yield "session", principal.session_id
    yield "subject", principal.subject
    if principal.restaurant_id is not None:
        yield "restaurant", str(principal.restaurant_id)
