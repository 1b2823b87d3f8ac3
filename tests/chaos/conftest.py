"""An installation that may be broken."""

from collections.abc import Iterator

import pytest

from tools.installation import Installation
from tools.stack import StackUnavailable, make_stack
from tools.stack.stack import ExternalStack

# The crowd stands for many people at many addresses.
SETTINGS = {
    "GATEWAY_LIMIT_ADDRESS": "",
    "GATEWAY_LIMIT_ACCOUNT": "",
    "GATEWAY_LIMIT_CREDENTIALS": "100000/minute",
    "GATEWAY_LIMIT_MESSAGES": "100000/minute",
}


@pytest.fixture(scope="module")
def own_installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Identity and the gateway with servers of their own; skips where the servers are somebody else's."""
    folder = tmp_path_factory.mktemp("chaos")
    try:
        stack = make_stack(folder, durable=False)
    except StackUnavailable as error:
        pytest.skip(str(error))
    if isinstance(stack, ExternalStack):
        pytest.skip("servers of others are not killed")
    with Installation(folder, stack, services=["identity"], settings=SETTINGS) as installation:
        yield installation
