"""Installations of a test's own, whose servers and processes may be killed."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from tools.installation import Installation
from tools.stack import StackUnavailable, make_stack
from tools.stack.processes import LOOPBACK
from tools.stack.stack import ExternalStack

# A test stands for many people at many addresses, and does not meet anybody's limits.
_SETTINGS = {
    "GATEWAY_TRUSTED_PROXIES": json.dumps([f"{LOOPBACK}/32"]),
    "GATEWAY_LIMIT_ADDRESS": "",
    "GATEWAY_LIMIT_ACCOUNT": "",
    "GATEWAY_LIMIT_RESTAURANT": "",
    "GATEWAY_LIMIT_CREDENTIALS": "100000/minute",
    "GATEWAY_LIMIT_MESSAGES": "100000/minute",
}


@contextmanager
def breakable(
    tmp_path_factory: pytest.TempPathFactory, services: Sequence[str], *, replicas: int = 1
) -> Iterator[Installation]:
    """Some services and the gateway, with servers of their own; skips where the servers are somebody else's."""
    folder = tmp_path_factory.mktemp("breakable")
    try:
        stack = make_stack(folder, durable=False)
    except StackUnavailable as error:
        pytest.skip(str(error))
    if isinstance(stack, ExternalStack):
        pytest.skip("servers of others are not killed")
    with Installation(folder, stack, services=services, settings=_SETTINGS, replicas=replicas) as installation:
        yield installation
