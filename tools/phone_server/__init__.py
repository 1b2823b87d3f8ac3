"""Local phones for development and tests: the parts of WhatsApp's Cloud API and of Firebase's that notify uses, and an
agent's server that takes its webhooks.

It checks credentials, signatures and the shape of every message as the real ones do, refuses in their words, keeps what
arrived, signs its webhooks, and fails when somebody says so.
"""
