"""What a restaurant may use: derived from its plan, how it stands with paying, and what its operator granted it.

Never lock the till: what keeps a restaurant running is no feature that a plan could switch off. Those names stand in
`entitlements.ALWAYS`, no offer may carry them, and whoever asks for one is told yes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from services.billing.domain.subscription import ACTIVE, PAST_DUE, TRIALING, UNPAID

SUBSCRIBED: Final = "subscribed"
TRIAL: Final = "trial"
GRACE: Final = "grace"
NOT_PAID: Final = "unpaid"
BASE: Final = "base"
OPEN: Final = "open"
REASONS: Final = (SUBSCRIBED, TRIAL, GRACE, NOT_PAID, BASE, OPEN)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a plan switches on; a limit that it does not name is none."""

    slug: str
    features: frozenset[str] = frozenset()
    limits: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Grant:
    """What the operator gave one restaurant beside its plan: a feature, or another limit, until a day or for good."""

    name: str
    limit: int | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a restaurant stands with paying."""

    status: str
    trial_end: datetime | None = None
    past_due_since: datetime | None = None
    # Whether the payment provider, and not the platform itself, ends its trial.
    at_provider: bool = False


@dataclass(frozen=True, slots=True)
class Entitlements:
    """Everything that a restaurant may use."""

    unlimited: bool
    features: frozenset[str]
    limits: Mapping[str, int]
    plan: str | None
    reason: str
    valid_until: datetime | None = None


def grace_until(standing: Standing, grace: timedelta) -> datetime | None:
    """Until when a plan stays whole although a payment is overdue."""
    if standing.status != PAST_DUE or standing.past_due_since is None:
        return None
    return standing.past_due_since + grace


def entitlements_of(
    plan: Contents | None,
    base: Contents | None,
    standing: Standing,
    grants: Iterable[Grant],
    *,
    grace: timedelta,
    now: datetime,
) -> Entitlements:
    """What a restaurant may use now, and when that changes by itself.

    `base` is the plan that everybody has who pays for none. Where the platform offers no such plan everything is open
    to everybody, so that nobody ever has less for paying.
    """
    reason, until = _reason(plan, standing, grace, now)
    source = plan if reason in {SUBSCRIBED, TRIAL, GRACE} else base
    if base is None or source is None:
        return Entitlements(True, frozenset(), {}, source.slug if source else None, reason if source else OPEN, until)
    valid = [grant for grant in grants if grant.until is None or grant.until > now]
    limits = dict(source.limits)
    for grant in valid:
        # A grant gives; it never takes away what the plan has, and a plan without the limit has no limit.
        if grant.limit is not None and grant.name in limits:
            limits[grant.name] = max(limits[grant.name], grant.limit)
    features = source.features | {grant.name for grant in valid if grant.limit is None}
    ends = [moment for moment in (until, *(grant.until for grant in valid)) if moment is not None]
    return Entitlements(False, features, limits, source.slug, reason, min(ends, default=None))


def _reason(plan: Contents | None, standing: Standing, grace: timedelta, now: datetime) -> tuple[str, datetime | None]:
    if plan is None:
        return BASE, None
    if standing.status == ACTIVE:
        return SUBSCRIBED, None
    if standing.status == TRIALING:
        if standing.at_provider or standing.trial_end is None:
            return TRIAL, None
        return (TRIAL, standing.trial_end) if standing.trial_end > now else (BASE, None)
    if standing.status == PAST_DUE:
        until = grace_until(standing, grace)
        return (GRACE, until) if until is None or until > now else (NOT_PAID, None)
    return (NOT_PAID if standing.status == UNPAID else BASE), None
