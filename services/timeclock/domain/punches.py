"""Punches: what they are, and when they happened."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

IN: Final = "IN"
OUT: Final = "OUT"
BREAK_START: Final = "BREAK_START"
BREAK_END: Final = "BREAK_END"
CONFIRM: Final = "CONFIRM"

SPELLINGS: Final = {IN: "in", OUT: "out", BREAK_START: "break_start", BREAK_END: "break_end"}
KINDS: Final = {spelling: kind for kind, spelling in SPELLINGS.items()}

OFFLINE: Final = "OFFLINE"
CLOCK_SKEW: Final = "CLOCK_SKEW"

AT_ONCE: Final = timedelta(minutes=2)
"""What arrives within this of happening was not kept in a queue, and a clock that is no further off is right."""
LONGEST_QUEUE: Final = timedelta(hours=72)

# Of what happens in one instant, first what ends, then what begins.
_ORDER: Final = {BREAK_END: 0, OUT: 1, IN: 2, BREAK_START: 3, CONFIRM: 4}


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody was as far as that is known, and whether that is on site."""

    latitude: float | None = None
    longitude: float | None = None
    verified: bool = False


NOWHERE: Final = Place()


@dataclass(frozen=True, slots=True)
class Punch:
    """A punch as it counts: its last correction, unless that voids it."""

    id: UUID
    kind: str
    at: datetime
    business_date: date
    paid_break: bool = False
    shift_id: UUID | None = None
    place: Place = NOWHERE
    flags: tuple[str, ...] = ()
    confirms: UUID | None = None

    @property
    def order(self) -> tuple[datetime, int, UUID]:
        """Where it stands among a person's punches, in whatever order they arrived."""
        return (self.at, _ORDER[self.kind], self.id)


@dataclass(frozen=True, slots=True)
class Moment:
    """When a punch happened, and what is unusual about how that is known."""

    at: datetime
    flags: tuple[str, ...] = ()

    @property
    def is_late(self) -> bool:
        """Whether it waited somewhere before it arrived."""
        return OFFLINE in self.flags


def moment_of(received_at: datetime, occurred_at: datetime | None, sent_at: datetime | None) -> Moment:
    """When something happened by the server's clock.

    A device tells when it happened and when it sent this, both by its own clock. The time between the two is right even
    where that clock is not, so a clock that is off at sending is put right by as much. Raises ValueError for what
    happened too long ago.
    """
    if occurred_at is None:
        return Moment(received_at)
    flags: list[str] = []
    # Of lengths of time and not of moments: a clock may be so wrong that a moment put right would lie in no calendar.
    age = received_at - occurred_at
    if sent_at is not None and abs(received_at - sent_at) > AT_ONCE:
        flags.append(CLOCK_SKEW)
        age = sent_at - occurred_at
    if age < timedelta():
        # Nothing can have happened after it was heard of.
        if -age > AT_ONCE:
            flags.append(CLOCK_SKEW)
        age = timedelta()
    if age > LONGEST_QUEUE:
        raise ValueError(f"Punches are taken up to {LONGEST_QUEUE // timedelta(hours=1)} hours later.")
    if age > AT_ONCE:
        flags.append(OFFLINE)
    return Moment(received_at - age, tuple(dict.fromkeys(flags)))
