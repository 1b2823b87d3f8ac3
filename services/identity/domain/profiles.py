"""Who may change what in a staff profile."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

OWN_FIELDS: Final = frozenset(
    {
        "emergency_contact_name",
        "emergency_contact_phone",
        "date_of_birth",
        "skills",
        "certifications",
        "profile_image",
    }
)
"""What people keep up to date about themselves; pay, place and history are the restaurant's to say."""

LIST_FIELDS: Final = frozenset({"promotion_history", "skills", "certifications"})
MAX_LIST_ITEMS: Final = 200
MAX_LIST_CHARACTERS: Final = 20_000


def not_ones_own(changed: Iterable[str]) -> list[str]:
    """The changed fields that nobody changes about themselves without keeping the records, sorted."""
    return sorted(set(changed) - OWN_FIELDS)


def list_problem(value: Any, length: int) -> str | None:
    """Why a value is no list that a profile can hold, or None; `length` is that of its JSON text."""
    if not isinstance(value, list):
        return "Expected a list of items."
    if len(value) > MAX_LIST_ITEMS or length > MAX_LIST_CHARACTERS:
        return "The list is too long."
    if not all(isinstance(item, str | Mapping) for item in value):
        return "The items must be texts or objects."
    return None
