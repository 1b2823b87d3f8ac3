"""What differs between two states of a template."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

TemplateShift = Mapping[str, Any]
"""`{role, day_of_week, start_time, end_time, required_staff}`; no two of a state share the first three."""


@dataclass(frozen=True, slots=True)
class Differences:
    """The shifts that only the second state has, that only the first has, and how the others are in the second."""

    added: list[TemplateShift]
    removed: list[TemplateShift]
    changed: list[TemplateShift]

    @property
    def growth(self) -> int:
        """How many shifts the second state has more."""
        return len(self.added) - len(self.removed)


def differences(first: Iterable[TemplateShift], second: Iterable[TemplateShift]) -> Differences:
    """What makes the second state of the first; a role's shift from a time of a day is the same in both."""
    before, after = ({_key(shift): shift for shift in shifts} for shifts in (first, second))
    return Differences(
        added=[shift for key, shift in after.items() if key not in before],
        removed=[shift for key, shift in before.items() if key not in after],
        changed=[shift for key, shift in after.items() if key in before and shift != before[key]],
    )


def _key(shift: TemplateShift) -> tuple[Any, ...]:
    return shift["role"], shift["day_of_week"], shift["start_time"]
