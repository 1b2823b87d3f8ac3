"""Units of measure: their dimensions, the spellings that people type, and an item's own conversions.

Inside a dimension everybody agrees: 1 kg is 1000 g. What a case or a bag holds differs from item to item, so an item
carries conversions of its own. They must form a forest: a second way between two units would either repeat the first
or contradict it, and is refused before it is saved.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Final

MASS: Final = "mass"
VOLUME: Final = "volume"
COUNT: Final = "count"

_STANDARD: Final[dict[str, tuple[str, Fraction]]] = {
    "mg": (MASS, Fraction(1, 1000)),
    "g": (MASS, Fraction(1)),
    "kg": (MASS, Fraction(1000)),
    "t": (MASS, Fraction(1_000_000)),
    "oz": (MASS, Fraction("28.349523125")),
    "lb": (MASS, Fraction("453.59237")),
    "ml": (VOLUME, Fraction(1)),
    "cl": (VOLUME, Fraction(10)),
    "dl": (VOLUME, Fraction(100)),
    "l": (VOLUME, Fraction(1000)),
    "hl": (VOLUME, Fraction(100_000)),
    "unit": (COUNT, Fraction(1)),
    "dozen": (COUNT, Fraction(12)),
}
"""Each unit's dimension, and its size in the smallest usual unit of that dimension."""

_SPELLINGS: Final[dict[str, tuple[str, ...]]] = {
    "mg": ("milligram", "milligrams", "milligramme", "milligrammes"),
    "g": ("gr", "gram", "grams", "gramme", "grammes"),
    "kg": ("kgs", "kilo", "kilos", "kilogram", "kilograms", "kilogramme", "kilogrammes"),
    "t": ("tonne", "tonnes"),
    "oz": ("ounce", "ounces"),
    "lb": ("lbs", "pound", "pounds"),
    "ml": ("milliliter", "milliliters", "millilitre", "millilitres"),
    "cl": ("centiliter", "centilitre", "centilitres"),
    "dl": ("deciliter", "decilitre", "decilitres"),
    "l": ("lt", "ltr", "liter", "liters", "litre", "litres"),
    "hl": ("hectoliter", "hectolitre"),
    "unit": ("units", "unite", "unité", "unités", "piece", "pieces", "pièce", "pièces", "pc", "pcs", "each", "ea"),
    "dozen": ("doz", "dozens", "douzaine", "douzaines"),
    "box": ("boxes", "boite", "boîte"),
    "bag": ("bags", "sac", "sacs"),
    "case": ("cases", "caisse", "caisses"),
    "bottle": ("bottles", "bouteille", "bouteilles"),
    "portion": ("portions", "serving", "servings"),
}
_NAMES: Final = {spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings}
_STEP: Final = Decimal("0.000001")


class NoConversion(ValueError):
    """Nothing says how much of one unit is in another."""


class BadConversion(ValueError):
    """A conversion that contradicts or repeats what the others say, or that says nothing."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """One `unit` of an item holds `quantity` of `of_unit`."""

    unit: str
    quantity: Decimal
    of_unit: str


def canonical(text: str) -> str:
    """A unit as it is compared: usual spellings and capitals do not matter, other words stand for themselves."""
    word = " ".join(text.split()).lower()
    return _NAMES.get(word, word)


def dimension(unit: str) -> str | None:
    """What a unit measures; None for packages, whose content depends on the item."""
    known = _STANDARD.get(canonical(unit))
    return known[0] if known else None


def check(conversions: Iterable[Conversion]) -> None:
    """Raises BadConversion unless the conversions form a forest over the units and dimensions."""
    roots: dict[str, str] = {}

    def root(node: str) -> str:
        while (above := roots.get(node, node)) != node:
            node = above
        return node

    for conversion in conversions:
        if conversion.quantity <= 0:
            raise BadConversion(f"A {conversion.unit} must hold more than nothing.")
        one, other = root(_node(conversion.unit)), root(_node(conversion.of_unit))
        if one == other:
            raise BadConversion(
                f"How much {conversion.of_unit} a {conversion.unit} holds is already settled by the other conversions."
            )
        roots[one] = other


def factor(unit: str, to: str, conversions: Sequence[Conversion] = ()) -> Fraction:
    """How many `to` one `unit` is, exactly. Raises NoConversion when nothing leads from one to the other."""
    start, goal = _node(unit), _node(to)
    reached = {start: _size(unit)}
    waiting = deque([start])
    while waiting and goal not in reached:
        node = waiting.popleft()
        for conversion in conversions:
            holds = Fraction(conversion.quantity) * _size(conversion.of_unit) / _size(conversion.unit)
            whole, part = _node(conversion.unit), _node(conversion.of_unit)
            for here, there, ratio in ((whole, part, holds), (part, whole, 1 / holds)):
                if here == node and there not in reached:
                    reached[there] = reached[node] * ratio
                    waiting.append(there)
    if goal not in reached:
        raise NoConversion(f"Nothing says how much {to} one {unit} is.")
    return reached[goal] / _size(to)


def convert(quantity: Decimal, unit: str, to: str, conversions: Sequence[Conversion] = ()) -> Decimal:
    """A quantity in another unit, to a millionth. Raises NoConversion when nothing leads from one to the other."""
    return rounded(Fraction(quantity) * factor(unit, to, conversions))


def rounded(amount: Fraction) -> Decimal:
    """A fraction to a millionth, half to even."""
    exact = Decimal(amount.numerator) / Decimal(amount.denominator)
    return exact.quantize(_STEP, rounding=ROUND_HALF_EVEN)


def _node(unit: str) -> str:
    """What a conversion joins: a whole dimension, whose units convert into each other anyway, or a package."""
    name = canonical(unit)
    known = _STANDARD.get(name)
    return f"[{known[0]}]" if known else name


def _size(unit: str) -> Fraction:
    known = _STANDARD.get(canonical(unit))
    return known[1] if known else Fraction(1)
