"""A CP-SAT model of part of a roster: some people on some days, all else staying as it is.

The whole roster is the case in which everybody is free on every day.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ortools.sat.python import cp_model

from services.scheduling.rostering.compiled import OFF, Candidate, Compiled, Ints
from services.scheduling.rostering.model import WEEK, Limit, Rule
from services.scheduling.rostering.scoring import Scorer

# What the model is made of: an expression over variables, or a constant.
Term = cp_model.LinearExpr | int


@dataclass(slots=True)
class Answer:
    """What a subproblem found: the rows of the people who were free, and a bound on its own objective."""

    rows: dict[int, Ints]
    objective: int
    bound: float
    optimal: bool


class Subproblem:
    """Build once, solve once."""

    def __init__(self, compiled: Compiled, roster: Ints, people: Sequence[int], days: Sequence[int]) -> None:
        self.compiled = compiled
        self.roster = roster
        self.people = list(people)
        self.free_days = set(days)
        self.model = cp_model.CpModel()
        self.costs: list[Term] = []
        self.constant = 0
        self.chosen: dict[int, dict[int, cp_model.IntVar]] = {}
        self.workers: dict[int, list[cp_model.IntVar]] = {}
        self.constant += sum(Scorer(compiled).fixed(number) for number in self.people)
        for number in self.people:
            self._person(number)
        self._cover()
        self._budget()
        self.objective = cp_model.LinearExpr.sum(self.costs) + self.constant

    def _person(self, number: int) -> None:
        """One person's choices, with the rules that bind them."""
        candidate = self.compiled.people[number]
        chosen: dict[int, cp_model.IntVar] = {}
        works: list[Term] = []
        by_day: list[list[int]] = []
        for day in range(self.compiled.days):
            current = int(self.roster[number, day])
            if day not in self.free_days:
                by_day.append([current] if current != OFF else [])
                works.append(int(current != OFF))
                continue
            options = candidate.allowed[day]
            by_day.append(options)
            if day in candidate.locked:
                works.append(1)
                continue
            for option in options:
                chosen[option] = self.model.new_bool_var("")
                self.workers.setdefault(option, []).append(chosen[option])
            if not options:
                works.append(0)
            elif len(options) == 1:
                works.append(chosen[options[0]])
            else:
                work = self.model.new_bool_var("")
                self.model.add(cp_model.LinearExpr.sum([chosen[o] for o in options]) == work)
                works.append(work)
        self.chosen[number] = chosen
        PersonRules(self, candidate, by_day, works, chosen).post()

    def add_cost(self, term: Term, weight: int) -> None:
        """Adds weight times term to the objective."""
        if isinstance(term, int):
            self.constant += weight * term
        elif weight:
            self.costs.append(weight * term)

    def beyond(self, term: Term, limit: int, most: int, weight: int) -> None:
        """Lets the term go beyond a limit at a cost for each unit."""
        if isinstance(term, int):
            self.constant += weight * max(0, term - limit)
            return
        slack = self.model.new_int_var(0, max(0, most), "")
        self.model.add(term - slack <= limit)
        self.costs.append(weight * slack)

    def _cover(self) -> None:
        compiled = self.compiled
        fixed_roster = self.roster.copy()
        for number in self.people:
            candidate = compiled.people[number]
            for day in self.free_days:
                if day not in candidate.locked:
                    fixed_roster[number, day] = OFF
        have = Scorer(compiled).cover(fixed_roster)
        self.constant += int((compiled.under * np.maximum(0, compiled.need - have)).sum())
        self.constant += int((compiled.over * np.maximum(0, have - compiled.need)).sum())
        touching: dict[int, list[Term]] = {}
        ways: dict[int, int] = {}
        for option, variables in self.workers.items():
            rows = compiled.covers[option].tolist()
            if len(rows) > 1 and len(variables) > 1:
                # Count a shift once rather than each of its people in every interval.
                count = self.model.new_int_var(0, len(variables), "")
                self.model.add(cp_model.LinearExpr.sum(variables) == count)
                terms: list[Term] = [count]
            else:
                terms = list(variables)
            for row in rows:
                touching.setdefault(row, []).extend(terms)
                ways[row] = ways.get(row, 0) + len(variables)
        for row, terms in touching.items():
            self._row(
                terms, int(compiled.need[row] - have[row]), int(compiled.under[row]), int(compiled.over[row]), ways[row]
            )

    def _row(self, terms: list[Term], missing: int, under: int, over: int, ways: int) -> None:
        total = cp_model.LinearExpr.sum(terms)
        if missing <= 0:
            self.add_cost(total, over)
            return
        # Each person who comes saves `under`; those who come too many cost it back, and `over` on top.
        self.add_cost(total, -under)
        if ways > missing and under + over:
            extra = self.model.new_int_var(0, ways - missing, "")
            self.model.add(total - extra <= missing)
            self.costs.append((under + over) * extra)

    def _budget(self) -> None:
        compiled = self.compiled
        budget = compiled.problem.budget
        if budget is None:
            return
        fixed, terms, pays = 0, [], []
        for number, candidate in enumerate(compiled.people):
            chosen = self.chosen.get(number, {})
            for day, option in enumerate(self.roster[number].tolist()):
                free = number in self.chosen and day in self.free_days and day not in candidate.locked
                if option != OFF and not free:
                    fixed += int(candidate.pay[option])
            terms += list(chosen.values())
            pays += [int(candidate.pay[option]) for option in chosen]
        if terms:
            total = cp_model.LinearExpr.weighted_sum(terms, pays)
            self.beyond(total, budget - fixed, sum(pays) + abs(budget - fixed), compiled.over_budget)

    def solve(
        self,
        seconds: float,
        *,
        seed: int,
        workers: int = 1,
        hint: bool = True,
        wander: int = 0,
        on_solution: Callable[[Answer], None] | None = None,
        register: Callable[[cp_model.CpSolver], None] | None = None,
    ) -> Answer | None:
        """The best found in the time, or None; `wander` breaks ties at random, so that equal rosters are visited."""
        objective = self.objective
        if wander:
            draw = random.Random(seed)  # noqa: S311 - a search, not a secret
            noise = [
                draw.randrange(wander) * variable for chosen in self.chosen.values() for variable in chosen.values()
            ]
            if noise:
                scale = wander * max(1, sum(len(self.free_days) for _ in self.people))
                objective = scale * self.objective + cp_model.LinearExpr.sum(noise)
        self.model.minimize(objective)
        if hint:
            for number, chosen in self.chosen.items():
                for option, variable in chosen.items():
                    day = int(self.compiled.day_of[option])
                    self.model.add_hint(variable, int(self.roster[number, day] == option))
        solver = cp_model.CpSolver()
        solver.parameters.max_time_in_seconds = max(0.05, seconds)
        solver.parameters.num_workers = workers
        solver.parameters.random_seed = seed % 2**31
        solver.parameters.linearization_level = 2
        solver.parameters.symmetry_level = 0
        if register is not None:
            register(solver)
        watcher = _Watcher(self, on_solution) if on_solution is not None else None
        status = solver.solve(self.model, watcher)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return None
        optimal = status == cp_model.OPTIMAL
        bound = solver.best_objective_bound if not wander else float("-inf")
        return Answer(self.rows(solver.boolean_value), int(solver.value(self.objective)), bound, optimal)

    def rows(self, value: Callable[[cp_model.IntVar], bool]) -> dict[int, Ints]:
        """The rows of the free people under an assignment of the variables."""
        rows = {}
        for number, chosen in self.chosen.items():
            row = self.roster[number].copy()
            candidate = self.compiled.people[number]
            for day in self.free_days:
                row[day] = candidate.locked.get(day, OFF)
            for option, variable in chosen.items():
                if value(variable):
                    row[self.compiled.day_of[option]] = option
            rows[number] = row
        return rows


class _Watcher(cp_model.CpSolverSolutionCallback):
    """Hands each better roster on while the solver is still looking."""

    def __init__(self, subproblem: Subproblem, on_solution: Callable[[Answer], None]) -> None:
        super().__init__()
        self._subproblem = subproblem
        self._on_solution = on_solution

    def on_solution_callback(self) -> None:
        """Called by the solver for each solution."""
        rows = self._subproblem.rows(self.boolean_value)
        self._on_solution(Answer(rows, int(self.objective_value), self.best_objective_bound, False))


class PersonRules:
    """Posts one person's rules: hard ones as constraints, soft ones and fairness as costs."""

    def __init__(
        self,
        owner: Subproblem,
        candidate: Candidate,
        by_day: list[list[int]],
        works: list[Term],
        chosen: dict[int, cp_model.IntVar],
    ) -> None:
        self.owner = owner
        self.compiled = owner.compiled
        self.model = owner.model
        self.candidate = candidate
        self.by_day = by_day
        self.works = works
        self.chosen = chosen

    def post(self) -> None:
        """Posts everything."""
        limits, candidate = self.candidate.limits, self.candidate
        for option, variable in self.chosen.items():
            self.owner.add_cost(variable, int(candidate.cost[option]))
        for options in self.by_day:
            for option in options:
                if option not in self.chosen:
                    self.owner.add_cost(1, int(candidate.cost[option]))
        self._succession(candidate.forbidden)
        self._runs()
        every = [option for options in self.by_day for option in options]
        minutes = self.minutes(every)
        self.at_most(minutes, limits.max_minutes)
        if limits.min_minutes:
            self.at_least(minutes, limits.min_minutes)
        longest = int(self.compiled.minutes.max(initial=0))
        for start in range(0, self.compiled.days, WEEK):
            week = range(start, min(start + WEEK, self.compiled.days))
            if limits.max_week_minutes < longest * len(week):
                self.at_most(self.minutes([o for day in week for o in self.by_day[day]]), limits.max_week_minutes)
            if limits.max_week_days < len(week):
                self.at_most(_sum([self.works[day] for day in week]), limits.max_week_days)
        for kinds, most in limits.kinds:
            self.at_most(self.count(kinds), most)
        if limits.max_weekends < len(self.compiled.weekends):
            self.at_most(_sum(self.weekends()), limits.max_weekends)
        for rule in (*candidate.soft, *candidate.waived):
            self._soft(rule)
        self._fairness(minutes)

    def term(self, option: int) -> Term:
        """1 when the shift is worked: a variable, or a constant where it is fixed."""
        return self.chosen.get(option, 1)

    def at_most(self, term: Term, limit: int) -> None:
        """Keeps a term within a limit; a constant beyond it leaves no solution."""
        if not isinstance(term, int):
            self.model.add(term <= limit)
        elif term > limit:
            self.model.add_bool_or([])

    def at_least(self, term: Term, limit: int) -> None:
        """Keeps a term from falling below a limit; a constant below it leaves no solution."""
        if not isinstance(term, int):
            self.model.add(term >= limit)
        elif term < limit:
            self.model.add_bool_or([])

    def minutes(self, options: Sequence[int]) -> Term:
        """The working time of the shifts that are worked."""
        return _weighted([(self.term(option), int(self.compiled.minutes[option])) for option in options])

    def count(self, kinds: frozenset[str]) -> Term:
        """How many shifts of these kinds are worked."""
        shifts = self.compiled.shifts
        return _sum([self.term(o) for options in self.by_day for o in options if shifts[o].kind in kinds])

    def weekends(self) -> list[Term]:
        """For each weekend whether any of its days is worked."""
        found: list[Term] = []
        for days in self.compiled.weekends:
            terms = [self.works[day] for day in days]
            variables = [term for term in terms if not isinstance(term, int)]
            if any(isinstance(term, int) and term for term in terms):
                found.append(1)
            elif len(variables) > 1:
                weekend = self.model.new_bool_var("")
                for variable in variables:
                    self.model.add(variable <= weekend)
                found.append(weekend)
            else:
                found.append(variables[0] if variables else 0)
        return found

    def _succession(self, forbidden: np.typing.NDArray[np.bool_]) -> None:
        shape_of = self.compiled.shape_of
        for today, tomorrow in zip(self.by_day, self.by_day[1:], strict=False):
            if not today or not tomorrow:
                continue
            block = forbidden[np.ix_(shape_of[today], shape_of[tomorrow])]
            # Shifts that forbid at least the same set share one constraint, which cuts fractions off best.
            for pattern in np.unique(block, axis=0):
                if pattern.any():
                    before = np.flatnonzero((block & pattern).sum(axis=1) == pattern.sum())
                    after = np.flatnonzero(pattern)
                    terms = [self.term(today[n]) for n in before] + [self.term(tomorrow[n]) for n in after]
                    self.at_most(_sum(terms), 1)

    def _runs(self) -> None:
        limits, works, days = self.candidate.limits, self.works, self.compiled.days
        carried = [1] * self.candidate.person.worked_run
        line: list[Term] = [*carried, *works]
        if limits.max_run < days + len(carried):
            for start in range(len(line) - limits.max_run):
                window = line[start : start + limits.max_run + 1]
                self.at_most(_sum(window), limits.max_run)
        for length in range(1, limits.min_run):
            for start in range(1, days - length):
                inside = works[start : start + length]
                # Not: off, then `length` days of work, then off.
                self.at_most(_sum([*inside, _not(works[start - 1]), _not(works[start + length])]), length + 1)
        for length in range(1, limits.min_off):
            for start in range(1, days - length):
                inside = [_not(work) for work in works[start : start + length]]
                self.at_most(_sum([*inside, works[start - 1], works[start + length]]), length + 1)

    def _soft(self, rule: Rule) -> None:
        weight, days = rule.weight or 0, self.compiled.days
        if rule.limit is Limit.MAX_PERIOD_MINUTES:
            self._beyond(self.minutes([o for options in self.by_day for o in options]), rule.value, weight)
        elif rule.limit is Limit.MIN_PERIOD_MINUTES:
            minutes = self.minutes([o for options in self.by_day for o in options])
            self._beyond(-minutes, -rule.value, weight)
        elif rule.limit is Limit.MAX_SHIFTS_OF_KIND:
            self._beyond(self.count(rule.kinds), rule.value, weight)
        elif rule.limit is Limit.MAX_WEEKENDS:
            self._beyond(_sum(self.weekends()), rule.value, weight)
        elif rule.limit is Limit.MAX_DAY_MINUTES:
            for option, variable in self.chosen.items():
                self.owner.add_cost(variable, weight * max(0, int(self.compiled.minutes[option]) - rule.value))
        elif rule.limit in (Limit.MAX_WEEK_MINUTES, Limit.MIN_WEEK_DAYS_OFF):
            for start in range(0, days, WEEK):
                week = range(start, min(start + WEEK, days))
                if rule.limit is Limit.MAX_WEEK_MINUTES:
                    self._beyond(self.minutes([o for day in week for o in self.by_day[day]]), rule.value, weight)
                else:
                    self._beyond(_sum([self.works[day] for day in week]), WEEK - rule.value, weight)
        elif rule.limit is Limit.MAX_CONSECUTIVE_DAYS:
            line = [*([1] * self.candidate.person.worked_run), *self.works]
            for start in range(max(0, self.candidate.person.worked_run - rule.value), len(line) - rule.value):
                self._beyond(_sum(line[start : start + rule.value + 1]), rule.value, weight)
        elif rule.limit in (Limit.MIN_CONSECUTIVE_DAYS, Limit.MIN_CONSECUTIVE_DAYS_OFF):
            works = self.works if rule.limit is Limit.MIN_CONSECUTIVE_DAYS else [_not(work) for work in self.works]
            for length in range(1, rule.value):
                for start in range(1, days - length):
                    inside = works[start : start + length]
                    pattern = _sum([*inside, _not(works[start - 1]), _not(works[start + length])])
                    self._beyond(pattern, length + 1, weight * (rule.value - length))
        else:
            self._soft_pairs(rule, weight)

    def _soft_pairs(self, rule: Rule, weight: int) -> None:
        shifts = self.compiled.shifts
        for today, tomorrow in zip(self.by_day, self.by_day[1:], strict=False):
            for before in today:
                for after in tomorrow:
                    if rule.limit is Limit.MIN_REST:
                        units = max(0, rule.value - (shifts[after].begins - shifts[before].ends))
                    else:
                        units = int(shifts[before].kind in rule.after and shifts[after].kind in rule.kinds)
                    if units:
                        self._beyond(_sum([self.term(before), self.term(after)]), 1, weight * units)
        last_end = self.candidate.person.last_end
        if rule.limit is Limit.MIN_REST and last_end is not None:
            for option in self.by_day[0]:
                units = max(0, rule.value - (shifts[option].begins - last_end))
                self.owner.add_cost(self.term(option), weight * units)

    def _beyond(self, term: Term, limit: int, weight: int) -> None:
        most = self.compiled.days * max(1, int(self.compiled.minutes.max(initial=1))) + abs(limit)
        self.owner.beyond(term, limit, most, weight)

    def _fairness(self, minutes: Term) -> None:
        weights, person = self.compiled.problem.weights, self.candidate.person
        if person.wanted_minutes is not None and weights.hours_wanted:
            self._beyond(minutes, person.wanted_minutes, weights.hours_wanted)
            self._beyond(-minutes, -person.wanted_minutes, weights.hours_wanted)
        if weights.weekend_share and self.compiled.weekend_share < len(self.compiled.weekends):
            self._beyond(_sum(self.weekends()), self.compiled.weekend_share, weights.weekend_share)
        closes = [self.term(o) for options in self.by_day for o in options if self.compiled.closing[o]]
        if weights.closing_share and len(closes) > self.compiled.closing_share:
            self._beyond(_sum(closes), self.compiled.closing_share, weights.closing_share)


def _not(term: Term) -> Term:
    return 1 - term


def _sum(terms: Sequence[Term]) -> Term:
    constant = sum(term for term in terms if isinstance(term, int))
    variables = [term for term in terms if not isinstance(term, int)]
    return cp_model.LinearExpr.sum(variables) + constant if variables else constant


def _weighted(terms: Sequence[tuple[Term, int]]) -> Term:
    constant = sum(term * weight for term, weight in terms if isinstance(term, int))
    variables = [(term, weight) for term, weight in terms if not isinstance(term, int)]
    if not variables:
        return constant
    return cp_model.LinearExpr.weighted_sum([v for v, _ in variables], [w for _, w in variables]) + constant
