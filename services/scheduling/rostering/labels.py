"""Shortest paths of one person in compiled code: the states of `walk`, without numpy's calls in between.

A label is the least that a state costs before a day. Labels lie in rows, one for each way the last days went and each
use of every resource but the period's minutes, which run along the row: a day's step is then the same few operations
for a whole row. Of each row only the minutes between the first and the last that can be had are looked at.
"""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import numpy as np

from services.scheduling.rostering.compiled import OFF, Ints
from services.scheduling.rostering.machine_code import compiled
from services.scheduling.rostering.model import WEEK
from services.scheduling.rostering.walk import Floats, Path, Plan

_part = compiled(_nrt=False, forceinline=True)


class Chart(NamedTuple):
    """One person's states as arrays.

    A way is how the last days went: `length * classes + last shift's class` for work, then so many days off. `others`
    numbers the uses of all resources but the period's minutes, of which a row holds those that can be had that day and
    still lead to an end. The labels before each day are a layer; after these come those at the ends of weeks, before
    what was used in the week is forgotten.
    """

    days: int
    lengths: int
    classes: int
    off: int
    early: int
    others: int
    # Ways and others of the first labels, which cost nothing.
    begin: Ints
    # The length that a run of a length has a day later, or -1; and that of a run that begins, on day 0 and later.
    longer: Ints
    shortest: Ints
    # Groups of shifts: from which to which by day, the class they leave, the set of classes they follow, minutes, and
    # what else they use where they begin a run and where they continue one.
    group_from: Ints
    leaves: Ints
    follows: Ints
    minutes: Ints
    uses_first: Ints
    uses_later: Ints
    # Classes of each set; an earlier set that it contains, or -1, and the classes it has beyond that.
    set_from: Ints
    set_class: Ints
    set_base: Ints
    more_from: Ints
    more_class: Ints
    # By use and other: which other it leads to, or -1; and where each other is once a week begins anew.
    onward: Ints
    fresh: Ints
    # Of each layer: where its labels begin, how many minutes a row holds, and the first of these.
    base: Ints
    stride: Ints
    floor: Ints
    # Days that have to be worked.
    locked: Ints
    # What ends cost, by other and by minutes.
    end_other: Floats
    end_minutes: Floats


def chart(plan: Plan) -> Chart:
    """The states of a plan."""
    family = plan.family
    minutes_at = 1 if family.by_minutes else 0
    width = plan.shape[1] if family.by_minutes else 1
    shape = tuple(size for axis, size in enumerate(plan.shape) if not minutes_at or axis != minutes_at)
    others = int(np.prod(shape))
    places = np.stack(np.unravel_index(np.arange(others), shape), axis=1)
    sets: dict[tuple[int, ...], int] = {tuple(range(family.classes)): 0}
    uses: dict[tuple[int, ...], int] = {}
    columns: list[tuple[int, ...]] = []
    group_from = [0]
    for day, groups in enumerate(family.groups):
        for group in groups:
            before = family.before(day, group)
            rest = group.uses[1:] if family.by_minutes else group.uses
            first, later = ((family.begins_weekend(day, begins), *rest) for begins in (True, False))
            columns.append(
                (
                    group.leaves,
                    sets.setdefault(before, len(sets)),
                    group.uses[0] if family.by_minutes else 0,
                    uses.setdefault(first, len(uses)),
                    uses.setdefault(later, len(uses)),
                )
            )
        group_from.append(len(columns))
    leaves, follows, minutes, uses_first, uses_later = np.array(columns, dtype=np.int64).reshape(-1, 5).T.copy()
    # Small sets first, so that larger ones are made of them; the largest is the one of all classes.
    order = sorted(sets, key=len)
    place_of = {sets[one]: place for place, one in enumerate(order)}
    follows = np.array([place_of[one] for one in follows.tolist()], dtype=np.int64)
    base = [
        max((n for n in range(place) if {*order[n]} <= {*one}), key=lambda n: len(order[n]), default=-1)
        for place, one in enumerate(order)
    ]
    more = [[k for k in one if b < 0 or k not in order[b]] for one, b in zip(order, base, strict=True)]
    weekly = np.array([False, *(w for n, w in enumerate(family.weekly) if not (minutes_at and n == 0))])
    onward = [_number(places + np.array(use), shape) for use in uses] or [np.full(others, -1)]
    least = plan.resources[0].least if family.by_minutes else 0
    end_other = np.zeros(others)
    end_minutes = np.zeros(width)
    for axis, charge in enumerate(plan.charges):
        if minutes_at and axis == minutes_at:
            end_minutes[:least] = np.inf
            end_minutes += 0.0 if charge is None else charge
        elif charge is not None:
            end_other += charge[places[:, axis - (1 if minutes_at and axis > minutes_at else 0)]]
    work = family.lengths * family.classes
    if family.carried:
        begin = family.edge(family.carried) * family.classes + np.arange(family.classes)
    else:
        begin = np.array([work + family.off - 1])
    rows = (work + family.off) * others
    days = [*range(family.days + 1), *range(0, family.days + 1, WEEK)] if weekly.any() else range(family.days + 1)
    windows = np.array([family.window(day, least, width - 1) for day in days], dtype=np.int64)
    stride = windows[:, 1] - windows[:, 0] + 1
    longer = [length + 1 if length + 1 != family.run else -1 for length in range(family.lengths)]
    if family.early:
        longer[-1] = family.early if family.early < family.run else -1
    return Chart(
        days=family.days,
        lengths=family.lengths,
        classes=family.classes,
        off=family.off,
        early=family.early,
        others=others,
        begin=begin,
        longer=np.array(longer),
        shortest=np.array([family.edge(1), 0]),
        group_from=np.array(group_from),
        leaves=leaves,
        follows=follows,
        minutes=minutes,
        uses_first=uses_first,
        uses_later=uses_later,
        set_from=np.cumsum([0, *(len(one) for one in order)]),
        set_class=np.array([kind for one in order for kind in one], dtype=np.int64),
        set_base=np.array(base, dtype=np.int64),
        more_from=np.cumsum([0, *(len(one) for one in more)]),
        more_class=np.array([kind for one in more for kind in one], dtype=np.int64),
        onward=np.array(onward),
        fresh=_number(places * ~weekly, shape) if weekly.any() else np.zeros(0, dtype=np.int64),
        base=np.cumsum([0, *(rows * stride)]),
        stride=stride,
        floor=windows[:, 0].copy(),
        locked=np.array([int(day in plan.candidate.locked) for day in range(family.days)]),
        end_other=end_other,
        end_minutes=end_minutes,
    )


def _number(places: Ints, shape: tuple[int, ...]) -> Ints:
    """The number of each place, or -1 where it lies outside."""
    inside = (places < np.array(shape)).all(axis=1)
    found = np.full(len(places), -1, dtype=np.int64)
    found[inside] = np.ravel_multi_index(tuple(places[inside].T), shape)
    return found


class _Room(threading.local):
    """What a thread's labels lie in, kept from one path to the next."""

    def __init__(self) -> None:
        self.labels = np.zeros(0)
        self.bounds = np.zeros(0, dtype=np.int64)
        self.behind = np.zeros(0)
        self.behind_bounds = np.zeros(0, dtype=np.int64)

    def of(self, chart: Chart) -> tuple[Floats, Ints, Floats, Ints]:
        """Room for the labels of a chart."""
        rows = (chart.lengths * chart.classes + chart.off) * chart.others
        layers = len(chart.stride)
        if len(self.labels) < chart.base[-1]:
            self.labels = np.empty(chart.base[-1])
        if len(self.bounds) < layers * rows * 2:
            self.bounds = np.empty(layers * rows * 2, dtype=np.int64)
        behind = (len(chart.set_from) - 1) * chart.lengths * chart.others
        if len(self.behind) < behind * chart.stride.max():
            self.behind = np.empty(behind * chart.stride.max())
        if len(self.behind_bounds) < behind * 2:
            self.behind_bounds = np.empty(behind * 2, dtype=np.int64)
        return self.labels, self.bounds, self.behind, self.behind_bounds


_room = _Room()


def ready() -> bool:
    """Whether the code is compiled: until then a path would have to wait for that."""
    return bool(_shortest.signatures)  # type: ignore[attr-defined] # numba's wrapper has them


def prepare(plan: Plan) -> None:
    """Compiles the code, which takes seconds unless another process has left it behind."""
    path(plan, np.zeros(int(plan.options.max(initial=0)) + 1))


def path(plan: Plan, prices: Floats) -> Path | None:
    """The cheapest days of one person at these prices of shifts, or None when the limits allow none."""
    if plan.chart is None:
        plan.chart = chart(plan)
    costs = plan.costs(prices)
    chosen = np.empty(plan.family.days, dtype=np.int64)
    price = _shortest(plan.chart, costs, *_room.of(plan.chart), chosen)
    if not np.isfinite(price):
        return None
    row = np.full(plan.family.days, OFF, dtype=np.int64)
    for day in np.flatnonzero(chosen >= 0).tolist():
        row[day] = plan.option(prices, int(chosen[day]))
    return Path(row, float(price))


@_part
def _layer(chart: Chart, day: int, spent: bool) -> int:
    """Where the labels before a day begin: once a week has begun anew, or as the week before leaves them."""
    if spent and chart.fresh.shape[0] and day % WEEK == 0:
        return chart.days + 1 + day // WEEK
    return day


@_part
def _zero(chart: Chart, layer: int, row: int) -> Any:
    """Where the label of no minutes would lie in a row of a layer; labels lie in the window of minutes alone."""
    return chart.base[layer] + row * chart.stride[layer] - chart.floor[layer]


@_part
def _clear(bounds: Ints, begin: int, count: int) -> None:
    for row in range(begin, begin + count):
        bounds[2 * row] = 1
        bounds[2 * row + 1] = 0


@_part
def _merge(
    source: Floats,
    source_bounds: Ints,
    source_row: int,
    out: int,
    target: Floats,
    bounds: Ints,
    row: int,
    into: int,
    lowest: int,
    highest: int,
    minutes: int,
    cost: float,
) -> None:
    """Takes a row of labels over into another where it is cheaper there, so many minutes on and so much dearer.

    `out` and `into` are where the labels of no minutes would lie; the other row holds minutes from lowest to highest.
    """
    first = max(source_bounds[2 * source_row] + minutes, lowest)
    last = min(source_bounds[2 * source_row + 1] + minutes, highest)
    if source_bounds[2 * source_row] > source_bounds[2 * source_row + 1] or first > last:
        return
    out -= minutes
    begin, finish = bounds[2 * row], bounds[2 * row + 1]
    if begin > finish:
        bounds[2 * row], bounds[2 * row + 1] = first, last
        for place in range(first, last + 1):
            target[into + place] = source[out + place] + cost
        return
    if first < begin or last > finish:
        for place in range(first, begin):
            target[into + place] = np.inf
        for place in range(finish + 1, last + 1):
            target[into + place] = np.inf
        bounds[2 * row], bounds[2 * row + 1] = min(begin, first), max(finish, last)
    for place in range(first, last + 1):
        value = source[out + place] + cost
        known = target[into + place]
        target[into + place] = value if value < known else known


@_part
def _renew(chart: Chart, labels: Floats, bounds: Ints, day: int) -> None:
    """A week begins: what was used of its resources is forgotten."""
    others = chart.others
    rows = (chart.lengths * chart.classes + chart.off) * others
    old = _layer(chart, day, True)
    lowest = chart.floor[day]
    highest = lowest + chart.stride[day] - 1
    _clear(bounds, day * rows, rows)
    for row in range(rows):
        fresh = row - row % others + chart.fresh[row % others]
        out, into = _zero(chart, old, row), _zero(chart, day, fresh)
        _merge(labels, bounds, old * rows + row, out, labels, bounds, day * rows + fresh, into, lowest, highest, 0, 0.0)


@_part
def _gather(chart: Chart, labels: Floats, bounds: Ints, behind: Floats, behind_bounds: Ints, day: int) -> None:
    """The cheapest run of each length that ends in a class of each set."""
    others, stride, lowest = chart.others, chart.stride[day], chart.floor[day]
    highest = lowest + stride - 1
    here = day * (chart.lengths * chart.classes + chart.off) * others
    sets = chart.set_from.shape[0] - 1
    _clear(behind_bounds, 0, sets * chart.lengths * others)
    for one in range(sets):
        base = chart.set_base[one]
        for length in range(chart.lengths):
            for other in range(others):
                row = (one * chart.lengths + length) * others + other
                into = row * stride - lowest
                if base >= 0:
                    before = (base * chart.lengths + length) * others + other
                    out = before * stride - lowest
                    _merge(
                        behind, behind_bounds, before, out, behind, behind_bounds, row, into, lowest, highest, 0, 0.0
                    )
                for place in range(chart.more_from[one], chart.more_from[one + 1]):
                    source = (length * chart.classes + chart.more_class[place]) * others + other
                    out = _zero(chart, day, source)
                    _merge(
                        labels, bounds, here + source, out, behind, behind_bounds, row, into, lowest, highest, 0, 0.0
                    )


@_part
def _step(
    chart: Chart, costs: Floats, labels: Floats, bounds: Ints, behind: Floats, behind_bounds: Ints, day: int
) -> None:
    """The labels after a day, from those before it."""
    others, classes, stride, least = chart.others, chart.classes, chart.stride[day], chart.floor[day]
    work = chart.lengths * classes
    rows = (work + chart.off) * others
    after = _layer(chart, day + 1, True)
    here, there = day * rows, after * rows
    lowest = chart.floor[after]
    highest = lowest + chart.stride[after] - 1
    _clear(bounds, there, rows)
    last = chart.off - 1
    everything = chart.set_from.shape[0] - 2
    if not chart.locked[day]:
        # After a day off: one more, or the last of those that matter again. After work: the first, or at the edge any.
        ended = work + (last if day == 0 else 0)
        for other in range(others):
            row = ended * others + other
            into = _zero(chart, after, row)
            for length in range(chart.early, chart.lengths):
                source = (everything * chart.lengths + length) * others + other
                out = source * stride - least
                _merge(behind, behind_bounds, source, out, labels, bounds, there + row, into, lowest, highest, 0, 0.0)
            for rested in range(chart.off):
                if rested < last and day == 0:
                    continue
                row = (work + min(rested + 1, last)) * others + other
                into = _zero(chart, after, row)
                source = (work + rested) * others + other
                out = _zero(chart, day, source)
                _merge(labels, bounds, here + source, out, labels, bounds, there + row, into, lowest, highest, 0, 0.0)
    for group in range(chart.group_from[day], chart.group_from[day + 1]):
        cost = costs[group]
        if cost == np.inf:
            continue
        minutes, leaves, follows = chart.minutes[group], chart.leaves[group], chart.follows[group]
        for other in range(others):
            onward = chart.onward[chart.uses_first[group], other]
            if onward >= 0:
                row = (chart.shortest[min(day, 1)] * classes + leaves) * others + onward
                into = _zero(chart, after, row)
                source = (work + last) * others + other
                out = _zero(chart, day, source)
                _merge(
                    labels,
                    bounds,
                    here + source,
                    out,
                    labels,
                    bounds,
                    there + row,
                    into,
                    lowest,
                    highest,
                    minutes,
                    cost,
                )
            onward = chart.onward[chart.uses_later[group], other]
            if onward < 0:
                continue
            for length in range(chart.lengths):
                longer = chart.longer[length]
                if longer < 0:
                    continue
                row = (longer * classes + leaves) * others + onward
                into = _zero(chart, after, row)
                source = (follows * chart.lengths + length) * others + other
                out = source * stride - least
                _merge(
                    behind,
                    behind_bounds,
                    source,
                    out,
                    labels,
                    bounds,
                    there + row,
                    into,
                    lowest,
                    highest,
                    minutes,
                    cost,
                )


@_part
def _at(chart: Chart, labels: Floats, bounds: Ints, layer: int, way: int, other: int, minutes: int) -> Any:
    rows = (chart.lengths * chart.classes + chart.off) * chart.others
    row = way * chart.others + other
    if minutes < bounds[2 * (layer * rows + row)] or minutes > bounds[2 * (layer * rows + row) + 1]:
        return np.inf
    return labels[_zero(chart, layer, row) + minutes]


@compiled(_nrt=False)
def _shortest(
    chart: Chart, costs: Floats, labels: Floats, bounds: Ints, behind: Floats, behind_bounds: Ints, chosen: Ints
) -> Any:
    """The price of the cheapest path, and by day the group of shifts that it takes, or -1."""
    others, classes = chart.others, chart.classes
    work = chart.lengths * classes
    ways = work + chart.off
    _clear(bounds, 0, ways * others)
    for place in range(chart.begin.shape[0]):
        row = chart.begin[place] * others
        bounds[2 * row], bounds[2 * row + 1] = 0, 0
        labels[_zero(chart, 0, row)] = 0.0
    for day in range(chart.days):
        if day and day % WEEK == 0 and chart.fresh.shape[0]:
            _renew(chart, labels, bounds, day)
        _gather(chart, labels, bounds, behind, behind_bounds, day)
        _step(chart, costs, labels, bounds, behind, behind_bounds, day)
    least, way, other, minutes = np.inf, -1, -1, -1
    layer = _layer(chart, chart.days, True)
    for w in range(ways):
        for o in range(others):
            row = (layer * ways + w) * others + o
            begin = _zero(chart, layer, w * others + o)
            for m in range(bounds[2 * row], bounds[2 * row + 1] + 1):
                value = labels[begin + m] + chart.end_other[o] + chart.end_minutes[m]
                if value < least:
                    least, way, other, minutes = value, w, o, m
    if way < 0:
        return np.inf
    for day in range(chart.days - 1, -1, -1):
        layer = _layer(chart, day + 1, True)
        value = _at(chart, labels, bounds, layer, way, other, minutes)
        chosen[day] = -1
        found = False
        if way >= work:
            rested = way - work
            # The first of one more day off, the same again, or the end of a run.
            if rested == chart.off - 1 and _at(chart, labels, bounds, day, way, other, minutes) == value:
                found = True
            elif day and rested and _at(chart, labels, bounds, day, way - 1, other, minutes) == value:
                way, found = way - 1, True
            else:
                for w in range(chart.early * classes, work):
                    if not found and _at(chart, labels, bounds, day, w, other, minutes) == value:
                        way, found = w, True
        else:
            length, leaves = way // classes, way % classes
            for group in range(chart.group_from[day], chart.group_from[day + 1]):
                cost, before = costs[group], minutes - chart.minutes[group]
                if found or chart.leaves[group] != leaves or cost == np.inf or before < 0:
                    continue
                for o in range(others):
                    if not found and length == chart.shortest[min(day, 1)]:
                        begins = chart.onward[chart.uses_first[group], o] == other
                        if begins and _at(chart, labels, bounds, day, ways - 1, o, before) + cost == value:
                            way, other, minutes, found = ways - 1, o, before, True
                            chosen[day] = group
                    if found or chart.onward[chart.uses_later[group], o] != other:
                        continue
                    for shorter in range(chart.lengths):
                        if chart.longer[shorter] != length:
                            continue
                        follows = chart.follows[group]
                        for place in range(chart.set_from[follows], chart.set_from[follows + 1]):
                            w = shorter * classes + chart.set_class[place]
                            if not found and _at(chart, labels, bounds, day, w, o, before) + cost == value:
                                way, other, minutes, found = w, o, before, True
                                chosen[day] = group
        if not found:
            return np.nan
        if day and day % WEEK == 0 and chart.fresh.shape[0]:
            value = _at(chart, labels, bounds, day, way, other, minutes)
            old, found = _layer(chart, day, True), False
            for o in range(others):
                same = chart.fresh[o] == other
                if not found and same and _at(chart, labels, bounds, old, way, o, minutes) == value:
                    other, found = o, True
            if not found:
                return np.nan
    return least
