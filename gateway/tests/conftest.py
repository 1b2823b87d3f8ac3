"""The odd operations: their compiled protos, a server that implements them, and clients in front of it."""

from pathlib import Path

import pytest

from gateway.transcode.catalog import Catalog
from servicekit.testing.protos import compile_protos

REPOSITORY_PROTOS = Path(__file__).resolve().parents[2] / "protos"


@pytest.fixture(scope="session")
def odd_descriptors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The descriptor set of the odd operations, whose modules can be imported from then on."""
    return compile_protos(Path(__file__).parent / "protos", tmp_path_factory.mktemp("odd"), REPOSITORY_PROTOS)


@pytest.fixture(scope="session")
def catalog(odd_descriptors: Path) -> Catalog:
    """The catalog of the odd operations."""
    return Catalog.load(odd_descriptors, package="odd.")
