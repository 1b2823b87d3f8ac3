"""What people say to an agent: days, names, how bad something is."""

import re
from collections.abc import Iterable
from datetime import date, timedelta
from difflib import SequenceMatcher
from typing import Final, Protocol, TypeVar
from unicodedata import combining, normalize

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ALIKE: Final = 0.75
"""How much of a name two spellings share at least."""

_SEVERITY: Final = (
    ("CRITICAL", ("life threatening", "life-threatening", "fire", "gas leak", "explosion")),
    ("HIGH", ("injury", "injured", "hurt", "bleeding", "severe", "danger", "urgent", "emergency")),
    ("LOW", ("minor", "small issue", "low risk")),
)
PRIORITIES: Final = frozenset({"LOW", "MEDIUM", "HIGH", "CRITICAL"})


class Named(Protocol):
    """Somebody with a name."""

    @property
    def first_name(self) -> str: ...
    @property
    def last_name(self) -> str: ...


Person = TypeVar("Person", bound=Named)


def priority_of(given: str, text: str) -> str:
    """How urgent an incident is: as given, else by the words that describe it."""
    word = given.strip().upper()
    if word in PRIORITIES:
        return word
    for priority, words in _SEVERITY:
        if any(re.search(rf"\b{re.escape(known)}\b", text, re.IGNORECASE) for known in words):
            return priority
    return "MEDIUM"


def day_named(word: str, today: date) -> date | None:
    """The day that is meant by today, now, tomorrow or a day of the week, the next one; None for other words."""
    lowered = word.strip().lower()
    if lowered in ("today", "now"):
        return today
    if lowered == "tomorrow":
        return today + timedelta(days=1)
    if lowered in DAYS:
        return today + timedelta(days=(DAYS.index(lowered) - today.weekday()) % 7)
    return None


def people_named(people: Iterable[Person], name: str) -> list[tuple[Person, str]]:
    """Whom a name means, and how: by the whole name or a part of it exactly; without any, those with a similar one."""
    wanted = _plain(name)
    everybody = list(people)
    exact = [person for person in everybody if wanted in _spellings(person)]
    if exact:
        return [(person, "exact") for person in exact]
    alike = [(max(_likeness(wanted, spelled) for spelled in _spellings(person)), person) for person in everybody]
    near = sorted((found for found in alike if found[0] >= ALIKE), key=lambda found: -found[0])
    return [(person, "fuzzy") for _, person in near]


def _spellings(person: Named) -> tuple[str, str, str]:
    first, last = _plain(person.first_name), _plain(person.last_name)
    return f"{first} {last}".strip(), first, last


def _likeness(one: str, other: str) -> float:
    if len(one) >= 3 and one in other:
        return 0.9
    return SequenceMatcher(None, one, other).ratio()


def _plain(text: str) -> str:
    letters = normalize("NFKD", " ".join(text.lower().split()))
    return "".join(letter for letter in letters if not combining(letter))
