"""Sessions, derived from punches: the same punches give the same sessions, in whatever order they arrived."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from labour import Period
from services.timeclock.domain.punches import BREAK_START, CONFIRM, IN, NOWHERE, OUT, Place, Punch

OPEN: Final = "OPEN"
CLOSED: Final = "CLOSED"
INCOMPLETE: Final = "INCOMPLETE"

MISSING_OUT: Final = "MISSING_OUT"
MISSING_IN: Final = "MISSING_IN"
DOUBLE_IN: Final = "DOUBLE_IN"
TOO_LONG: Final = "TOO_LONG"
BREAK_NOT_ENDED: Final = "BREAK_NOT_ENDED"
STRAY_BREAK: Final = "STRAY_BREAK"
AUTO_OUT: Final = "AUTO_OUT"
CONFIRMED: Final = "CONFIRMED"

LONGEST: Final = timedelta(hours=16)
"""Longer than this nobody works: whoever clocks in again had forgotten to clock out."""
DOUBLE_TAP: Final = timedelta(minutes=2)
_NEEDS_REVIEW: Final = frozenset({MISSING_OUT, MISSING_IN, DOUBLE_IN, TOO_LONG, AUTO_OUT})


@dataclass(slots=True)
class Break:
    """A pause within a session; without an end while it lasts."""

    start: datetime
    paid: bool
    start_punch_id: UUID
    end: datetime | None = None
    end_punch_id: UUID | None = None

    def as_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            "start": self.start.astimezone(UTC).isoformat(),
            "end": self.end.astimezone(UTC).isoformat() if self.end else None,
            "paid": self.paid,
            "start_punch_id": str(self.start_punch_id),
            "end_punch_id": str(self.end_punch_id) if self.end_punch_id else None,
        }

    @classmethod
    def of_json(cls, stored: Any) -> "Break":
        """The break that was stored."""
        return cls(
            start=datetime.fromisoformat(stored["start"]),
            paid=stored["paid"],
            start_punch_id=UUID(stored["start_punch_id"]),
            end=datetime.fromisoformat(stored["end"]) if stored["end"] else None,
            end_punch_id=UUID(stored["end_punch_id"]) if stored["end_punch_id"] else None,
        )


@dataclass(slots=True)
class Session:
    """Time between clocking in and out."""

    id: UUID
    started_at: datetime
    business_date: date
    status: str = OPEN
    ended_at: datetime | None = None
    out_punch_id: UUID | None = None
    shift_id: UUID | None = None
    breaks: list[Break] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    place_in: Place = NOWHERE
    place_out: Place = NOWHERE
    confirmed: bool = False

    @property
    def running_break(self) -> Break | None:
        """The break that somebody is on, or None."""
        return self.breaks[-1] if self.breaks and self.breaks[-1].end is None else None

    @property
    def last_at(self) -> datetime:
        """When something last happened in it."""
        instants = [self.started_at, *(b.end or b.start for b in self.breaks)]
        if self.ended_at is not None:
            instants.append(self.ended_at)
        return max(instants)

    @property
    def needs_review(self) -> bool:
        """Whether somebody has to look at it before it is paid."""
        return not self.confirmed and not _NEEDS_REVIEW.isdisjoint(self.flags)

    @property
    def break_seconds(self) -> int:
        """How long its breaks took, paid or not."""
        return sum(seconds_between(b.start, b.end) for b in self.breaks if b.end is not None)

    @property
    def worked_seconds(self) -> int:
        """Whole seconds without unpaid breaks; 0 until it is closed."""
        return sum(seconds_between(period.start, period.end) for period in self.paid_periods())

    def paid_periods(self) -> list[Period]:
        """What of a closed session is paid, in whole seconds."""
        return [] if self.ended_at is None else self.periods_until(self.ended_at)

    def periods_until(self, end: datetime) -> list[Period]:
        """What of it is paid up to an instant, in whole seconds: an unpaid break that runs goes to the end."""
        periods: list[Period] = []
        start = whole(self.started_at)
        for pause in self.breaks:
            if pause.paid:
                continue
            if whole(pause.start) > start:
                periods.append(Period(start, whole(pause.start)))
            start = max(start, whole(pause.end or end))
        if whole(end) > start:
            periods.append(Period(start, whole(end)))
        return periods

    def flag(self, name: str) -> None:
        """Notes something unusual, once."""
        if name not in self.flags:
            self.flags.append(name)


def whole(instant: datetime) -> datetime:
    """An instant without its fraction of a second: the unit in which time is paid."""
    return instant.astimezone(UTC).replace(microsecond=0)


def seconds_between(start: datetime, end: datetime | None) -> int:
    """Whole seconds between two instants; 0 while the second is not known."""
    return 0 if end is None else max(int((whole(end) - whole(start)).total_seconds()), 0)


def apply(latest: Session | None, punch: Punch) -> Session | None:
    """Adds a punch to the latest session of a person, or begins another with it, which is returned then.

    The latest session is changed. Returns the session that the punch belongs to, or None for one that changes nothing.
    """
    current = latest if latest is not None and latest.status == OPEN else None
    if punch.kind == IN:
        return _clock_in(latest, current, punch)
    if punch.kind == CONFIRM:
        return _confirm(latest, punch)
    if current is None:
        return _without_session(latest, punch)
    if punch.kind == OUT:
        _close(current, punch)
    elif punch.kind == BREAK_START:
        if current.running_break is None:
            current.breaks.append(Break(punch.at, punch.paid_break, punch.id))
    elif (pause := current.running_break) is not None:
        pause.end, pause.end_punch_id = punch.at, punch.id
    return current


def fold(punches: Iterable[Punch]) -> list[Session]:
    """The sessions of one person's punches, the oldest first."""
    sessions: dict[UUID, Session] = {}
    latest: Session | None = None
    confirmations: list[Punch] = []
    for punch in sorted(punches, key=lambda one: one.order):
        if punch.kind == CONFIRM:
            confirmations.append(punch)
            continue
        touched = apply(latest, punch)
        if touched is not None:
            sessions[touched.id] = latest = touched
    for word in confirmations:
        if word.confirms in sessions:
            _confirm(sessions[word.confirms], word)
    return list(sessions.values())


def region_start(starts: Sequence[datetime], at: datetime) -> datetime | None:
    """From when on sessions must be derived again for a punch at an instant; None means from the beginning.

    Nothing of what came before matters where a session begins: it did not grow out of an earlier one.
    """
    return max((start for start in starts if start <= at), default=None)


def _clock_in(latest: Session | None, current: Session | None, punch: Punch) -> Session:
    if current is not None and punch.at - current.started_at < LONGEST:
        if punch.at - current.started_at > DOUBLE_TAP:
            current.flag(DOUBLE_IN)
        return current
    if current is not None:
        current.status = INCOMPLETE
        current.flag(MISSING_OUT)
    return Session(
        id=punch.id,
        started_at=punch.at,
        business_date=punch.business_date,
        shift_id=punch.shift_id,
        flags=list(punch.flags),
        place_in=punch.place,
    )


def _close(current: Session, punch: Punch) -> None:
    if (pause := current.running_break) is not None:
        pause.end = punch.at
        current.flag(BREAK_NOT_ENDED)
    current.status, current.ended_at, current.out_punch_id = CLOSED, punch.at, punch.id
    current.place_out = punch.place
    for name in punch.flags:
        current.flag(name)
    if punch.at - current.started_at > LONGEST:
        current.flag(TOO_LONG)


def _without_session(latest: Session | None, punch: Punch) -> Session | None:
    """A punch while nobody is clocked in: a repetition of the last one, or the trace of a session nobody began."""
    if punch.kind != OUT:
        return None
    if latest is not None and punch.at - latest.last_at <= DOUBLE_TAP:
        return None
    return Session(
        id=punch.id,
        started_at=punch.at,
        business_date=punch.business_date,
        status=INCOMPLETE,
        flags=[*punch.flags, MISSING_IN],
        place_out=punch.place,
    )


def _confirm(session: Session | None, word: Punch) -> Session | None:
    """Somebody said that a session is right as it stood; it holds while the session still ends then."""
    if session is None or session.id != word.confirms or session.ended_at != word.at:
        return None
    session.confirmed = True
    session.flag(CONFIRMED)
    return session
