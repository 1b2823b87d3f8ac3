"""Takes over what an earlier, single-process backend left in PostgreSQL: `mizan import-legacy`.

Ids stay the same, so everything that refers to them goes on doing so, and a row that was taken over is never taken over
again: a run that was interrupted is simply repeated. Each row goes by the service's own rules, in a transaction that is
undone by itself when it breaks one; then it is refused, counted and named. What is comes with its events, what only
happened comes without those that would make it happen again.
"""
