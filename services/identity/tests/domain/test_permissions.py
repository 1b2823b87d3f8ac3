"""Who holds what by default, where clients rely on it."""

import pytest

from services.identity.domain.permissions import standard_permissions


@pytest.mark.parametrize(
    ("role", "sees", "changes"),
    [
        ("SUPER_ADMIN", True, True),
        ("OWNER", True, True),
        ("ADMIN", True, True),
        ("MANAGER", True, False),
        ("WAITER", False, False),
        ("CASHIER", False, False),
    ],
)
def test_administrators_pay_managers_look_and_nobody_else_does_either(role: str, sees: bool, changes: bool) -> None:
    held = standard_permissions(role)
    assert ("billing.view" in held, "billing.manage" in held) == (sees, changes)
