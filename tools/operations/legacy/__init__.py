"""Takes over what an earlier, single-process backend left in PostgreSQL: `mizan import-legacy`.

Ids stay the same, so everything that refers to them goes on doing so, and a row that was taken over is never taken over
again: a run that was interrupted is simply repeated. Each row goes through the service's own code, with its rules and
its events, in a transaction of its own; a row that breaks a rule is refused, counted and named.
"""
