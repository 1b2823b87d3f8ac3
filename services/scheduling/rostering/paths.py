"""The best days of one person for given prices of shifts: a shortest path with resources.

A state is how the last days went (a run of work of some length and last shift, or of days off) and how much of each
resource is used: minutes of the period, minutes and days of the week, weekends, shifts of capped kinds. States are
arrays and a day is a handful of array operations for each group of shifts that differ in price alone, of which only the
cheapest matters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.scheduling.rostering.compiled import OFF, Compiled, Ints
from services.scheduling.rostering.model import WEEK

Floats = NDArray[np.float64]
# More states than this for a day cost more time than a search by other means.
MOST_STATES = 400_000
# Caps on kinds of shift are kept in the state up to here, and by prices beyond.
MOST_WITH_CAPS = 60_000


@dataclass(slots=True)
class Resource:
    """What shifts use up: `uses` by shift, never more than `cap` in all, or in each week.

    `charge` is what each sum of uses costs at the end.
    """

    cap: int
    uses: Ints
    weekly: bool = False
    least: int = 0
    charge: Floats | None = None


@dataclass(slots=True)
class Group:
    """Shifts of a day with the same consequences: the last shift they leave behind, what may precede them, uses."""

    options: Ints
    leaves: int
    follows: Ints
    uses: tuple[int, ...]


@dataclass(slots=True)
class Path:
    """A person's days and their price."""

    row: Ints
    price: float


@dataclass(slots=True)
class _Plan:
    resources: list[Resource]
    groups: list[list[Group]]
    shape: tuple[int, ...]
    charges: list[Floats | None]
    capped: list[int]


class Paths:
    """Finds one person's best days under their hard limits."""

    def __init__(self, compiled: Compiled, number: int) -> None:
        self.compiled = compiled
        self.candidate = compiled.people[number]
        self.days = compiled.days
        self._classes()
        # Closes are part of the price as long as counting them leaves few enough states; else prices are lower bounds.
        self.counts_closes = True
        self.plan = self._prepare([])
        if self._states(self.plan) > MOST_WITH_CAPS:
            self.counts_closes = False
            self.plan = self._prepare([])

    @property
    def tractable(self) -> bool:
        """Whether the states are few enough."""
        return self._states(self.plan) <= MOST_STATES

    def _states(self, plan: _Plan) -> int:
        limits = self.candidate.limits
        runs = min(limits.max_run, self.days + self.candidate.person.worked_run) + limits.min_run - 1
        return runs * self.classes * int(np.prod(plan.shape, dtype=np.int64))

    def _classes(self) -> None:
        """Shapes that forbid the same followers leave the same state behind."""
        signatures, self.class_of = np.unique(self.candidate.forbidden, axis=0, return_inverse=True)
        self.class_of = self.class_of.reshape(-1)
        self.classes = len(signatures)
        self.signatures = signatures

    def _prepare(self, capped: list[int]) -> _Plan:
        limits, compiled = self.candidate.limits, self.compiled
        minutes, days = compiled.minutes, self.days
        longest = int(minutes.max(initial=1))
        weeks = -(-days // WEEK)
        unit = int(np.gcd.reduce(minutes)) if len(minutes) else 1
        unit = max(unit, 1)
        cap, least = limits.max_minutes, limits.min_minutes
        if weeks == 1:
            cap = min(cap, limits.max_week_minutes)
        minute_cap = min(cap, days * longest) // unit
        hours = self._hours_charge(np.arange(minute_cap + 1) * unit)
        resources = [Resource(minute_cap, minutes // unit, least=-(-least // unit), charge=hours)]
        if not least and cap >= days * longest and hours is None:
            resources = []
        if weeks > 1 and limits.max_week_minutes < WEEK * longest:
            resources.append(Resource(limits.max_week_minutes // unit, minutes // unit, weekly=True))
        if limits.max_week_days < WEEK:
            resources.append(Resource(limits.max_week_days, np.ones_like(minutes), weekly=weeks > 1))
        for place in capped:
            kinds, most = limits.kinds[place]
            uses = np.array([shift.kind in kinds for shift in compiled.shifts], dtype=np.int64)
            resources.append(Resource(most, uses))
        closes = self._closes() if self.counts_closes else None
        if closes is not None:
            resources.append(closes)
        groups = [self._groups(day, resources) for day in range(days)]
        weekend_cap = min(limits.max_weekends, len(compiled.weekends))
        turns = self._share_charge(compiled.problem.weights.weekend_share, compiled.weekend_share, weekend_cap)
        self.counts_weekends = limits.max_weekends < len(compiled.weekends) or turns is not None
        shape = (weekend_cap + 1 if self.counts_weekends else 1, *(resource.cap + 1 for resource in resources))
        return _Plan(resources, groups, shape, [turns, *(resource.charge for resource in resources)], capped)

    def _hours_charge(self, sums: Ints) -> Floats | None:
        """What each sum of minutes costs against the hours wanted."""
        wanted = self.candidate.person.wanted_minutes
        weight = self.compiled.problem.weights.hours_wanted
        return None if wanted is None or not weight else weight * np.abs(sums - wanted).astype(np.float64)

    def _closes(self) -> Resource | None:
        """Closing shifts, where more than a fair share of them could be given."""
        compiled = self.compiled
        days = sum(bool(compiled.closing[options].any()) for options in self.candidate.allowed if options)
        charge = self._share_charge(compiled.problem.weights.closing_share, compiled.closing_share, days)
        return None if charge is None else Resource(days, compiled.closing.astype(np.int64), charge=charge)

    def _share_charge(self, weight: int, share: int, most: int) -> Floats | None:
        if not weight or most <= share:
            return None
        return weight * np.maximum(0.0, np.arange(most + 1) - share)

    def _groups(self, day: int, resources: list[Resource]) -> list[Group]:
        compiled = self.compiled
        found: dict[tuple[int, bytes, tuple[int, ...]], list[int]] = {}
        for option in self.candidate.allowed[day]:
            shape = int(compiled.shape_of[option])
            uses = tuple(int(resource.uses[option]) for resource in resources)
            if any(use > resource.cap for use, resource in zip(uses, resources, strict=True)):
                continue
            follows = ~self.signatures[:, shape]
            found.setdefault((int(self.class_of[shape]), follows.tobytes(), uses), []).append(option)
        return [
            Group(
                np.array(options, dtype=np.int64),
                leaves,
                np.flatnonzero(np.frombuffer(follows, dtype=bool)),
                uses,
            )
            for (leaves, follows, uses), options in found.items()
        ]

    def best(self, prices: Floats) -> Path | None:
        """The cheapest days at these prices of shifts, or None when the limits allow nothing or states are too many."""
        plan = self.plan
        if self._states(plan) > MOST_STATES:
            return None
        while True:
            path = self._run(plan, prices)
            over = None if path is None else self._overrun(path.row, plan.capped)
            if path is None or over is None:
                return path
            # Most caps never bind: a cap becomes part of the state once a path breaks it.
            wider = self._prepare([*plan.capped, over])
            if self._states(wider) > MOST_WITH_CAPS:
                return self._priced(plan, prices)
            self.plan = plan = wider

    def _priced(self, plan: _Plan, prices: Floats) -> Path | None:
        """Keeps caps by charging for the shifts they count, where keeping them in the state would take too long.

        The price returned is then a lower bound, and the row the cheapest found that keeps the caps.
        """
        caps = [place for place in range(len(self.candidate.limits.kinds)) if place not in plan.capped]
        counts = [self._counted(place) for place in caps]
        charge = np.zeros(len(caps))
        step = np.full(len(caps), max(1.0, float(np.abs(prices).max(initial=0.0)) / 4))
        best: Path | None = None
        bound = -np.inf
        for _ in range(10):
            charged = prices + sum((c * n for c, n in zip(charge, counts, strict=True)), np.zeros_like(prices))
            path = self._run(plan, charged)
            if path is None:
                return None
            chosen = path.row[path.row >= 0]
            used = np.array([n[chosen].sum() for n in counts])
            most = np.array([self.candidate.limits.kinds[place][1] for place in caps])
            bound = max(bound, path.price - float((charge * most).sum()))
            price = path.price - float((charge * used).sum())
            over = used > most
            if not over.any():
                if best is None or price < best.price:
                    best = Path(path.row, price)
                step = step / 2
                charge = np.maximum(0.0, charge - step * (charge > 0))
            else:
                charge = charge + step * over
                step = np.where(over & (best is None), step * 2, step / 2)
        return None if best is None else Path(best.row, min(bound, best.price))

    def _counted(self, place: int) -> Floats:
        kinds, _ = self.candidate.limits.kinds[place]
        return np.array([float(shift.kind in kinds) for shift in self.compiled.shifts])

    def _overrun(self, row: Ints, capped: list[int]) -> int | None:
        shifts = self.compiled.shifts
        worked = [shifts[n].kind for n in row.tolist() if n >= 0]
        for place, (kinds, most) in enumerate(self.candidate.limits.kinds):
            if place not in capped and sum(kind in kinds for kind in worked) > most:
                return place
        return None

    def _run(self, plan: _Plan, prices: Floats) -> Path | None:
        walk = _Walk(self, plan, prices)
        return walk.back()


class _Walk:
    """One forward pass over the days, and the way back."""

    def __init__(self, paths: Paths, plan: _Plan, prices: Floats) -> None:
        self.paths = paths
        self.plan = plan
        limits = paths.candidate.limits
        self.run = max(1, min(limits.max_run, paths.days + paths.candidate.person.worked_run))
        self.early = limits.min_run - 1
        self.min_run = limits.min_run
        self.off = limits.min_off
        self.lengths = self.run + self.early
        self.picks: list[list[tuple[Group, int, float]]] = []
        self.prices = prices
        self.work: list[Floats] = []
        self.rest: list[Floats] = []
        self._forward()

    def _forward(self) -> None:
        person, plan = self.paths.candidate.person, self.plan
        work = np.full((self.lengths, self.paths.classes, *plan.shape), np.inf)
        rest = np.full((self.off, *plan.shape), np.inf)
        origin = tuple(0 for _ in plan.shape)
        carried = min(person.worked_run, self.run)
        if carried:
            # What day 0 may follow was settled shift by shift, by the rest due after the last one: any class will do.
            place = self._edge(carried)
            for kind in range(self.paths.classes):
                work[(place, kind, *origin)] = 0.0
        else:
            rest[(self.off - 1, *origin)] = 0.0
        self.work.append(work)
        self.rest.append(rest)
        for day in range(self.paths.days):
            work, rest = self._fresh_week(day, work, rest)
            work, rest = self._day(day, work, rest)
            self.work.append(work)
            self.rest.append(rest)

    def _edge(self, length: int) -> int:
        """Where a run that began at the edge of the period is kept: it may end early, having begun before it."""
        return self.run + length - 1 if length <= self.early else length - 1

    def _fresh_week(self, day: int, work: Floats, rest: Floats) -> tuple[Floats, Floats]:
        if day == 0 or day % WEEK:
            return work, rest
        for axis, resource in enumerate(self.plan.resources):
            if resource.weekly:
                work, rest = _emptied(work, axis + 3), _emptied(rest, axis + 2)
        return work, rest

    def _weekend(self, day: int, first_of_run: bool) -> int:
        """Whether working the day begins another weekend of work."""
        if not self.paths.counts_weekends or day not in self.paths.compiled.weekend_of:
            return 0
        days = self.paths.compiled.weekends[self.paths.compiled.weekend_of[day]]
        return int(days[0] == day or first_of_run)

    def _day(self, day: int, work: Floats, rest: Floats) -> tuple[Floats, Floats]:
        new_work = np.full_like(work, np.inf)
        new_rest = np.full_like(rest, np.inf)
        groups = self.plan.groups[day]
        picks = []
        for group in groups:
            costs = self.prices[group.options]
            best = int(costs.argmin())
            picks.append((group, int(group.options[best]), float(costs[best])))
        self.picks.append(picks)
        if day not in self.paths.candidate.locked:
            ready = [length for length in range(self.run) if length + 1 >= self.min_run]
            ended = [*ready, *range(self.run, self.lengths)]
            after_work = work[ended].min(axis=(0, 1))
            if day == 0:
                new_rest[self.off - 1] = np.minimum(after_work, rest[self.off - 1])
            else:
                new_rest[0] = after_work
                for length in range(1, self.off):
                    new_rest[length] = rest[length - 1]
                new_rest[self.off - 1] = np.minimum(new_rest[self.off - 1], rest[self.off - 1])
        for group, _, cost in picks:
            for step in self._steps(day, work, rest, group):
                target = new_work[step.target : step.target + len(step.source), group.leaves]
                _relax(step.source, target, step.uses, cost)
        return new_work, new_rest

    def _steps(self, day: int, work: Floats, rest: Floats, group: Group) -> list[_Step]:
        """From which states a group can be worked, to which lengths of run it leads, and what it uses on the way."""
        first = (self._weekend(day, True), *group.uses)
        later = (self._weekend(day, False), *group.uses)
        begun = self._edge(1) if day == 0 else 0
        steps = [_Step(rest[self.off - 1][None], None, begun, first)]
        follows = self._follows(day, group)
        if not len(follows):
            return steps
        before = work[:, follows].min(axis=1)
        if self.run > 1:
            steps.append(_Step(before[: self.run - 1], range(self.run - 1), 1, later))
        if self.early > 1:
            steps.append(_Step(before[self.run : -1], range(self.run, self.lengths - 1), self.run + 1, later))
        if 0 < self.early < self.run:
            steps.append(_Step(before[-1][None], range(self.lengths - 1, self.lengths), self.early, later))
        return steps

    def _follows(self, day: int, group: Group) -> Ints:
        """After which last shifts a group may be worked; what precedes day 0 has been checked shift by shift."""
        return np.arange(self.paths.classes) if day == 0 else group.follows

    def back(self) -> Path | None:
        """The cheapest way through, read backwards."""
        work, rest = self.work[-1], self.rest[-1]
        for axis, charge in enumerate(self.plan.charges):
            if charge is not None:
                along = charge.reshape(-1, *([1] * (len(self.plan.shape) - axis - 1)))
                work, rest = work + along, rest + along
        if self.plan.resources:
            least = self.plan.resources[0].least
            work, rest = work[:, :, :, least:], rest[:, :, least:]
        if not rest.size:
            return None
        from_work, from_rest = float(work.min()), float(rest.min())
        if not np.isfinite(min(from_work, from_rest)):
            return None
        offset = self.plan.resources[0].least if self.plan.resources else 0
        off = from_rest <= from_work
        array = rest if off else work
        place = list(np.unravel_index(int(array.argmin()), array.shape))
        if self.plan.resources:
            place[2 if off else 3] += offset
        state = _State(off, 0 if off else int(place[1]), int(place[0]), tuple(map(int, place[1 if off else 2 :])))
        row = np.full(self.paths.days, OFF, dtype=np.int64)
        for day in range(self.paths.days - 1, -1, -1):
            state, option = self._before(day, state)
            row[day] = option
        return Path(row, min(from_work, from_rest))

    def _before(self, day: int, state: _State) -> tuple[_State, int]:
        work, rest = self._fresh_week(day, self.work[day], self.rest[day])
        value = (self.rest[day + 1] if state.off else self.work[day + 1])[state.place]
        if state.off:
            found, option = self._before_off(day, state, work, rest, value), OFF
        else:
            found, option = self._before_work(day, state, work, rest, value)
        return self._unfold(day, found), option

    def _before_off(self, day: int, state: _State, work: Floats, rest: Floats, value: float) -> _State:
        last = self.off - 1
        if state.length == last and rest[(last, *state.used)] == value:
            return _State(True, 0, last, state.used)
        if day and state.length and rest[(state.length - 1, *state.used)] == value:
            return _State(True, 0, state.length - 1, state.used)
        for length in range(self.lengths):
            for kind in range(self.paths.classes):
                may_end = length >= self.run or length + 1 >= self.min_run
                if may_end and work[(length, kind, *state.used)] == value:
                    return _State(False, kind, length, state.used)
        raise AssertionError("a day off came from nowhere")

    def _before_work(self, day: int, state: _State, work: Floats, rest: Floats, value: float) -> tuple[_State, int]:
        for group, option, cost in self.picks[day]:
            if group.leaves != state.kind:
                continue
            for step in self._steps(day, work, rest, group):
                used = tuple(n - s for n, s in zip(state.used, step.uses, strict=True))
                place = state.length - step.target
                if not 0 <= place < len(step.source) or min(used) < 0:
                    continue
                if step.source[(place, *used)] + cost != value:
                    continue
                if step.lengths is None:
                    return _State(True, 0, self.off - 1, used), option
                length = step.lengths[place]
                kinds = self._follows(day, group)
                kind = int(kinds[work[(length, kinds, *used)].argmin()])
                return _State(False, kind, length, used), option
        raise AssertionError("a day of work came from nowhere")

    def _unfold(self, day: int, state: _State) -> _State:
        """Undoes the emptying of weekly resources at the start of a week."""
        if day == 0 or day % WEEK or not any(resource.weekly for resource in self.plan.resources):
            return state
        array = self.rest[day] if state.off else self.work[day]
        head = (state.length,) if state.off else (state.length, state.kind)
        weekly = [False, *(resource.weekly for resource in self.plan.resources)]
        index = tuple(slice(None) if free else used for free, used in zip(weekly, state.used, strict=True))
        part = array[(*head, *index)]
        found = iter(np.unravel_index(int(part.argmin()), part.shape))
        used = tuple(int(next(found)) if free else used for free, used in zip(weekly, state.used, strict=True))
        return _State(state.off, state.kind, state.length, used)


@dataclass(frozen=True, slots=True)
class _Step:
    """A way into work: from `lengths` of run (None: from days off) to those beginning at `target`."""

    source: Floats
    lengths: range | None
    target: int
    uses: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _State:
    off: bool
    kind: int
    length: int
    used: tuple[int, ...]

    @property
    def place(self) -> tuple[int, ...]:
        return (self.length, *self.used) if self.off else (self.length, self.kind, *self.used)


def _emptied(array: Floats, axis: int) -> Floats:
    fresh = np.full_like(array, np.inf)
    index: list[slice | int] = [slice(None)] * array.ndim
    index[axis] = 0
    fresh[tuple(index)] = array.min(axis=axis)
    return fresh


def _relax(source: Floats, target: Floats, step: tuple[int, ...], cost: float) -> None:
    """Lowers target to source plus cost, moved along the resources by step."""
    moved: list[slice] = [slice(None), *(slice(s, None) for s in step)]
    kept = [slice(None), *(slice(0, n - s) for s, n in zip(step, source.shape[1:], strict=True))]
    into: Floats = target[tuple(moved)]
    np.minimum(into, source[tuple(kept)] + cost, out=into)
