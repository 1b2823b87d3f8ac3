"""Answers, evidence and follow-ups as clients bring them, also those that were given offline.

Everything is found again by the step that it belongs to, so what is sent twice is there once, and of two answers to one
step the later one counts, in whatever order they arrive.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import Invalid, NotFound, Refusal
from services.scheduling.commands.checklists import add_action, start
from services.scheduling.commands.shifts import active_people
from services.scheduling.domain.checklists import is_done, progress, said
from services.scheduling.filing import Filing, decoded, discard
from services.scheduling.models import ChecklistAction, ChecklistExecution, ChecklistStep, Evidence, StepResponse
from services.scheduling.models.checklist import OPEN

FOLDER: Final = "checklists"
KINDS: Final = frozenset({"PHOTO", "VIDEO", "DOCUMENT", "AUDIO"})
ACTION_FIELDS: Final = ("title", "description", "priority", "status", "due_date", "resolution_notes")
LONGEST_URL: Final = 2000


@dataclass(slots=True)
class Synced:
    """What became of each thing that was sent."""

    items: list[dict[str, Any]] = field(default_factory=list)
    conflicts: list[dict[str, Any]] = field(default_factory=list)

    def item(self, kind: str, identifier: UUID, action: str, step_id: UUID | None = None) -> None:
        """Something was stored, or was there already."""
        found = {"type": kind, "id": str(identifier), "action": action}
        self.items.append(found | ({"step_id": str(step_id)} if step_id else {}))

    def conflict(self, kind: str, message: str, **ids: object) -> None:
        """Something was not stored."""
        self.conflicts.append(
            {"type": kind, "message": message, **{name: str(value) for name, value in ids.items() if value}}
        )

    @property
    def has_changes(self) -> bool:
        """Whether anything is other than it was."""
        return any(item["action"] != "unchanged" for item in self.items)


class Sync:
    """One client's answers to one checklist, which is locked."""

    def __init__(
        self, session: AsyncSession, filing: Filing, execution: ChecklistExecution, person: UUID, now: datetime
    ) -> None:
        self._session = session
        self._filing = filing
        self._execution = execution
        self._person = person
        self._now = now
        self._steps: dict[UUID, ChecklistStep] = {}
        self._by_step: dict[UUID, StepResponse] = {}
        self._by_id: dict[UUID, StepResponse] = {}
        self._digests: set[tuple[UUID, str]] = set()
        self.done = Synced()

    async def run(
        self,
        answers: Sequence[Mapping[str, Any]],
        evidence: Sequence[Mapping[str, Any]],
        actions: Sequence[Mapping[str, Any]],
        seen_version: int | None,
    ) -> Synced:
        """Stores what was sent. What cannot be stored is a conflict, and keeps nothing else from being stored."""
        execution, done = self._execution, self.done
        if seen_version is not None and seen_version > execution.sync_version:
            done.conflict("execution_conflict", "The server has seen less than this client.")
        await self._load()
        if execution.status not in OPEN:
            done.conflict("execution_conflict", f"The checklist is {execution.status.lower()}; nothing was changed.")
            return done
        if execution.status == "NOT_STARTED" and (answers or evidence):
            await start(self._session, execution, self._now)
        for answer in answers:
            await self._answer(answer)
        for item in evidence:
            await self._loose_evidence(item)
        for action in actions:
            await self._action(action)
        if done.has_changes:
            execution.sync_version += 1
            execution.version += 1
        execution.last_synced_at = self._now
        self._note_progress()
        done.item("execution", execution.id, "updated" if done.has_changes else "unchanged")
        await self._session.flush()
        return done

    async def answer_one(self, response: StepResponse, changes: Mapping[str, Any]) -> None:
        """Answers one step by its answer's id. Raises Invalid once the checklist is over."""
        self._ensure_open()
        await self._load()
        if self._execution.status == "NOT_STARTED":
            await start(self._session, self._execution, self._now)
        for name in ("text_response", "measurement_value", "boolean_response", "notes"):
            if name in changes:
                setattr(response, name, changes[name])
        if "signature_data" in changes:
            response.signature_data = _signature(changes["signature_data"])
        if changes.get("status"):
            response.status = changes["status"]
            response.is_completed = is_done(response) if response.status in ("COMPLETED", "SKIPPED") else False
        if changes.get("is_completed") is not None:
            response.is_completed = changes["is_completed"]
            if response.is_completed and response.status == "PENDING":
                response.status = "COMPLETED"
        response.answered_by, response.responded_at = self._person, self._now
        if response.is_completed and response.completed_at is None:
            response.completed_at = self._now
            response.started_at = response.started_at or self._now
        await self._changed()

    async def answer_to(self, step_id: UUID) -> StepResponse:
        """The answer to a step of the checklist, still empty perhaps. Raises NotFound for no step of it."""
        await self._load()
        if step_id not in self._steps:
            raise NotFound("No ChecklistStep matches the given query.")
        return self._by_step.get(step_id) or self._new_response(step_id)

    async def take_back(self, response: StepResponse) -> None:
        """Makes a step unanswered again, its evidence removed. Raises Invalid once the checklist is over."""
        self._ensure_open()
        await self._load()
        keys = await self._session.scalars(
            sa.delete(Evidence).where(Evidence.response_id == response.id).returning(Evidence.file_key)
        )
        for key in keys:
            await discard(self._session, response.restaurant_id, key)
        for name in ("text_response", "measurement_value", "boolean_response", "notes", "signature_data"):
            setattr(response, name, None)
        response.measurements, response.status, response.is_completed = [], "PENDING", False
        response.started_at = response.completed_at = None
        # An answer that was given before and arrives later does not bring it back.
        response.answered_by, response.responded_at = self._person, self._now
        await self._changed()

    async def add_file(self, response: StepResponse, content: bytes, values: Mapping[str, Any]) -> Evidence:
        """Stores a file with an answer; the same bytes are there once. Raises Invalid or FileTooLarge."""
        await self._load()
        digest = hashlib.sha256(content).hexdigest()
        present = await self._session.scalar(
            sa.select(Evidence).where(Evidence.response_id == response.id, Evidence.digest == digest)
        )
        if present is not None:
            return present
        made = await self._stored(response, content, digest, values)
        self._execution.version += 1
        await self._session.flush()
        return made

    def _ensure_open(self) -> None:
        if self._execution.status not in OPEN:
            raise Invalid(f"The checklist is {self._execution.status.lower()}.", code="checklist_over")

    async def _changed(self) -> None:
        self._execution.sync_version += 1
        self._execution.version += 1
        self._note_progress()
        await self._session.flush()

    async def _load(self) -> None:
        mine = self._execution.id
        steps = await self._session.scalars(
            sa.select(ChecklistStep).where(ChecklistStep.template_id == self._execution.template_id)
        )
        responses = await self._session.scalars(sa.select(StepResponse).where(StepResponse.execution_id == mine))
        digests = await self._session.execute(
            sa.select(Evidence.response_id, Evidence.digest).where(Evidence.execution_id == mine)
        )
        self._steps = {step.id: step for step in steps}
        for response in responses:
            self._by_step[response.step_id] = self._by_id[response.id] = response
        self._digests = {(row.response_id, row.digest) for row in digests}

    async def _answer(self, answer: Mapping[str, Any]) -> None:
        step_id = _uuid(answer["step_id"])
        if step_id is None or step_id not in self._steps:
            self.done.conflict("step_not_found", "The checklist has no such step.", step_id=answer["step_id"])
            return
        response = self._by_step.get(step_id)
        if response is None:
            response = self._new_response(step_id)
        await self._write(response, answer)
        for item in answer.get("evidence", ()):
            await self._evidence(response, item)

    async def _write(self, response: StepResponse, answer: Mapping[str, Any]) -> None:
        meaning = said(
            answer.get("status"),
            answer.get("is_completed"),
            answer.get("response"),
            answer.get("boolean_response"),
            answer.get("text_response"),
        )
        at = answer.get("responded_at")
        if at is not None and response.responded_at is not None and at < response.responded_at:
            message = "A later answer to this step is there already."
            self.done.conflict("execution_conflict", message, step_id=response.step_id)
            return
        wanted: dict[str, Any] = {}
        if meaning is not None:
            wanted = {
                "status": meaning.status,
                "is_completed": meaning.is_completed,
                "boolean_response": meaning.boolean,
                "text_response": meaning.text if meaning.text is not None else response.text_response,
            }
        for name in ("measurement_value", "notes", "measurements"):
            if answer.get(name) is not None:
                wanted[name] = answer[name]
        if not isinstance(wanted.get("measurements", []), list):
            wanted.pop("measurements")
        if answer.get("signature_data"):
            wanted["signature_data"] = _signature(answer["signature_data"])
        changed = {name: value for name, value in wanted.items() if getattr(response, name) != value}
        is_new = response.created_at is None
        if not changed and not is_new:
            self.done.item("step_response", response.id, "unchanged", response.step_id)
            return
        for name, value in changed.items():
            setattr(response, name, value)
        response.answered_by, response.responded_at = self._person, at or self._now
        response.started_at = answer.get("started_at") or response.started_at or at or self._now
        if response.is_completed:
            response.completed_at = answer.get("completed_at") or response.completed_at or at or self._now
        await self._session.flush()
        self.done.item("step_response", response.id, "created" if is_new else "updated", response.step_id)

    async def _loose_evidence(self, item: Mapping[str, Any]) -> None:
        """Evidence beside the answers; it names its answer, or the step."""
        named = item.get("step_response_id") or ""
        wanted = _uuid(named)
        response = None
        if wanted is not None:
            response = self._by_id.get(wanted) or self._by_step.get(wanted)
            if response is None and wanted in self._steps:
                response = self._new_response(wanted)
                await self._session.flush()
        if response is None:
            message = "There is no such answer."
            self.done.conflict("step_response_not_found", message, step_response_id=named)
            return
        await self._evidence(response, item)

    async def _evidence(self, response: StepResponse, item: Mapping[str, Any]) -> None:
        kind, note = item.get("evidence_type") or "PHOTO", item.get("note")
        where = (item.get("file_path") or "").strip()
        if note and not response.notes:
            response.notes = note
            self.done.item("step_response", response.id, "updated", response.step_id)
        if kind == "NOTE":
            return
        if kind == "SIGNATURE":
            if where and response.signature_data != _signature(where):
                response.signature_data = _signature(where)
                self.done.item("step_response", response.id, "updated", response.step_id)
            return
        if not where:
            return
        is_data = where.startswith("data:")
        values = {**item, "evidence_type": kind if kind in KINDS else "DOCUMENT"}
        try:
            content = decoded(where) if is_data else where.encode()
            digest = hashlib.sha256(content).hexdigest()
            if (response.id, digest) in self._digests:
                return
            if is_data:
                made = await self._stored(response, content, digest, values)
            else:
                made = self._linked(response, where, digest, values)
        except Refusal as refusal:
            # The other answers of an offline client are not lost over one file that cannot be kept.
            self.done.conflict("execution_conflict", refusal.message, step_id=response.step_id)
            return
        self._digests.add((response.id, digest))
        await self._session.flush()
        self.done.item("evidence", made.id, "created", response.step_id)

    async def _stored(self, response: StepResponse, content: bytes, digest: str, values: Mapping[str, Any]) -> Evidence:
        stored = await self._filing.store(self._execution.restaurant_id, FOLDER, content)
        made = self._row(response, digest, values)
        made.file_key, made.file_size, made.mime_type = stored.key, stored.size, stored.content_type
        made.filename = (values.get("filename") or f"evidence.{stored.key.rpartition('.')[2]}")[:255]
        self._session.add(made)
        return made

    def _linked(self, response: StepResponse, where: str, digest: str, values: Mapping[str, Any]) -> Evidence:
        """Evidence that stands elsewhere: an address that browsers may open, or a name that only its keeper knows."""
        made = self._row(response, digest, values)
        is_address = where.startswith(("https://", "http://")) and len(where) <= LONGEST_URL
        made.url = where if is_address else None
        if not is_address:
            made.details = {**made.details, "reference": where[:LONGEST_URL]}
        made.file_size = values.get("file_size") or 0
        made.mime_type = values.get("mime_type") or "application/octet-stream"
        made.filename = (values.get("filename") or where.rpartition("/")[2] or "evidence")[:255]
        self._session.add(made)
        return made

    def _row(self, response: StepResponse, digest: str, values: Mapping[str, Any]) -> Evidence:
        details = values.get("metadata")
        return Evidence(
            id=uuid4(),
            restaurant_id=self._execution.restaurant_id,
            execution_id=self._execution.id,
            response_id=response.id,
            evidence_type=values.get("evidence_type") or "PHOTO",
            visibility=values.get("visibility") or "TEAM",
            details=details if isinstance(details, dict) else {},
            digest=digest,
            uploaded_by=self._person,
        )

    async def _action(self, sent: Mapping[str, Any]) -> None:
        mine = sa.select(ChecklistAction).where(ChecklistAction.execution_id == self._execution.id)
        if sent.get("id"):
            identifier = _uuid(sent["id"])
            action = await self._session.scalar(mine.where(ChecklistAction.id == identifier)) if identifier else None
            if action is None:
                self.done.conflict("action_not_found", "There is no such follow-up.", action_id=sent["id"])
                return
        else:
            title = " ".join((sent.get("title") or "").split())
            if not title:
                self.done.conflict("action_not_found", "A follow-up needs a title.")
                return
            # Sent again without its id, because the answer did not arrive.
            description = sent.get("description") or title
            action = await self._session.scalar(
                mine.where(ChecklistAction.title == title, ChecklistAction.description == description).limit(1)
            )
            if action is None:
                made = await add_action(self._session, self._execution, {**sent, "title": title}, self._person)
                self.done.item("action", made.id, "created")
                return
        is_changed = await change_action(self._session, action, sent, self._person, self._now)
        self.done.item("action", action.id, "updated" if is_changed else "unchanged")

    def _new_response(self, step_id: UUID) -> StepResponse:
        made = StepResponse(
            id=uuid4(),
            restaurant_id=self._execution.restaurant_id,
            execution_id=self._execution.id,
            step_id=step_id,
            status="PENDING",
            is_completed=False,
        )
        self._session.add(made)
        self._by_step[step_id] = self._by_id[made.id] = made
        return made

    def _note_progress(self) -> None:
        answers = list(self._by_step.values())
        self._execution.progress = min(progress(answers, len(self._steps)), 100)
        open_steps = [
            step
            for step in sorted(self._steps.values(), key=lambda step: step.place)
            if not is_done(self._by_step.get(step.id))
        ]
        self._execution.current_step = open_steps[0].id if open_steps else None


async def change_action(
    session: AsyncSession, action: ChecklistAction, changes: Mapping[str, Any], actor: UUID, now: datetime
) -> bool:
    """Changes a follow-up; whether anything is other than it was. Raises NotFound or Invalid for its person."""
    wanted = {name: changes[name] for name in ACTION_FIELDS if changes.get(name) is not None}
    if changes.get("assigned_to_id") is not None:
        await active_people(session, action.restaurant_id, [changes["assigned_to_id"]], "assigned_to")
        wanted["assigned_to"] = changes["assigned_to_id"]
    changed = {name: value for name, value in wanted.items() if getattr(action, name) != value}
    for name, value in changed.items():
        setattr(action, name, value)
    if "status" in changed:
        is_resolved = action.status == "RESOLVED"
        action.resolved_at, action.resolved_by = (now, actor) if is_resolved else (None, None)
    await session.flush()
    return bool(changed)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _signature(text: str | None) -> str | None:
    """The picture alone, without the prefix of a data URL."""
    return text.partition(",")[2] if text and text.startswith("data:") else text
