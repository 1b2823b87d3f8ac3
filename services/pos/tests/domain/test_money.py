"""The laws of money: whatever is divided sums to the whole, and nothing is paid or given back twice."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.pos.domain.discounts import amount_of
from services.pos.domain.money import ZERO, allocate, is_whole, unit_of
from services.pos.domain.payments import refunded_status, settle, tax_share, tip_share
from services.pos.domain.totals import TaxedLine, total_of

CURRENCIES = ("JPY", "MAD", "TND")
rates = st.decimals(0, 100, places=3)


@st.composite
def whole_amounts(draw: st.DrawFn, unit: Decimal, largest: int = 1_000_000) -> Decimal:
    return draw(st.integers(0, largest)) * unit


units = st.sampled_from(CURRENCIES).map(unit_of)


@given(st.data(), units)
def test_what_is_divided_sums_to_the_whole_and_no_part_is_a_unit_off(data: st.DataObject, unit: Decimal) -> None:
    total = data.draw(whole_amounts(unit))
    weights = data.draw(st.lists(whole_amounts(unit), min_size=1, max_size=20))
    parts = allocate(total, weights, unit)
    assert sum(parts, ZERO) == total
    assert all(part >= 0 and is_whole(part, unit) for part in parts)
    if whole := sum(weights, ZERO):
        for part, weight in zip(parts, weights, strict=True):
            assert abs(part - total * weight / whole) < unit


@given(st.data(), units, rates)
def test_an_order_costs_its_lines_less_discount_and_with_charge_and_added_tax(
    data: st.DataObject, unit: Decimal, service_rate: Decimal
) -> None:
    line = st.builds(TaxedLine, whole_amounts(unit), rates, st.booleans())
    lines = data.draw(st.lists(line, max_size=12))
    wanted = data.draw(whole_amounts(unit, 2_000_000))
    totals = total_of(lines, wanted, service_rate, unit)
    assert totals.subtotal == sum((one.amount for one in lines), ZERO)
    assert 0 <= totals.discount <= totals.subtotal
    assert 0 <= totals.tax_included <= totals.tax
    assert totals.tax_included <= totals.subtotal - totals.discount
    assert totals.total >= totals.subtotal - totals.discount
    for amount in (totals.discount, totals.service_charge, totals.tax, totals.tax_included, totals.total):
        assert is_whole(amount, unit)


@given(st.data(), units)
def test_one_rate_is_taxed_once_however_it_is_split_into_lines(data: st.DataObject, unit: Decimal) -> None:
    rate, inclusive = data.draw(rates), data.draw(st.booleans())
    amounts = data.draw(st.lists(whole_amounts(unit), min_size=1, max_size=12))
    many = total_of([TaxedLine(amount, rate, inclusive) for amount in amounts], ZERO, ZERO, unit)
    one = total_of([TaxedLine(sum(amounts, ZERO), rate, inclusive)], ZERO, ZERO, unit)
    assert many == one


def test_taxes_inside_and_outside_of_prices() -> None:
    unit = unit_of("MAD")
    lines = [TaxedLine(Decimal(110), Decimal(10), True), TaxedLine(Decimal(100), Decimal(20), False)]
    totals = total_of(lines, ZERO, Decimal(5), unit)
    assert (totals.tax_included, totals.tax) == (Decimal(10), Decimal(30))
    assert totals.service_charge == Decimal("10.50")
    assert totals.total == Decimal("240.50")


@given(st.data(), units)
def test_payments_of_a_bill_sum_to_it_and_cash_gives_the_rest_back(data: st.DataObject, unit: Decimal) -> None:
    total = data.draw(whole_amounts(unit).filter(bool))
    due, kept = total, ZERO
    for _ in range(30):
        if not due:
            break
        handed = data.draw(whole_amounts(unit).filter(bool))
        settled = settle(due, handed, "CASH")
        assert settled is not None
        assert settled.amount + settled.change == handed
        due -= settled.amount
        kept += settled.amount
        assert due >= 0
        assert kept + due == total
    assert settle(total, total + unit, "CARD") is None
    assert settle(total, total, "CARD") is not None


@given(st.data(), units)
def test_what_goes_back_in_parts_takes_all_of_the_tax_and_the_tip_with_it(data: st.DataObject, unit: Decimal) -> None:
    paid = data.draw(whole_amounts(unit).filter(bool))
    tax = min(data.draw(whole_amounts(unit)), paid)
    tip = data.draw(whole_amounts(unit, 1000))
    refunded = taxes = tips = ZERO
    cuts = sorted({paid, *data.draw(st.lists(st.integers(1, int(paid / unit)).map(lambda n: n * unit), max_size=8))})
    for cut in cuts:
        part = cut - refunded
        tax_part = tax_share(paid, refunded, tax, part, unit)
        tip_part = tip_share(paid, refunded, tip, tips, part, unit)
        assert tax_part >= 0
        assert tip_part >= 0
        refunded, taxes, tips = refunded + part, taxes + tax_part, tips + tip_part
        assert refunded_status(paid, refunded) == ("REFUNDED" if refunded == paid else "PARTIALLY_REFUNDED")
    assert (refunded, taxes, tips) == (paid, tax, tip)


@given(st.data(), units, st.sampled_from(("PERCENTAGE", "FIXED_AMOUNT")))
def test_a_code_takes_off_no_more_than_its_cap_and_the_order(data: st.DataObject, unit: Decimal, kind: str) -> None:
    subtotal = data.draw(whole_amounts(unit))
    cap = data.draw(st.none() | whole_amounts(unit).filter(bool))
    amount = amount_of(kind, data.draw(st.decimals("0.001", 100, places=3)), cap, subtotal, unit)
    assert 0 <= amount <= subtotal
    assert cap is None or amount <= cap
    assert is_whole(amount, unit)
