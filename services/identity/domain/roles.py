"""Roles: their ranks, their labels, and who may do what to whom."""

import re
from typing import Final

ADMINISTRATIVE: Final = frozenset({"SUPER_ADMIN", "OWNER", "ADMIN", "MANAGER"})
"""Roles that log in with a password and land on the managers' screens; every other role is staff."""

STAFF_ROLES: Final = (
    "CHEF",
    "SOUS_CHEF",
    "PASTRY_CHEF",
    "KITCHEN_HELP",
    "KITCHEN_STAFF",
    "DISHWASHER",
    "WAITER",
    "WAITRESS",
    "BARTENDER",
    "BARISTA",
    "SOMMELIER",
    "HOST",
    "HOSTESS",
    "RUNNER",
    "BUSSER",
    "RECEPTIONIST",
    "CASHIER",
    "CLEANER",
    "SECURITY",
    "STAFF",
)

STANDARD: Final = ("SUPER_ADMIN", "OWNER", "ADMIN", "MANAGER", *STAFF_ROLES)
"""The roles that every restaurant has, the highest first."""

ALL_POWERFUL: Final = frozenset({"SUPER_ADMIN", "OWNER"})
"""Roles that always hold every permission, so that no restaurant can lock itself out."""

_RANKS: Final = {"SUPER_ADMIN": 100, "OWNER": 90, "ADMIN": 80, "MANAGER": 60}
_STAFF_RANK: Final = 10
_TITLE: Final = re.compile(r"[A-Z][A-Z_]{1,39}")


def normalise(role: str) -> str:
    """A role code out of what people type: "sous-chef" is SOUS_CHEF."""
    return re.sub(r"[\s-]+", "_", role.strip()).upper()


def is_role(code: str) -> bool:
    """Whether a code is a standard role or a plausible title of a restaurant's own."""
    return _TITLE.fullmatch(code) is not None


def is_standard(code: str) -> bool:
    """Whether every restaurant has the role."""
    return code in STANDARD


def is_administrative(role: str) -> bool:
    """Whether the role logs in with a password."""
    return role in ADMINISTRATIVE


def rank(role: str) -> int:
    """How high a role stands; higher manages lower."""
    return _RANKS.get(role, _STAFF_RANK)


def label(role: str) -> str:
    """The English name of a role, such as "Super Admin"."""
    return role.replace("_", " ").title()


def may_manage(actor_role: str, target_role: str) -> bool:
    """Whether somebody may edit, deactivate or reset a person: anybody not above themselves."""
    return rank(actor_role) >= rank(target_role)


def may_grant(actor_role: str, actor_permissions: frozenset[str], role: str, role_permissions: frozenset[str]) -> bool:
    """Whether somebody may give a role: not above their own, and holding nothing that they lack."""
    return rank(actor_role) >= rank(role) and role_permissions <= actor_permissions


def may_impersonate(
    actor_role: str, actor_permissions: frozenset[str], target_role: str, target_permissions: frozenset[str]
) -> bool:
    """Whether somebody may set what a person logs in or is recognised by: only where that gains them nothing."""
    return may_manage(actor_role, target_role) and target_permissions <= actor_permissions


def may_reactivate(actor_role: str) -> bool:
    """Whether somebody may let a person back in: administrators."""
    return rank(actor_role) >= _RANKS["ADMIN"]


def may_redefine(actor_role: str, role: str) -> bool:
    """Whether somebody may change what a role may do: only of roles below their own, and never of the highest two."""
    return role not in ALL_POWERFUL and rank(actor_role) > rank(role)
