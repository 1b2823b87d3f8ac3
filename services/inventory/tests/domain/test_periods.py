"""Periods cut into pieces: whatever the zone and the ends, the pieces count each entry of the period exactly once."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.inventory.domain.periods import FOREVER, Single, Summed, pieces

BEGINNING = datetime(2025, 1, 1, tzinfo=UTC)
MINUTES = 500 * 24 * 60
INSTANTS = st.integers(0, MINUTES).map(lambda minutes: BEGINNING + timedelta(minutes=minutes))


def counted(entries: list[datetime], found: tuple[list[Summed], list[Single]]) -> int:
    """How many entries the pieces count, the sums as they are kept by days and months of UTC."""
    sums: defaultdict[tuple[str, date], int] = defaultdict(int)
    for entry in entries:
        sums["DAY", entry.date()] += 1
        sums["MONTH", entry.date().replace(day=1)] += 1
    summed, single = found
    return sum(
        number
        for piece in summed
        for (grain, day), number in sums.items()
        if grain == piece.grain and piece.first <= day < piece.before
    ) + sum(piece.sign for piece in single for entry in entries if piece.start <= entry < piece.end)


@settings(max_examples=300)
@given(entries=st.lists(INSTANTS, max_size=60), start=INSTANTS, minutes=st.integers(1, MINUTES))
def test_the_pieces_of_a_period_count_each_of_its_entries_once(
    entries: list[datetime], start: datetime, minutes: int
) -> None:
    end = start + timedelta(minutes=minutes)
    assert counted(entries, pieces(start, end)) == sum(start <= entry < end for entry in entries)
    assert counted(entries, pieces(end, None)) == sum(end <= entry for entry in entries)


@settings(max_examples=300)
@given(start=INSTANTS, minutes=st.integers(24 * 60, MINUTES))
def test_little_is_read_entry_by_entry_or_day_by_day(start: datetime, minutes: int) -> None:
    summed, single = pieces(start, start + timedelta(minutes=minutes))
    assert all(timedelta(0) < piece.end - piece.start <= timedelta(hours=12) for piece in single)
    days = [piece for piece in summed if piece.grain == "DAY"]
    assert sum((piece.before - piece.first).days for piece in days) <= 60


def test_a_day_in_casablanca_is_a_day_of_utc_with_an_hour_moved() -> None:
    hour = timedelta(hours=1)
    begins = datetime(2026, 3, 3, tzinfo=UTC) - hour
    summed, single = pieces(begins, begins + 24 * hour)
    assert summed == [Summed("DAY", date(2026, 3, 3), date(2026, 3, 4))]
    assert single == [
        Single(begins, begins + hour, 1),
        Single(begins + 24 * hour, begins + 25 * hour, -1),
    ]
    assert pieces(begins + 24 * hour, None)[0] == [
        Summed("DAY", date(2026, 3, 4), date(2026, 4, 1)),
        Summed("MONTH", date(2026, 4, 1), FOREVER),
    ]
