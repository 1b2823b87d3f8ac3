"""How long to wait before the next try of something that failed, where the waiting is not a library's."""

import asyncio
import contextlib
import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential delays from `first` seconds up to `cap`, each shortened at random by up to a quarter."""

    first: float = 0.5
    cap: float = 300.0
    factor: float = 2.0

    def delay(self, attempt: int) -> float:
        """Seconds to wait after the given failed attempt, counted from 1."""
        exponent = min(max(attempt, 1) - 1, 60)
        whole = min(self.cap, self.first * self.factor**exponent)
        return whole * random.uniform(0.75, 1.0)  # noqa: S311 - spreads load, protects nothing


async def pause(seconds: float, stop: asyncio.Event) -> None:
    """Waits, unless and until it is time to stop."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
