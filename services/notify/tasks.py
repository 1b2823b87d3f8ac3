"""Notify's background work by name."""

from typing import Final

from servicekit.jobs import Task

DELIVER: Final = Task("notify.deliver", max_attempts=6, timeout=90)
"""Sends one delivery, or waits for its time or its turn."""

RELEASE: Final = Task("notify.release", max_attempts=20)
"""Tells an announcement to its people, once its time has come."""

CONVERSE: Final = Task("notify.converse", max_attempts=8, timeout=60)
"""Answers what one phone wrote."""

SWEEP: Final = Task("notify.sweep", cron="*/5 * * * *", max_attempts=3)
"""Finds what waits although its time has come, and settles what nobody is sending any more."""

CLEAN: Final = Task("notify.clean", cron="41 3 * * *", max_attempts=3)
"""Deletes what is over."""

REMOVE_FILE: Final = Task("notify.remove_file")
"""Removes a file unless a row names it."""
