"""Shortest paths through a period for many people at once: how states of days follow each other, and the way back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from services.scheduling.rostering.compiled import OFF, Candidate, Compiled, Ints
from services.scheduling.rostering.model import WEEK

if TYPE_CHECKING:
    from services.scheduling.rostering.labels import Chart

Floats = NDArray[np.float64]
MINUTES = "minutes"
_Index = tuple[Any, ...]


@dataclass(slots=True)
class Resource:
    """What shifts use up: `uses` by shift, never more than `cap` in all, or in each week.

    `charge` is what each sum of uses costs at the end. `name` tells resources of the same form.
    """

    name: str
    cap: int
    uses: Ints
    weekly: bool = False
    least: int = 0
    charge: Floats | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Shifts of a day with the same consequences: the last shift they leave behind, what may precede them, uses."""

    place: int
    leaves: int
    follows: tuple[int, ...]
    uses: tuple[int, ...]


@dataclass(slots=True)
class Path:
    """A person's days and their price."""

    row: Ints
    price: float


@dataclass(frozen=True, slots=True)
class Followers:
    """Shapes that forbid the same followers leave the same state behind."""

    signatures: NDArray[np.bool_]
    class_of: Ints

    @classmethod
    def of(cls, forbidden: NDArray[np.bool_]) -> Followers:
        """The classes of a matrix that says which shape forbids which."""
        signatures, class_of = np.unique(forbidden, axis=0, return_inverse=True)
        return cls(signatures, class_of.reshape(-1))


@dataclass(slots=True)
class Plan:
    """How one person's states are laid out, and which of their options belong to which group of the family."""

    candidate: Candidate
    family: Family
    resources: list[Resource]
    shape: tuple[int, ...]
    charges: list[Floats | None]
    capped: list[int]
    options: Ints
    starts: Ints
    places: Ints
    # Of the day that has most of them.
    states: int = 0
    # The same states as arrays for compiled code, once that was asked for.
    chart: Chart | None = None

    @property
    def empty(self) -> bool:
        """Whether no sum of minutes is allowed: the least asked for is more than the most that can be worked."""
        return self.family.by_minutes and self.resources[0].least > self.resources[0].cap

    def costs(self, prices: Floats) -> Floats:
        """The price of the cheapest option in each group of the family."""
        found = np.full(self.family.size, np.inf)
        if len(self.options):
            found[self.places] = np.minimum.reduceat(prices[self.options], self.starts)
        return found

    def option(self, prices: Floats, place: int) -> int:
        """The cheapest of the person's options in a group of the family."""
        begin = int(np.flatnonzero(self.places == place)[0])
        end = self.starts[begin + 1] if begin + 1 < len(self.starts) else len(self.options)
        options = self.options[self.starts[begin] : end]
        return int(options[int(prices[options].argmin())])


class Family:
    """People whose rules have the same form: the groups of shifts of each day, and how states follow each other."""

    def __init__(
        self,
        compiled: Compiled,
        candidate: Candidate,
        followers: Followers,
        resources: Sequence[Resource],
        *,
        counts_weekends: bool,
    ) -> None:
        limits, person = candidate.limits, candidate.person
        self.compiled = compiled
        self.days = compiled.days
        self.classes = len(followers.signatures)
        self.counts_weekends = counts_weekends
        self.run = max(1, min(limits.max_run, self.days + person.worked_run))
        self.early = limits.min_run - 1
        self.off = limits.min_off
        self.lengths = self.run + self.early
        self.carried = min(person.worked_run, self.run)
        self.weekly = [resource.weekly for resource in resources]
        self.by_minutes = bool(resources) and resources[0].name == MINUTES
        self.longest = int(resources[0].uses.max(initial=0)) if self.by_minutes else 0
        self.groups: list[list[Group]] = []
        self.place_of: dict[int, int] = {}
        self.size = 0
        self._steps: dict[int, list[_Step]] = {}
        self._slices: dict[object, tuple[_Index, _Index] | None] = {}
        for day in range(self.days):
            found: dict[tuple[int, tuple[int, ...], tuple[int, ...]], Group] = {}
            for option in compiled.by_day[day]:
                shape = int(compiled.shape_of[option])
                uses = tuple(int(resource.uses[option]) for resource in resources)
                follows = tuple(np.flatnonzero(~followers.signatures[:, shape]).tolist())
                key = (int(followers.class_of[shape]), follows, uses)
                if key not in found:
                    found[key] = Group(self.size, key[0], follows, uses)
                    self.size += 1
                self.place_of[option] = found[key].place
            self.groups.append(list(found.values()))

    def most_days(self, days: int) -> int:
        """The most days that anybody can work of so many in a row."""
        cycles, rest = divmod(days, self.run + self.off)
        return cycles * self.run + min(rest, self.run)

    def window(self, day: int, least: int, most: int) -> tuple[int, int]:
        """Which sums of minutes can be had before a day and still lead to an end between least and most."""
        if not self.by_minutes:
            return 0, 0
        first = max(0, least - self.most_days(self.days - day) * self.longest)
        return first, max(first, min(most, self.most_days(day) * self.longest))

    def slices(
        self, day: int, least: int, shape: tuple[int, ...], uses: tuple[int, ...]
    ) -> tuple[_Index, _Index] | None:
        """Where states are moved from and to along the resources on a day; None when none stays within the limits."""
        key = (day, least, shape, uses)
        if key not in self._slices:
            self._slices[key] = self._moved(day, least, shape, uses)
        return self._slices[key]

    def _moved(
        self, day: int, least: int, shape: tuple[int, ...], uses: tuple[int, ...]
    ) -> tuple[_Index, _Index] | None:
        source: list[slice] = []
        target: list[slice] = []
        for axis, (use, size) in enumerate(zip(uses, shape, strict=True)):
            first, last, begin, end = 0, size - 1, 0, size - 1
            if axis == 1 and self.by_minutes:
                first, last = self.window(day, least, size - 1)
                begin, end = self.window(day + 1, least, size - 1)
            low, high = max(first, begin - use), min(last, end - use)
            if high < low:
                return None
            source.append(slice(low - first, high - first + 1))
            target.append(slice(low + use - begin, high + use - begin + 1))
        return tuple(source), tuple(target)

    def edge(self, length: int) -> int:
        """Where a run that began at the edge of the period is kept: it may end early, having begun before it."""
        return self.run + length - 1 if length <= self.early else length - 1

    def begins_weekend(self, day: int, first_of_run: bool) -> int:
        """Whether working the day begins another weekend of work."""
        if not self.counts_weekends or day not in self.compiled.weekend_of:
            return 0
        days = self.compiled.weekends[self.compiled.weekend_of[day]]
        return int(days[0] == day or first_of_run)

    def before(self, day: int, group: Group) -> tuple[int, ...]:
        """After which last shifts a group may be worked; what precedes day 0 has been checked shift by shift."""
        return tuple(range(self.classes)) if day == 0 else group.follows

    def steps(self, day: int, group: Group) -> list[_Step]:
        """From which lengths of run a group can be worked, to which lengths it leads, and what it uses on the way."""
        if group.place not in self._steps:
            self._steps[group.place] = list(self._ways(day, group))
        return self._steps[group.place]

    def _ways(self, day: int, group: Group) -> Iterator[_Step]:
        first = (self.begins_weekend(day, True), *group.uses)
        later = (self.begins_weekend(day, False), *group.uses)
        yield _Step(None, self.edge(1) if day == 0 else 0, first)
        if not self.before(day, group):
            return
        if self.run > 1:
            yield _Step(range(self.run - 1), 1, later)
        if self.early > 1:
            yield _Step(range(self.run, self.lengths - 1), self.run + 1, later)
        if 0 < self.early < self.run:
            yield _Step(range(self.lengths - 1, self.lengths), self.early, later)


@dataclass(frozen=True, slots=True)
class _Step:
    """A way into work: from `lengths` of run (None: from days off) to those beginning at `target`."""

    lengths: range | None
    target: int
    uses: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _State:
    off: bool
    kind: int
    length: int
    used: tuple[int, ...]


@dataclass(slots=True)
class _Layer:
    """The states before a day: runs of work, days off, and the first and last minutes of the period that are kept."""

    work: Floats
    rest: Floats
    first: int
    last: int
    # As they were before the week's resources began anew.
    unspent: tuple[Floats, Floats] | None = field(default=None)


class Walk:
    """One forward pass over the days for people of one family, and the way back for each."""

    def __init__(self, plans: Sequence[Plan], prices: Sequence[Floats]) -> None:
        self.plans = plans
        self.family = plans[0].family
        self.count = len(plans)
        self.prices = prices
        self.costs = np.array([plan.costs(p) for plan, p in zip(plans, prices, strict=True)])
        self.active = np.isfinite(self.costs).any(axis=0).tolist()
        self.shape = tuple(int(n) for n in np.max([plan.shape for plan in plans], axis=0))
        least = [plan.resources[0].least for plan in plans] if self.family.by_minutes else [0]
        self.least = min(least)
        self.layers = [self._origin()]
        for day in range(self.family.days):
            self.layers.append(self._day(day, self.layers[-1]))

    def _empty(self, day: int) -> _Layer:
        family, shape = self.family, list(self.shape)
        first, last = family.window(day, self.least, shape[1] - 1) if family.by_minutes else (0, 0)
        if family.by_minutes:
            shape[1] = last - first + 1
        return _Layer(
            np.full((family.lengths, family.classes, self.count, *shape), np.inf),
            np.full((family.off, self.count, *shape), np.inf),
            first,
            last,
        )

    def _origin(self) -> _Layer:
        layer, family = self._empty(0), self.family
        # Nothing is used up yet: the first sum of each resource.
        if family.carried:
            # What day 0 may follow was settled shift by shift, by the rest due after the last one: any class will do.
            begun = layer.work[family.edge(family.carried)]
            begun.reshape(family.classes, self.count, -1)[:, :, 0] = 0.0
        else:
            layer.rest[family.off - 1].reshape(self.count, -1)[:, 0] = 0.0
        return layer

    def _day(self, day: int, layer: _Layer) -> _Layer:
        family = self.family
        if day and day % WEEK == 0:
            self._fresh_week(layer)
        after = self._empty(day + 1)
        kept: dict[tuple[int, ...], Floats] = {}

        def behind(classes: tuple[int, ...]) -> Floats:
            """The cheapest run of each length that ends in one of these classes."""
            if classes not in kept:
                found = layer.work[:, classes[0]]
                for kind in classes[1:]:
                    found = np.minimum(found, layer.work[:, kind])
                kept[classes] = found
            return kept[classes]

        self._off(day, layer, after, behind(tuple(range(family.classes))))
        column: _Index = (slice(None), *([None] * len(self.shape)))
        for group in family.groups[day]:
            if not self.active[group.place]:
                continue
            cost = self.costs[:, group.place][column]
            for step in family.steps(day, group):
                slices = family.slices(day, self.least, self.shape, step.uses)
                if slices is None:
                    continue
                source, target = slices
                if step.lengths is None:
                    into = after.work[(step.target, group.leaves, slice(None), *target)]
                    begin = layer.rest[(family.off - 1, slice(None), *source)]
                else:
                    lengths = slice(step.lengths.start, step.lengths.stop)
                    into = after.work[
                        (slice(step.target, step.target + len(step.lengths)), group.leaves, slice(None), *target)
                    ]
                    begin = behind(family.before(day, group))[(lengths, slice(None), *source)]
                np.minimum(into, begin + cost, out=into)
        return after

    def _off(self, day: int, layer: _Layer, after: _Layer, ended: Floats) -> None:
        """A day off: after a run that may end, or after another one."""
        family = self.family
        slices = family.slices(day, self.least, self.shape, tuple(0 for _ in self.shape))
        if slices is None:
            return
        source, target = slices
        work = ended[family.early :].min(axis=0)[(slice(None), *source)]
        rest = layer.rest[(slice(None), slice(None), *source)]
        into = after.rest[(slice(None), slice(None), *target)]
        last = family.off - 1
        if day == 0:
            into[last] = np.minimum(work, rest[last])
        else:
            into[0] = work
            into[1:] = rest[:-1]
            np.minimum(into[last], rest[last], out=into[last])
        locked = [place for place, plan in enumerate(self.plans) if day in plan.candidate.locked]
        after.rest[:, locked] = np.inf

    def _fresh_week(self, layer: _Layer) -> None:
        if not any(self.family.weekly):
            return
        layer.unspent = layer.work, layer.rest
        for axis, weekly in enumerate(self.family.weekly):
            if weekly:
                layer.work, layer.rest = _emptied(layer.work, axis + 4), _emptied(layer.rest, axis + 3)

    def back(self, person: int) -> Path | None:
        """The cheapest way through for one of the people, read backwards."""
        layer = self.layers[-1]
        charge = self._charges(self.plans[person], layer)
        work, rest = layer.work[:, :, person] + charge, layer.rest[:, person] + charge
        from_work, from_rest = float(work.min()), float(rest.min())
        if not np.isfinite(min(from_work, from_rest)):
            return None
        off = from_rest <= from_work
        array = rest if off else work
        place = [int(n) for n in np.unravel_index(int(array.argmin()), array.shape)]
        used = place[1 if off else 2 :]
        if self.family.by_minutes:
            used[1] += layer.first
        state = _State(off, 0 if off else place[1], place[0], tuple(used))
        row = np.full(self.family.days, OFF, dtype=np.int64)
        for day in range(self.family.days - 1, -1, -1):
            state, option = self._before(day, state, person)
            row[day] = option
        return Path(row, min(from_work, from_rest))

    def _charges(self, plan: Plan, layer: _Layer) -> Floats:
        """What each end costs one person; without end where it breaks a limit."""
        total = np.zeros(())
        for axis, (size, cap, charge) in enumerate(zip(self.shape, plan.shape, plan.charges, strict=True)):
            along = np.full(size, np.inf)
            along[:cap] = 0.0 if charge is None else charge
            if axis == 1 and self.family.by_minutes:
                along[: plan.resources[0].least] = np.inf
                along = along[layer.first : layer.last + 1]
            total = total[..., None] + along
        return total

    def _at(self, layer: _Layer, state: _State, person: int, *, ended: bool = False) -> float:
        """What a state costs, with `ended` before its week began anew; without end where it is not kept."""
        work, rest = layer.unspent if ended and layer.unspent is not None else (layer.work, layer.rest)
        used = list(state.used)
        if self.family.by_minutes:
            if not layer.first <= used[1] <= layer.last:
                return float("inf")
            used[1] -= layer.first
        if state.off:
            return float(rest[(state.length, person, *used)])
        return float(work[(state.length, state.kind, person, *used)])

    def _before(self, day: int, state: _State, person: int) -> tuple[_State, int]:
        layer, value = self.layers[day], self._at(self.layers[day + 1], state, person, ended=True)
        if state.off:
            found, option = self._before_off(day, layer, state, person, value), OFF
        else:
            found, option = self._before_work(day, layer, state, person, value)
        return self._unfold(layer, found, person), option

    def _before_off(self, day: int, layer: _Layer, state: _State, person: int, value: float) -> _State:
        family = self.family
        lengths = [family.off - 1] if state.length == family.off - 1 else []
        lengths += [state.length - 1] if day and state.length else []
        for length in lengths:
            rested = _State(True, 0, length, state.used)
            if self._at(layer, rested, person) == value:
                return rested
        for length in range(family.early, family.lengths):
            for kind in range(family.classes):
                worked = _State(False, kind, length, state.used)
                if self._at(layer, worked, person) == value:
                    return worked
        raise AssertionError("a day off came from nowhere")

    def _before_work(self, day: int, layer: _Layer, state: _State, person: int, value: float) -> tuple[_State, int]:
        family = self.family
        for group in family.groups[day]:
            cost = float(self.costs[person, group.place])
            if group.leaves != state.kind or not np.isfinite(cost):
                continue
            for step in family.steps(day, group):
                used = tuple(n - s for n, s in zip(state.used, step.uses, strict=True))
                if min(used) < 0:
                    continue
                if step.lengths is None:
                    if state.length == step.target:
                        rested = _State(True, 0, family.off - 1, used)
                        if self._at(layer, rested, person) + cost == value:
                            return rested, self._option(person, group)
                    continue
                place = state.length - step.target
                if not 0 <= place < len(step.lengths):
                    continue
                length = step.lengths[place]
                for kind in family.before(day, group):
                    worked = _State(False, kind, length, used)
                    if self._at(layer, worked, person) + cost == value:
                        return worked, self._option(person, group)
        raise AssertionError("a day of work came from nowhere")

    def _option(self, person: int, group: Group) -> int:
        """The cheapest of a person's options in a group."""
        return self.plans[person].option(self.prices[person], group.place)

    def _unfold(self, layer: _Layer, state: _State, person: int) -> _State:
        """Undoes the emptying of weekly resources at the start of a week."""
        if layer.unspent is None:
            return state
        work, rest = layer.unspent
        array = rest[state.length, person] if state.off else work[state.length, state.kind, person]
        weekly = [False, *self.family.weekly]
        used = list(state.used)
        if self.family.by_minutes:
            used[1] -= layer.first
        index = tuple(slice(None) if free else n for free, n in zip(weekly, used, strict=True))
        part = array[index]
        found = iter(np.unravel_index(int(part.argmin()), part.shape))
        return _State(
            state.off,
            state.kind,
            state.length,
            tuple(int(next(found)) if free else n for free, n in zip(weekly, state.used, strict=True)),
        )


def _emptied(array: Floats, axis: int) -> Floats:
    fresh = np.full_like(array, np.inf)
    index: list[slice | int] = [slice(None)] * array.ndim
    index[axis] = 0
    fresh[tuple(index)] = array.min(axis=axis)
    return fresh
