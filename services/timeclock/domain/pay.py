"""What worked time is paid: every second once, with the rule that says how much.

Overtime is reckoned by the day and by the week. Time beyond a day's limit is daily overtime and does not count towards
the week's; time beyond the week's limit is weekly overtime. A week is reckoned whole, whatever part of it a timesheet
covers, so that two timesheets of one week agree.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby, pairwise
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from labour import OvertimeTier, Period, Policy, policy_on
from services.timeclock.domain.days import week_begins
from services.timeclock.domain.sessions import Session, seconds_between, whole

REGULAR: Final = "REGULAR"
DAILY_OVERTIME: Final = "DAILY_OVERTIME"
WEEKLY_OVERTIME: Final = "WEEKLY_OVERTIME"
HOLIDAY: Final = "HOLIDAY"
MANUAL: Final = "MANUAL"
ADJUSTMENT: Final = "ADJUSTMENT"
OVERTIME: Final = frozenset({DAILY_OVERTIME, WEEKLY_OVERTIME})

ONE: Final = Decimal(1)
CENT: Final = Decimal("0.01")
SECONDS_PER_HOUR: Final = 3600
DAYS_WITHOUT_REST: Final = 6


@dataclass(frozen=True, slots=True)
class Terms:
    """What a restaurant pays by, beside the labour rules of its place; kept with a timesheet when it is locked."""

    zone: ZoneInfo
    week_starts_on: int = 0
    max_weekly_hours: Decimal | None = None
    deduct_breaks: bool = False
    break_after: timedelta = timedelta(hours=6)
    break_length: timedelta = timedelta(minutes=30)
    holidays: Mapping[date, tuple[str, Decimal]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            "zone": self.zone.key,
            "week_starts_on": self.week_starts_on,
            "max_weekly_hours": str(self.max_weekly_hours) if self.max_weekly_hours is not None else None,
            "deduct_breaks": self.deduct_breaks,
            "break_after": int(self.break_after.total_seconds()),
            "break_length": int(self.break_length.total_seconds()),
            "holidays": {
                day.isoformat(): [name, str(multiplier)] for day, (name, multiplier) in sorted(self.holidays.items())
            },
        }

    @classmethod
    def of_json(cls, stored: Mapping[str, Any]) -> "Terms":
        """The terms that were stored."""
        weekly = stored["max_weekly_hours"]
        return cls(
            zone=ZoneInfo(stored["zone"]),
            week_starts_on=stored["week_starts_on"],
            max_weekly_hours=Decimal(weekly) if weekly is not None else None,
            deduct_breaks=stored["deduct_breaks"],
            break_after=timedelta(seconds=stored["break_after"]),
            break_length=timedelta(seconds=stored["break_length"]),
            holidays={
                date.fromisoformat(day): (name, Decimal(multiplier))
                for day, (name, multiplier) in stored["holidays"].items()
            },
        )


@dataclass(frozen=True, slots=True)
class Work:
    """Paid time of one session, or of hours that somebody entered by hand."""

    business_date: date
    periods: tuple[Period, ...]
    session_id: UUID | None = None
    out_punch_id: UUID | None = None
    shift_id: UUID | None = None
    is_manual: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """Time that is paid alike."""

    business_date: date
    kind: str
    seconds: int
    rate: Decimal
    multiplier: Decimal
    rule: str
    begins_at: datetime | None = None
    ends_at: datetime | None = None
    session_id: UUID | None = None
    out_punch_id: UUID | None = None
    shift_id: UUID | None = None
    adjusts_id: UUID | None = None
    settled: Decimal | None = None
    """The amount of an adjustment, which is a difference and no product."""

    @property
    def amount(self) -> Decimal:
        """What it is paid, to the cent."""
        if self.settled is not None:
            return self.settled
        exact = self.rate * self.multiplier * self.seconds / SECONDS_PER_HOUR
        return exact.quantize(CENT, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Wages:
    """What somebody earns an hour, by day."""

    steps: tuple[tuple[date, Decimal], ...] = ()
    """From when on, and how much; the earliest first."""
    fixed: Decimal | None = None
    """Goes before the steps."""

    def on(self, day: date) -> Decimal:
        """The wage of a day; 0 where none is known."""
        if self.fixed is not None:
            return self.fixed
        known = [rate for since, rate in self.steps if since <= day]
        return known[-1] if known else Decimal(0)


def work_of(session: Session, terms: Terms, shift_id: UUID | None) -> Work:
    """What of a session is paid; a break that was not taken is deducted where the restaurant does that."""
    periods = session.paid_periods()
    if terms.deduct_breaks and session.ended_at is not None:
        missing = int(terms.break_length.total_seconds()) - session.break_seconds
        long_enough = sum((period.length for period in periods), timedelta()) > terms.break_after
        if missing > 0 and long_enough:
            periods = list(_without(periods, terms.break_after, timedelta(seconds=missing)))
    return Work(session.business_date, tuple(periods), session.id, session.out_punch_id, shift_id)


def manual_work(business_date: date, starts_at: datetime, hours: Decimal, shift_id: UUID) -> Work:
    """Hours that somebody entered for a shift, as if worked from its beginning."""
    start = whole(starts_at)
    length = timedelta(seconds=int((hours * SECONDS_PER_HOUR).to_integral_value(ROUND_HALF_UP)))
    return Work(business_date, (Period(start, start + length),), shift_id=shift_id, is_manual=True)


def lines_of(works: Iterable[Work], terms: Terms, wages: Wages, first: date, last: date) -> list[Line]:
    """What the works of a range of days are paid. `works` hold the whole weeks that the range touches."""
    ordered = sorted(works, key=lambda work: (work.business_date, work.periods))
    lines: list[Line] = []
    for begins_on, week in groupby(ordered, key=lambda work: week_begins(work.business_date, terms.week_starts_on)):
        reckoning = _Week(terms, begins_on)
        for day, of_day in groupby(week, key=lambda work: work.business_date):
            reckoning.begin_day(day)
            for work in of_day:
                for piece in reckoning.pieces_of(work):
                    if first <= day <= last:
                        lines.append(replace(piece, rate=wages.on(day)))
    return _merged(lines)


class _Week:
    """One week as it is reckoned, day by day."""

    def __init__(self, terms: Terms, begins_on: date) -> None:
        self._terms = terms
        self._week_seconds = 0
        self._day_seconds = 0
        self._days: set[date] = set()
        self._day = begins_on
        self._policy = self._policy_on(begins_on)

    def _policy_on(self, day: date) -> Policy:
        return policy_on(day, self._terms.zone.key, max_weekly_hours=self._terms.max_weekly_hours)

    def begin_day(self, day: date) -> None:
        """The next business day with work on it."""
        self._day = day
        self._day_seconds = 0
        self._days.add(day)
        self._policy = self._policy_on(day)

    def pieces_of(self, work: Work) -> Iterator[Line]:
        """The work cut where its kind or its multiplier changes; rates are left to the caller."""
        for period in work.periods:
            start = period.start
            while start < period.end:
                kind, end = self._next(Period(start, period.end))
                for part, multiplier, rule in self._paid(kind, Period(start, end)):
                    yield self._line(work, kind, part, multiplier, rule)
                start = end

    def _next(self, rest: Period) -> tuple[str, datetime]:
        """The kind of what comes next, and until when; it is counted."""
        daily = self._policy.daily_limit
        left_today = int(daily.total_seconds()) - self._day_seconds if daily is not None else None
        left_this_week = int(self._policy.weekly_limit.total_seconds()) - self._week_seconds
        seconds = seconds_between(rest.start, rest.end)
        if left_today is not None and left_today <= 0:
            return DAILY_OVERTIME, rest.end
        if left_this_week <= 0:
            taken = seconds if left_today is None else min(seconds, left_today)
            self._day_seconds += taken
            return WEEKLY_OVERTIME, rest.start + timedelta(seconds=taken)
        limits = [left for left in (left_today, left_this_week) if left is not None]
        taken = min(seconds, *limits)
        self._day_seconds += taken
        self._week_seconds += taken
        return REGULAR, rest.start + timedelta(seconds=taken)

    def _paid(self, kind: str, period: Period) -> Iterator[tuple[Period, Decimal, str]]:
        holiday = self._terms.holidays.get(self._day)
        if kind == REGULAR:
            name, multiplier = holiday if holiday is not None else ("", ONE)
            yield period, multiplier, f"Holiday: {name}" if name else "Ordinary hours"
            return
        rules = self._policy.rules
        limit = "daily_limit" if kind == DAILY_OVERTIME else "weekly_limit"
        said = self._policy.source_of(limit)
        if rules.overtime is None:
            yield period, holiday[1] if holiday else ONE, f"Beyond the limit of {said}"
            return
        for part, by_night in _split_by_night(period, rules.night.value, self._terms.zone):
            multiplier = self._premium(rules.overtime.value, by_night=by_night)
            if holiday is not None:
                multiplier = max(multiplier, holiday[1])
            yield part, multiplier, f"{rules.overtime.citation}; limit of {said}"

    def _premium(self, tier: OvertimeTier, *, by_night: bool) -> Decimal:
        if len(self._days) > DAYS_WITHOUT_REST:
            return tier.by_night_on_rest_day if by_night else tier.by_day_on_rest_day
        return tier.by_night if by_night else tier.by_day

    def _line(self, work: Work, kind: str, part: Period, multiplier: Decimal, rule: str) -> Line:
        if kind == REGULAR and self._day in self._terms.holidays:
            kind = HOLIDAY
        elif kind == REGULAR and work.is_manual:
            kind, rule = MANUAL, "Entered by hand"
        return Line(
            business_date=self._day,
            kind=kind,
            seconds=seconds_between(part.start, part.end),
            rate=Decimal(0),
            multiplier=multiplier,
            rule=rule,
            begins_at=part.start,
            ends_at=part.end,
            session_id=work.session_id,
            out_punch_id=work.out_punch_id,
            shift_id=work.shift_id,
        )


def difference(before: Sequence[Line], after: Sequence[Line], timesheet_id: UUID, day: date) -> Line | None:
    """What a locked timesheet would be paid more or less by now; None when nothing."""
    seconds = sum(line.seconds for line in after) - sum(line.seconds for line in before)
    amount = sum((line.amount for line in after), Decimal(0)) - sum((line.amount for line in before), Decimal(0))
    if not seconds and not amount:
        return None
    return Line(
        business_date=day,
        kind=ADJUSTMENT,
        seconds=seconds,
        rate=Decimal(0),
        multiplier=ONE,
        rule="Corrected after approval",
        adjusts_id=timesheet_id,
        settled=amount,
    )


def hours_of(seconds: int) -> Decimal:
    """Seconds in hours with two decimals; negative ones for what is taken back."""
    return (Decimal(seconds) / SECONDS_PER_HOUR).quantize(CENT, ROUND_HALF_UP)


def _split_by_night(period: Period, night: tuple[time, time], zone: ZoneInfo) -> Iterator[tuple[Period, bool]]:
    """The period cut where the night begins and ends; whether each part lies in it."""
    begins, ends = night
    edges = {period.start, period.end}
    day = period.start.astimezone(zone).date() - timedelta(days=1)
    while day <= period.end.astimezone(zone).date():
        until = day + timedelta(days=1) if ends <= begins else day
        for edge in (datetime.combine(day, begins, zone), datetime.combine(until, ends, zone)):
            instant = edge.astimezone(UTC)
            if period.start < instant < period.end:
                edges.add(instant)
        day += timedelta(days=1)
    ordered = sorted(edges)
    for start, end in pairwise(ordered):
        moment = start.astimezone(zone).time()
        in_night = moment >= begins or moment < ends if ends <= begins else begins <= moment < ends
        yield Period(start, end), in_night


def _without(periods: Iterable[Period], after: timedelta, length: timedelta) -> Iterator[Period]:
    """The periods without a stretch of `length` that begins when `after` has been worked."""
    worked = timedelta()
    for period in periods:
        begin = period.start + max(after - worked, timedelta())
        end = begin + length
        worked += period.length
        if begin >= period.end or not length:
            yield period
            continue
        if begin > period.start:
            yield Period(period.start, begin)
        if end < period.end:
            yield Period(end, period.end)
        length -= min(end, period.end) - begin


def _merged(lines: Sequence[Line]) -> list[Line]:
    """The lines with neighbours of the same kind as one."""
    merged: list[Line] = []
    for line in lines:
        previous = merged[-1] if merged else None
        if previous is not None and previous.ends_at == line.begins_at and _alike(previous) == _alike(line):
            merged[-1] = replace(previous, seconds=previous.seconds + line.seconds, ends_at=line.ends_at)
        else:
            merged.append(line)
    return merged


def _alike(line: Line) -> tuple[object, ...]:
    return (line.business_date, line.kind, line.rate, line.multiplier, line.rule, line.session_id, line.shift_id)
