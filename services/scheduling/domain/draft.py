"""What a run of the optimizer proposes, measured: cover, hours, wages, and why somebody is missing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.scheduling.domain.roster import MINUTE, Proposal, Week, open_proposal, proposals
from services.scheduling.rostering.explain import Considered, Explanation, Reason
from services.scheduling.rostering.model import Result, Shift


@dataclass(frozen=True, slots=True)
class Draft:
    """A roster, and the difference that it makes to the present plan."""

    week: Week
    result: Result
    shifts: Mapping[str, Shift]
    explanation: Explanation
    changes: list[Proposal]

    def measured(self, left_out: Sequence[Proposal]) -> dict[str, Any]:
        """What the roster comes to without some of its changes, as JSON."""
        week, explanation = self.week, self.explanation
        minutes = self._minutes(left_out)
        wages = {worker.id: worker.wage for worker in week.workers}
        limit, normal = week.policy.weekly_limit // MINUTE, week.policy.rules.normal_week.value // MINUTE
        lost = sum(len(set(c.people) - set(c.before)) * (c.period.length // MINUTE) for c in left_out)
        covered = max(0, explanation.covered_minutes - lost)
        return {
            "status": self.result.status.value,
            "objective": self.result.objective,
            "bound": self.result.bound,
            "seconds": self.result.seconds,
            "score": self.result.score,
            "coverage": _percent(covered, explanation.needed_minutes, nothing=100.0),
            "utilization": _percent(sum(minutes.values()), limit * len(week.workers), nothing=0.0),
            "overtime_minutes": sum(max(0, worked - normal) for worked in minutes.values()),
            "cost": sum(worked * wages.get(person, 0) // 60 for person, worked in minutes.items()),
            "missing": self._missing(),
            "unfilled": self._unfilled(),
            "rules_in_conflict": [
                {
                    "staff_id": conflict.person,
                    "rule": conflict.rule,
                    "citation": conflict.citation,
                    "detail": conflict.detail,
                }
                for conflict in self.result.conflicts
            ],
        }

    def _minutes(self, left_out: Sequence[Proposal]) -> dict[UUID, int]:
        """Paid minutes of each person in the week: what stays and what comes."""
        minutes: dict[UUID, int] = defaultdict(int)
        for assignment in self.result.assignments:
            minutes[UUID(assignment.person)] += self.shifts[assignment.shift].paid_minutes
        for change in left_out:
            paid = (change.period.length - timedelta(minutes=change.break_minutes)) // MINUTE
            for person in set(change.people) - set(change.before):
                minutes[person] -= paid
        return minutes

    def _missing(self) -> int:
        """How many people are missing: for a shift as many as it lacks, for a time of day one for each gap."""
        return sum(gap.missing if gap.shift is not None else 1 for gap in self.explanation.unfilled)

    def _unfilled(self) -> list[dict[str, Any]]:
        return [
            {
                "role": gap.role,
                "starts_at": self.week.instant(gap.start).isoformat(),
                "ends_at": self.week.instant(gap.end).isoformat(),
                "missing": gap.missing,
                "considered": [self._considered(person) for person in gap.considered],
            }
            for gap in self.explanation.unfilled
        ]

    def _considered(self, considered: Considered) -> dict[str, Any]:
        return {
            "staff_id": considered.person,
            "reasons": [
                {"rule": reason.rule, "citation": reason.citation, "detail": self._detail(reason)}
                for reason in considered.reasons
            ],
            "extra_cost": considered.extra_cost,
        }

    def _detail(self, reason: Reason) -> str:
        """What a reason says for people: the times of a shift rather than its name in the model."""
        shift = self.shifts.get(reason.detail)
        if shift is None:
            return reason.detail
        starts, ends = self.week.instant(shift.begins), self.week.instant(shift.ends)
        zone = self.week.zone
        return f"{starts.astimezone(zone):%Y-%m-%d %H:%M} to {ends.astimezone(zone):%H:%M}"


def draft_of(
    week: Week, result: Result, shifts: Mapping[str, Shift], explanation: Explanation, *, keep_open: bool = False
) -> Draft:
    """The draft that a result amounts to; with `keep_open`, wanted shifts that nobody got are planned all the same."""
    changes = proposals(week, result.assignments, shifts)
    if keep_open:
        changes += [
            open_proposal(week, shifts[gap.shift])
            for gap in explanation.unfilled
            if gap.shift is not None and gap.shift.startswith("new:")
            for _ in range(gap.missing)
        ]
    return Draft(week, result, shifts, explanation, changes)


def _percent(part: float, whole: float, *, nothing: float) -> float:
    return round(100 * part / whole, 1) if whole else nothing
