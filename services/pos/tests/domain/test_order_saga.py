"""Whatever comes in whatever order: the stock gives what is paid for, and keeps nothing of what is undone."""

import re
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import CheckConstraint, Table

from services.pos.domain import order_saga as saga
from services.pos.models import OrderSaga

STATES = st.sampled_from(saga.STATES)
FACTS = st.sampled_from(saga.FACTS)


class Stock:
    """What is there of one order's dishes, and how it does what it is asked for: each step once."""

    ASKED: Final = {saga.RESERVING: "reserve", saga.TAKING: "take", saga.RELEASING: "release"}

    def __init__(self, *, has_enough: bool) -> None:
        self.has_enough = has_enough
        self.holds: str = "nothing"
        self.is_released = False

    def does(self, step: str) -> str | None:
        """Carries out a step and returns the fact that it tells of."""
        if step == "release":
            self.holds, self.is_released = "nothing", True
            return saga.STOCK_RELEASED
        if self.is_released:
            return None
        if step == "take":
            self.holds = "taken"
            return saga.STOCK_TAKEN
        if self.holds == "nothing" and not self.has_enough:
            return saga.STOCK_REFUSED
        self.holds = self.holds if self.holds == "taken" else "reserved"
        return saga.STOCK_RESERVED


class World:
    """An order, the stock, and the events between them, of which any may come next and any may come again."""

    def __init__(self, *, reserve: bool, has_enough: bool) -> None:
        self.state = saga.first(reserve=reserve)
        self.stock = Stock(has_enough=has_enough)
        self.steps: list[str] = []
        self.facts: list[str] = []
        self.is_paid = self.is_undone = False
        self._ask()

    def happens(self, fact: str) -> None:
        """Something happens at the till, or the stock's answer arrives."""
        if fact == saga.PAID:
            if not saga.may_pay(self.state):
                return
            self.is_paid = True
        self.is_undone |= fact == saga.UNDONE and self.state not in saga.FINAL
        before, self.state = self.state, saga.after(self.state, fact)
        if self.state != before or fact == saga.OVERDUE:
            self._ask()

    def _ask(self) -> None:
        if self.state in Stock.ASKED:
            self.steps.append(Stock.ASKED[self.state])

    def deliver(self, index: int, *, again: bool) -> None:
        """One of the events under way arrives, and perhaps stays under way to arrive again."""
        under_way = [*self.steps, *self.facts]
        if not under_way:
            return
        index %= len(under_way)
        event = under_way[index]
        if not again:
            (self.steps if index < len(self.steps) else self.facts).remove(event)
        if event in Stock.ASKED.values():
            answer = self.stock.does(event)
            if answer is not None:
                self.facts.append(answer)
        else:
            self.happens(event)

    def settle(self) -> None:
        """Everything that is under way arrives."""
        while self.steps or self.facts:
            self.deliver(0, again=False)


TILL = st.sampled_from((saga.PAID, saga.UNDONE, saga.OVERDUE))
MOVES = st.lists(st.one_of(TILL, st.tuples(st.integers(0, 20), st.booleans())), max_size=30)


@given(reserve=st.booleans(), has_enough=st.booleans(), moves=MOVES)
def test_the_stock_gives_what_is_paid_for_and_nothing_else(
    reserve: bool, has_enough: bool, moves: list[str | tuple[int, bool]]
) -> None:
    world = World(reserve=reserve, has_enough=has_enough)
    for move in moves:
        if isinstance(move, str):
            world.happens(move)
        else:
            world.deliver(move[0], again=move[1])
    world.settle()
    assert world.state not in (saga.RESERVING, saga.TAKING, saga.RELEASING)
    assert (world.stock.holds == "taken") == (world.state == saga.TAKEN) == (world.is_paid and not world.is_undone)
    assert (world.stock.holds == "reserved") == (world.state == saga.RESERVED)


@given(state=STATES, fact=FACTS)
def test_a_fact_that_comes_twice_counts_once(state: str, fact: str) -> None:
    once = saga.after(state, fact)
    assert saga.after(once, fact) == once


@given(state=st.sampled_from(sorted(saga.FINAL)), facts=st.lists(FACTS))
def test_what_is_over_stays_over(state: str, facts: list[str]) -> None:
    for fact in facts:
        assert saga.after(state, fact) == state
    assert not saga.may_pay(state)


@pytest.mark.parametrize("state", saga.STATES)
def test_nobody_waits_for_ever(state: str) -> None:
    assert (saga.patience(state) is not None) == (state in Stock.ASKED)


def test_an_order_is_paid_once_and_not_before_the_stock_has_answered() -> None:
    assert [state for state in saga.STATES if saga.may_pay(state)] == [saga.OPEN, saga.RESERVED]


def test_a_reservation_that_nobody_answers_is_given_up() -> None:
    assert saga.after(saga.RESERVING, saga.OVERDUE) == saga.RELEASING
    assert saga.after(saga.RELEASING, saga.STOCK_RESERVED) == saga.RELEASING
    assert saga.after(saga.TAKING, saga.OVERDUE) == saga.TAKING


def test_the_table_knows_the_same_states() -> None:
    table = OrderSaga.__table__
    assert isinstance(table, Table)
    (check,) = (one for one in table.constraints if isinstance(one, CheckConstraint))
    assert set(re.findall(r"'(\w+)'", str(check.sqltext))) == set(saga.STATES)
