"""The servers that Mizan stands on, booted for development and for tests: PostgreSQL, NATS with JetStream, Valkey."""

from tools.stack.databases import Database, Databases
from tools.stack.processes import ServerError, free_port
from tools.stack.stack import Endpoints, Stack, StackUnavailable, make_stack

__all__ = ["Database", "Databases", "Endpoints", "ServerError", "Stack", "StackUnavailable", "free_port", "make_stack"]
