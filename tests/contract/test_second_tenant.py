"""Every id of one restaurant, tried by the owner of another, wherever an id can stand.

Nothing of it may be read, nothing may change. Ids are harvested from what the restaurant can list; operations are
taken from the descriptors, so that later ones are covered without a line here.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import stamina

from gateway.settings import DESCRIPTORS
from gateway.transcode.catalog import Binding, Catalog, Operation
from tests.support import samples
from tests.support.people import Restaurant

UUID_TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
MOVING = ("last_used_at", "current", "updated_at", "timestamp")
SENDS_BODY = {"POST", "PUT", "PATCH"}
MOST_IDS = 12
SETTLED_SECONDS = 20

pytestmark = pytest.mark.long


def operations() -> Iterator[tuple[Operation, Binding]]:
    for operation in Catalog.load(DESCRIPTORS).operations:
        if operation.public or "USER" not in operation.callers:
            continue
        for binding in operation.bindings:
            if any(samples.id_fields(operation)) or binding.variables:
                yield operation, binding


def lists() -> Iterator[str]:
    """Every GET without a variable: what a restaurant can see of itself."""
    for operation in Catalog.load(DESCRIPTORS).operations:
        for binding in operation.bindings:
            readable = binding.method == "GET" and not binding.variables and "USER" in operation.callers
            if readable and not operation.public and operation.output.full_name != "google.api.HttpBody":
                yield binding.path


def world(restaurant: Restaurant) -> dict[str, Any]:
    """What the owner sees, without what moves by itself."""
    seen = {}
    for path in lists():
        if "audit" in path:
            continue
        answer = restaurant.owner.get(path)
        if answer.status_code == 200:
            seen[path] = _still(answer.json())
    return seen


def _still(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _still(item) for name, item in value.items() if name not in MOVING}
    return [_still(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def their_world(theirs: Restaurant, ours: Restaurant) -> dict[str, Any]:
    """What the other restaurant looked like before anybody tried anything."""
    assert ours.owner.id != theirs.owner.id
    # A new restaurant gets its checklists and its owner's mail by events, which may be under way.
    for attempt in stamina.retry_context(on=AssertionError, attempts=None, timeout=SETTLED_SECONDS, wait_max=0.2):
        with attempt:
            assert theirs.owner.get("/api/checklists/templates/").json()
            channels = theirs.owner.get("/api/notifications/health-check/").json()["checks"]
            assert channels["pending_deliveries_count"] == 0
    return world(theirs)


@pytest.fixture(scope="module")
def their_ids(their_world: dict[str, Any]) -> list[str]:
    found = sorted(set(UUID_TEXT.findall(json.dumps(their_world))))
    assert found
    return found[:MOST_IDS]


@pytest.mark.parametrize(
    ("operation", "binding"), [pytest.param(*row, id=f"{row[1].method} {row[1].path}") for row in operations()]
)
def test_a_foreign_id_is_not_found_and_changes_nothing(
    ours: Restaurant,
    theirs: Restaurant,
    their_world: dict[str, Any],
    their_ids: list[str],
    operation: Operation,
    binding: Binding,
) -> None:
    for identifier in their_ids:
        body = samples.body(operation, binding, identifier)
        answer = ours.owner.request(
            binding.method,
            samples.path(binding, identifier),
            json=body if binding.method in SENDS_BODY else None,
            params=None if binding.method in SENDS_BODY else {name: str(value) for name, value in body.items()},
        )
        assert answer.status_code < 500, answer.text
        if binding.variables:
            assert answer.status_code in {400, 404, 405, 415}, answer.text
        assert theirs.data["name"] not in answer.text
        assert theirs.data["email"] not in answer.text


def test_the_other_restaurant_is_as_it_was(theirs: Restaurant, their_world: dict[str, Any]) -> None:
    assert world(theirs) == their_world
