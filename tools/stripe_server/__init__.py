"""A local Stripe for development and tests: the part of its API that billing uses, with its shapes and its refusals.

It checks the key, the version, every parameter's name and the idempotency keys, keeps a clock that can be moved, signs
its webhooks, and has the two pages that people see. Cards are good until somebody says that they are declined.
"""
