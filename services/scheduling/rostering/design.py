"""Designs shifts for interval demand: which starts, lengths and breaks are worth offering to the search.

All starts on a grid and all lengths make far more shifts than a roster needs. A small integer program for each role and
day picks those that cover the demand best, as if anybody could work; neighbours of the picked ones keep the search free
to adapt them to the people there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ortools.sat.python import cp_model

from services.scheduling.rostering.forecast import day_begins
from services.scheduling.rostering.model import DAY, IntervalDemand, Shift


@dataclass(frozen=True, slots=True)
class ShiftDesign:
    """What shifts may look like: starts on a grid of `step` minutes, `lengths` in minutes.

    A shift longer than `break_after` minutes has an unpaid break of `break_minutes` in its middle, on the grid.
    """

    lengths: tuple[int, ...] = (240, 300, 360, 480)
    step: int = 30
    break_after: int = 360
    break_minutes: int = 30
    closing_from: int = 22 * 60
    most: int = 14

    def __post_init__(self) -> None:
        if self.step <= 0 or not self.lengths or min(self.lengths) <= self.break_minutes:
            raise ValueError("a shift design needs a step and lengths longer than the break")


def design(demand: Sequence[IntervalDemand], rules: ShiftDesign | None = None) -> tuple[Shift, ...]:
    """Shifts worth offering for the demand, in a fixed order; none where nothing is needed.

    What is needed past midnight belongs to the day before, so that a shift may reach there.
    """
    rules = rules or ShiftDesign()
    begins = day_begins(demand)
    groups: dict[tuple[str, int], list[IntervalDemand]] = {}
    for interval in demand:
        groups.setdefault((interval.role, (interval.start - begins) // DAY), []).append(interval)
    shifts: list[Shift] = []
    for (role, day), intervals in sorted(groups.items(), key=lambda item: (item[0][1], item[0][0])):
        shifts += _for_day(role, day, intervals, rules)
    return tuple(shifts)


def _for_day(role: str, day: int, intervals: Sequence[IntervalDemand], rules: ShiftDesign) -> Iterable[Shift]:
    wanted = [interval for interval in intervals if interval.need]
    if not wanted:
        return []
    opens = min(interval.start for interval in wanted) - day * DAY
    closes = max(interval.start + interval.minutes for interval in wanted) - day * DAY
    candidates = _candidates(role, day, opens, closes, rules)
    if len(candidates) <= rules.most:
        return candidates
    picked = _cover(candidates, wanted)
    ranked = sorted(candidates, key=lambda shift: (_distance(shift, picked), shift.start, shift.minutes))
    return sorted(ranked[: rules.most], key=lambda shift: (shift.start, shift.minutes))


def _candidates(role: str, day: int, opens: int, closes: int, rules: ShiftDesign) -> list[Shift]:
    first = opens // rules.step * rules.step
    lengths = [length for length in rules.lengths if length <= closes - first] or [min(rules.lengths)]
    found = []
    for length in lengths:
        starts = {start for start in range(first, closes, rules.step) if start + length <= closes}
        # The last possible start closes the day even when the grid does not meet its end.
        starts.add(max(first, closes - length))
        found += [_shift(role, day, start, length, rules, closes) for start in sorted(starts)]
    return found


def _shift(role: str, day: int, start: int, length: int, rules: ShiftDesign, closes: int) -> Shift:
    closing = start + length >= closes and closes >= rules.closing_from
    shift = Shift(f"{role}:{day}:{start}+{length}", day, start, length, role, role, closing=closing)
    if length <= rules.break_after or not rules.break_minutes:
        return shift
    middle = (length - rules.break_minutes) // 2 // 15 * 15
    return replace(shift, break_minutes=rules.break_minutes, break_start=middle)


def _cover(candidates: Sequence[Shift], wanted: Sequence[IntervalDemand]) -> list[Shift]:
    """The shifts that a relaxed cover of the day uses."""
    model = cp_model.CpModel()
    most = max(interval.need for interval in wanted)
    counts = [model.new_int_var(0, most, "") for _ in candidates]
    costs = [count * 1 for count in counts]
    for interval in wanted:
        over = [c for c, shift in zip(counts, candidates, strict=True) if covers(shift, interval)]
        short = model.new_int_var(0, interval.need, "")
        extra = model.new_int_var(0, most * max(1, len(over)), "")
        model.add(sum(over) + short - extra == interval.need)
        costs += [interval.under * short, interval.over * extra]
    model.minimize(sum(costs))
    solver = cp_model.CpSolver()
    # Deterministic, so that the same demand always gets the same shifts.
    solver.parameters.num_workers = 1
    solver.parameters.max_deterministic_time = 0.02
    solver.parameters.max_time_in_seconds = 2.0
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return list(candidates[:1])
    return [shift for count, shift in zip(counts, candidates, strict=True) if solver.value(count)]


def covers(shift: Shift, interval: IntervalDemand) -> bool:
    """Whether somebody on the shift is at work for the whole interval."""
    finish = interval.start + interval.minutes
    pause = shift.begins + shift.break_start
    at_break = shift.break_minutes and interval.start < pause + shift.break_minutes and pause < finish
    return shift.role == interval.role and shift.begins <= interval.start and finish <= shift.ends and not at_break


def _distance(shift: Shift, picked: Sequence[Shift]) -> int:
    return min(abs(shift.start - near.start) + abs(shift.ends - near.ends) for near in picked)
