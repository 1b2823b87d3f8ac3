"""Announcements: whom they mean, and texts without markup."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

# What a browser would take for the beginning of a tag, up to its end or the text's.
_TAG = re.compile(r"<(?=[a-zA-Z/!?])[^>]*>?")


def plain(text: str) -> str:
    """A text without markup, so that a page that shows it as HTML shows only words."""
    before = None
    while before != text:
        before, text = text, _TAG.sub("", text)
    return text.strip()


@dataclass(frozen=True, slots=True)
class Targeting:
    """Whom an announcement means: whoever one of these names, or everybody where none of them names anybody."""

    staff_ids: tuple[UUID, ...] = ()
    departments: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    """Codes of roles, or positions."""
    shift_ids: tuple[UUID, ...] = ()

    @classmethod
    def of(
        cls, staff_ids: Sequence[str], departments: Sequence[str], roles: Sequence[str], shift_ids: Sequence[str]
    ) -> "Targeting":
        """What a request says; blank words are passed over."""
        return cls(
            tuple(dict.fromkeys(map(UUID, staff_ids))),
            _words(departments),
            _words(roles),
            tuple(dict.fromkeys(map(UUID, shift_ids))),
        )

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Targeting":
        """What a row holds."""
        return cls.of(*(stored.get(name, []) for name in ("staff_ids", "departments", "roles", "shift_ids")))

    @property
    def is_targeted(self) -> bool:
        """Whether it names anybody."""
        return bool(self.staff_ids or self.departments or self.roles or self.shift_ids)

    def to_json(self) -> dict[str, list[str]]:
        """What a row holds of it."""
        return {
            "staff_ids": [str(one) for one in self.staff_ids],
            "departments": list(self.departments),
            "roles": list(self.roles),
            "shift_ids": [str(one) for one in self.shift_ids],
        }


def _words(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for text in texts if (word := " ".join(text.split()))))
