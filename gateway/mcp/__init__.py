"""The API for agents that speak the Model Context Protocol: find an operation, read about it, use it."""
