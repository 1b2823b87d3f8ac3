"""Recipes: taken apart exactly, at any depth, and never in a circle."""

from decimal import Decimal
from fractions import Fraction
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inventory.domain.recipe import Book, Circular, Component, Made, Stocked, margin, sold
from services.inventory.domain.units import Conversion, NoConversion

D = Decimal
FLOUR, OIL, DOUGH, PIZZA = (uuid4() for _ in range(4))


def kitchen() -> Book:
    return Book(
        recipes={
            DOUGH: Made(D(2), "kg", [Component(D(1200), "g", FLOUR), Component(D(1), "dl", OIL)]),
            PIZZA: Made(D(1), "portion", [Component(D(250), "g", sub_recipe_id=DOUGH), Component(D("0.02"), "l", OIL)]),
        },
        items={FLOUR: Stocked("kg", (), D(10)), OIL: Stocked("l", (), D(40))},
    )


def test_a_dish_takes_its_share_of_a_preparation() -> None:
    book = kitchen()
    assert book.usage(PIZZA) == {FLOUR: Fraction(15, 100), OIL: Fraction("0.0125") + Fraction("0.02")}
    assert book.cost(PIZZA) == Fraction("1.5") + Fraction("1.3")
    assert sold(book, [(PIZZA, 10)]) == {FLOUR: D("1.5"), OIL: D("0.325")}


def test_what_is_lost_in_preparing_is_taken_as_well() -> None:
    carrot, soup = uuid4(), uuid4()
    book = Book(
        recipes={soup: Made(D(4), "portion", [Component(D(800), "g", carrot, yield_percent=D(80))])},
        items={carrot: Stocked("kg", (), D(6))},
    )
    assert book.usage(soup) == {carrot: Fraction(1, 4)}
    assert book.cost(soup) == Fraction(3, 2)


def test_packages_of_an_item_are_understood_and_others_refused() -> None:
    cake, butter = uuid4(), uuid4()
    stocked = Stocked("kg", (Conversion("pack", D(250), "g"),), D(80))
    book = Book(recipes={cake: Made(D(1), "cake", [Component(D(2), "packs", butter)])}, items={butter: stocked})
    with pytest.raises(NoConversion):
        book.usage(cake)
    book.recipes[cake].components[0] = Component(D(2), "pack", butter)
    assert book.usage(cake) == {butter: Fraction(1, 2)}


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_a_circle_is_refused_at_any_depth(depth: int) -> None:
    recipes = [uuid4() for _ in range(depth)]
    book = Book(
        recipes={
            recipe: Made(D(1), "kg", [Component(D(1), "kg", sub_recipe_id=recipes[(place + 1) % depth])])
            for place, recipe in enumerate(recipes)
        }
    )
    with pytest.raises(Circular):
        book.usage(recipes[0])


QUANTITIES = st.decimals("0.01", "100", places=2)


@given(steps=st.lists(st.tuples(QUANTITIES, QUANTITIES), min_size=1, max_size=10), price=QUANTITIES)
def test_ten_recipes_deep_the_share_is_the_product_of_the_shares(
    steps: list[tuple[Decimal, Decimal]], price: Decimal
) -> None:
    item = uuid4()
    chain: list[UUID] = [uuid4() for _ in steps]
    book = Book(items={item: Stocked("kg", (), price)})
    share = Fraction(1)
    for place, (quantity, makes) in enumerate(steps):
        last = place == len(steps) - 1
        component = Component(quantity, "kg", item if last else None, None if last else chain[place + 1])
        book.recipes[chain[place]] = Made(makes, "kg", [component])
        share *= Fraction(quantity) / Fraction(makes)
    assert book.usage(chain[0]) == {item: share}
    assert book.cost(chain[0]) == share * Fraction(price)


@given(counts=st.lists(st.integers(1, 50), min_size=1, max_size=20))
def test_selling_together_takes_as_much_as_selling_one_by_one(counts: list[int]) -> None:
    together = sold(kitchen(), [(PIZZA, count) for count in counts])
    assert together == {FLOUR: D("0.15") * sum(counts), OIL: D("0.0325") * sum(counts)}


def test_a_margin_is_what_is_left_of_the_price() -> None:
    assert margin(D(80), D(20)) == (D(60), D(75))
    assert margin(D(0), D(20)) == (D(-20), None)
