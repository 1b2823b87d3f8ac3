"""What a discount code takes off."""

from datetime import datetime
from decimal import Decimal

from services.pos.domain.money import rounded


def problem(
    *,
    is_active: bool,
    valid_from: datetime,
    valid_until: datetime | None,
    max_usage: int | None,
    usage_count: int,
    min_order_amount: Decimal,
    subtotal: Decimal,
    now: datetime,
) -> str | None:
    """Why a code cannot be used for an order now, or None."""
    if not is_active:
        return "This discount code is not active."
    if now < valid_from:
        return "This discount code is not valid yet."
    if valid_until is not None and now > valid_until:
        return "This discount code has expired."
    if max_usage is not None and usage_count >= max_usage:
        return "This discount code has been used as often as it may."
    if subtotal < min_order_amount:
        return "The order is below the minimum of this discount code."
    return None


def amount_of(kind: str, value: Decimal, cap: Decimal | None, subtotal: Decimal, unit: Decimal) -> Decimal:
    """What a code takes off a subtotal: never more than its cap or the subtotal."""
    amount = subtotal * value / 100 if kind == "PERCENTAGE" else value
    return rounded(min(amount, subtotal, amount if cap is None else cap), unit)
