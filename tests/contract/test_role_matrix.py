"""Every role against every operation: what the protos permit is let through, everything else is refused.

The table is made from the descriptors, so that an operation added later is covered without a line here.
"""

from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest

from gateway.settings import DESCRIPTORS
from gateway.transcode.catalog import Binding, Catalog, Operation
from services.identity.domain.permissions import standard_permissions
from tests.support import samples
from tests.support.people import ADMINISTRATIVE, STAFF, Restaurant

ROLES = ("SUPER_ADMIN", *ADMINISTRATIVE, *STAFF)
NOWHERE = str(UUID(int=0))
SENDS_BODY = {"POST", "PUT", "PATCH"}

pytestmark = pytest.mark.long


def operations() -> Iterator[tuple[Operation, Binding]]:
    for operation in Catalog.load(DESCRIPTORS).operations:
        for binding in operation.bindings:
            yield operation, binding


ROWS = [row for row in operations() if not row[0].public]
FOR_PEOPLE = [pytest.param(*row, id=f"{row[1].method} {row[1].path}") for row in ROWS if "USER" in row[0].callers]
KEYS_ONLY = [pytest.param(*row, id=f"{row[1].method} {row[1].path}") for row in ROWS if "USER" not in row[0].callers]


@pytest.mark.parametrize(("operation", "binding"), FOR_PEOPLE)
def test_what_a_role_may_do_is_what_its_permissions_say(
    ours: Restaurant, operation: Operation, binding: Binding
) -> None:
    for role in ROLES:
        person = ours.people[role]
        held = standard_permissions(role)
        allowed = not operation.permission or operation.permission in held
        if allowed and not operation.reads and not binding.variables:
            # Let through, it would act on the restaurant of the other tests; that it is let through is theirs to show.
            continue
        answer = person.request(
            binding.method,
            samples.path(binding, NOWHERE),
            json={} if binding.method in SENDS_BODY else None,
        )
        assert answer.status_code < 500, (role, answer.text)
        if allowed:
            assert answer.status_code not in {401, 403}, (role, answer.text)
        else:
            assert answer.status_code == 403, (role, answer.text)
            assert answer.json()["message"]


@pytest.mark.parametrize(("operation", "binding"), FOR_PEOPLE + KEYS_ONLY)
def test_nobody_gets_in_without_a_credential(client: httpx.Client, operation: Operation, binding: Binding) -> None:
    answer = client.request(binding.method, samples.path(binding, NOWHERE))
    expected = {401} if "USER" in operation.callers else {401, 503}
    assert answer.status_code in expected, answer.text
    assert answer.json()["message"]
    assert answer.json()["request_id"]


@pytest.mark.parametrize(("operation", "binding"), KEYS_ONLY)
def test_people_do_not_get_in_where_only_keys_do(ours: Restaurant, operation: Operation, binding: Binding) -> None:
    answer = ours.owner.request(binding.method, samples.path(binding, NOWHERE))
    assert answer.status_code == 403, answer.text


@pytest.mark.parametrize(("operation", "binding"), FOR_PEOPLE[:1])
@pytest.mark.parametrize("token", ["x", "a.b.c", "0123456789abcdef"])
def test_what_is_no_token_is_refused(client: httpx.Client, operation: Operation, binding: Binding, token: str) -> None:
    answer = client.request(binding.method, binding.path, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401, answer.text
