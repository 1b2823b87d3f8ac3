"""Conservation: whatever happens, and however the days are cut, what came in less what went out is what is there."""

from dataclasses import dataclass
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from services.inventory.domain.ledger import (
    LOW,
    MONEY,
    OK,
    OUT,
    Balance,
    Posting,
    post,
    revalue,
    reverse,
    state_of,
    totals,
)

D = Decimal


@dataclass(frozen=True)
class Act:
    kind: str
    quantity: Decimal
    cost: Decimal
    day: int


ACTS = st.builds(
    Act,
    st.sampled_from(["in", "in", "out", "out", "reverse", "revalue", "count"]),
    st.decimals("0.001", "500", places=3),
    st.decimals("0", "100", places=4),
    st.integers(0, 9),
)


def play(acts: list[Act]) -> tuple[Balance, list[tuple[int, Posting]]]:
    """A history, each entry with the day on which it took place, which need not be the order of entering."""
    balance = Balance()
    history: list[tuple[int, Posting]] = []
    undone: set[int] = set()
    for act in acts:
        if act.kind == "in":
            entries = post(balance, act.quantity, act.cost)
        elif act.kind == "out":
            entries = post(balance, -act.quantity)
        elif act.kind == "count":
            entries = post(balance, act.quantity - balance.quantity)
        elif act.kind == "revalue":
            entries = revalue(balance, act.cost)
        else:
            left = [one for _, one in history if one.number not in undone and not one.revalues]
            if not left:
                continue
            undone.add(left[act.day % len(left)].number)
            target = left[act.day % len(left)]
            entries = reverse(balance, target.quantity, target.unit_cost, target.value)
        history += [(act.day, entry) for entry in entries]
        if entries:
            balance = entries[-1].after
    return balance, history


def is_income(entry: Posting) -> bool:
    return entry.quantity > 0 or (entry.quantity == 0 and entry.value > 0)


@settings(max_examples=400)
@given(acts=st.lists(ACTS, max_size=40), first=st.integers(0, 9), days=st.integers(0, 9))
def test_opening_and_what_moved_is_closing_in_quantity_and_value(acts: list[Act], first: int, days: int) -> None:
    balance, history = play(acts)
    last = first + days
    opening = totals([one for day, one in history if day < first])
    within = [one for day, one in history if first <= day <= last]
    came = totals([one for one in within if is_income(one)])
    went = totals([one for one in within if not is_income(one)])
    closing = totals([one for day, one in history if day <= last])
    assert opening[0] + came[0] + went[0] == closing[0]
    assert opening[1] + came[1] + went[1] == closing[1]
    assert totals([one for _, one in history]) == (balance.quantity, balance.value)


@settings(max_examples=400)
@given(acts=st.lists(ACTS, max_size=40))
def test_each_entry_carries_the_sum_up_to_it_and_numbers_have_no_gap(acts: list[Act]) -> None:
    _, history = play(acts)
    entries = [one for _, one in history]
    for place, entry in enumerate(entries):
        assert entry.number == place + 1
        assert (entry.after.quantity, entry.after.value) == totals(entries[: place + 1])


@settings(max_examples=400)
@given(acts=st.lists(ACTS, max_size=40))
def test_nothing_left_is_worth_nothing_and_value_never_contradicts_quantity(acts: list[Act]) -> None:
    balance, _ = play(acts)
    if balance.quantity == 0:
        assert balance.value == 0
    assert balance.quantity * balance.value >= 0
    assert balance.unit_cost >= 0


@given(
    receipts=st.lists(st.tuples(st.decimals("0.1", "500", places=2), st.decimals("0.01", "100", places=2)), min_size=1)
)
def test_the_average_lies_between_the_prices_paid(receipts: list[tuple[Decimal, Decimal]]) -> None:
    balance = Balance()
    for quantity, cost in receipts:
        balance = post(balance, quantity, cost)[-1].after
    costs = [cost for _, cost in receipts]
    assert min(costs) - MONEY <= balance.unit_cost <= max(costs) + MONEY


def test_ten_at_two_and_ten_at_four_leave_at_three() -> None:
    balance = post(Balance(), D(10), D(2))[-1].after
    balance = post(balance, D(10), D(4))[-1].after
    assert balance.unit_cost == 3
    (sold,) = post(balance, D(-5))
    assert (sold.value, sold.after.quantity, sold.after.value) == (D(-15), D(15), D(45))


def test_the_last_unit_takes_the_remainder_along() -> None:
    balance = post(Balance(), D(3), D("3.333333"))[-1].after
    for _ in range(3):
        balance = post(balance, D(-1))[-1].after
    assert (balance.quantity, balance.value) == (D(0), D(0))


def test_what_is_sold_before_it_came_in_is_valued_when_it_comes_in() -> None:
    balance = post(Balance(), D(1), D(2))[-1].after
    balance = post(balance, D(-4))[-1].after
    assert (balance.quantity, balance.value) == (D(-3), D(-6))
    received, corrected = post(balance, D(10), D(3))
    assert received.value == 30
    assert (corrected.quantity, corrected.value) == (D(0), D(-3))
    assert (corrected.after.quantity, corrected.after.value, corrected.after.unit_cost) == (D(7), D(21), D(3))


def test_levels_say_when_to_order_and_when_it_is_too_late() -> None:
    assert state_of(D(5), None) == OK
    assert state_of(D(5), D(4)) == OK
    assert state_of(D(4), D(4)) == LOW
    assert state_of(D(0), D(4)) == OUT
    assert state_of(D(-1), None) == OUT
