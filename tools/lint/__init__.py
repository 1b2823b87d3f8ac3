"""The checks of `make lint`."""
