"""What people say to an agent, and what a shift is for."""

from dataclasses import dataclass, field
from datetime import date, time, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.errors import Invalid
from services.scheduling.domain.agent_words import DAYS, day_named, people_named, priority_of
from services.scheduling.domain.series import MOST, days_of
from services.scheduling.domain.shift_context import context_of, fitting, title_of


@dataclass(frozen=True)
class Person:
    first_name: str
    last_name: str


@dataclass(frozen=True)
class Template:
    name: str
    template_type: str = "SOP"
    description: str = ""
    tasks: tuple[str, ...] = ("x",)
    id: UUID = field(default_factory=uuid4)


@pytest.mark.parametrize(
    ("said", "text", "meant"),
    [
        ("high", "", "HIGH"),
        ("very", "A small fire in the kitchen", "CRITICAL"),
        ("", "Somebody is bleeding", "HIGH"),
        ("", "We fired the oven", "MEDIUM"),
        ("", "A minor leak", "LOW"),
    ],
)
def test_incidents_are_as_urgent_as_said_or_described(said: str, text: str, meant: str) -> None:
    assert priority_of(said, text) == meant


@given(st.dates(date(2020, 1, 1), date(2040, 1, 1)), st.sampled_from(DAYS))
def test_a_day_of_the_week_is_the_next_one(today: date, word: str) -> None:
    meant = day_named(word.title(), today)
    assert meant is not None
    assert today <= meant < today + timedelta(days=7)
    assert DAYS[meant.weekday()] == word
    assert day_named("tomorrow", today) == today + timedelta(days=1)
    assert day_named("someday", today) is None


def test_names_mean_whoever_has_them_and_else_whoever_has_a_similar_one() -> None:
    zoe, omar, other = Person("Zoé", "Amrani"), Person("Omar", "Benali"), Person("Omar", "Zouak")
    people = [zoe, omar, other]
    assert people_named(people, "ZOE") == [(zoe, "exact")]
    assert people_named(people, "omar") == [(omar, "exact"), (other, "exact")]
    assert people_named(people, "omar  benali") == [(omar, "exact")]
    assert people_named(people, "Benaly") == [(omar, "fuzzy")]
    assert people_named(people, "Xavier") == []


@pytest.mark.parametrize(
    ("words", "start", "end", "context"),
    [
        ("Open the terrace", 12, 18, "OPENING"),
        ("lock up", 9, 17, "CLOSING"),
        ("Reopening party", 19, 23, "DINNER"),
        ("", 7, 15, "OPENING"),
        ("", 10, 15, "BREAKFAST"),
        ("", 12, 16, "LUNCH"),
        ("", 18, 23, "DINNER"),
        ("", 22, 23, "CLOSING"),
    ],
)
def test_a_shift_is_for_what_its_words_say_or_its_hours(words: str, start: int, end: int, context: str) -> None:
    assert context_of(words, time(start), time(end)) == context


def test_a_shift_without_a_title_gets_one() -> None:
    assert title_of("DINNER", "main kitchen", "", "WAITER") == "Dinner Service – Kitchen"
    assert title_of("GENERAL", "", "rooftop", "WAITER") == "Shift – Rooftop"
    assert title_of("LUNCH", "", "", "BARTENDER") == "Lunch Service – Bar"


def test_work_fits_by_what_it_is_for() -> None:
    opening, dinner, mise, other = (
        Template("Set up", "OPENING"),
        Template("Dinner service"),
        Template("Dinner prep kitchen"),
        Template("Inventory"),
    )
    everything = [opening, dinner, mise, other]
    assert fitting(everything, "OPENING", "", "WAITER") == [opening]
    assert fitting(everything, "DINNER", "Dinner service", "WAITER") == [dinner, mise]
    assert fitting(everything, "DINNER", "", "CHEF")[0] == mise
    assert fitting(everything, "GENERAL", "", "CHEF") == []


def test_a_series_has_its_days_and_an_end() -> None:
    monday = date(2031, 3, 3)
    assert days_of("weekly", monday, date(2031, 3, 20)) == [monday + timedelta(days=7 * n) for n in range(3)]
    assert len(days_of("monthly", monday, None)) == 3
    assert days_of("FREQ=DAILY;COUNT=2", monday, None) == [monday, date(2031, 3, 4)]
    with pytest.raises(Invalid):
        days_of("daily", monday, monday + timedelta(days=MOST))
    with pytest.raises(Invalid):
        days_of("weekly", monday, date(2031, 3, 1))
