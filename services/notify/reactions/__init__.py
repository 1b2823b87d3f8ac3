"""Whom notify tells what about the facts of the other services."""
