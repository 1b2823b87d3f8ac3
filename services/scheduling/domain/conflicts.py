"""What stands against a shift: one engine for planning by hand, publishing, swaps, agents and generated weeks.

It looks at one person, the shift that they would work, and what is known of them around it. Periods are half-open;
hours are those that pass; days and weeks are those of the restaurant's zone.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from labour import Period, Policy, by_day, hours, net_hours, rest_between
from servicekit.zones import local_instant

OVERLAP: Final = "OVERLAP"
TIME_OFF: Final = "TIME_OFF"
AVAILABILITY: Final = "AVAILABILITY"
HOLIDAY: Final = "HOLIDAY"
WEEKLY_LIMIT: Final = "WEEKLY_LIMIT"
DAILY_LIMIT: Final = "DAILY_LIMIT"
REST_PERIOD: Final = "REST_PERIOD"
LOCATION: Final = "LOCATION"

HARD: Final = frozenset({OVERLAP, TIME_OFF})
"""What no plan may contain; the others warn the one who plans."""


@dataclass(frozen=True, slots=True)
class Booking:
    """A shift as far as conflicts are concerned."""

    id: UUID | None
    period: Period
    unpaid_break: timedelta = timedelta()
    workspace: str = ""
    people: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class TimeOff:
    """Days, the last one included, on which somebody has leave that was granted."""

    id: UUID
    first: date
    last: date
    start: time | None = None
    end: time | None = None
    is_continuous: bool = False
    """From the start on the first day to the end on the last, instead of these hours of each day."""


@dataclass(frozen=True, slots=True)
class Window:
    """What somebody said about one day of the week, 0 being Monday; without times it is the whole day."""

    day_of_week: int
    is_available: bool
    start: time | None = None
    end: time | None = None
    until: date | None = None
    """The last day that counts, where there is one."""

    def is_about(self, day: date) -> bool:
        """Whether the window says something about a day."""
        return self.day_of_week == day.weekday() and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of one person and their restaurant around a shift."""

    person: UUID
    zone: ZoneInfo
    policy: Policy
    shifts: Sequence[Booking] = ()
    """The person's own shifts that occupy them, for at least a week on both sides."""
    time_off: Sequence[TimeOff] = ()
    windows: Sequence[Window] = ()
    holidays: Sequence[tuple[date, str]] = ()
    """Days on which the restaurant is closed."""
    workspaces: Sequence[Booking] = ()
    """Shifts of anybody that take up a workspace."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that stands against a shift: which rule, why, and which shifts and people it is about."""

    type: str
    message: str
    person: UUID
    rule: str = ""
    shift_id: UUID | None = None
    request_id: UUID | None = None
    people: tuple[UUID, ...] = field(default_factory=tuple)

    @property
    def is_hard(self) -> bool:
        """Whether it forbids the shift."""
        return self.type in HARD


def find_conflicts(shift: Booking, situation: Situation) -> list[Finding]:
    """Everything that stands against a person working a shift; the shift itself is not held against them."""
    others = [other for other in situation.shifts if other.id is None or other.id != shift.id]
    return [
        *_overlaps(shift, others, situation),
        *_leave(shift, situation),
        *_availability(shift, situation),
        *_closures(shift, situation),
        *_hours(shift, others, situation),
        *_rest(shift, others, situation),
        *_workspace(shift, situation),
    ]


def week_of(day: date) -> date:
    """The Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def shift_period(day: date, start: time, end: time, zone: ZoneInfo) -> Period:
    """A shift by the clock: without an end after its start it ends on the next day. Raises ValueError for no length."""
    last = day if end > start else day + timedelta(days=1)
    return Period(local_instant(day, start, zone), local_instant(last, end, zone))


def _overlaps(shift: Booking, others: Iterable[Booking], situation: Situation) -> Iterator[Finding]:
    for other in others:
        if shift.period.overlaps(other.period):
            when = _clock(other.period, situation.zone)
            yield Finding(
                OVERLAP,
                f"Already has a shift {when}.",
                situation.person,
                rule="Nobody works two shifts at once",
                shift_id=other.id,
            )


def _leave(shift: Booking, situation: Situation) -> Iterator[Finding]:
    for leave in situation.time_off:
        if any(shift.period.overlaps(period) for period in leave_periods(leave, situation.zone)):
            days = f"{leave.first}" if leave.first == leave.last else f"{leave.first} to {leave.last}"
            yield Finding(
                TIME_OFF,
                f"Has approved time off on {days}.",
                situation.person,
                rule="Approved time off",
                request_id=leave.id,
            )


def leave_periods(leave: TimeOff, zone: ZoneInfo) -> Iterator[Period]:
    """When somebody is on leave: the whole days, the same hours of each, or from one moment to another."""
    if leave.is_continuous and leave.start is not None and leave.end is not None:
        yield Period(local_instant(leave.first, leave.start, zone), local_instant(leave.last, leave.end, zone))
        return
    if leave.start is None or leave.end is None or leave.start == leave.end:
        yield Period(
            local_instant(leave.first, time(), zone), local_instant(leave.last + timedelta(days=1), time(), zone)
        )
        return
    for offset in range((leave.last - leave.first).days + 1):
        yield shift_period(leave.first + timedelta(days=offset), leave.start, leave.end, zone)


def _availability(shift: Booking, situation: Situation) -> Iterator[Finding]:
    for day, piece in by_day(shift.period, situation.zone):
        said = [window for window in situation.windows if window.is_about(day)]
        if not said:
            continue
        free = [window_period(day, window, situation.zone) for window in said if window.is_available]
        busy = [window_period(day, window, situation.zone) for window in said if not window.is_available]
        is_free = not free or _covered(piece, free)
        if not is_free or any(piece.overlaps(period) for period in busy):
            yield Finding(
                AVAILABILITY,
                f"Is not available on {day:%A} at that time.",
                situation.person,
                rule="Availability that the person stated",
            )


def window_period(day: date, window: Window, zone: ZoneInfo) -> Period:
    """What a window is on a day."""
    tomorrow = local_instant(day + timedelta(days=1), time(), zone)
    start = local_instant(day, window.start or time(), zone)
    if window.end is None or window.end <= (window.start or time()):
        return Period(start, tomorrow)
    return Period(start, local_instant(day, window.end, zone))


def _covered(piece: Period, windows: Iterable[Period]) -> bool:
    """Whether windows that touch or overlap leave nothing of a piece open."""
    reached = piece.start
    for window in sorted(windows):
        if window.start > reached:
            break
        reached = max(reached, window.end)
    return reached >= piece.end


def _closures(shift: Booking, situation: Situation) -> Iterator[Finding]:
    first = shift.period.start.astimezone(situation.zone).date()
    for day, name in situation.holidays:
        if day == first:
            yield Finding(HOLIDAY, f"The restaurant is closed on {day}: {name}.", situation.person, rule="Closed days")


def _hours(shift: Booking, others: Sequence[Booking], situation: Situation) -> Iterator[Finding]:
    zone, policy = situation.zone, situation.policy
    day = shift.period.start.astimezone(zone).date()
    monday = week_of(day)
    own = net_hours(shift.period, shift.unpaid_break)
    today = week = own
    for other in others:
        began = other.period.start.astimezone(zone).date()
        length = net_hours(other.period, other.unpaid_break)
        week += length if week_of(began) == monday else timedelta()
        today += length if began == day else timedelta()
    if policy.daily_limit is not None and today > policy.daily_limit:
        yield Finding(
            DAILY_LIMIT,
            f"Would work {hours(today)} hours on {day}; the limit is {hours(policy.daily_limit)}.",
            situation.person,
            rule=policy.source_of("daily_limit"),
        )
    if week > policy.weekly_limit:
        yield Finding(
            WEEKLY_LIMIT,
            f"Would work {hours(week)} hours in the week of {monday}; the limit is {hours(policy.weekly_limit)}.",
            situation.person,
            rule=policy.source_of("weekly_limit"),
        )


def _rest(shift: Booking, others: Iterable[Booking], situation: Situation) -> Iterator[Finding]:
    """Rest before and after, between working days: the parts of a split shift on one day need none."""
    zone, wanted = situation.zone, situation.policy.rest_between_days
    day = shift.period.start.astimezone(zone).date()
    for other in others:
        if other.period.start.astimezone(zone).date() == day or shift.period.overlaps(other.period):
            continue
        rest = rest_between(shift.period, other.period)
        if rest < wanted:
            side = "before" if other.period.start < shift.period.start else "after"
            yield Finding(
                REST_PERIOD,
                f"Only {hours(rest)} hours of rest {side} this shift; {hours(wanted)} are needed.",
                situation.person,
                rule=situation.policy.source_of("rest_between_days"),
                shift_id=other.id,
            )


def _workspace(shift: Booking, situation: Situation) -> Iterator[Finding]:
    if not shift.workspace:
        return
    for other in situation.workspaces:
        is_other = other.id is None or other.id != shift.id
        same_place = other.workspace.casefold() == shift.workspace.casefold()
        if is_other and same_place and shift.period.overlaps(other.period):
            yield Finding(
                LOCATION,
                f"{shift.workspace} is taken {_clock(other.period, situation.zone)}.",
                situation.person,
                rule="One shift at a workspace at a time",
                shift_id=other.id,
                people=tuple(sorted(other.people)),
            )


def _clock(period: Period, zone: ZoneInfo) -> str:
    start, end = period.start.astimezone(zone), period.end.astimezone(zone)
    return f"on {start:%Y-%m-%d} from {start:%H:%M} to {end:%H:%M}"
