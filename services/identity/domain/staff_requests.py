"""What may become of a staff request, and what its timeline says about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

PENDING: Final = "PENDING"
APPROVED: Final = "APPROVED"
REJECTED: Final = "REJECTED"
ESCALATED: Final = "ESCALATED"
CLOSED: Final = "CLOSED"

CATEGORIES: Final = frozenset({"DOCUMENT", "HR", "SCHEDULING", "PAYROLL", "OPERATIONS", "OTHER"})
PRIORITIES: Final = frozenset({"LOW", "MEDIUM", "HIGH", "URGENT"})
SUBJECT_LENGTH: Final = 80
"""Characters of the description that stand for a subject that was not given."""

STATUS_CHANGE: Final = "status_change"
COMMENT: Final = "comment"
SYSTEM: Final = "system"
RECEIVED: Final = "Request received"

_VERBS: Final = {APPROVED: "Approved", REJECTED: "Rejected", ESCALATED: "Escalated", CLOSED: "Closed"}
_REMARKS: Final = {REJECTED: "reason", ESCALATED: "note"}


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a timeline that is yet to be written."""

    kind: str
    body: str
    details: Mapping[str, Any] = field(default_factory=dict)


def move_problem(current: str, target: str) -> str | None:
    """Why a request cannot go from one state to another, or None when it can.

    A manager may revise any decision, so every move between decisions is free. What cannot be: deciding the same again,
    going back to undecided, and touching what is closed.
    """
    if current == CLOSED:
        return "The request is closed."
    if target == current:
        return f"The request is {current.lower()} already."
    if target == PENDING:
        return "A request that was decided does not become pending again."
    return None


def decision_entry(current: str, target: str, actor: str, remark: str = "") -> Entry:
    """What the timeline says of a decision: who took it, from which state to which, and why."""
    body = f"{_VERBS[target]} by {actor}"
    details: dict[str, Any] = {"from": current, "to": target}
    remark = remark.strip()
    if target in _REMARKS:
        details[_REMARKS[target]] = remark
        if remark:
            body = f"{body}: {remark}"
    return Entry(STATUS_CHANGE, body, details)


def assignment_entry(actor: str, assignee: str | None, assignee_id: str | None) -> Entry:
    """What the timeline says when somebody is made responsible, or nobody any more."""
    body = f"Assigned to {assignee} by {actor}" if assignee else f"Unassigned by {actor}"
    return Entry(SYSTEM, body, {"assigned_to": assignee_id})


def edit_problem(status: str, *, is_reviewer: bool) -> str | None:
    """Why the words of a request cannot change in a state, or None when they can."""
    if status == CLOSED:
        return "The request is closed."
    if status != PENDING and not is_reviewer:
        return "Only pending requests can be changed."
    return None


def deletion_problem(status: str, *, is_reviewer: bool) -> str | None:
    """Why a request cannot be deleted in a state, or None when it can."""
    return None if is_reviewer or status == PENDING else "Only pending requests can be deleted."


def category_of(text: str) -> str:
    """The category that somebody meant; OTHER when it is none."""
    code = text.strip().upper()
    return code if code in CATEGORIES else "OTHER"


def priority_of(text: str) -> str:
    """The priority that somebody meant; MEDIUM when it is none."""
    code = text.strip().upper()
    return code if code in PRIORITIES else "MEDIUM"


def subject_of(subject: str, description: str) -> str:
    """The subject, or the beginning of the description in its place."""
    return subject.strip() or " ".join(description.split())[:SUBJECT_LENGTH].rstrip()
