"""What dishes are made of: exploding recipes into items, what that costs, and refusing circles.

Everything is exact fractions until the ledger rounds. A recipe's quantities make its whole yield; a sale takes one unit
of that.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from services.inventory.domain import units
from services.inventory.domain.units import Conversion


class Circular(ValueError):
    """A recipe that goes into itself, at whatever depth."""


@dataclass(frozen=True, slots=True)
class Stocked:
    """An item as recipes use it."""

    unit: str
    conversions: Sequence[Conversion]
    unit_cost: Decimal
    is_out: bool = False


@dataclass(frozen=True, slots=True)
class Component:
    """One thing that goes into a recipe: an item, or some of another recipe's yield."""

    quantity: Decimal
    unit: str
    item_id: UUID | None = None
    sub_recipe_id: UUID | None = None
    yield_percent: Decimal = Decimal(100)


@dataclass(slots=True)
class Made:
    """A recipe's yield and what goes into it."""

    yield_quantity: Decimal
    yield_unit: str
    components: list[Component] = field(default_factory=list)


@dataclass(slots=True)
class Book:
    """Recipes with everything that they lead to."""

    recipes: dict[UUID, Made] = field(default_factory=dict)
    items: dict[UUID, Stocked] = field(default_factory=dict)
    _usage: dict[UUID, dict[UUID, Fraction]] = field(default_factory=dict)

    def usage(self, recipe_id: UUID) -> Mapping[UUID, Fraction]:
        """What one unit of a recipe's yield takes of each item, in the item's unit.

        Raises Circular, and NoConversion for a unit that leads nowhere.
        """
        return self._usage_of(recipe_id, frozenset())

    def cost(self, recipe_id: UUID) -> Fraction:
        """What one unit of a recipe's yield costs at the present averages. Raises what `usage` raises."""
        return self._value(self.usage(recipe_id))

    def cost_of(self, component: Component) -> Fraction:
        """What a component costs at the present averages. Raises what `usage` raises."""
        return self._value(self._taken(component, frozenset()))

    def _usage_of(self, recipe_id: UUID, around: frozenset[UUID]) -> dict[UUID, Fraction]:
        if recipe_id in self._usage:
            return self._usage[recipe_id]
        if recipe_id in around:
            raise Circular(f"the recipe {recipe_id} goes into itself")
        made = self.recipes[recipe_id]
        total: dict[UUID, Fraction] = {}
        for component in made.components:
            for item_id, quantity in self._taken(component, around | {recipe_id}).items():
                total[item_id] = total.get(item_id, Fraction(0)) + quantity / Fraction(made.yield_quantity)
        self._usage[recipe_id] = total
        return total

    def _taken(self, component: Component, around: frozenset[UUID]) -> dict[UUID, Fraction]:
        """What a component takes from the stock: more than what ends up in the dish where some is lost."""
        amount = Fraction(component.quantity) * 100 / Fraction(component.yield_percent)
        if component.item_id is not None:
            item = self.items[component.item_id]
            return {component.item_id: amount * units.factor(component.unit, item.unit, item.conversions)}
        if component.sub_recipe_id is None:
            raise ValueError("a component is an item or a recipe")
        inside = self._usage_of(component.sub_recipe_id, around)
        amount *= units.factor(component.unit, self.recipes[component.sub_recipe_id].yield_unit)
        return {item_id: quantity * amount for item_id, quantity in inside.items()}

    def _value(self, usage: Mapping[UUID, Fraction]) -> Fraction:
        return sum(
            (quantity * Fraction(self.items[item_id].unit_cost) for item_id, quantity in usage.items()), Fraction(0)
        )


def sold(book: Book, dishes: Iterable[tuple[UUID, int]]) -> dict[UUID, Decimal]:
    """What sales of so many units of recipes take of each item, to a millionth. Raises what `Book.usage` raises."""
    total: dict[UUID, Fraction] = {}
    for recipe_id, count in dishes:
        for item_id, quantity in book.usage(recipe_id).items():
            total[item_id] = total.get(item_id, Fraction(0)) + quantity * count
    taken = {item_id: units.rounded(quantity) for item_id, quantity in total.items()}
    return {item_id: quantity for item_id, quantity in taken.items() if quantity}


def margin(price: Decimal, cost: Decimal) -> tuple[Decimal, Decimal | None]:
    """What is left of a price, and that in per cent of it; no per cent of nothing."""
    left = price - cost
    return left, (left * 100 / price if price else None)
