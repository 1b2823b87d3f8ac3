"""Rules of checklists: what an answer says, what a checklist lacks to be handed in, and what it comes to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Protocol
from uuid import UUID

DONE: Final = frozenset({"COMPLETED", "SKIPPED"})
MISSING_STEPS: Final = "missing_required_steps"
MISSING_PHOTO: Final = "missing_photo_evidence"
MISSING_SIGNATURE: Final = "missing_signature"
BELOW: Final = "measurement_below_minimum"
ABOVE: Final = "measurement_above_maximum"
CUSTOM: Final = "custom_validation_failed"


class Step(Protocol):
    """A step as far as these rules look at it."""

    @property
    def id(self) -> UUID: ...
    @property
    def title(self) -> str: ...
    @property
    def step_type(self) -> str: ...
    @property
    def is_required(self) -> bool: ...
    @property
    def requires_photo(self) -> bool: ...
    @property
    def requires_signature(self) -> bool: ...
    @property
    def min_value(self) -> Decimal | None: ...
    @property
    def max_value(self) -> Decimal | None: ...
    @property
    def depends_on_step(self) -> UUID | None: ...
    @property
    def validation_rules(self) -> Sequence[object]: ...


class Answer(Protocol):
    """An answer as far as these rules look at it."""

    @property
    def step_id(self) -> UUID: ...
    @property
    def status(self) -> str: ...
    @property
    def is_completed(self) -> bool: ...
    @property
    def text_response(self) -> str | None: ...
    @property
    def measurement_value(self) -> Decimal | None: ...
    @property
    def notes(self) -> str | None: ...
    @property
    def signature_data(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that keeps a checklist from being handed in."""

    type: str
    message: str
    step_id: UUID | None = None
    steps: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The problem as answers carry it."""
        value: dict[str, Any] = {"type": self.type, "message": self.message}
        if self.step_id is not None:
            value["step_id"] = str(self.step_id)
        if self.steps:
            value["steps"] = list(self.steps)
        return value


@dataclass(frozen=True, slots=True)
class Said:
    """What an answer says, whichever way a client spelled it."""

    status: str
    is_completed: bool
    boolean: bool | None
    text: str | None


def said(
    status: str | None, is_completed: bool | None, response: str | None, boolean: bool | None, text: str | None
) -> Said | None:
    """The meaning of an answer; None for one that is still pending.

    Something that does not apply is SKIPPED and done, under whatever status it was sent, so that it is still shown as
    such when it is read again.
    """
    word = (response or "").strip().upper().replace("/", "")
    answered = {"YES": True, "NO": False}.get(word, boolean)
    if word == "NA" or (status == "SKIPPED" and answered is None):
        return Said("SKIPPED", True, None, text or ("NA" if word else None))
    if status == "FAILED":
        return Said("FAILED", False, answered, text or word or None)
    if status == "PENDING" or (status is None and not is_completed and answered is None and not text):
        return None
    return Said("SKIPPED" if status == "SKIPPED" else "COMPLETED", True, answered, text or word or None)


def is_done(answer: Answer | None) -> bool:
    """Whether a step needs nothing more."""
    return answer is not None and (answer.is_completed or answer.status in DONE)


def progress(answers: Sequence[Answer], steps: int) -> int:
    """How much is done, in whole percent."""
    return sum(map(is_done, answers)) * 100 // steps if steps else 100


def problems(steps: Sequence[Step], answers: Mapping[UUID, Answer], photos: Mapping[UUID, int]) -> list[Problem]:
    """What keeps a checklist from being handed in; `photos` counts the pictures of each step.

    A step that does not apply asks for nothing, and neither does one that depends on it. Approval is no part of this:
    it comes after the checklist was handed in.
    """
    asked = [step for step in steps if _applies(step, answers)]
    open_steps = [step.title for step in asked if step.is_required and not is_done(answers.get(step.id))]
    found: list[Problem] = []
    if open_steps:
        found.append(
            Problem(MISSING_STEPS, f"Required steps are open: {', '.join(open_steps)}.", None, tuple(open_steps))
        )
    for step in asked:
        answer = answers.get(step.id)
        if answer is None or answer.status == "SKIPPED" or not is_done(answer):
            continue
        if step.requires_photo and not photos.get(step.id):
            found.append(Problem(MISSING_PHOTO, f"A photo is missing: {step.title}.", step.id))
        if step.requires_signature and not answer.signature_data:
            found.append(Problem(MISSING_SIGNATURE, f"A signature is missing: {step.title}.", step.id))
        found += _measured(step, answer)
    return found


def out_of_range(step: Step, value: Decimal | None) -> list[tuple[str, Decimal]]:
    """Each bound that a measurement violates: the kind of problem, and the bound."""
    if value is None:
        return []
    found = []
    if step.min_value is not None and value < step.min_value:
        found.append((BELOW, step.min_value))
    if step.max_value is not None and value > step.max_value:
        found.append((ABOVE, step.max_value))
    return found


@dataclass(frozen=True, slots=True)
class Summary:
    """A checklist in numbers."""

    total_steps: int
    completed_steps: int
    skipped_steps: int
    failed_steps: int
    required_missing: int
    completion_rate: int
    duration_minutes: int | None
    evidence_items: int
    notes_items: int
    signature_items: int
    out_of_range_measurements: int
    actions_open: int
    actions_resolved: int


def summary(
    steps: Sequence[Step],
    answers: Mapping[UUID, Answer],
    *,
    evidence: int,
    actions: Iterable[str],
    started_at: datetime | None,
    completed_at: datetime | None,
) -> Summary:
    """What a checklist comes to; `actions` are the states of its follow-ups."""
    given = [answers[step.id] for step in steps if step.id in answers]
    done = sum(map(is_done, given))
    states = list(actions)
    minutes = None
    if started_at is not None and completed_at is not None:
        minutes = max(completed_at - started_at, timedelta()) // timedelta(minutes=1)
    return Summary(
        total_steps=len(steps),
        completed_steps=done,
        skipped_steps=sum(answer.status == "SKIPPED" for answer in given),
        failed_steps=sum(answer.status == "FAILED" for answer in given),
        required_missing=sum(step.is_required and not is_done(answers.get(step.id)) for step in steps),
        completion_rate=done * 100 // len(steps) if steps else 0,
        duration_minutes=minutes,
        evidence_items=evidence,
        notes_items=sum(bool(answer.notes) for answer in given),
        signature_items=sum(bool(answer.signature_data) for answer in given),
        out_of_range_measurements=sum(
            len(out_of_range(step, answers[step.id].measurement_value)) for step in steps if step.id in answers
        ),
        actions_open=sum(state in ("OPEN", "IN_PROGRESS") for state in states),
        actions_resolved=sum(state == "RESOLVED" for state in states),
    )


def analysis(
    name: str,
    steps: Sequence[Step],
    answers: Mapping[UUID, Answer],
    found: Summary,
    *,
    estimated_minutes: int | None,
    now: datetime,
) -> dict[str, Any]:
    """What is remarkable about a checklist that was handed in."""
    anomalies = [
        {
            "step_title": step.title,
            "value": float(value),
            "issue": "Below minimum" if kind == BELOW else "Above maximum",
            "threshold": float(bound),
        }
        for step in steps
        if step.id in answers and (value := answers[step.id].measurement_value) is not None
        for kind, bound in out_of_range(step, value)
    ]
    highlights = []
    if found.skipped_steps:
        highlights.append(f"{found.skipped_steps} steps did not apply")
    if found.duration_minutes is not None and estimated_minutes:
        if found.duration_minutes > 1.5 * estimated_minutes:
            highlights.append(f"Took {found.duration_minutes} minutes instead of {estimated_minutes}")
        elif found.duration_minutes < 0.5 * estimated_minutes:
            highlights.append(f"Took only {found.duration_minutes} minutes instead of {estimated_minutes}")
    follow_ups = found.actions_open + found.actions_resolved
    if follow_ups:
        highlights.append(f"{follow_ups} follow-ups")
    range_text = f"{len(anomalies)} measurements out of range" if anomalies else "all measurements in range"
    text = (
        f"{name} completed {found.completed_steps}/{found.total_steps} steps ({found.completion_rate}%), {range_text}."
    )
    return {
        "summary": text,
        "highlights": highlights,
        "anomalies": anomalies,
        "performance": {"duration_minutes": found.duration_minutes},
        "analyzed_at": now.isoformat(),
    }


def _applies(step: Step, answers: Mapping[UUID, Answer]) -> bool:
    if step.depends_on_step is None:
        return True
    before = answers.get(step.depends_on_step)
    return before is None or before.status != "SKIPPED"


def _measured(step: Step, answer: Answer) -> list[Problem]:
    if step.step_type != "MEASUREMENT" or answer.measurement_value is None:
        return []
    words = {BELOW: "below the minimum of", ABOVE: "above the maximum of"}
    found = [
        Problem(kind, f"{step.title}: {answer.measurement_value} is {words[kind]} {bound}.", step.id)
        for kind, bound in out_of_range(step, answer.measurement_value)
    ]
    for rule in step.validation_rules:
        if isinstance(rule, Mapping) and not _keeps(rule, answer.measurement_value):
            text = rule.get("message")
            found.append(
                Problem(CUSTOM, text if isinstance(text, str) and text else f"{step.title}: not valid.", step.id)
            )
    return found


def _keeps(rule: Mapping[str, Any], value: Decimal) -> bool:
    """Whether a measurement keeps a rule; a rule that says nothing sensible is kept by all."""
    kind = rule.get("type")
    if kind == "range":
        low, high = _number(rule.get("min")), _number(rule.get("max"))
        return (low is None or value >= low) and (high is None or value <= high)
    wanted = _number(rule.get("value"))
    if wanted is None or kind not in ("equals", "not_equals"):
        return True
    is_equal: bool = value == wanted
    return is_equal if kind == "equals" else not is_equal


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None
