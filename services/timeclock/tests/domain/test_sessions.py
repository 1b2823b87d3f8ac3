"""The same punches make the same sessions, in whatever order, however often and with whatever clocks they arrive."""

import itertools
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.zones import day_of
from services.timeclock.domain import sessions as rules
from services.timeclock.domain.punches import (
    BREAK_END,
    BREAK_START,
    CONFIRM,
    IN,
    LONGEST_QUEUE,
    OUT,
    Punch,
    moment_of,
)
from services.timeclock.domain.sessions import CLOSED, INCOMPLETE, OPEN, Session, apply, fold, region_start

DAY = date(2026, 11, 23)
START = datetime(2026, 11, 23, 8, tzinfo=UTC)


def punch(kind: str, minutes: float, number: int = 0, **known: Any) -> Punch:
    at = START + timedelta(minutes=minutes)
    identifier = UUID(int=int(minutes * 60) * 1000 + number * 10 + ["IN", "OUT", BREAK_START, BREAK_END].index(kind))
    return Punch(identifier, kind, at, day_of(at, ZoneInfo("UTC"), START.time().replace(hour=0)), **known)


histories = st.lists(
    st.tuples(st.sampled_from([IN, OUT, BREAK_START, BREAK_END]), st.integers(0, 3 * 24 * 60)),
    max_size=24,
    unique_by=lambda one: one[1],
).map(lambda drawn: [punch(kind, minutes) for kind, minutes in drawn])


class Log:
    """Punches as the service takes them: each in its turn, deriving again no more than what it may have changed."""

    def __init__(self) -> None:
        self.punches: dict[UUID, Punch] = {}
        self.sessions: dict[UUID, Session] = {}

    def take(self, one: Punch) -> None:
        if one.id in self.punches:
            return
        self.punches[one.id] = one
        start = region_start([session.started_at for session in self.sessions.values()], one.at)
        again = [known for known in self.punches.values() if start is None or known.at >= start]
        kept = {
            session.id: session
            for session in self.sessions.values()
            if start is not None and session.started_at < start
        }
        self.sessions = kept | {session.id: session for session in fold(again)}


@given(histories, st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(history: list[Punch], random: Random) -> None:
    arrivals = [*history, *random.sample(history, len(history) // 2)]
    random.shuffle(arrivals)
    log = Log()
    for one in arrivals:
        log.take(one)
    assert sorted(log.sessions.values(), key=lambda one: (one.started_at, one.id)) == sorted(
        fold(history), key=lambda one: (one.started_at, one.id)
    )


@given(histories)
def test_taking_punches_as_they_come_is_folding_them(history: list[Punch]) -> None:
    latest: Session | None = None
    found: dict[UUID, Session] = {}
    for one in sorted(history, key=lambda known: known.order):
        touched = apply(latest, one)
        if touched is not None:
            found[touched.id] = latest = touched
    assert list(found.values()) == fold(history)


@given(histories)
def test_sessions_follow_one_another_and_at_most_the_last_is_open(history: list[Punch]) -> None:
    sessions = fold(history)
    assert all(session.status != OPEN for session in sessions[:-1])
    for before, after in itertools.pairwise(sessions):
        assert before.started_at <= after.started_at
        assert before.ended_at is None or before.ended_at <= after.started_at
    for session in sessions:
        assert (session.ended_at is not None) == (session.status == CLOSED)
        periods = session.paid_periods()
        assert all(one.end <= two.start for one, two in itertools.pairwise(periods))
        unpaid = sum(rules.seconds_between(p.start, p.end) for p in session.breaks if not p.paid)
        if session.ended_at is not None:
            assert session.worked_seconds + unpaid == rules.seconds_between(session.started_at, session.ended_at)


@given(
    histories,
    st.integers(-48 * 60, 48 * 60),
    st.lists(st.integers(0, 60 * 60), min_size=24, max_size=24),
)
def test_a_clock_that_is_wrong_is_put_right(history: list[Punch], skew: int, waits: list[int]) -> None:
    wrong = timedelta(minutes=skew)
    arrived = []
    for one, wait in zip(history, waits, strict=False):
        received = one.at + timedelta(seconds=wait)
        moment = moment_of(received, one.at + wrong, received + wrong)
        # A clock that is hardly wrong is believed.
        assert abs(moment.at - one.at) <= (abs(wrong) if abs(skew) <= 2 else timedelta())
        arrived.append(Punch(one.id, one.kind, moment.at, one.business_date))
    if abs(skew) > 2 or skew == 0:
        assert fold(arrived) == fold(history)


def test_what_is_too_old_is_refused_and_what_is_of_the_future_is_now() -> None:
    with pytest.raises(ValueError, match="72 hours"):
        moment_of(START, START - LONGEST_QUEUE - timedelta(seconds=1), None)
    ahead = moment_of(START, START + timedelta(hours=3), None)
    assert (ahead.at, ahead.flags) == (START, ("CLOCK_SKEW",))
    assert moment_of(START, None, None).flags == ()
    assert moment_of(START, START - timedelta(hours=1), START).flags == ("OFFLINE",)


instants = st.datetimes(timezones=st.just(UTC)) | st.sampled_from(
    [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
)


@given(instants, st.none() | instants)
def test_whatever_a_device_says_a_punch_is_of_the_last_days_or_refused(
    occurred: datetime, sent: datetime | None
) -> None:
    try:
        moment = moment_of(START, occurred, sent)
    except ValueError:
        assert (START if sent is None else sent) - occurred > timedelta(minutes=1)
    else:
        assert timedelta() <= START - moment.at <= LONGEST_QUEUE


def test_a_break_ends_with_the_session_and_is_not_paid_unless_it_is() -> None:
    (unpaid,) = fold([punch(IN, 0), punch(BREAK_START, 60), punch(OUT, 90)])
    assert (unpaid.worked_seconds, unpaid.break_seconds, unpaid.flags) == (3600, 1800, ["BREAK_NOT_ENDED"])
    (paid,) = fold([punch(IN, 0), punch(BREAK_START, 60, paid_break=True), punch(BREAK_END, 80), punch(OUT, 90)])
    assert (paid.worked_seconds, paid.break_seconds) == (5400, 1200)


def test_who_clocks_in_twice_at_once_has_one_session_and_later_it_is_looked_at() -> None:
    (tapped,) = fold([punch(IN, 0), punch(IN, 1), punch(OUT, 60)])
    assert (tapped.flags, tapped.needs_review) == ([], False)
    (doubtful,) = fold([punch(IN, 0), punch(IN, 300), punch(OUT, 600)])
    assert (doubtful.flags, doubtful.needs_review) == (["DOUBLE_IN"], True)


def test_who_forgot_to_clock_out_is_paid_nothing_until_somebody_looked() -> None:
    first, second = fold([punch(IN, 0), punch(IN, 24 * 60), punch(OUT, 25 * 60)])
    assert (first.status, first.flags, first.worked_seconds, first.needs_review) == (
        INCOMPLETE,
        ["MISSING_OUT"],
        0,
        True,
    )
    assert (second.status, second.worked_seconds) == (CLOSED, 3600)


def test_who_forgot_to_clock_in_is_seen_and_a_second_tap_on_the_way_out_is_not() -> None:
    (lost,) = fold([punch(OUT, 60)])
    assert (lost.status, lost.flags, lost.needs_review) == (INCOMPLETE, ["MISSING_IN"], True)
    assert [one.status for one in fold([punch(IN, 0), punch(OUT, 60), punch(OUT, 61)])] == [CLOSED]


def test_a_word_holds_while_the_session_ends_when_it_was_given() -> None:
    long = [punch(IN, 0), punch(OUT, 17 * 60)]
    (before,) = fold(long)
    assert before.needs_review
    word = Punch(uuid4(), CONFIRM, START + timedelta(hours=17), DAY, confirms=long[0].id)
    (confirmed,) = fold([*long, word])
    assert not confirmed.needs_review
    (changed,) = fold([long[0], punch(OUT, 18 * 60), word])
    assert changed.needs_review


@pytest.mark.parametrize(
    ("zone", "start", "end", "hours"),
    [
        ("Europe/Paris", "2026-03-28T22:00:00", "2026-03-29T06:00:00", 7),
        ("Europe/Paris", "2026-10-24T22:00:00", "2026-10-25T06:00:00", 9),
        ("America/New_York", "2026-03-07T20:00:00", "2026-03-08T04:00:00", 7),
        ("Asia/Kolkata", "2026-06-30T18:00:00", "2026-07-01T02:00:00", 8),
        # Morocco goes an hour back for the month of Ramadan.
        ("Africa/Casablanca", "2026-02-14T22:00:00", "2026-02-15T06:00:00", 9),
    ],
)
def test_a_night_is_as_long_as_it_was(zone: str, start: str, end: str, hours: int) -> None:
    place = ZoneInfo(zone)
    came, went = (datetime.fromisoformat(text).replace(tzinfo=place).astimezone(UTC) for text in (start, end))
    day = day_of(came, place, START.time().replace(hour=5))
    (night,) = fold([Punch(uuid4(), IN, came, day), Punch(uuid4(), OUT, went, day)])
    assert night.worked_seconds == hours * 3600
    assert night.business_date == datetime.fromisoformat(start).date()
