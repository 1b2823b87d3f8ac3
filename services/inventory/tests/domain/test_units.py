"""Units: exact both ways, spelled as people spell them, and never settled twice."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inventory.domain.units import (
    BadConversion,
    Conversion,
    NoConversion,
    canonical,
    check,
    convert,
    dimension,
    factor,
)

D = Decimal


@pytest.mark.parametrize(
    ("text", "unit"),
    [("KG", "kg"), (" Kilo ", "kg"), ("GRAM", "g"), ("LITER", "l"), ("Litres", "l"), ("ML", "ml"), ("UNIT", "unit")],
)
def test_usual_spellings_are_one_unit(text: str, unit: str) -> None:
    assert canonical(text) == unit


def test_words_that_nobody_knows_stand_for_themselves() -> None:
    assert canonical("Bidon  de 5") == "bidon de 5"
    assert dimension("bidon") is None
    assert convert(D(3), "Bidon", "bidon") == 3


@pytest.mark.parametrize(
    ("quantity", "unit", "to", "expected"),
    [
        ("1.5", "kg", "g", "1500"),
        ("250", "ml", "l", "0.25"),
        ("2", "dozen", "pcs", "24"),
        ("1", "lb", "g", "453.59237"),
    ],
)
def test_a_dimension_converts_by_itself(quantity: str, unit: str, to: str, expected: str) -> None:
    assert convert(D(quantity), unit, to) == D(expected)


def test_dimensions_do_not_mix_until_the_item_says_how() -> None:
    with pytest.raises(NoConversion):
        convert(D(1), "l", "kg")
    oil = [Conversion("l", D("0.92"), "kg")]
    assert convert(D(500), "ml", "g", oil) == D(460)


def test_packages_are_followed_through_one_another() -> None:
    flour = [Conversion("case", D(4), "bag"), Conversion("bag", D(25), "kg")]
    check(flour)
    assert convert(D(2), "Cases", "kg", flour) == D(200)
    assert factor("kg", "case", flour) == Fraction(1, 100)
    with pytest.raises(NoConversion):
        convert(D(1), "case", "l", flour)


@pytest.mark.parametrize(
    "conversions",
    [
        [Conversion("kg", D(900), "g")],
        [Conversion("bag", D(1), "Bags")],
        [Conversion("bag", D(0), "kg")],
        [Conversion("bag", D(-1), "kg")],
        [Conversion("bag", D(25), "kg"), Conversion("bag", D(20), "kg")],
        [Conversion("bag", D(25), "kg"), Conversion("bag", D(25000), "g")],
        [Conversion("case", D(4), "bag"), Conversion("bag", D(25), "kg"), Conversion("case", D(90), "kg")],
        [Conversion("case", D(4), "bag"), Conversion("bag", D(2), "sack"), Conversion("sack", D(3), "case")],
    ],
)
def test_what_is_settled_twice_or_in_a_circle_is_refused(conversions: list[Conversion]) -> None:
    with pytest.raises(BadConversion):
        check(conversions)


QUANTITIES = st.decimals("0.001", "1000", places=3)


@given(sizes=st.lists(QUANTITIES, min_size=1, max_size=6), amount=QUANTITIES)
def test_there_and_back_is_where_it_began(sizes: list[Decimal], amount: Decimal) -> None:
    chain = [Conversion(f"pack{place}", size, f"pack{place + 1}") for place, size in enumerate(sizes)]
    check(chain)
    last = f"pack{len(sizes)}"
    assert factor("pack0", last, chain) * factor(last, "pack0", chain) == 1
    assert Fraction(amount) * factor("pack0", last, chain) > 0


@given(sizes=st.lists(QUANTITIES, min_size=1, max_size=6), extra=QUANTITIES, data=st.data())
def test_no_conversion_can_be_added_between_units_that_are_joined(
    sizes: list[Decimal], extra: Decimal, data: st.DataObject
) -> None:
    chain = [Conversion(f"pack{place}", size, f"pack{place + 1}") for place, size in enumerate(sizes)]
    one, other = (data.draw(st.integers(0, len(sizes))) for _ in range(2))
    with pytest.raises(BadConversion):
        check([*chain, Conversion(f"pack{one}", extra, f"pack{other}")])
