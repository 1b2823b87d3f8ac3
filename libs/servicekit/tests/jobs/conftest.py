"""The servers and the database of the event tests serve here too."""

from servicekit.tests.events.conftest import address, database, own_stack

__all__ = ["address", "database", "own_stack"]
