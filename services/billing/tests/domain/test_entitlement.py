"""What a restaurant may use follows from its plan, its payments and what it was given, and never from nothing."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entitlements import ALWAYS
from services.billing.domain import entitlement as rules
from services.billing.domain.entitlement import Contents, Entitlements, Grant, Standing, entitlements_of
from services.billing.domain.plan import Offer, is_dearer, limit_of
from services.billing.domain.subscription import STATUSES

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GRACE = timedelta(days=14)
FREE = Contents("free", frozenset({"api_access"}), {"staff": 15})
PRO = Contents("pro", frozenset({"api_access", "forecasting"}), {"staff": 60})
moments = st.one_of(st.none(), st.integers(0, 730 * 86_400).map(lambda seconds: START + timedelta(seconds=seconds)))


def derive(
    standing: Standing, plan: Contents | None = PRO, base: Contents | None = FREE, *grants: Grant
) -> Entitlements:
    return entitlements_of(plan, base, standing, grants, grace=GRACE, now=NOW)


@pytest.mark.parametrize(
    ("standing", "slug", "reason"),
    [
        (Standing("active"), "pro", rules.SUBSCRIBED),
        (Standing("trialing", trial_end=NOW + timedelta(seconds=1)), "pro", rules.TRIAL),
        (Standing("trialing", trial_end=NOW), "free", rules.BASE),
        (Standing("trialing", trial_end=NOW - GRACE, at_provider=True), "pro", rules.TRIAL),
        (Standing("past_due", past_due_since=NOW - GRACE + timedelta(seconds=1)), "pro", rules.GRACE),
        (Standing("past_due", past_due_since=NOW - GRACE), "free", rules.NOT_PAID),
        (Standing("unpaid"), "free", rules.NOT_PAID),
        (Standing("canceled"), "free", rules.BASE),
        (Standing("incomplete"), "free", rules.BASE),
        (Standing("incomplete_expired"), "free", rules.BASE),
    ],
)
def test_each_standing(standing: Standing, slug: str, reason: str) -> None:
    found = derive(standing)
    assert (found.plan, found.reason, found.unlimited) == (slug, reason, False)


@given(st.sampled_from(STATUSES), moments, moments, st.booleans())
def test_it_changes_only_when_it_says_so(
    status: str, trial_end: datetime | None, since: datetime | None, at_provider: bool
) -> None:
    standing = Standing(status, trial_end, since, at_provider=at_provider)
    found = derive(standing)
    assert found.features >= FREE.features
    if found.valid_until is not None:
        assert found.valid_until > NOW
        before = found.valid_until - timedelta(microseconds=1)
        assert entitlements_of(PRO, FREE, standing, (), grace=GRACE, now=before) == found
        later = entitlements_of(PRO, FREE, standing, (), grace=GRACE, now=found.valid_until)
        assert later.features < found.features
        assert later.valid_until is None
    else:
        forever = entitlements_of(PRO, FREE, standing, (), grace=GRACE, now=NOW + timedelta(days=3650))
        assert forever == found


@given(st.sampled_from(STATUSES), moments)
def test_without_a_base_plan_everything_is_open(status: str, moment: datetime | None) -> None:
    for plan in (None, PRO):
        found = derive(Standing(status, moment, moment), plan, None)
        assert found.unlimited


def test_what_is_given_is_added_until_it_ends() -> None:
    tomorrow = NOW + timedelta(days=1)
    given_ = (Grant("recall"), Grant("staff", 30, tomorrow), Grant("forecasting", until=NOW), Grant("tables", 5))
    found = derive(Standing("canceled"), PRO, FREE, *given_)
    assert found.features == {"api_access", "recall"}
    # A plan that does not limit something is not limited by a gift.
    assert found.limits == {"staff": 30}
    assert found.valid_until == tomorrow
    smaller = derive(Standing("active"), PRO, FREE, Grant("staff", 1))
    assert smaller.limits == {"staff": 60}


@pytest.mark.parametrize("name", sorted(ALWAYS))
def test_what_keeps_a_restaurant_running_cannot_be_sold(name: str) -> None:
    for changed in ({"entitled_features": (name,)}, {"limits": {name: 0}}):
        with pytest.raises(ValueError, match="works for everybody"):
            Offer("pro", "Pro", Decimal(1), "USD", "month", **changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"trial_days": -1},
        {"trial_days": 91},
        {"is_base": True},
        {"limits": {"staff": -1}},
        {"entitled_features": ("Api Access",)},
    ],
)
def test_what_cannot_be_offered(changed: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"trial|base|limit|feature"):
        Offer("pro", "Pro", Decimal(1), "USD", "month", **changed)  # type: ignore[arg-type] # wrong on purpose


@pytest.mark.parametrize("text", ["staff", "staff=", "staff=-1", "staff=x"])
def test_what_is_no_limit(text: str) -> None:
    with pytest.raises(ValueError, match="no limit"):
        limit_of(text)
    assert limit_of("staff=25") == ("staff", 25)


prices = st.decimals(0, 10_000, places=2)
periods = st.sampled_from(["month", "year"])


@given(prices, periods, prices, periods)
def test_of_two_different_plans_exactly_one_is_dearer(one: Decimal, period: str, other: Decimal, than: str) -> None:
    if (one, period) == (other, than) or (one == other == 0 and period == than):
        assert not is_dearer(one, period, other, than)
    else:
        assert is_dearer(one, period, other, than) != is_dearer(other, than, one, period)
