"""The best roster that can be made of rows that are known: an integer program that takes one row for each person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from ortools.sat.python import cp_model

from services.scheduling.rostering.compiled import Compiled, Ints
from services.scheduling.rostering.scoring import Scorer


def select(
    compiled: Compiled, scorer: Scorer, known: Mapping[int, Sequence[Ints]], roster: Ints, *, seconds: float, seed: int
) -> tuple[dict[int, Ints] | None, bool]:
    """Everybody's row in the best roster found in the time, and whether it is proven to be the best of these rows.

    None when no roster was found that is better than the one given.
    """
    model = cp_model.CpModel()
    costs: list[cp_model.LinearExprT] = []
    cover: list[list[cp_model.LinearExpr]] = [[] for _ in compiled.need]
    pay: list[cp_model.LinearExpr] = []
    taken: list[tuple[cp_model.IntVar, int, Ints]] = []
    for number, candidate in enumerate(compiled.people):
        rows = [roster[number], *(row for row in known.get(number, ()) if (row != roster[number]).any())]
        variables = [model.new_bool_var("") for _ in rows]
        model.add_exactly_one(variables)
        for variable, row in zip(variables, rows, strict=True):
            taken.append((variable, number, row))
            costs.append(scorer.person(number, row) * variable)
            chosen = row[row >= 0]
            covered = scorer.cover_of_counts(np.bincount(chosen, minlength=len(compiled.shifts)))
            for demand in np.flatnonzero(covered).tolist():
                cover[demand].append(int(covered[demand]) * variable)
            pay.append(int(candidate.pay[chosen].sum()) * variable)
    for demand, terms in enumerate(cover):
        need, most = int(compiled.need[demand]), len(compiled.people)
        under, over = model.new_int_var(0, need, ""), model.new_int_var(0, most, "")
        model.add(cp_model.LinearExpr.sum([*terms, under, -over]) == need)
        costs += [int(compiled.under[demand]) * under, int(compiled.over[demand]) * over]
    budget = compiled.problem.budget
    if budget is not None:
        beyond = model.new_int_var(0, max(0, int(scorer.pay(roster)) - budget), "")
        model.add(cp_model.LinearExpr.sum([*pay, -beyond]) <= budget)
        costs.append(compiled.over_budget * beyond)
    total = cp_model.LinearExpr.sum(costs)
    # Asked for something better, the solver rules out more than it would from a roster to begin with.
    model.add(total < scorer.total(roster))
    model.minimize(total)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = max(0.05, seconds)
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = seed % 2**31
    solver.parameters.linearization_level = 2
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None, status == cp_model.INFEASIBLE
    best = {number: row for variable, number, row in taken if solver.boolean_value(variable)}
    return best, status == cp_model.OPTIMAL
