"""A problem as tables that compiled code can change a roster by: what each day, run and count of a person costs.

Every limit is a tariff, a piecewise linear cost of one number: minutes of the period, days of a week, length of a run,
weekends, shifts of a group. A hard limit is a piece that costs more than everything else together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.scheduling.rostering.compiled import OFF, Candidate, Compiled, Ints
from services.scheduling.rostering.model import DAY, WEEK, Limit, Rule

# What a unit beyond a hard limit costs; some ten thousand units still fit into 64 bits.
FORBIDDEN = 1 << 40

Piece = tuple[int, int, int]


class Breach(NamedTuple):
    """What a unit beyond a hard limit of weekends, or of days worked or off in a row, costs while that is relaxed."""

    weekend: int = FORBIDDEN
    run: int = FORBIDDEN


_KEPT = Breach()
_SUCCESSIONS = (Limit.MIN_REST, Limit.FORBIDDEN_SUCCESSION)


class Tables(NamedTuple):
    """What never changes while a roster does; `*_from` are offsets into the array named after it.

    `period` to `groups` number the tariff of each person. `choices` are what a person can be given on a day, and
    `cheapest` is what the cheapest of them costs. `fillers` are the shifts that cover a demand row.
    """

    allowed: NDArray[np.bool_]
    cost: Ints
    alike: Ints
    shape: Ints
    minutes: Ints
    pairs_of: Ints
    pairs: Ints
    day_of: Ints
    piece_from: Ints
    sign: Ints
    value: Ints
    weight: Ints
    period: Ints
    week_minutes: Ints
    week_days: Ints
    weekends: Ints
    long_run: Ints
    short_run: Ints
    short_off: Ints
    groups: Ints
    carried: Ints
    group_from: Ints
    group: Ints
    row_from: Ints
    row: Ints
    filler_from: Ints
    fillers: Ints
    need: Ints
    under: Ints
    over: Ints
    weekend_of: Ints
    weekend_first: Ints
    weekend_end: Ints
    choice_from: Ints
    choices: Ints
    cheapest: Ints
    wage: Ints
    budget: int
    over_budget: int


class _Tariffs:
    """Numbers tariffs, each distinct one once."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[Piece, ...], int] = {}
        self.none = self.number([])

    def number(self, pieces: Iterable[Piece]) -> int:
        return self.numbers.setdefault(tuple(sorted(piece for piece in pieces if piece[2])), len(self.numbers))

    def column(self, place: int) -> Ints:
        return np.array([piece[place] for pieces in self.numbers for piece in pieces] or [0], dtype=np.int64)


def tables(compiled: Compiled, breach: Breach = _KEPT) -> Tables:
    """The tables of a problem, whose limits of weekends and runs may be relaxed."""
    people, days = compiled.people, compiled.days
    tariffs = _Tariffs()
    allowed = np.zeros((len(people), len(compiled.shifts)), dtype=bool)
    for number, candidate in enumerate(people):
        for options in candidate.allowed:
            allowed[number, options] = True
    alike = np.full((days, max(1, len(compiled.shapes))), OFF, dtype=np.int64)
    alike[compiled.day_of, compiled.shape_of] = np.arange(len(compiled.shifts))
    pairs_of, pairs = _pairs(compiled)
    own = np.array([_person_tariffs(compiled, tariffs, candidate, breach) for candidate in people], dtype=np.int64)
    groups, group_from, group = _groups(compiled, tariffs)
    row_from, row = _joined([rows.tolist() for rows in compiled.covers])
    fillers: list[list[int]] = [[] for _ in compiled.need]
    for option, rows in enumerate(compiled.covers):
        for covered in rows.tolist():
            fillers[covered].append(option)
    filler_from, filler = _joined(fillers)
    cost = np.array([_linear(compiled, candidate) for candidate in people])
    choice_from, choices = _joined(
        [
            [*([] if day in candidate.locked else [OFF]), *candidate.allowed[day]]
            for candidate in people
            for day in range(days)
        ]
    )
    weekend_of = np.full(days, OFF, dtype=np.int64)
    for number, weekend in enumerate(compiled.weekends):
        weekend_of[weekend] = number
    budget = compiled.problem.budget
    return Tables(
        allowed=allowed,
        cost=cost,
        alike=alike,
        shape=compiled.shape_of,
        minutes=compiled.minutes,
        pairs_of=pairs_of,
        pairs=pairs,
        day_of=compiled.day_of,
        piece_from=_offsets([len(pieces) for pieces in tariffs.numbers]),
        sign=tariffs.column(0),
        value=tariffs.column(1),
        weight=tariffs.column(2),
        period=own[:, 0].copy(),
        week_minutes=own[:, 1].copy(),
        week_days=own[:, 2].copy(),
        weekends=own[:, 3].copy(),
        long_run=own[:, 4].copy(),
        short_run=own[:, 5].copy(),
        short_off=own[:, 6].copy(),
        groups=groups,
        carried=np.array([candidate.person.worked_run for candidate in people], dtype=np.int64),
        group_from=group_from,
        group=group,
        row_from=row_from,
        row=row,
        filler_from=filler_from,
        fillers=filler,
        need=compiled.need,
        under=compiled.under,
        over=compiled.over,
        weekend_of=weekend_of,
        weekend_first=np.array([weekend[0] for weekend in compiled.weekends] or [0], dtype=np.int64),
        weekend_end=np.array([weekend[-1] + 1 for weekend in compiled.weekends] or [0], dtype=np.int64),
        choice_from=choice_from,
        choices=choices,
        cheapest=_cheapest(cost, choice_from, choices, days),
        wage=np.array([candidate.person.wage for candidate in people], dtype=np.int64),
        budget=OFF if budget is None else budget,
        over_budget=compiled.over_budget,
    )


def _offsets(lengths: Sequence[int]) -> Ints:
    return np.cumsum([0, *lengths], dtype=np.int64)


def _joined(lists: Sequence[Sequence[int]]) -> tuple[Ints, Ints]:
    flat = [item for items in lists for item in items]
    return _offsets([len(items) for items in lists]), np.array(flat or [0], dtype=np.int64)


def _cheapest(cost: Ints, choice_from: Ints, choices: Ints, days: int) -> Ints:
    """What each person's cheapest choice for each day costs."""
    person_of = np.repeat(np.arange(len(cost)), np.diff(choice_from[::days]))
    costs = np.where(choices == OFF, 0, cost[person_of, choices])
    return np.minimum.reduceat(costs, choice_from[:-1]).reshape(len(cost), days)


def _bent(candidate: Candidate) -> list[Rule]:
    """The rules that cost rather than bind."""
    return [*candidate.soft, *candidate.waived]


def _linear(compiled: Compiled, candidate: Candidate) -> Ints:
    """What each shift costs whatever else the person works."""
    cost = candidate.cost.copy()
    for rule in _bent(candidate):
        if rule.limit is Limit.MAX_DAY_MINUTES:
            cost += (rule.weight or 0) * np.maximum(0, compiled.minutes - rule.value)
        elif rule.limit is Limit.MIN_REST and candidate.person.last_end is not None:
            begins = np.array([shift.begins for shift in compiled.shifts], dtype=np.int64)
            short = np.maximum(0, rule.value - (begins - candidate.person.last_end))
            cost += (rule.weight or 0) * np.where(compiled.day_of == 0, short, 0)
    return cost


def _pairs(compiled: Compiled) -> tuple[Ints, Ints]:
    """What a shape after another costs, for each set of rules about it, and which set binds each person."""
    numbers: dict[tuple[int, tuple[Rule, ...]], int] = {}
    matrices: list[Ints] = []
    owners = []
    for candidate in compiled.people:
        rules = tuple(rule for rule in _bent(candidate) if rule.limit in _SUCCESSIONS)
        key = (id(candidate.forbidden), rules)
        if key not in numbers:
            numbers[key] = len(numbers)
            matrix = np.where(candidate.forbidden, FORBIDDEN, 0).astype(np.int64)
            for rule in rules:
                matrix += (rule.weight or 0) * _units(compiled, rule)
            matrices.append(matrix)
        owners.append(numbers[key])
    return np.array(owners, dtype=np.int64), np.array(matrices)


def _units(compiled: Compiled, rule: Rule) -> Ints:
    if rule.limit is Limit.MIN_REST:
        start = np.array([shape.start for shape in compiled.shapes], dtype=np.int64)
        finish = np.array([shape.start + shape.minutes for shape in compiled.shapes], dtype=np.int64)
        rest: Ints = start[None, :] + DAY - finish[:, None]
        return np.maximum(0, rule.value - rest)
    after = np.array([shape.kind in rule.after for shape in compiled.shapes], dtype=np.int64)
    kinds = np.array([shape.kind in rule.kinds for shape in compiled.shapes], dtype=np.int64)
    return after[:, None] * kinds[None, :]


def _person_tariffs(compiled: Compiled, tariffs: _Tariffs, candidate: Candidate, breach: Breach) -> list[int]:
    limits, weights, person = candidate.limits, compiled.problem.weights, candidate.person
    rules = _bent(candidate)

    def soft(limit: Limit, sign: int = 1) -> list[Piece]:
        return [(sign, rule.value, rule.weight or 0) for rule in rules if rule.limit is limit]

    period: list[Piece] = [(1, limits.max_minutes, FORBIDDEN), (-1, limits.min_minutes, FORBIDDEN)]
    period += soft(Limit.MAX_PERIOD_MINUTES) + soft(Limit.MIN_PERIOD_MINUTES, -1)
    if person.wanted_minutes is not None:
        period += [(sign, person.wanted_minutes, weights.hours_wanted) for sign in (1, -1)]
    days_off = [(sign, WEEK - value, weight) for sign, value, weight in soft(Limit.MIN_WEEK_DAYS_OFF)]
    fair = (1, compiled.weekend_share, weights.weekend_share)
    return [
        tariffs.number(period),
        tariffs.number([(1, limits.max_week_minutes, FORBIDDEN), *soft(Limit.MAX_WEEK_MINUTES)]),
        tariffs.number([(1, limits.max_week_days, FORBIDDEN), *days_off]),
        tariffs.number([(1, limits.max_weekends, breach.weekend), *soft(Limit.MAX_WEEKENDS), fair]),
        tariffs.number([(1, limits.max_run, breach.run), *soft(Limit.MAX_CONSECUTIVE_DAYS)]),
        tariffs.number([(-1, limits.min_run, breach.run), *soft(Limit.MIN_CONSECUTIVE_DAYS, -1)]),
        tariffs.number([(-1, limits.min_off, breach.run), *soft(Limit.MIN_CONSECUTIVE_DAYS_OFF, -1)]),
    ]


def _groups(compiled: Compiled, tariffs: _Tariffs) -> tuple[Ints, Ints, Ints]:
    """Shifts that are counted together, by kind or because they close: each person's tariffs, each shift's groups."""
    weight = compiled.problem.weights.closing_share
    numbers: dict[frozenset[str] | None, int] = {None: 0}
    found: list[dict[int, list[Piece]]] = []
    for candidate in compiled.people:
        own: dict[int, list[Piece]] = {0: [(1, compiled.closing_share, weight)]}
        caps = [(kinds, most, FORBIDDEN) for kinds, most in candidate.limits.kinds]
        caps += [
            (rule.kinds, rule.value, rule.weight or 0)
            for rule in _bent(candidate)
            if rule.limit is Limit.MAX_SHIFTS_OF_KIND
        ]
        for kinds, most, cost in caps:
            own.setdefault(numbers.setdefault(kinds, len(numbers)), []).append((1, most, cost))
        found.append(own)
    groups = np.full((len(compiled.people), len(numbers)), tariffs.none, dtype=np.int64)
    for person, own in enumerate(found):
        for number, pieces in own.items():
            groups[person, number] = tariffs.number(pieces)
    members = [
        [n for kinds, n in numbers.items() if (shift.closing if kinds is None else shift.kind in kinds)]
        for shift in compiled.shifts
    ]
    return groups, *_joined(members)
