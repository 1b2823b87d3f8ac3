"""What pos does in the background; `jobs.py` says how."""

from servicekit.jobs import Task

SYNC = Task("provider.sync", max_attempts=8)
"""Takes over a restaurant's menu or orders from its till system, from where the last run stopped."""
PROCESS_EVENTS = Task("provider.process_events", max_attempts=12)
"""Looks at what a merchant's waiting events hint at."""
RELOAD = Task("provider.reload", max_attempts=10)
"""Looks whether the settings still name the till system that a restaurant is connected with."""
POLL = Task("provider.poll", cron="*/5 * * * *", max_attempts=1)
"""Every five minutes: what no event told is found by asking; events that were given up are looked at again."""
RENEW_TOKENS = Task("provider.renew_tokens", cron="17 * * * *", max_attempts=1)
"""Every hour: Square's tokens live for thirty days and are renewed a week before."""
SETTLE_CARD = Task("card.settle", max_attempts=20)
"""Asks the payment provider how a card payment stands, and records what became of it."""
RETURN_CARD = Task("card.return", max_attempts=20)
"""Has the payment provider give money back."""
WATCH_CARDS = Task("card.watch", cron="* * * * *", max_attempts=1)
"""Every minute: card payments of which nothing was heard, and refunds that wait."""
SUM_SALES = Task("sales.sum", cron="*/10 * * * *", max_attempts=1, timeout=900.0)
"""Every ten minutes: sums up the business days whose sales changed and are over."""
