"""How far a client has followed the stream of facts, in a form that it can bring back."""

from dataclasses import dataclass
from datetime import UTC, datetime

_PARTS = 3
_LONGEST = 64


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the stream: the stream's creation, the sequence of the last fact that was seen, and when that was.

    The creation tells a stream that was lost and made again from the one that the sequence belongs to; the time finds
    what was missed where the stream cannot.
    """

    epoch: int
    sequence: int
    milliseconds: int

    @classmethod
    def parse(cls, text: str) -> "Cursor | None":
        """The cursor that a text stands for, or None for what is none."""
        parts = text.split("-")
        if len(parts) != _PARTS or len(text) > _LONGEST or not all(part.isascii() and part.isalnum() for part in parts):
            return None
        try:
            epoch, sequence, milliseconds = (int(part, 36) for part in parts)
            cursor = cls(epoch, sequence, milliseconds)
            _ = cursor.at
        except (ValueError, OverflowError, OSError):
            return None
        return cursor

    @property
    def at(self) -> datetime:
        """When the last fact that was seen entered the stream."""
        return datetime.fromtimestamp(self.milliseconds / 1000, UTC)

    def __str__(self) -> str:
        return "-".join(map(_base36, (self.epoch, self.sequence, self.milliseconds)))


def _base36(number: int) -> str:
    digits = ""
    while True:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
        if number == 0:
            return digits
