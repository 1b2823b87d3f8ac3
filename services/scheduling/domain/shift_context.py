"""What a shift is for, by its words and hours, and which work fits it."""

import re
from collections.abc import Iterable, Sequence
from datetime import time
from typing import Any, Final, Protocol
from uuid import UUID

OPENING: Final = "OPENING"
CLOSING: Final = "CLOSING"
BREAKFAST: Final = "BREAKFAST"
LUNCH: Final = "LUNCH"
DINNER: Final = "DINNER"
GENERAL: Final = "GENERAL"
BEST: Final = 3

_WORDS: Final = (
    (OPENING, ("opening", "open", "set up")),
    (CLOSING, ("closing", "close", "shut down", "lock up")),
    (BREAKFAST, ("breakfast", "morning service")),
    (LUNCH, ("lunch", "midday service")),
    (DINNER, ("dinner", "evening service")),
)
_LABELS: Final = {
    OPENING: "Opening Shift",
    CLOSING: "Closing Shift",
    BREAKFAST: "Breakfast Service",
    LUNCH: "Lunch Service",
    DINNER: "Dinner Service",
    GENERAL: "Shift",
}
_AREAS: Final = (
    (("café", "cafe"), "Café"),
    (("bar",), "Bar"),
    (("kitchen",), "Kitchen"),
    (("front", "foh", "floor", "service"), "Front of House"),
    (("dining",), "Dining Room"),
    (("reception",), "Reception"),
)
_AREA_OF_ROLE: Final = {
    "CHEF": "Kitchen",
    "BARTENDER": "Bar",
    "CLEANER": "Operations",
    "MANAGER": "Operations",
    "ADMIN": "Operations",
}
FLOOR: Final = "Front of House"
_ROLE_HINTS: Final = {
    "CHEF": ("kitchen", "prep", "chef"),
    "BARTENDER": ("bar",),
    "CLEANER": ("clean",),
    "WAITER": ("service", "floor", "dining"),
    "CASHIER": ("cash", "till"),
}


class Template(Protocol):
    """A template of tasks as far as the choice looks at it."""

    @property
    def id(self) -> UUID: ...
    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def template_type(self) -> str: ...
    @property
    def tasks(self) -> Sequence[Any]: ...


def context_of(words: str, start: time, end: time) -> str:
    """What a shift is for: as its words say, else by the hours between which it lies."""
    text = words.lower()
    for context, known in _WORDS:
        if any(_holds(text, word) for word in known):
            return context
    if start.hour <= 8:
        return OPENING
    if start.hour <= 10:
        return BREAKFAST
    if start.hour <= 15:
        return LUNCH
    if start.hour <= 21:
        return DINNER
    return CLOSING if end.hour >= 22 else GENERAL


def title_of(context: str, department: str, workspace: str, role: str) -> str:
    """What a shift without a title is called: what it is for, and where."""
    return f"{_LABELS[context]} – {_area(department, workspace, role)}"


def fitting(templates: Iterable[Template], context: str, title: str, role: str) -> list[Template]:
    """The templates of tasks that fit a shift best, three at most; of opening and closing for such shifts only."""
    scored = []
    for template in templates:
        name = template.name.lower()
        if context in (OPENING, CLOSING) and template.template_type != context and context.lower() not in name:
            continue
        if context not in (OPENING, CLOSING) and template.template_type in (OPENING, CLOSING):
            continue
        score = _score(template, context, title.lower(), role)
        if score:
            scored.append((-score, template.name, template))
    return [template for _, _, template in sorted(scored, key=lambda found: found[:2])[:BEST]]


def _score(template: Template, context: str, title: str, role: str) -> int:
    name, description = template.name.lower(), template.description.lower()
    score = 100 * (template.template_type == context) + 80 * (bool(title) and title in name)
    if context != GENERAL:
        for word in next(words for known, words in _WORDS if known == context):
            score += 35 * _holds(name, word) + 10 * _holds(description, word)
    # The role alone brings in no work; it decides between what fits.
    return score + 10 * any(hint in name for hint in _ROLE_HINTS.get(role, ())) if score else 0


def _area(department: str, workspace: str, role: str) -> str:
    text = f"{department} {workspace}".lower()
    for words, area in _AREAS:
        if any(_holds(text, word) for word in words):
            return area
    named = (department or workspace).strip()
    if named:
        return named[:30].title()
    return _AREA_OF_ROLE.get(role, FLOOR)


def _holds(text: str, word: str) -> bool:
    return re.search(rf"\b{re.escape(word)}\b", text) is not None
