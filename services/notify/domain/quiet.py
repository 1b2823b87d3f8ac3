"""Quiet hours: when somebody may be told something, in their own time zone."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


def next_moment(now: datetime, start: time | None, end: time | None, zone: ZoneInfo) -> datetime:
    """When somebody may be told something: now, or when their quiet hours end.

    They hold from `start` until just before `end` as the clock on the wall shows, the end on the next day where it is
    not after the start; equal times mean none. Where clocks go forward over the end they last as long as in any other
    night; where clocks go back they end when the wall shows the end for the last time.
    """
    if start is None or end is None or start == end:
        return now
    local = now.astimezone(zone)
    if not _is_quiet(local.time(), start, end):
        return now
    day = local.date() if local.time() < end else local.date() + timedelta(days=1)
    ends = [datetime.combine(day, end, zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1)]
    # In a gap the two readings lie around it: the earlier one would end the quiet before the clocks jump.
    return max(now, *ends)


def _is_quiet(moment: time, start: time, end: time) -> bool:
    if start < end:
        return start <= moment < end
    return moment >= start or moment < end
