"""What billing does in the background; `jobs.py` says how."""

from servicekit.jobs import Task

PROCESS_EVENTS = Task("billing.process_events", max_attempts=20)
REFRESH_ENTITLEMENTS = Task("billing.refresh_entitlements", max_attempts=10)
SETTLE = Task("billing.settle", cron="* * * * *", max_attempts=3)
"""Every minute: trials and grace end by the clock."""
RECONCILE = Task("billing.reconcile", cron="40 2 * * *", max_attempts=5, timeout=3600.0)
"""Every night; it takes two requests per restaurant that ever went to a checkout."""
