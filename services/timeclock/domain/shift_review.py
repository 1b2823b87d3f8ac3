"""Rules about reviews of sessions."""

from decimal import ROUND_HALF_UP, Decimal

_SECONDS_PER_HOUR = 3600


def seconds_of(hours: Decimal) -> int:
    """Decimal hours in whole seconds."""
    return int((hours * _SECONDS_PER_HOUR).quantize(Decimal(1), ROUND_HALF_UP))


def as_h_mm_ss(seconds: int) -> str:
    """A duration as H:MM:SS, with as many hours as it has."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
