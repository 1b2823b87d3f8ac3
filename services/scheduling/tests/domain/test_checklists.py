"""What answers mean, what keeps a checklist from being handed in, and what it comes to."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduling.domain.checklists import Said, analysis, is_done, problems, progress, said, summary

NOW = datetime(2031, 3, 3, 12, tzinfo=UTC)


@dataclass
class Step:
    title: str = "Step"
    step_type: str = "CHECK"
    is_required: bool = True
    requires_photo: bool = False
    requires_signature: bool = False
    min_value: Decimal | None = None
    max_value: Decimal | None = None
    depends_on_step: UUID | None = None
    validation_rules: list[object] = field(default_factory=list)
    id: UUID = field(default_factory=uuid4)


@dataclass
class Answer:
    step_id: UUID
    status: str = "COMPLETED"
    is_completed: bool = True
    text_response: str | None = None
    measurement_value: Decimal | None = None
    notes: str | None = None
    signature_data: str | None = None


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (("COMPLETED", None, "YES", None, None), Said("COMPLETED", True, True, "YES")),
        (("COMPLETED", None, "no", None, None), Said("COMPLETED", True, False, "NO")),
        # Clients send what does not apply as completed.
        (("COMPLETED", True, "NA", None, None), Said("SKIPPED", True, None, "NA")),
        (("COMPLETED", True, "N/A", None, None), Said("SKIPPED", True, None, "NA")),
        (("SKIPPED", None, None, None, None), Said("SKIPPED", True, None, None)),
        (("FAILED", None, None, None, "Broken"), Said("FAILED", False, None, "Broken")),
        ((None, True, None, None, None), Said("COMPLETED", True, None, None)),
        ((None, None, None, False, None), Said("COMPLETED", True, False, None)),
        (("PENDING", None, None, None, None), None),
        ((None, None, None, None, None), None),
    ],
)
def test_answers_mean_the_same_however_they_are_spelled(
    sent: tuple[str | None, bool | None, str | None, bool | None, str | None], meant: Said | None
) -> None:
    assert said(*sent) == meant


def test_what_is_missing_is_named() -> None:
    ticked, photo, signed, cold = (
        Step("Doors"),
        Step("Counter", requires_photo=True),
        Step("Name", requires_signature=True),
        Step("Cooler", "MEASUREMENT", min_value=Decimal(0), max_value=Decimal(5)),
    )
    steps = [ticked, photo, signed, cold]
    assert [(one.type, one.steps) for one in problems(steps, {}, {})] == [
        ("missing_required_steps", ("Doors", "Counter", "Name", "Cooler"))
    ]
    answers = {step.id: Answer(step.id) for step in steps}
    answers[cold.id].measurement_value = Decimal("7.5")
    found = problems(steps, answers, {})
    assert [(one.type, one.step_id) for one in found] == [
        ("missing_photo_evidence", photo.id),
        ("missing_signature", signed.id),
        ("measurement_above_maximum", cold.id),
    ]
    answers[signed.id].signature_data, answers[cold.id].measurement_value = "aGk=", Decimal(5)
    assert problems(steps, answers, {photo.id: 1}) == []


def test_a_step_that_does_not_apply_asks_for_nothing_nor_do_those_after_it() -> None:
    terrace = Step("Terrace", requires_photo=True)
    heaters = Step("Heaters", depends_on_step=terrace.id)
    answers = {terrace.id: Answer(terrace.id, "SKIPPED")}
    assert problems([terrace, heaters], answers, {}) == []
    answers[terrace.id].status = "COMPLETED"
    assert [one.type for one in problems([terrace, heaters], answers, {terrace.id: 1})] == ["missing_required_steps"]


@pytest.mark.parametrize(
    ("rule", "value", "keeps"),
    [
        ({"type": "range", "min": 1, "max": "2.5"}, "2.5", True),
        ({"type": "range", "min": 1}, "0.9", False),
        ({"type": "equals", "value": 3}, "3.00", True),
        ({"type": "not_equals", "value": 3}, "3", False),
        ({"type": "unheard of", "value": 3}, "1", True),
        ({"type": "equals", "value": "many"}, "1", True),
        ("no rule", "1", True),
    ],
)
def test_rules_of_a_template_are_kept_or_named(rule: object, value: str, keeps: bool) -> None:
    step = Step("Oil", "MEASUREMENT", validation_rules=[rule])
    found = problems([step], {step.id: Answer(step.id, measurement_value=Decimal(value))}, {})
    assert [one.type for one in found] == ([] if keeps else ["custom_validation_failed"])


states = st.sampled_from(["PENDING", "COMPLETED", "SKIPPED", "FAILED"])


@given(
    st.lists(st.tuples(states, st.booleans()), max_size=20), st.integers(0, 5), st.timedeltas(timedelta(), timedelta(1))
)
def test_numbers_agree_with_each_other(given_answers: list[tuple[str, bool]], extra: int, took: timedelta) -> None:
    steps = [Step() for _ in range(len(given_answers) + extra)]
    answers = {
        step.id: Answer(step.id, status, completed)
        for step, (status, completed) in zip(steps, given_answers, strict=False)
    }
    found = summary(steps, answers, evidence=1, actions=["OPEN", "RESOLVED"], started_at=NOW, completed_at=NOW + took)
    done = [step for step in steps if is_done(answers.get(step.id))]
    assert found.completed_steps + found.required_missing == found.total_steps == len(steps)
    assert found.completed_steps == len(done)
    assert 0 <= found.completion_rate <= 100
    assert (progress(list(answers.values()), len(steps)) == 100) == (len(done) == len(steps))
    assert (not problems(steps, answers, {})) == (found.required_missing == 0)
    assert found.duration_minutes == took // timedelta(minutes=1)
    told = analysis("Amina", steps, answers, found, estimated_minutes=None, now=NOW)
    assert told["summary"].startswith(f"Amina completed {found.completed_steps}/{len(steps)}")
