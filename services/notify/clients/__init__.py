"""Whom notify asks outside the platform, and its neighbours inside it."""
