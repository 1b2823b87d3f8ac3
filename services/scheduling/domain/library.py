"""The checklists that every restaurant begins with, and those that its kind adds."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final


@dataclass(frozen=True, slots=True)
class LibraryStep:
    """One step of a built-in checklist."""

    title: str
    type: str = "CHECK"
    minimum: Decimal | None = None
    maximum: Decimal | None = None

    @property
    def is_temperature(self) -> bool:
        """Whether degrees Celsius are asked for; no other measurement stands in the library."""
        return self.type == "MEASUREMENT"


@dataclass(frozen=True, slots=True)
class LibraryChecklist:
    """A built-in checklist; its key never changes, so that a restaurant gets it once."""

    key: str
    name: str
    category: str
    minutes: int
    needs_approval: bool
    steps: tuple[LibraryStep, ...]


def _degrees(title: str, minimum: int, maximum: int) -> LibraryStep:
    return LibraryStep(title, "MEASUREMENT", Decimal(minimum), Decimal(maximum))


COMMON: Final = (
    LibraryChecklist(
        "safety",
        "Restaurant Safety Checklist",
        "SAFETY",
        20,
        True,
        (
            LibraryStep("Fire exits and corridors are free"),
            LibraryStep("Extinguishers are in place and in date"),
            _degrees("Temperature of the walk-in cooler (°C)", 0, 10),
            LibraryStep("Photo of the first-aid box", "PHOTO"),
            LibraryStep("Signature of the person who checked", "SIGNATURE"),
        ),
    ),
    LibraryChecklist(
        "opening",
        "Restaurant Opening Checklist",
        "OPENING",
        30,
        False,
        (
            LibraryStep("Lights, ventilation and till are on"),
            LibraryStep("Work surfaces are clean and disinfected"),
            _degrees("Temperature of hot holding (°C)", 60, 75),
            LibraryStep("Photo of the dining room", "PHOTO"),
        ),
    ),
    LibraryChecklist(
        "closing",
        "Restaurant Closing Checklist",
        "CLOSING",
        25,
        False,
        (
            LibraryStep("Gas and kitchen appliances are off"),
            LibraryStep("Food is covered, labelled and put away"),
            _degrees("Temperature of the walk-in cooler (°C)", 0, 10),
            LibraryStep("Doors and windows are locked"),
        ),
    ),
    LibraryChecklist(
        "visit",
        "Restaurant Visitation Report",
        "COMPLIANCE",
        40,
        True,
        (
            LibraryStep("Licences and notices are on display"),
            LibraryStep("Staff wear clean uniforms"),
            LibraryStep("Photo of the entrance", "PHOTO"),
            LibraryStep("Signature of the visitor", "SIGNATURE"),
        ),
    ),
    LibraryChecklist(
        "mystery",
        "Restaurant Mystery Shopper Template",
        "QUALITY",
        35,
        False,
        (
            LibraryStep("Guests are greeted within a minute"),
            LibraryStep("The order arrived complete and hot"),
            LibraryStep("Photo of the bill", "PHOTO"),
        ),
    ),
    LibraryChecklist(
        "manager_opening",
        "Restaurant Manager Opening Checklist",
        "OPENING",
        30,
        True,
        (
            LibraryStep("Everybody on the schedule has arrived"),
            LibraryStep("The cash float is counted"),
            _degrees("Temperature of the dish rinse (°C)", 70, 85),
            LibraryStep("Signature of the manager", "SIGNATURE"),
        ),
    ),
)
OF_KIND: Final = {
    "BAR": (
        LibraryChecklist(
            "bar",
            "Bar Opening Checklist",
            "OPENING",
            15,
            False,
            (
                LibraryStep("Ice, garnish and glasses are ready"),
                _degrees("Temperature of the bottle cooler (°C)", 2, 8),
                LibraryStep("Beer lines are rinsed"),
            ),
        ),
    ),
    "CAFE": (
        LibraryChecklist(
            "cafe",
            "Coffee Counter Checklist",
            "OPENING",
            15,
            False,
            (
                LibraryStep("The espresso machine is flushed and the grinder set"),
                _degrees("Temperature of the milk fridge (°C)", 1, 5),
                LibraryStep("The display is filled and labelled with allergens"),
            ),
        ),
    ),
    "FAST_FOOD": (
        LibraryChecklist(
            "fryer",
            "Fryer and Holding Checklist",
            "SAFETY",
            15,
            False,
            (
                LibraryStep("The fryer's oil is clear and at its level"),
                _degrees("Temperature of the heated holding cabinet (°C)", 60, 85),
                LibraryStep("Holding times are labelled"),
            ),
        ),
    ),
    "FINE_DINING": (
        LibraryChecklist(
            "dining_room",
            "Dining Room Checklist",
            "QUALITY",
            25,
            False,
            (
                LibraryStep("Tables are laid and cutlery polished"),
                _degrees("Temperature of the wine cabinet (°C)", 8, 18),
                LibraryStep("Photo of the laid dining room", "PHOTO"),
            ),
        ),
    ),
}


def checklists_for(kind: str) -> Iterable[LibraryChecklist]:
    """The checklists that a restaurant of a kind begins with."""
    return (*COMMON, *OF_KIND.get(kind, ()))
