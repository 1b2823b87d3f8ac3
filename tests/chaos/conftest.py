"""An installation that may be broken."""

from collections.abc import Iterator

import pytest

from tests.support.breakable import breakable
from tools.installation import Installation


@pytest.fixture(scope="module")
def own_installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Identity and the gateway with servers of their own."""
    with breakable(tmp_path_factory, ["identity"]) as installation:
        yield installation
