"""Which packs there are, and which rules hold where and when."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from labour.generic import GENERIC
from labour.model import Policy, RulePack, Rules
from labour.morocco import MOROCCO

PACKS: Final[Mapping[str, RulePack]] = {pack.place: pack for pack in (MOROCCO, GENERIC)}
DEFAULT_PLACE: Final = MOROCCO.place
GENERIC_PLACE: Final = GENERIC.place
_MOROCCAN_ZONES: Final = frozenset({"Africa/Casablanca", "Africa/El_Aaiun"})
_OWN_SETTING: Final = "the restaurant's settings"


def pack_of(time_zone: str) -> RulePack:
    """The pack for a restaurant by the zone it lies in; the generic one outside the places that have one."""
    return MOROCCO if time_zone in _MOROCCAN_ZONES else GENERIC


def rules_on(place: str, day: date) -> Rules:
    """The rules of a place on a day; those of the generic pack for a place that has none."""
    return PACKS.get(place, GENERIC).on(day)


def policy_on(
    day: date, time_zone: str, *, max_weekly_hours: Decimal | None = None, min_rest_hours: Decimal | None = None
) -> Policy:
    """What a restaurant goes by on a day: its own weekly limit and rest where set, its place's rules besides."""
    rules = pack_of(time_zone).on(day)
    sources = [("daily_limit", str(rules.daily_limit.citation) if rules.daily_limit else "")]
    weekly, rest = rules.normal_week.value, rules.rest_between_days.value if rules.rest_between_days else timedelta(0)
    if max_weekly_hours:
        weekly = timedelta(seconds=int(max_weekly_hours * 3600))
        sources.append(("weekly_limit", _OWN_SETTING))
    else:
        sources.append(("weekly_limit", str(rules.normal_week.citation)))
    if min_rest_hours:
        rest = timedelta(seconds=int(min_rest_hours * 3600))
        sources.append(("rest_between_days", _OWN_SETTING))
    elif rules.rest_between_days:
        sources.append(("rest_between_days", str(rules.rest_between_days.citation)))
    return Policy(
        rules=rules,
        weekly_limit=weekly,
        rest_between_days=rest,
        daily_limit=rules.daily_limit.value if rules.daily_limit else None,
        sources=tuple(sources),
    )
