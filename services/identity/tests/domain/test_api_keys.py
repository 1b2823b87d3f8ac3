"""What keys may be granted."""

import pytest

from services.identity.domain.api_keys import scope_problem
from services.identity.domain.permissions import AGENT_SCOPES, CATALOGUE, standard_permissions

ADMIN = standard_permissions("ADMIN") - {"billing.manage"}


@pytest.mark.parametrize(
    ("kind", "scopes"),
    [
        ("AGENT", sorted(AGENT_SCOPES)),
        ("AGENT", ["agent.requests", "menu.view"]),
        ("INTEGRATION", ["order.view", "report.view"]),
    ],
)
def test_a_key_may_hold_what_suits_its_kind_and_what_its_creator_holds(kind: str, scopes: list[str]) -> None:
    assert scope_problem(kind, scopes, ADMIN) is None


@pytest.mark.parametrize(
    ("kind", "scopes"),
    [
        ("INTEGRATION", ["agent.requests"]),
        ("INTEGRATION", ["billing.manage"]),
        ("AGENT", ["billing.manage"]),
        ("AGENT", ["no.such.thing"]),
        ("INTEGRATION", ["menu.view", ""]),
    ],
)
def test_a_key_may_not_hold_more(kind: str, scopes: list[str]) -> None:
    assert scope_problem(kind, scopes, ADMIN)


def test_whatever_a_creator_holds_never_grows_in_a_key() -> None:
    for permission in CATALOGUE:
        granted = scope_problem("INTEGRATION", [permission], ADMIN) is None
        assert granted is (permission in ADMIN)
