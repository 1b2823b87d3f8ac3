"""Compiled moves of simulated annealing: millions of small changes of a roster, each priced by what it touches alone.

A move rewrites some days of one or two people. A roster that breaks no hard limit stays so, since what a hard limit
forbids costs more than any move may. Without reference counts of arrays, which these functions never keep, moves take
a sixth of the time; hence nothing here allocates. They stand in one file, since a cache of compiled code is looked at
anew only when the file of the function changes that was called.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from services.scheduling.rostering.compiled import Ints
from services.scheduling.rostering.counts import BEST, PAY, VALUE, State
from services.scheduling.rostering.machine_code import compiled
from services.scheduling.rostering.model import WEEK
from services.scheduling.rostering.tariffs import FORBIDDEN, Tables

# Of a hundred moves so many are of each kind, in the order of `_propose`.
SHARES = np.cumsum([20, 75, 15, 10, 10, 15, 5, 8, 5])
# All but one of so many moves of the kinds that can change a given day begin where something is wrong, as far as that
# is found within so many looks: at demand that is not covered, for the kinds that change what a person does on a day,
# or else at a day that costs a person more than it need, for which so many others are asked for a better one.
_AT_RANDOM = 4
_LOOKS_AT_DEMAND = 100
_LOOKS_AT_DAYS = 12
_LOOKS_AT_OTHERS = 10
# What costs as much breaks a hard limit, whatever wishes it grants.
_BROKEN = FORBIDDEN // 2
# Moves may be about anybody.
EVERYBODY = np.zeros(0, dtype=np.int64)
_LONGEST_BLOCK = 8
_LONGEST_PAIR = 4
_LONGEST_KIND = 6
_LONGEST_TURN = 10
_MOST_AROUND = 3
# The kinds of move that two people make together.
_OF_TWO = (1, 5, 6, 7)
# The kinds that can change a day that is given, or what is near, and those of them that begin with that day.
_NEAR_A_DAY = (0, 1, 2, 3, 6)
_OF_A_DAY = (0, 2, 6)
# The kinds that can give a person a shift that lacks somebody.
_OF_COVER = (0, 2)

_part = compiled(_nrt=False, forceinline=True)


@_part
def _draw(state: State) -> Any:
    word = state.random[0]
    word ^= word << np.uint64(13)
    word ^= word >> np.uint64(7)
    word ^= word << np.uint64(17)
    state.random[0] = word
    return word


@_part
def _below(state: State, bound: int) -> Any:
    return np.int64(((_draw(state) >> np.uint64(32)) * np.uint64(bound)) >> np.uint64(32))


@_part
def _charge(table: Tables, tariff: int, units: int) -> int:
    cost = 0
    for piece in range(table.piece_from[tariff], table.piece_from[tariff + 1]):
        beyond = table.sign[piece] * (units - table.value[piece])
        if beyond > 0:
            cost += beyond * table.weight[piece]
    return cost


@_part
def _days_cost(table: Tables, person: int, row: Ints, begin: int, finish: int) -> int:
    """What whole runs of days cost: the shifts, those after one another, and the lengths of the runs."""
    days, pairs = row.shape[0], table.pairs_of[person]
    total, length, before = 0, 0, -1
    working = row[begin] >= 0
    for day in range(begin, finish + 1):
        option = row[day] if day < finish else -1
        works = option >= 0
        if day == finish or works != working:
            first = day - length
            if working:
                total += _charge(table, table.long_run[person], length + (table.carried[person] if first == 0 else 0))
            # What touches the edge of the period may go on beyond it.
            if first > 0 and day < days:
                total += _charge(table, table.short_run[person] if working else table.short_off[person], length)
            if total >= _BROKEN:
                return total
            working, length = works, 0
        length += 1
        if works:
            total += table.cost[person, option]
            if before >= 0:
                total += table.pairs[pairs, table.shape[before], table.shape[option]]
        before = option
    return total


@_part
def _row_change(table: Tables, state: State, which: int, person: int) -> int:
    """By how much the person's days get dearer, but for what is counted by week or group; narrows the window."""
    row, new = state.roster[person], state.new[which]
    days = row.shape[0]
    begin, finish = state.window[which, 0], state.window[which, 1]
    while begin < finish and row[begin] == new[begin]:
        begin += 1
    while begin < finish and row[finish - 1] == new[finish - 1]:
        finish -= 1
    state.window[which, 0], state.window[which, 1] = begin, finish
    if begin == finish:
        return 0
    more = 0
    for day in range(begin, finish):
        was, will = row[day], new[day]
        if was == will:
            continue
        if will >= 0:
            if not table.allowed[person, will]:
                return FORBIDDEN
            more += table.minutes[will]
        elif table.choices[table.choice_from[person * days + day]] >= 0:
            return FORBIDDEN
        if was >= 0:
            more -= table.minutes[was]
    change = 0
    if more:
        tariff, minutes = table.period[person], state.minutes[person]
        change = _charge(table, tariff, minutes + more) - _charge(table, tariff, minutes)
        if change >= _BROKEN:
            return change
    weekends = _weekend_change(table, state, which, person)
    if weekends:
        tariff, worked = table.weekends[person], state.weekends[person]
        change += _charge(table, tariff, worked + weekends) - _charge(table, tariff, worked)
        if change >= _BROKEN:
            return change
    # The runs that the window touches, whole.
    first, end = begin, finish
    if first > 0:
        first -= 1
        while first > 0 and (row[first - 1] >= 0) == (row[first] >= 0):
            first -= 1
    if end < days:
        end += 1
        while end < days and (row[end] >= 0) == (row[end - 1] >= 0):
            end += 1
    for day in range(first, begin):
        new[day] = row[day]
    for day in range(finish, end):
        new[day] = row[day]
    after = _days_cost(table, person, new, first, end)
    return after if after >= _BROKEN else change + after - _days_cost(table, person, row, first, end)


@_part
def _weekend_change(table: Tables, state: State, which: int, person: int) -> int:
    begin, finish = state.window[which, 0], state.window[which, 1]
    change, day = 0, begin
    while day < finish:
        weekend = table.weekend_of[day]
        day += 1
        if weekend >= 0:
            was = will = False
            for other in range(table.weekend_first[weekend], table.weekend_end[weekend]):
                works = state.roster[person, other] >= 0
                was |= works
                will |= state.new[which, other] >= 0 if begin <= other < finish else works
            change += int(will) - int(was)
            day = table.weekend_end[weekend]
    return change


@_part
def _count(table: Tables, state: State, which: int, person: int, forwards: bool) -> int:
    """Counts the move by week and by group, or takes that back; returns what it changes in costs."""
    change = 0
    for day in range(state.window[which, 0], state.window[which, 1]):
        was, will = state.roster[person, day], state.new[which, day]
        if was == will:
            continue
        if not forwards:
            was, will = will, was
        week = day // WEEK
        more = (table.minutes[will] if will >= 0 else 0) - (table.minutes[was] if was >= 0 else 0)
        if more:
            tariff, had = table.week_minutes[person], state.week_minutes[person, week]
            change += _charge(table, tariff, had + more) - _charge(table, tariff, had)
            state.week_minutes[person, week] = had + more
        turns = int(will >= 0) - int(was >= 0)
        if turns:
            tariff, had = table.week_days[person], state.week_days[person, week]
            change += _charge(table, tariff, had + turns) - _charge(table, tariff, had)
            state.week_days[person, week] = had + turns
        for sign in (-1, 1):
            option = was if sign < 0 else will
            if option >= 0:
                for place in range(table.group_from[option], table.group_from[option + 1]):
                    group = table.group[place]
                    tariff, had = table.groups[person, group], state.groups[person, group]
                    change += _charge(table, tariff, had + sign) - _charge(table, tariff, had)
                    state.groups[person, group] = had + sign
    return change


@_part
def _cover(table: Tables, state: State, which: int, person: int, forwards: bool) -> int:
    """Covers demand as the move does, or takes that back; returns what it changes in costs."""
    change = 0
    for day in range(state.window[which, 0], state.window[which, 1]):
        was, will = state.roster[person, day], state.new[which, day]
        if was == will:
            continue
        if not forwards:
            was, will = will, was
        if was >= 0:
            for place in range(table.row_from[was], table.row_from[was + 1]):
                row = table.row[place]
                change += table.under[row] if state.have[row] <= table.need[row] else -table.over[row]
                state.have[row] -= 1
        if will >= 0:
            for place in range(table.row_from[will], table.row_from[will + 1]):
                row = table.row[place]
                change += table.over[row] if state.have[row] >= table.need[row] else -table.under[row]
                state.have[row] += 1
    return change


@_part
def _pay_change(table: Tables, state: State, which: int, person: int) -> int:
    change = 0
    for day in range(state.window[which, 0], state.window[which, 1]):
        was, will = state.roster[person, day], state.new[which, day]
        if was >= 0:
            change -= table.minutes[was] * table.wage[person] // 60
        if will >= 0:
            change += table.minutes[will] * table.wage[person] // 60
    return change


@_part
def _take(table: Tables, state: State, which: int, person: int) -> None:
    state.weekends[person] += _weekend_change(table, state, which, person)
    for day in range(state.window[which, 0], state.window[which, 1]):
        was, will = state.roster[person, day], state.new[which, day]
        if was >= 0:
            state.minutes[person] -= table.minutes[was]
        if will >= 0:
            state.minutes[person] += table.minutes[will]
        state.roster[person, day] = will


@_part
def _attempt(table: Tables, state: State, first: int, second: int, limit: float) -> bool:
    """Takes the move unless it costs more than the limit, or breaks another limit than it mends."""
    people = 1 if second < 0 else 2
    change, changed = 0, False
    for which in range(people):
        own = _row_change(table, state, which, first if which == 0 else second)
        if own >= _BROKEN:
            return False
        change += own
        changed |= state.window[which, 0] < state.window[which, 1]
    if not changed:
        return False
    counts = 0
    for which in range(people):
        counts += _count(table, state, which, first if which == 0 else second, True)
    if counts < _BROKEN:
        change += counts
        pay = 0
        for which in range(people):
            change += _cover(table, state, which, first if which == 0 else second, True)
            if table.budget >= 0:
                pay += _pay_change(table, state, which, first if which == 0 else second)
        if pay:
            paid = state.totals[PAY]
            change += table.over_budget * (max(0, paid + pay - table.budget) - max(0, paid - table.budget))
        if change <= limit:
            for which in range(people):
                _take(table, state, which, first if which == 0 else second)
            state.totals[VALUE] += change
            state.totals[PAY] += pay
            return True
        for which in range(people):
            _cover(table, state, which, first if which == 0 else second, False)
    for which in range(people):
        _count(table, state, which, first if which == 0 else second, False)
    return False


@_part
def _any_choice(table: Tables, state: State, person: int, day: int) -> Any:
    place = person * state.roster.shape[1] + day
    begin = table.choice_from[place]
    return table.choices[begin + _below(state, table.choice_from[place + 1] - begin)]


@_part
def _uncovered(table: Tables, state: State) -> Any:
    """A shift that covers demand for which somebody lacks, or -1 when none was seen."""
    rows = table.need.shape[0]
    for _ in range(_LOOKS_AT_DEMAND if rows else 0):
        row = _below(state, rows)
        begin = table.filler_from[row]
        fillers = table.filler_from[row + 1] - begin
        if state.have[row] < table.need[row] and fillers:
            return table.fillers[begin + _below(state, fillers)]
    return -1


@_part
def _dearer(table: Tables, person: int, day: int, option: int) -> Any:
    """Whether another choice for the day costs the person less than this, seen by itself."""
    return (table.cost[person, option] if option >= 0 else 0) > table.cheapest[person, day]


@_part
def _disappointed(table: Tables, state: State, first: int) -> Any:
    """Somebody and a day that could cost them less; the person given and -1 when none was seen."""
    people, days = state.roster.shape
    for _ in range(_LOOKS_AT_DAYS):
        person, day = _below(state, people), _below(state, days)
        if _dearer(table, person, day, state.roster[person, day]):
            return person, day
    return first, -1


@_part
def _partner(table: Tables, state: State, first: int, second: int, day: int) -> int:
    """Somebody whose day the first person would rather have, if one was seen."""
    for _ in range(_LOOKS_AT_OTHERS):
        if not _dearer(table, first, day, state.roster[second, day]):
            break
        second = _below(state, state.roster.shape[0])
    return second


@_part
def _span(state: State, longest: int) -> Any:
    return min(state.roster.shape[1], 1 + _below(state, longest))


@_part
def _exchange(state: State, first: int, second: int, begin: int, finish: int) -> None:
    for day in range(begin, finish):
        state.new[0, day] = state.roster[second, day]
        state.new[1, day] = state.roster[first, day]


@_part
def _own_exchange(table: Tables, state: State, person: int, begin: int, finish: int, distance: int) -> bool:
    """Exchanges a person's days with those so many days later; False where a shift is not offered on the other day."""
    for place in range(begin, finish):
        for day, source in ((place, place + distance), (place + distance, place)):
            option = state.roster[person, source]
            state.new[0, day] = table.alike[day, table.shape[option]] if option >= 0 else -1
            if option >= 0 and state.new[0, day] < 0:
                return False
    return True


@_part
def _propose(table: Tables, state: State, kind: int, first: int, second: int, near: int, given: int) -> bool:
    """Writes a move into `new` and `window`; False when there is none to make of what was drawn.

    The kinds that can change a day that is given, or what is near; a shift given on it is what the first person gets.
    """
    roster, new, window = state.roster, state.new, state.window
    days = roster.shape[1]
    span = _span(state, _LONGEST_BLOCK)
    begin = _below(state, days - span + 1)
    if near >= 0:
        begin = near if kind in _OF_A_DAY else min(max(0, near - _below(state, span)), days - span)
    finish = begin + span
    if kind == 0:
        # Another choice for one day.
        finish = begin + 1
        new[0, begin] = given if given >= 0 else _any_choice(table, state, first, begin)
    elif kind == 1:
        # Two people exchange some days.
        _exchange(state, first, second, begin, finish)
    elif kind == 2:
        # One person works on a day off and has off a day of work.
        one, other = begin, _below(state, days)
        begin, finish = min(one, other), max(one, other) + 1
        for day in range(begin, finish):
            new[0, day] = roster[first, day]
        for day in (begin, finish - 1):
            new[0, day] = given if given >= 0 and day == one else _any_choice(table, state, first, day)
            if (new[0, day] >= 0) == (roster[first, day] >= 0):
                return False
        if (new[0, begin] >= 0) == (new[0, finish - 1] >= 0):
            return False
    elif kind == 3:
        # The shifts of some days become like one another.
        finish = min(finish, begin + _LONGEST_KIND)
        option = _any_choice(table, state, first, begin + _below(state, finish - begin))
        if option < 0:
            return False
        for day in range(begin, finish):
            new[0, day] = table.alike[day, table.shape[option]] if roster[first, day] >= 0 else -1
            if roster[first, day] >= 0 and new[0, day] < 0:
                return False
    elif kind == 4:
        # A block of work moves among the days around it.
        span = min(days, 2 + _below(state, _LONGEST_TURN - 1))
        begin = _below(state, days - span + 1)
        finish = begin + span
        turn = 1 + _below(state, max(1, span - 1))
        for day in range(begin, finish):
            source = day + turn if day + turn < finish else day + turn - span
            option = roster[first, source]
            new[0, day] = table.alike[day, table.shape[option]] if option >= 0 else -1
            if option >= 0 and new[0, day] < 0:
                return False
    elif kind == 5:
        # Two people exchange days in two places, as hours allow one place only with the other.
        span, size = _span(state, _LONGEST_PAIR), _span(state, _LONGEST_PAIR)
        begin, other = _below(state, days - span + 1), _below(state, days - size + 1)
        if begin > other:
            begin, other, span, size = other, begin, size, span
        finish = other + size
        if begin + span > other:
            return False
        for day in range(begin + span, other):
            new[0, day], new[1, day] = roster[first, day], roster[second, day]
        _exchange(state, first, second, begin, begin + span)
        _exchange(state, first, second, other, finish)
    elif kind == 6:
        # Other choices for two people on the same day.
        finish = begin + 1
        new[0, begin] = _any_choice(table, state, first, begin)
        new[1, begin] = _any_choice(table, state, second, begin)
    else:
        # Two weekends, with some days around each, are exchanged: with somebody else's, or one's own with one another.
        early, late = _below(state, table.weekend_first.shape[0]), _below(state, table.weekend_first.shape[0])
        early, late = min(early, late), max(early, late)
        distance = table.weekend_first[late] - table.weekend_first[early]
        begin = table.weekend_first[early] - _below(state, _MOST_AROUND + 1)
        middle = table.weekend_end[early] + _below(state, _MOST_AROUND + 1)
        finish = middle + distance
        if begin < 0 or finish > days or middle > begin + distance:
            return False
        for day in range(middle, begin + distance):
            new[0, day] = roster[first, day]
        if kind == 7:
            for day in range(middle, begin + distance):
                new[1, day] = roster[second, day]
            _exchange(state, first, second, begin, middle)
            _exchange(state, first, second, begin + distance, finish)
        elif not _own_exchange(table, state, first, begin, middle, distance):
            return False
    window[0, 0] = window[1, 0] = begin
    window[0, 1] = window[1, 1] = finish
    return True


@compiled(_nrt=False)
def anneal(table: Tables, state: State, shares: Ints, moves: int, temperature: float, some: Ints) -> None:
    """Tries so many moves; one that costs c more is taken with the probability exp(-c / temperature).

    They are about some people, wherever those are, or about everybody and begin where something is wrong.
    """
    people, days = state.roster.shape
    for _ in range(moves):
        chance = (np.float64(_draw(state) >> np.uint64(11)) + 1.0) / 9007199254740992.0
        limit = -temperature * np.log(chance)
        lot = _below(state, shares[-1])
        kind = 0
        while lot >= shares[kind]:
            kind += 1
        first, second = _below(state, people), -1
        if some.shape[0]:
            first = some[_below(state, some.shape[0])]
        if kind in _OF_TWO:
            second = _below(state, people)
        near = given = -1
        if not some.shape[0] and kind in _NEAR_A_DAY and _below(state, _AT_RANDOM):
            if kind in _OF_COVER:
                given = _uncovered(table, state)
            if given >= 0:
                near = table.day_of[given]
            else:
                first, near = _disappointed(table, state, first)
                if near >= 0 and second >= 0:
                    second = _partner(table, state, first, second, near)
        if first == second or not _propose(table, state, kind, first, second, near, given):
            continue
        if _attempt(table, state, first, second, limit) and state.totals[VALUE] < state.totals[BEST]:
            state.totals[BEST] = state.totals[VALUE]
            for person in range(people):
                for day in range(days):
                    state.best[person, day] = state.roster[person, day]


@compiled(_nrt=False)
def broken(table: Tables, state: State, person: int) -> bool:
    """Whether the person works too many weekends, or too many or too few days in a row."""
    row = state.roster[person]
    weekends = _charge(table, table.weekends[person], state.weekends[person])
    return weekends >= _BROKEN or _days_cost(table, person, row, 0, row.shape[0]) >= _BROKEN
