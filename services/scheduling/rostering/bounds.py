"""A lower bound by aggregation: people are interchangeable, and only what they can do together is counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from ortools.linear_solver import pywraplp

from services.scheduling.rostering.compiled import Compiled
from services.scheduling.rostering.model import WEEK
from services.scheduling.rostering.scoring import Scorer


@dataclass(frozen=True, slots=True)
class Aggregate:
    """The bound, and what one more person on each demand row is worth."""

    bound: float
    worth: NDArray[np.float64] | None


def aggregate(compiled: Compiled, scorer: Scorer, seconds: float) -> Aggregate:
    """A bound on what any roster costs, 0 when the linear program is not solved in the time.

    Variables count how often each shift is worked. People who may take it bound it, as do the working time and the days
    that everybody who has the role may give; fairness, succession and soft rules are left out, for they only cost more.
    """
    lp = pywraplp.Solver.CreateSolver("GLOP")
    lp.SetTimeLimit(max(1, int(seconds * 1000)))
    goal = lp.Objective()
    goal.SetMinimization()
    infinity = lp.infinity()
    cover = [lp.Constraint(float(need), float(need)) for need in compiled.need]
    for row, constraint in enumerate(cover):
        for sign, cost in ((1.0, compiled.under[row]), (-1.0, compiled.over[row])):
            slack = lp.NumVar(0.0, infinity, "")
            constraint.SetCoefficient(slack, sign)
            goal.SetCoefficient(slack, float(cost))
    able: list[list[int]] = [[] for _ in compiled.shifts]
    for number, candidate in enumerate(compiled.people):
        for options in candidate.allowed:
            for option in options:
                able[option].append(number)
    groups: dict[tuple[tuple[int, ...], int], list[int]] = {}
    used: list[pywraplp.Variable | None] = []
    for option, people in enumerate(able):
        if not people:
            used.append(None)
            continue
        variable = lp.NumVar(0.0, float(len(people)), "")
        used.append(variable)
        goal.SetCoefficient(variable, float(min(int(compiled.people[n].cost[option]) for n in people)))
        for row in compiled.covers[option].tolist():
            cover[row].SetCoefficient(variable, 1.0)
        groups.setdefault((tuple(people), int(compiled.day_of[option])), []).append(option)
    _people_limits(compiled, lp, used, able)
    _budget(compiled, lp, goal, used, able)
    _hours(compiled, lp, goal, used)
    if lp.Solve() != pywraplp.Solver.OPTIMAL:
        return Aggregate(0.0, None)
    fixed = sum(scorer.fixed(number) for number in range(len(compiled.people)))
    worth = np.array([constraint.dual_value() for constraint in cover])
    return Aggregate(float(goal.Value()) + fixed, worth)


def _people_limits(
    compiled: Compiled, lp: pywraplp.Solver, used: list[pywraplp.Variable | None], able: list[list[int]]
) -> None:
    """For each set of roles that some people have: what everybody with any of them can give in days and minutes."""
    roles_of = {candidate.person.roles for candidate in compiled.people}
    closed: set[frozenset[str]] = {frozenset({role}) for roles in roles_of for role in roles} | set(roles_of)
    closed.add(frozenset().union(*roles_of) if roles_of else frozenset())
    for roles in closed:
        options = [n for n, shift in enumerate(compiled.shifts) if shift.role in roles and used[n] is not None]
        people = sorted({person for option in options for person in able[option]})
        for day in range(compiled.days):
            today = [option for option in options if compiled.day_of[option] == day]
            there = len({person for option in today for person in able[option]})
            _at_most(lp, [(used[option], 1.0) for option in today], float(there))
        for start in range(0, compiled.days, WEEK):
            week = [o for o in options if start <= compiled.day_of[o] < start + WEEK]
            days = sum(min(compiled.people[p].limits.max_week_days, compiled.people[p].limits.max_run) for p in people)
            if compiled.days - start >= WEEK and all(compiled.people[p].limits.max_run < WEEK for p in people):
                _at_most(lp, [(used[option], 1.0) for option in week], float(days))
            minutes = sum(compiled.people[p].limits.max_week_minutes for p in people)
            _at_most(lp, [(used[option], float(compiled.minutes[option])) for option in week], float(minutes))
        minutes = sum(compiled.people[p].limits.max_minutes for p in people)
        _at_most(lp, [(used[option], float(compiled.minutes[option])) for option in options], float(minutes))


def _at_most(lp: pywraplp.Solver, terms: list[tuple[pywraplp.Variable | None, float]], limit: float) -> None:
    constraint = lp.Constraint(-lp.infinity(), limit)
    for variable, weight in terms:
        if variable is not None:
            constraint.SetCoefficient(variable, weight)


def _budget(
    compiled: Compiled,
    lp: pywraplp.Solver,
    goal: pywraplp.Objective,
    used: list[pywraplp.Variable | None],
    able: list[list[int]],
) -> None:
    if compiled.problem.budget is None:
        return
    purse = lp.Constraint(-lp.infinity(), float(compiled.problem.budget))
    over = lp.NumVar(0.0, lp.infinity(), "")
    purse.SetCoefficient(over, -1.0)
    goal.SetCoefficient(over, float(compiled.over_budget))
    for option, variable in enumerate(used):
        if variable is not None:
            purse.SetCoefficient(variable, float(np.min([compiled.people[n].pay[option] for n in able[option]])))


def _hours(
    compiled: Compiled, lp: pywraplp.Solver, goal: pywraplp.Objective, used: list[pywraplp.Variable | None]
) -> None:
    """Hours given in all differ from those wanted in all by no more than they do person by person."""
    wanted = [person.wanted_minutes for person in compiled.problem.people]
    if not compiled.problem.weights.hours_wanted or None in wanted:
        return
    total = float(sum(minutes or 0 for minutes in wanted))
    given = lp.Constraint(total, total)
    for sign in (1.0, -1.0):
        difference = lp.NumVar(0.0, lp.infinity(), "")
        given.SetCoefficient(difference, sign)
        goal.SetCoefficient(difference, float(compiled.problem.weights.hours_wanted))
    for option, variable in enumerate(used):
        if variable is not None:
            given.SetCoefficient(variable, float(compiled.minutes[option]))
