"""Two restaurants that know nothing of each other, behind one gateway."""

from collections.abc import Iterator

import httpx
import pytest

from gateway.settings import DESCRIPTORS
from gateway.transcode.catalog import Catalog
from tests.support import browser
from tests.support.people import Restaurant, full_house, register
from tools.installation import Site


@pytest.fixture(scope="module")
def client(installation: Site) -> Iterator[httpx.Client]:
    with browser.client(installation.url) as client:
        yield client


@pytest.fixture(scope="module")
def ours(client: httpx.Client) -> Restaurant:
    return full_house(client, "Ours")


@pytest.fixture(scope="module")
def theirs(client: httpx.Client) -> Restaurant:
    return register(client, "Theirs")


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog.load(DESCRIPTORS)
