"""The best days of people for given prices of shifts: shortest paths with resources, for many people at once.

A state is how the last days went (a run of work of some length and last shift, or of days off) and how much of each
resource is used: minutes of the period, minutes and days of the week, weekends, shifts of capped kinds. States are
arrays with an axis for people whose rules have the same form, and a day is a handful of array operations for each group
of shifts that differ in price alone, of which only the cheapest matters. Of the minutes of the period only those are
kept from which the day's end can be reached within the limits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from services.scheduling.rostering import labels
from services.scheduling.rostering.compiled import Compiled, Ints
from services.scheduling.rostering.model import WEEK
from services.scheduling.rostering.walk import MINUTES, Family, Floats, Followers, Path, Plan, Resource, Walk

# More states than this for a day cost more time than a search by other means.
MOST_STATES = 400_000
# Caps on kinds of shift are kept in the state up to here, and by prices beyond: where numpy walks, in compiled code.
MOST_WITH_CAPS = 60_000
MOST_COMPILED = 600_000
# So many states of several people are worked on at once: enough to forget what calling numpy costs, few enough to stay
# in the processor's cache.
AT_ONCE = 60_000
# So often what caps are worth is adapted: for a person's first prices, and for later ones.
FIRST_ROUNDS = 10
LATER_ROUNDS = 5
# A row within this of the bound is not looked for any further: costs are whole numbers.
NEAR = 0.5


class Paths:
    """Finds one person's best days under their hard limits."""

    def __init__(self, compiled: Compiled, number: int, families: dict[object, Family] | None = None) -> None:
        self.compiled = compiled
        self.candidate = compiled.people[number]
        self.days = compiled.days
        self.families = {} if families is None else families
        self.charges: dict[tuple[int, ...], Floats] = {}
        self._counts: dict[int, Floats] = {}
        self.followers = Followers.of(self.candidate.forbidden)
        # Closes are part of the price as long as counting them leaves few enough states; else prices are lower bounds.
        self.counts_closes = True
        self._plans: dict[tuple[int, ...], Plan] = {}
        self.plan = self._plan(())
        if self.plan.states > MOST_WITH_CAPS:
            self.counts_closes = False
            self._plans.clear()
            self.plan = self._plan(())

    @property
    def tractable(self) -> bool:
        """Whether the states are few enough."""
        return self.plan.states <= MOST_STATES

    def _states(self, plan: Plan) -> int:
        """The states of the day that has most of them."""
        limits = self.candidate.limits
        runs = min(limits.max_run, self.days + self.candidate.person.worked_run) + limits.min_run - 1
        kept = list(plan.shape)
        if plan.family.by_minutes:
            least = plan.resources[0].least
            windows = [plan.family.window(day, least, kept[1] - 1) for day in range(self.days + 1)]
            kept[1] = max(last - first + 1 for first, last in windows)
        return runs * len(self.followers.signatures) * int(np.prod(kept, dtype=np.int64))

    def _prepare(self, capped: list[int]) -> Plan:
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
        resources = [Resource(MINUTES, minute_cap, minutes // unit, least=-(-least // unit), charge=hours)]
        if not least and cap >= days * longest and hours is None:
            resources = []
        if weeks > 1 and limits.max_week_minutes < WEEK * longest:
            cap = limits.max_week_minutes // unit
            resources.append(Resource("minutes of the week", cap, minutes // unit, weekly=True))
        if limits.max_week_days < WEEK:
            ones = np.ones_like(minutes)
            resources.append(Resource("days of the week", limits.max_week_days, ones, weekly=weeks > 1))
        for place in capped:
            kinds, most = limits.kinds[place]
            uses = np.array([shift.kind in kinds for shift in compiled.shifts], dtype=np.int64)
            resources.append(Resource(f"kinds {sorted(kinds)}", most, uses))
        closes = self._closes() if self.counts_closes else None
        if closes is not None:
            resources.append(closes)
        weekend_cap = min(limits.max_weekends, len(compiled.weekends))
        turns = self._share_charge(compiled.problem.weights.weekend_share, compiled.weekend_share, weekend_cap)
        counts_weekends = limits.max_weekends < len(compiled.weekends) or turns is not None
        shape = (weekend_cap + 1 if counts_weekends else 1, *(resource.cap + 1 for resource in resources))
        family = self._family(resources, counts_weekends)
        charges = [turns, *(resource.charge for resource in resources)]
        plan = Plan(self.candidate, family, resources, shape, charges, capped, *self._options(family, resources))
        plan.states = self._states(plan)
        return plan

    def rough(self) -> Plan:
        """States that know how the last days went and nothing of what is summed up."""
        family = self._family([], False)
        return Plan(self.candidate, family, [], (1,), [None], [], *self._options(family, []))

    def _family(self, resources: list[Resource], counts_weekends: bool) -> Family:
        limits, person = self.candidate.limits, self.candidate.person
        form = tuple((r.name, r.weekly, r.cap if r.weekly else 0) for r in resources)
        runs = (limits.max_run, limits.min_run, limits.min_off, min(person.worked_run, limits.max_run))
        key = (runs, id(self.candidate.forbidden), counts_weekends, form)
        if key not in self.families:
            self.families[key] = Family(
                self.compiled, self.candidate, self.followers, resources, counts_weekends=counts_weekends
            )
        return self.families[key]

    def _options(self, family: Family, resources: Sequence[Resource]) -> tuple[Ints, Ints, Ints]:
        """The person's options by the groups they belong to: all in a row, where each group begins, which it is."""
        members: dict[int, list[int]] = {}
        for options in self.candidate.allowed:
            for option in options:
                if all(resource.uses[option] <= resource.cap for resource in resources):
                    members.setdefault(family.place_of[option], []).append(option)
        flat = [option for options in members.values() for option in options]
        starts = np.cumsum([0, *(len(options) for options in members.values())])[:-1]
        return np.array(flat, dtype=np.int64), starts.astype(np.int64), np.array(list(members), dtype=np.int64)

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
        return None if charge is None else Resource("closes", days, compiled.closing.astype(np.int64), charge=charge)

    def _share_charge(self, weight: int, share: int, most: int) -> Floats | None:
        if not weight or most <= share:
            return None
        return weight * np.maximum(0.0, np.arange(most + 1) - share)

    def best(self, prices: Floats) -> Path | None:
        """The cheapest days at these prices of shifts, or None when the limits allow nothing or states are too many."""
        return best_of([(self, prices)])[0]

    def _plan(self, capped: tuple[int, ...]) -> Plan:
        """The states that count the shifts of these caps."""
        if capped not in self._plans:
            self._plans[capped] = self._prepare([*capped])
        return self._plans[capped]

    def widened(self, row: Ints) -> bool | None:
        """Makes caps that a row breaks part of the state; None when it breaks none, False when states are too many.

        Most caps never bind: once a row keeps all of them, only those stay part of the state that it fills.
        """
        chosen = row[row >= 0]
        limits = [most for _, most in self.candidate.limits.kinds]
        used = [float(self.counted(place)[chosen].sum()) for place in range(len(limits))]
        over = [place for place, most in enumerate(limits) if used[place] > most]
        if not over:
            self.plan = self._plan(tuple(place for place, most in enumerate(limits) if used[place] == most))
            return None
        wider = self._plan(tuple(sorted({*self.plan.capped, *over})))
        if wider.states > (MOST_COMPILED if labels.ready() else MOST_WITH_CAPS):
            return False
        self.plan = wider
        return True

    def counted(self, place: int) -> Floats:
        """Which shifts a cap counts."""
        if place not in self._counts:
            kinds, _ = self.candidate.limits.kinds[place]
            self._counts[place] = np.array([float(shift.kind in kinds) for shift in self.compiled.shifts])
        return self._counts[place]


class _Charges:
    """Keeps a person's caps by charging for the shifts they count, where keeping them in the state would take too long.

    The price of the path is then a lower bound, and its row the cheapest found that keeps the caps.
    """

    def __init__(self, finder: Paths, prices: Floats) -> None:
        self.finder = finder
        self.prices = prices
        kinds = finder.candidate.limits.kinds
        self.caps = [place for place in range(len(kinds)) if place not in finder.plan.capped]
        self.counts = [finder.counted(place) for place in self.caps]
        self.most = np.array([kinds[place][1] for place in self.caps])
        self.best: Path | None = None
        self.bound = -np.inf
        self.ended = False
        # Prices differ little from one call to the next, and so does what a cap is worth.
        self._begin(finder.charges.get(tuple(self.caps)))

    def _begin(self, known: Floats | None) -> None:
        self.charge = np.zeros(len(self.caps)) if known is None else known
        scale = max(1.0, float(np.abs(self.prices).max(initial=0.0)) / (4 if known is None else 40))
        self.step = np.full(len(self.caps), scale)
        self.rounds = FIRST_ROUNDS if known is None else LATER_ROUNDS
        self.guessed = known is not None

    def charged(self) -> Floats:
        """The prices of shifts with what the caps charge."""
        total: Floats = sum((c * n for c, n in zip(self.charge, self.counts, strict=True)), self.prices.copy())
        return total

    def take(self, path: Path | None) -> None:
        """Learns from the cheapest path at the charged prices."""
        if path is None:
            self.best, self.ended = None, True
            return
        chosen = path.row[path.row >= 0]
        used = np.array([n[chosen].sum() for n in self.counts])
        self.bound = max(self.bound, path.price - float((self.charge * self.most).sum()))
        over = used > self.most
        if over.any():
            self.charge = self.charge + self.step * over
            self.step = np.where(over & (self.best is None), self.step * 2, self.step / 2)
        else:
            price = path.price - float((self.charge * used).sum())
            if self.best is None or price < self.best.price:
                self.best = Path(path.row, price)
                self.finder.charges[tuple(self.caps)] = self.charge
            self.step = self.step / 2
            self.charge = np.maximum(0.0, self.charge - self.step * (self.charge > 0))
        self.rounds -= 1
        if self.best is not None and self.best.price - self.bound <= NEAR:
            self.ended = True
        elif self.rounds == 0 and self.best is None and self.guessed:
            self._begin(None)
        elif self.rounds == 0:
            self.ended = True

    def path(self) -> Path | None:
        """The cheapest row that keeps the caps, at a price that is no more than the cheapest costs."""
        return None if self.best is None else Path(self.best.row, min(self.bound, self.best.price))


def never() -> bool:
    """Nothing asks to stop."""
    return False


def best_of(wanted: Sequence[tuple[Paths, Floats]], stop: Callable[[], bool] = never) -> list[Path | None]:
    """The cheapest days of each person at their prices; None where limits allow none, and for all after a `stop`."""
    found: list[Path | None] = [None] * len(wanted)
    waiting = [place for place, (finder, _) in enumerate(wanted) if finder.tractable and not finder.plan.empty]
    charges: list[tuple[int, _Charges]] = []
    while waiting:
        again = []
        for place, path in zip(waiting, _one_by_one(_plans([wanted[place] for place in waiting]), stop), strict=True):
            finder, prices = wanted[place]
            wider = None if path is None else finder.widened(path.row)
            if wider is None:
                found[place] = path
            elif wider:
                again.append(place)
            else:
                charges.append((place, _Charges(finder, prices)))
        waiting = again
    while charges and not stop():
        paths = _one_by_one(_plans([(one.finder, one.charged()) for _, one in charges]), stop)
        for (_, one), path in zip(charges, paths, strict=True):
            one.take(path)
        for place, one in charges:
            found[place] = one.path()
        charges = [(place, one) for place, one in charges if not one.ended]
    return found


def roughly(wanted: Sequence[tuple[Paths, Floats]]) -> list[Path | None]:
    """The cheapest days of each person as if nothing were summed up over a week or the period, limits least of all."""
    # Asked for once, of states so few that numpy is done with all people before as many charts are drawn.
    return _in_parts([(finder.rough(), prices) for finder, prices in wanted], never)


def _plans(wanted: Sequence[tuple[Paths, Floats]]) -> list[tuple[Plan, Floats]]:
    return [(finder.plan, prices) for finder, prices in wanted]


def _one_by_one(wanted: Sequence[tuple[Plan, Floats]], stop: Callable[[], bool]) -> list[Path | None]:
    """The cheapest path of each plan in compiled code, once that is there."""
    if not labels.ready():
        return _in_parts(wanted, stop)
    return [None if stop() else labels.path(plan, prices) for plan, prices in wanted]


def _in_parts(wanted: Sequence[tuple[Plan, Floats]], stop: Callable[[], bool]) -> list[Path | None]:
    """The cheapest path of each plan, as many people of one family at once as is quick."""
    found: list[Path | None] = [None] * len(wanted)
    families: dict[int, list[int]] = {}
    for place, (plan, _) in enumerate(wanted):
        families.setdefault(id(plan.family), []).append(place)
    for places in families.values():
        size = max(1, AT_ONCE // max(1, max(wanted[place][0].states for place in places)))
        for start in range(0, len(places), size):
            if stop():
                return found
            part = places[start : start + size]
            walk = Walk([wanted[n][0] for n in part], [wanted[n][1] for n in part])
            for at, place in enumerate(part):
                found[place] = walk.back(at)
    return found
