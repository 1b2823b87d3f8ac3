"""The last facts of each restaurant, kept in memory for clients that come back."""

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

PER_RESTAURANT = 2_000
# What Python needs for one fact beside its content.
OVERHEAD_BYTES = 400


@dataclass(frozen=True, slots=True)
class Fact:
    """An event as it came from the stream."""

    sequence: int
    subject: str
    restaurant_id: UUID
    data: bytes
    milliseconds: int

    @property
    def at(self) -> datetime:
        """When it entered the stream."""
        return datetime.fromtimestamp(self.milliseconds / 1000, UTC)


class _Shelf:
    __slots__ = ("facts", "missing_up_to")

    def __init__(self) -> None:
        self.facts: deque[Fact] = deque()
        self.missing_up_to = 0


class Backlog:
    """What came in order of sequence, within a limit of bytes and of facts per restaurant; the oldest go first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._order: deque[tuple[UUID, int, int]] = deque()
        self._shelves: dict[UUID, _Shelf] = {}
        self._missing_up_to = 0

    def clear(self, missing_up_to: int) -> None:
        """Forgets everything; what comes next follows the given sequence."""
        self._order.clear()
        self._shelves.clear()
        self._bytes = 0
        self._missing_up_to = missing_up_to

    def add(self, fact: Fact) -> None:
        """Keeps one more fact."""
        shelf = self._shelves.get(fact.restaurant_id)
        if shelf is None:
            shelf = self._shelves[fact.restaurant_id] = _Shelf()
        shelf.facts.append(fact)
        size = len(fact.data) + OVERHEAD_BYTES
        self._order.append((fact.restaurant_id, fact.sequence, size))
        self._bytes += size
        if len(shelf.facts) > PER_RESTAURANT:
            # Its entry in the common order stays behind, and is passed over when its turn comes.
            shelf.missing_up_to = shelf.facts.popleft().sequence
        while self._bytes > self._max_bytes and len(self._order) > 1:
            self._drop_oldest()

    def since(self, restaurant_id: UUID, sequence: int, limit: int) -> list[Fact] | None:
        """The next facts of a restaurant after a sequence, or None where some of them are no longer kept."""
        shelf = self._shelves.get(restaurant_id)
        if sequence < self._missing_up_to or (shelf is not None and sequence < shelf.missing_up_to):
            return None
        if shelf is None:
            return []
        newer: list[Fact] = []
        for fact in reversed(shelf.facts):
            if fact.sequence <= sequence:
                break
            newer.append(fact)
        newer.reverse()
        return newer[:limit]

    def _drop_oldest(self) -> None:
        restaurant_id, sequence, size = self._order.popleft()
        self._bytes -= size
        self._missing_up_to = max(self._missing_up_to, sequence)
        shelf = self._shelves[restaurant_id]
        if shelf.facts and shelf.facts[0].sequence == sequence:
            shelf.facts.popleft()
        if not shelf.facts:
            del self._shelves[restaurant_id]
