"""What may become of a staff request."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.identity.domain import staff_requests as rules

STATES = (rules.PENDING, rules.APPROVED, rules.REJECTED, rules.ESCALATED, rules.CLOSED)
DECISIONS = (rules.APPROVED, rules.REJECTED, rules.ESCALATED, rules.CLOSED)


def test_a_pending_request_takes_every_decision() -> None:
    assert [rules.move_problem(rules.PENDING, target) for target in DECISIONS] == [None] * 4


@pytest.mark.parametrize("current", [rules.APPROVED, rules.REJECTED, rules.ESCALATED])
def test_a_decision_may_be_revised_but_not_repeated_or_undone(current: str) -> None:
    for target in DECISIONS:
        expected = f"The request is {current.lower()} already." if target == current else None
        assert rules.move_problem(current, target) == expected
    assert rules.move_problem(current, rules.PENDING) == "A request that was decided does not become pending again."


@pytest.mark.parametrize("target", STATES)
def test_what_is_closed_stays_as_it_is(target: str) -> None:
    assert rules.move_problem(rules.CLOSED, target) == "The request is closed."


@given(st.lists(st.sampled_from(STATES), max_size=12))
def test_no_walk_comes_back_to_pending_or_leaves_closed(walk: list[str]) -> None:
    state, seen = rules.PENDING, [rules.PENDING]
    for target in walk:
        if rules.move_problem(state, target) is None:
            state = target
            seen.append(state)
    assert seen.count(rules.PENDING) == 1
    assert rules.CLOSED not in seen[:-1]
    assert all(before != after for before, after in pairwise(seen))


@pytest.mark.parametrize(
    ("target", "remark", "body", "details"),
    [
        (rules.APPROVED, "", "Approved by Amina", {}),
        (rules.APPROVED, "ignored", "Approved by Amina", {}),
        (rules.REJECTED, "", "Rejected by Amina", {"reason": ""}),
        (rules.REJECTED, " too late ", "Rejected by Amina: too late", {"reason": "too late"}),
        (rules.ESCALATED, "for the owner", "Escalated by Amina: for the owner", {"note": "for the owner"}),
        (rules.CLOSED, "", "Closed by Amina", {}),
    ],
)
def test_the_timeline_says_who_decided_what_and_why(
    target: str, remark: str, body: str, details: dict[str, str]
) -> None:
    entry = rules.decision_entry(rules.PENDING, target, "Amina", remark)
    assert (entry.kind, entry.body) == ("status_change", body)
    assert entry.details == {"from": "PENDING", "to": target, **details}


def test_the_timeline_says_who_is_responsible() -> None:
    assert rules.assignment_entry("Amina", "Karim", "7").body == "Assigned to Karim by Amina"
    assert rules.assignment_entry("Amina", None, None).body == "Unassigned by Amina"
    assert rules.assignment_entry("Amina", None, None).details == {"assigned_to": None}


def test_authors_change_words_while_pending_and_reviewers_until_closed() -> None:
    assert rules.edit_problem(rules.PENDING, is_reviewer=False) is None
    assert rules.edit_problem(rules.APPROVED, is_reviewer=False) == "Only pending requests can be changed."
    assert rules.edit_problem(rules.APPROVED, is_reviewer=True) is None
    assert rules.edit_problem(rules.CLOSED, is_reviewer=True) == "The request is closed."


def test_authors_delete_while_pending_and_reviewers_always() -> None:
    assert rules.deletion_problem(rules.PENDING, is_reviewer=False) is None
    assert rules.deletion_problem(rules.REJECTED, is_reviewer=False) == "Only pending requests can be deleted."
    assert [rules.deletion_problem(state, is_reviewer=True) for state in STATES] == [None] * 5


@pytest.mark.parametrize(("text", "category", "priority"), [(" hr ", "HR", "MEDIUM"), ("Urgent", "OTHER", "URGENT")])
def test_words_become_categories_and_priorities(text: str, category: str, priority: str) -> None:
    assert rules.category_of(text) == category
    assert rules.priority_of(text) == priority


@given(st.text(max_size=400), st.text(min_size=1, max_size=400))
def test_a_subject_is_what_was_given_or_the_beginning_of_the_description(subject: str, description: str) -> None:
    made = rules.subject_of(subject, description)
    if subject.strip():
        assert made == subject.strip()
    else:
        assert len(made) <= rules.SUBJECT_LENGTH
        assert " ".join(description.split()).startswith(made)
