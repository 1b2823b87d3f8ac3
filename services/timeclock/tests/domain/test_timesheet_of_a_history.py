"""One history of punches is one timesheet, whatever became of it on the way."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from servicekit.zones import day_of
from services.timeclock.domain.pay import Line, Terms, Wages, hours_of, lines_of, work_of
from services.timeclock.domain.punches import BREAK_END, BREAK_START, IN, OUT, Punch, moment_of
from services.timeclock.domain.sessions import Session, fold, region_start

START = datetime(2026, 10, 19, tzinfo=UTC)
FIRST, LAST = date(2026, 10, 12), date(2026, 11, 2)
WAGE = Wages(((FIRST, Decimal("17.35")), (date(2026, 10, 22), Decimal("18.10"))))
ZONES = ("Africa/Casablanca", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Pacific/Auckland")

# Ten days around the end of summer time, to the second.
histories = st.lists(
    st.tuples(st.sampled_from([IN, OUT, BREAK_START, BREAK_END]), st.integers(0, 10 * 24 * 3600), st.booleans()),
    max_size=40,
    unique_by=lambda drawn: drawn[1],
)


def punch_at(number: int, kind: str, at: datetime, zone: ZoneInfo, *, paid: bool) -> Punch:
    return Punch(UUID(int=number), kind, at, day_of(at, zone, START.time().replace(hour=4)), paid_break=paid)


def timesheet(sessions: list[Session], terms: Terms) -> list[Line]:
    return lines_of([work_of(one, terms, None) for one in sessions], terms, WAGE, FIRST, LAST)


def as_it_arrives(arrivals: list[Punch]) -> list[Session]:
    """Each punch in its turn, deriving again no more than what it may have changed."""
    log: dict[UUID, Punch] = {}
    sessions: list[Session] = []
    for one in arrivals:
        if one.id in log:
            continue
        log[one.id] = one
        start = region_start([session.started_at for session in sessions], one.at)
        before = [] if start is None else [session for session in sessions if session.started_at < start]
        again = [known for known in log.values() if start is None or known.at >= start]
        sessions = [*before, *fold(again)]
    return sessions


@given(histories, st.sampled_from(ZONES), st.integers(3, 48 * 60), st.booleans(), st.randoms(use_true_random=False))
def test_permuted_repeated_and_skewed_it_is_the_same(
    drawn: list[tuple[str, int, bool]], zone_name: str, skew: int, behind: bool, random: Random
) -> None:
    zone = ZoneInfo(zone_name)
    terms = Terms(zone=zone, deduct_breaks=True)
    wrong = timedelta(minutes=-skew if behind else skew)
    history, arrivals = [], []
    for number, (kind, second, paid) in enumerate(drawn, start=1):
        at = START + timedelta(seconds=second)
        history.append(punch_at(number, kind, at, zone, paid=paid))
        for _ in range(random.randint(1, 3)):
            received = at + timedelta(seconds=random.randint(0, 71 * 3600))
            known = moment_of(received, at + wrong, received + wrong)
            arrivals.append(punch_at(number, kind, known.at, zone, paid=paid))
    random.shuffle(arrivals)

    expected = sorted(fold(history), key=lambda one: (one.started_at, one.id))
    sessions = sorted(as_it_arrives(arrivals), key=lambda one: (one.started_at, one.id))
    assert sessions == expected
    lines = timesheet(sessions, terms)
    assert lines == timesheet(expected, terms)

    paid_seconds = sum(
        int(period.length.total_seconds()) for one in sessions for period in work_of(one, terms, None).periods
    )
    assert sum(line.seconds for line in lines) == paid_seconds
    assert sum(one.worked_seconds for one in sessions) >= paid_seconds
    assert hours_of(paid_seconds) * 3600 - paid_seconds < 36
    counted = {one.id for one in sessions}
    assert all(line.session_id in counted and line.out_punch_id is not None and line.rule for line in lines)
