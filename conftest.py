"""Fixtures that every test may use."""

pytest_plugins = ("servicekit.testing.stack", "servicekit.testing.fixtures")
