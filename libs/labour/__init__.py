"""Limits on working time as data: versioned rule packs with place, effective dates and citations. Pure.

Scheduling plans by them and timeclock reckons by them. `rules_on` gives the version of a place's pack that is in force
on a day; `Policy` is that version with a restaurant's own numbers.
"""

from labour.hours import Period, by_day, hours, intersection, net_hours, rest_between, total
from labour.model import Citation, OvertimeTier, Policy, Rule, RulePack, Rules
from labour.registry import DEFAULT_PLACE, GENERIC_PLACE, PACKS, pack_of, policy_on, rules_on

__all__ = [
    "DEFAULT_PLACE",
    "GENERIC_PLACE",
    "PACKS",
    "Citation",
    "OvertimeTier",
    "Period",
    "Policy",
    "Rule",
    "RulePack",
    "Rules",
    "by_day",
    "hours",
    "intersection",
    "net_hours",
    "pack_of",
    "policy_on",
    "rest_between",
    "rules_on",
    "total",
]
