"""Versions, fences and free-form settings."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.identity.domain import settings as rules

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CASABLANCA = (Decimal("33.589886"), Decimal("-7.603869"))


@given(st.lists(st.integers(min_value=0, max_value=3), min_size=1, max_size=20))
def test_versions_grow_however_fast_changes_follow(seconds: list[int]) -> None:
    version, now = 0, NOW
    for pause in seconds:
        now += timedelta(seconds=pause)
        following = rules.next_version(version, now)
        assert following > version
        assert following >= int(now.timestamp())
        version = following


def test_a_clock_that_went_back_does_not_take_the_version_with_it() -> None:
    assert rules.next_version(2_000_000_000, NOW) == 2_000_000_001


@pytest.mark.parametrize(
    ("latitude", "longitude", "role", "locked"),
    [
        (*CASABLANCA, "ADMIN", True),
        (*CASABLANCA, "OWNER", True),
        (*CASABLANCA, "SUPER_ADMIN", False),
        (CASABLANCA[0], None, "ADMIN", False),
        (None, None, "WAITER", False),
        (Decimal(0), Decimal(0), "ADMIN", True),
    ],
)
def test_the_fence_is_closed_to_all_but_super_admins_once_both_coordinates_are_set(
    latitude: Decimal | None, longitude: Decimal | None, role: str, locked: bool
) -> None:
    assert rules.is_location_locked(latitude, longitude, role) is locked


def test_only_what_differs_is_a_change_and_zeros_at_the_end_are_no_difference() -> None:
    current = {"radius": Decimal("100.00"), "name": "Chez Amina", "phone": None, "operating_hours": {}}
    wanted = {"radius": Decimal(100), "name": "Dar Amina", "phone": None, "operating_hours": {"Monday": None}}
    assert rules.real_changes(current, wanted) == {"name": "Dar Amina", "operating_hours": {"Monday": None}}


@pytest.mark.parametrize(
    ("changes", "forgotten"),
    [
        ({"pos_provider": "TOAST"}, True),
        ({"pos_provider": "TOAST", "pos_api_key": None}, True),
        ({"pos_provider": "TOAST", "pos_api_key": "secret"}, False),
        ({"pos_merchant_id": "M1"}, False),
    ],
)
def test_the_key_of_one_provider_is_never_kept_for_another(changes: dict[str, Any], forgotten: bool) -> None:
    assert rules.forgets_pos_key(changes) is forgotten


GOOD: list[tuple[str, Any]] = [
    ("operating_hours", {}),
    ("operating_hours", {"Monday": {"open": "09:00", "close": "23:30", "isClosed": False}}),
    ("operating_hours", {"sunday": {"open": "", "close": "", "isClosed": True}, "Friday": None}),
    ("operating_hours", {"Monday": {"open": "09:00:00", "close": "24:00"}}),
    ("geofence_polygon", []),
    ("geofence_polygon", [[33.5, -7.6], [33.6, -7.6], [33.6, -7.5]]),
    ("email_notifications", {"lowInventory": True, "revenue": False}),
    ("push_notifications", {}),
    ("ai_features", {"insights": True}),
    ("general_settings", {"theme": {"colour": "#fff"}, "tables": 12}),
]
BAD: list[tuple[str, Any]] = [
    ("operating_hours", []),
    ("operating_hours", None),
    ("operating_hours", {"Someday": {}}),
    ("operating_hours", {"Monday": "09:00-23:00"}),
    ("operating_hours", {"Monday": {"open": "25:00"}}),
    ("operating_hours", {"Monday": {"open": 9}}),
    ("operating_hours", {"Monday": {"isClosed": "no"}}),
    ("geofence_polygon", {}),
    ("geofence_polygon", [[33.5, -7.6], [33.6, -7.6]]),
    ("geofence_polygon", [[33.5, -7.6], [33.6, -7.6], [33.6]]),
    ("geofence_polygon", [[33.5, -7.6], [33.6, -7.6], [True, False]]),
    ("geofence_polygon", [[33.5, -7.6], [33.6, -7.6], [91, 0]]),
    ("geofence_polygon", [[33.5, -7.6]] * 101),
    ("email_notifications", {"revenue": "yes"}),
    ("push_notifications", [True]),
    ("ai_features", "all"),
    ("general_settings", [1]),
    ("general_settings", {"note": "x" * 20_000}),
]


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_well_formed_free_form_settings_pass(name: str, value: Any) -> None:
    assert rules.json_problem(name, value) is None


@pytest.mark.parametrize(("name", "value"), BAD)
def test_malformed_free_form_settings_are_told_what_is_wrong(name: str, value: Any) -> None:
    assert rules.json_problem(name, value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@given(st.sampled_from(sorted(rules.FREE_FORM)), JSON)
def test_no_json_value_breaks_the_checks(name: str, value: Any) -> None:
    problem = rules.json_problem(name, value)
    assert problem is None or problem.endswith(".")
