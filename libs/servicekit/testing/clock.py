"""A clock that a test moves."""

from datetime import UTC, datetime, timedelta


class MovableClock:
    """Starts at the present and goes on by itself; `advance` adds to it."""

    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        """The present instant, as far as the test has moved it."""
        return datetime.now(UTC) + self._offset

    def advance(self, by: timedelta) -> None:
        """Moves the clock forward."""
        self._offset += by
