"""Background work that survives a crash: deferred in a transaction, run by any replica, repeated when it fails.

A service declares its tasks as constants, defers them in its commands, and hands their handlers to `Jobs` where it is
wired. Procrastinate keeps the queue in the service's own database, in the schema `procrastinate`.
"""

from servicekit.jobs.queue import cancel, defer
from servicekit.jobs.schema import SCHEMA, grant, install
from servicekit.jobs.task import Job, Task
from servicekit.jobs.worker import Jobs

__all__ = ["SCHEMA", "Job", "Jobs", "Task", "cancel", "defer", "grant", "install"]
