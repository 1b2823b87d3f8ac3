"""Which channels something takes to a person, and when: their preferences, their quiet hours, what can reach them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from services.notify.domain.channels import APP, CHANNELS, EMAIL, PUSH
from services.notify.domain.deliveries import PENDING, SENT, SKIPPED
from services.notify.domain.kinds import Kind
from services.notify.domain.preferences import CHANNEL_SWITCHES, STANDARD, SUBJECT_SWITCHES
from services.notify.domain.quiet import next_moment

OVERRIDE_ADDS: Final = (PUSH, EMAIL)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What somebody chose about being told."""

    switches: Mapping[str, bool] = field(default_factory=lambda: STANDARD)
    exceptions: Mapping[str, Any] = field(default_factory=dict)
    quiet_from: time | None = None
    quiet_until: time | None = None

    def wants(self, kind: Kind) -> bool:
        """Whether the person wants to hear of such things at all."""
        switch = SUBJECT_SWITCHES.get(kind.subject)
        return self.switches["notifications_enabled"] and (switch is None or self.switches[switch])

    def wants_by(self, kind: Kind, channel: str) -> bool:
        """Whether the person wants to hear of such things over a channel: the exception, or else the switch."""
        if channel not in CHANNEL_SWITCHES:
            return True
        exception = self.exceptions.get(kind.subject, {}).get(channel)
        return bool(self.switches[CHANNEL_SWITCHES[channel]] if exception is None else exception)


@dataclass(frozen=True, slots=True)
class Urgency:
    """How much of somebody's wishes is passed over."""

    overrides: bool = False
    """What is switched off."""
    is_critical: bool = False
    """Also the hour; and where one channel fails the others are used."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One channel's part: PENDING, at once or later; SENT for the in-app list; SKIPPED, with the reason."""

    channel: str
    state: str
    not_before: datetime | None = None
    reason: str | None = None


def route(
    kind: Kind,
    channels: Sequence[str],
    wishes: Wishes,
    urgency: Urgency,
    *,
    zone: ZoneInfo,
    now: datetime,
    expires_at: datetime | None = None,
) -> list[Leg]:
    """The legs of something that is to be told to one person; none when they do not want to hear of it.

    The in-app list always has it, whatever channels were asked for: it is where people find what they missed.
    """
    bypass = urgency.overrides or urgency.is_critical
    if not bypass and not wishes.wants(kind):
        return []
    wanted = set(channels) | {APP}
    if urgency.is_critical:
        wanted = set(CHANNELS)
    elif urgency.overrides:
        wanted |= set(OVERRIDE_ADDS)
    later = now if urgency.is_critical else next_moment(now, wishes.quiet_from, wishes.quiet_until, zone)
    legs = []
    for channel in CHANNELS:
        if channel not in wanted:
            continue
        if channel == APP:
            legs.append(Leg(APP, SENT))
        elif not bypass and not wishes.wants_by(kind, channel):
            legs.append(Leg(channel, SKIPPED, reason="switched off"))
        elif expires_at is not None and later >= expires_at:
            legs.append(Leg(channel, SKIPPED, reason="over before the quiet hours"))
        else:
            legs.append(Leg(channel, PENDING, not_before=later if later > now else None))
    return legs
