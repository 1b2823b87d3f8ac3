"""Stripe's objects are read in the shape of the pinned version and of older ones."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.stripe_objects import customer_of, invoice_of, is_foreign, is_relevant, mirror_of
from services.billing.domain.subscription import Snapshot
from tools.stripe_server.account import half_up, later

START, END = 1_790_000_000, 1_792_000_000


def subscription(**changed: Any) -> dict[str, Any]:
    item = {"id": "si_1", "price": {"id": "price_1"}, "current_period_start": START, "current_period_end": END}
    base = {"id": "sub_1", "status": "active", "created": START, "customer": "cus_1", "items": {"data": [item]}}
    return {**base, **changed}


def invoice(**changed: Any) -> dict[str, Any]:
    base = {
        "id": "in_1",
        "status": "open",
        "currency": "usd",
        "total": 100,
        "amount_paid": 0,
        "amount_remaining": 100,
        "attempt_count": 1,
        "created": START,
        "parent": {"subscription_details": {"subscription": "sub_1"}},
    }
    return {**base, **changed}


def test_both_places_of_the_period_and_the_price() -> None:
    old = subscription(
        items={"data": [{"id": "si_1", "plan": {"id": "price_1"}}]}, current_period_start=START, current_period_end=END
    )
    oldest = subscription(items={}, plan={"id": "price_1"}, current_period_start=START, current_period_end=END)
    assert mirror_of(subscription()) == mirror_of(old) == mirror_of(oldest)
    assert mirror_of(subscription()).current_period_end == datetime.fromtimestamp(END, UTC)


def test_both_places_of_an_invoices_subscription() -> None:
    old = invoice(parent=None, subscription="sub_1")
    embedded = invoice(parent={"subscription_details": {"subscription": {"id": "sub_1"}}})
    assert invoice_of(invoice()) == invoice_of(old) == invoice_of(embedded)


def test_a_status_of_another_version_is_one_that_nobody_pays_for() -> None:
    assert mirror_of(subscription(status="paused")).status == "unpaid"


@given(st.permutations(["canceled", "incomplete_expired", "active", "incomplete"]))
def test_the_running_subscription_counts_whatever_the_order(statuses: list[str]) -> None:
    found = [
        mirror_of(subscription(id=f"sub_{n}", status=status, created=START + n)) for n, status in enumerate(statuses)
    ]
    current = Snapshot(tuple(found), ()).current
    assert current is not None
    assert current.status == "active"
    newest = Snapshot(tuple(one for one in found if one.status != "active"), ()).current
    assert newest == max((one for one in found if one.status != "active"), key=lambda one: one.created)


def test_a_debt_is_as_old_as_its_oldest_unpaid_invoice() -> None:
    owed = [invoice_of(invoice(id=f"in_{n}", created=START + n)) for n in (3, 1, 2)]
    paid = invoice_of(invoice(id="in_0", created=START, status="paid"))
    late = mirror_of(subscription(status="past_due"))
    assert Snapshot((late,), (*owed, paid)).overdue_since == datetime.fromtimestamp(START + 1, UTC)
    assert Snapshot((mirror_of(subscription()),), tuple(owed)).overdue_since is None


@pytest.mark.parametrize(
    ("event", "customer"),
    [
        ({"data": {"object": {"customer": "cus_1"}}}, "cus_1"),
        ({"data": {"object": {"customer": {"id": "cus_1"}}}}, "cus_1"),
        ({"data": {"object": {"customer": None}}}, ""),
        ({"data": {"object": "x"}}, ""),
        ({"data": None}, ""),
        ({}, ""),
    ],
)
def test_whom_an_event_is_about(event: dict[str, Any], customer: str) -> None:
    assert customer_of(event) == customer


def test_which_events_matter() -> None:
    assert is_relevant("invoice.paid")
    assert not is_relevant("charge.succeeded")
    assert is_foreign({"livemode": True}, livemode=False)
    assert is_foreign({"livemode": False, "account": "acct_1"}, livemode=False)
    assert not is_foreign({"livemode": False}, livemode=False)


@given(st.integers(0, 10**9), st.integers(1, 10**7))
def test_the_local_stripe_rounds_to_the_nearest_cent(dividend: int, divisor: int) -> None:
    assert abs(2 * (half_up(dividend, divisor) * divisor - dividend)) <= divisor


@pytest.mark.parametrize(
    ("start", "interval", "end"),
    [
        ("2027-01-31", "month", "2027-02-28"),
        ("2028-02-29", "year", "2029-02-28"),
        ("2026-12-15", "month", "2027-01-15"),
    ],
)
def test_the_local_stripe_ends_periods_on_days_that_exist(start: str, interval: str, end: str) -> None:
    began = int(datetime.fromisoformat(f"{start}T10:00:00+00:00").timestamp())
    ended = later(began, {"recurring": {"interval": interval}})
    assert datetime.fromtimestamp(ended, UTC).isoformat() == f"{end}T10:00:00+00:00"
