"""The JSON of large answers, kept for when a service gives the same answer again.

A page of dishes or a week of shifts is read far more often than it changes, and making JSON of it is most of what the
gateway does for it. An answer is known by its whole content, which the service gave for this very request after it had
checked who asks: nothing is shown to anybody that was not given to them, and nothing can be out of date. It is kept
from the second time on, because keeping costs as much as a quarter of making, and many answers are given once.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from google.protobuf.message import Message

# A smaller one is made as quickly as it is looked up.
LEAST_BYTES = 2_048
MOST_BYTES = 32 * 1024 * 1024
MOST_SEEN = 20_000


class Made(NamedTuple):
    """What was made of an answer: the JSON of the part that may be long, and the other keys."""

    json: bytes
    others: dict[str, object]


Make = Callable[[Message], Made]


class Remembered:
    """What was made last, as much as fits."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[tuple[Make, bytes], Made] = OrderedDict()
        # Digests of what was asked for once.
        self._seen: set[int] = set()
        self.bytes = 0

    def made(self, make: Make, answer: Message) -> Made:
        """What `make` gives for this answer, made now or before; to be left as it is."""
        if answer.ByteSize() < LEAST_BYTES:
            return make(answer)
        key = (make, answer.SerializeToString())
        known = self._kept.get(key)
        if known is not None:
            self._kept.move_to_end(key)
            return known
        made = make(answer)
        if self._is_new(hash(key)):
            return made
        self._kept[key] = made
        self.bytes += len(key[1]) + len(made.json)
        while self.bytes > self._most_bytes:
            (_, content), oldest = self._kept.popitem(last=False)
            self.bytes -= len(content) + len(oldest.json)
        return made

    def _is_new(self, digest: int) -> bool:
        """Whether this was not asked for of late."""
        if digest in self._seen:
            return False
        if len(self._seen) >= MOST_SEEN:
            self._seen.clear()
        self._seen.add(digest)
        return True
