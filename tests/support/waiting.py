"""Waiting for what comes by itself, as the facts of other services do."""

import time
from collections.abc import Callable
from typing import Any

PAUSE_SECONDS = 0.02
"""Between two looks, so that what is waited for has the processor."""


def eventually(question: Callable[[], Any], right: Callable[[Any], object] = bool, seconds: float = 30) -> Any:
    """The first answer that is right: a true one, if nothing else is said. Raises AssertionError when none comes."""
    deadline = time.monotonic() + seconds
    while not right(answer := question()):
        assert time.monotonic() < deadline, f"still {answer!r:.500} after {seconds:g} s"
        # Not what is waited for, which the condition above asks: only the pause between two looks.
        time.sleep(PAUSE_SECONDS)
    return answer
