"""Who may do what to whom: every role against every other."""

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.identity.domain.permissions import CATALOGUE, PASSWORD_ONLY, effective_permissions, standard_permissions
from services.identity.domain.roles import (
    ADMINISTRATIVE,
    ALL_POWERFUL,
    STAFF_ROLES,
    STANDARD,
    is_administrative,
    is_role,
    may_grant,
    may_impersonate,
    may_manage,
    may_reactivate,
    may_redefine,
    normalise,
    rank,
)

LADDER = ("SUPER_ADMIN", "OWNER", "ADMIN", "MANAGER", "WAITER")
PERMISSIONS = st.frozensets(st.sampled_from(sorted(CATALOGUE)))
ROLES = st.sampled_from([*STANDARD, "SHIFT_LEAD"])


@pytest.mark.parametrize(("actor", "target"), list(product(LADDER, LADDER)))
def test_nobody_manages_or_grants_upwards(actor: str, target: str) -> None:
    allowed = LADDER.index(actor) <= LADDER.index(target)
    assert may_manage(actor, target) is allowed
    assert may_grant(actor, standard_permissions(actor), target, standard_permissions(target)) is allowed
    assert may_impersonate(actor, standard_permissions(actor), target, standard_permissions(target)) is allowed


@pytest.mark.parametrize(("higher", "lower"), list(pairwise(LADDER)))
def test_a_higher_role_holds_all_that_a_lower_one_holds(higher: str, lower: str) -> None:
    assert standard_permissions(lower) <= standard_permissions(higher)


@pytest.mark.parametrize("role", [*STAFF_ROLES, "SHIFT_LEAD"])
def test_titles_of_staff_rank_alike_and_below_managers(role: str) -> None:
    assert rank(role) < rank("MANAGER")
    assert not is_administrative(role)
    assert standard_permissions(role) <= standard_permissions("MANAGER")
    assert not standard_permissions(role) & PASSWORD_ONLY


@given(actor=ROLES, held=PERMISSIONS, role=ROLES, given_permissions=PERMISSIONS)
def test_a_grant_never_gives_what_its_giver_lacks(
    actor: str, held: frozenset[str], role: str, given_permissions: frozenset[str]
) -> None:
    granted = may_grant(actor, held, role, given_permissions)
    assert granted is (given_permissions <= held and rank(role) <= rank(actor))


@given(actor=ROLES, held=PERMISSIONS, target=ROLES, theirs=PERMISSIONS)
def test_taking_over_an_account_never_gains_a_permission(
    actor: str, held: frozenset[str], target: str, theirs: frozenset[str]
) -> None:
    if may_impersonate(actor, held, target, theirs):
        assert held | theirs == held
        assert may_manage(actor, target)


@pytest.mark.parametrize("actor", [*STANDARD, "SHIFT_LEAD"])
def test_roles_are_redefined_from_above_only(actor: str) -> None:
    assert not may_redefine(actor, actor)
    assert not any(may_redefine(actor, role) for role in ALL_POWERFUL)
    assert may_redefine(actor, "WAITER") is (actor in ADMINISTRATIVE)


@pytest.mark.parametrize("actor", STANDARD)
def test_only_administrators_let_people_back_in(actor: str) -> None:
    assert may_reactivate(actor) is (actor in {"SUPER_ADMIN", "OWNER", "ADMIN"})


def test_a_redefinition_replaces_the_standard() -> None:
    assert effective_permissions("WAITER", None) == standard_permissions("WAITER")
    assert effective_permissions("WAITER", []) == frozenset()
    assert effective_permissions("SHIFT_LEAD", ["staff.view"]) == {"staff.view"}


@pytest.mark.parametrize(
    ("typed", "code"), [("sous-chef", "SOUS_CHEF"), (" Head  Waiter ", "HEAD_WAITER"), ("OWNER", "OWNER")]
)
def test_titles_are_read_as_people_write_them(typed: str, code: str) -> None:
    assert normalise(typed) == code
    assert is_role(code)


@given(st.text(max_size=60))
def test_a_role_code_is_never_anything_but_capitals_and_underscores(text: str) -> None:
    code = normalise(text)
    assert not is_role(code) or (len(code) <= 40 and set(code) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ_"))
