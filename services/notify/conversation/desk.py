"""What is done in people's names in other services."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.identity.v1 import acceptance_pb2, agent_pb2, staff_request_pb2
from mizan.options.v1 import files_pb2
from mizan.scheduling.v1 import checklist_pb2, safety_pb2, shift_task_pb2
from mizan.timeclock.v1 import clock_pb2, shift_review_pb2
from servicekit.clock import timestamp_of
from servicekit.errors import Refusal, Unavailable
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import Principal
from services.notify.clients.neighbours import Neighbours

DEVICE: Final = "whatsapp"
OPEN_STATES: Final = ("IN_PROGRESS", "NOT_STARTED")
UPLOAD_TIMEOUT_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Person:
    """Whose phone it is."""

    id: UUID
    restaurant_id: UUID
    name: str
    language: str
    principal: Principal


@dataclass(frozen=True, slots=True)
class Step:
    """The next open step of a checklist."""

    checklist_id: str
    checklist: str
    id: str
    title: str
    kind: str
    """CHECK, PHOTO, MEASUREMENT, NOTE or SIGNATURE."""
    needs_photo: bool
    unit: str
    number: int
    total: int


@dataclass(frozen=True, slots=True)
class Finished:
    """A checklist without open steps."""

    checklist_id: str
    checklist: str
    done: int
    total: int


class Desk:
    """Acts for one person after the other; `key` names what is done, so that it is done once.

    Methods raise RemoteRefusal where the other service refuses, and Unavailable where it does not answer.
    """

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours

    async def who(self, phone: str) -> Person | None:
        """Whose phone it is; None where it is nobody's, or several people's."""
        request = agent_pb2.ResolveContextRequest(phones=[f"+{phone}"])
        try:
            found = await self._neighbours.agents.ResolveContext(request)
        except Unavailable:
            raise
        except Refusal:
            return None
        if not found.HasField("person"):
            return None
        restaurant_id = UUID(found.restaurant_id)
        principal = Principal(
            kind="USER",
            subject=found.person.id,
            restaurant_id=restaurant_id,
            role=found.person.role,
            permissions=frozenset(found.person.permissions),
            name=found.person.name,
            language=found.language,
        )
        return Person(UUID(found.person.id), restaurant_id, found.person.name, found.language, principal)

    # Invitations

    async def accept_invitation(self, phone: str, token: str, key: str) -> tuple[str, str] | None:
        """Makes the account of whoever was invited; their first name and the restaurant's; or None."""
        agent = Principal(kind="AGENT", subject="whatsapp", permissions=frozenset({"agent.invitations"}))
        acceptance = self._neighbours.acceptance
        names: dict[str, str] = {}
        if not token:
            try:
                found = await acceptance.AgentLookupInvitation(
                    acceptance_pb2.AgentLookupInvitationRequest(phone=f"+{phone}"), principal=agent
                )
            except RemoteRefusal:
                return None
            token = found.invitation.token
            names = {"first_name": found.invitation.first_name, "last_name": found.invitation.last_name}
        accepted = await acceptance.AgentAcceptInvitation(
            acceptance_pb2.AgentAcceptInvitationRequest(invitation_token=token, **names),
            principal=agent,
            idempotency_key=key,
        )
        return accepted.user.first_name, accepted.user.restaurant.name

    # The time clock

    async def is_clocked_in(self, person: Person) -> bool:
        """Whether they are at work."""
        found = await self._neighbours.clock.GetCurrentSession(Empty(), principal=person.principal)
        return bool(found.is_clocked_in)

    async def clock_in(self, person: Person, place: tuple[float, float], key: str) -> datetime:
        """Clocks them in at a place; when that counts."""
        request = clock_pb2.WebClockInRequest(
            latitude=place[0], longitude=place[1], device_id=DEVICE, client_key=key[-100:]
        )
        answer = await self._neighbours.clock.WebClockIn(request, principal=person.principal, idempotency_key=key)
        moment: datetime = answer.clock_in_time.ToDatetime()
        return moment

    async def clock_out(self, person: Person, key: str) -> tuple[str, float]:
        """Clocks them out; the session, and the hours that they worked."""
        request = clock_pb2.WebClockOutRequest(device_id=DEVICE, client_key=key[-100:])
        answer = await self._neighbours.clock.WebClockOut(request, principal=person.principal, idempotency_key=key)
        return answer.session_id, answer.total_hours

    async def rate(self, person: Person, session_id: str, rating: int, key: str) -> None:
        """Keeps how they found their shift."""
        request = shift_review_pb2.CreateShiftReviewRequest(
            session_id=session_id, rating=rating, comments="Feedback via WhatsApp"
        )
        await self._neighbours.reviews.CreateShiftReview(request, principal=person.principal, idempotency_key=key)

    # Checklists and tasks

    async def next_step(self, person: Person, checklist_id: str = "") -> Step | Finished | None:
        """The next open step of a checklist, or of the first that is open; None where there is none."""
        if checklist_id:
            request = checklist_pb2.GetExecutionRequest(id=checklist_id)
            return _next(await self._neighbours.checklists.GetExecution(request, principal=person.principal))
        for status in OPEN_STATES:
            listing = checklist_pb2.ListMyExecutionsRequest(status=status, ordering="due_date", page=1, page_size=1)
            found = await self._neighbours.checklists.ListMyExecutions(listing, principal=person.principal)
            if found.results:
                execution = found.results[0]
                start = checklist_pb2.StartExecutionRequest(id=execution.id)
                return _next(await self._neighbours.checklists.StartExecution(start, principal=person.principal))
        return None

    async def answer_step(self, person: Person, step_id: str, key: str, **answer: Any) -> None:
        """Answers a step."""
        request = checklist_pb2.UpdateStepResponseRequest(id=step_id, **answer)
        request.update_mask.paths.extend(answer)
        await self._neighbours.checklists.UpdateStepResponse(request, principal=person.principal, idempotency_key=key)

    async def add_photo(self, person: Person, step_id: str, content: bytes, mime_type: str, key: str) -> None:
        """Adds a photo to a step."""
        ending = mime_type.rpartition("/")[2] or "jpeg"
        request = checklist_pb2.AddEvidenceRequest(
            id=step_id,
            evidence_type="PHOTO",
            file=files_pb2.Upload(filename=f"whatsapp.{ending}", content_type=mime_type, content=content),
        )
        await self._neighbours.checklists.AddEvidence(
            request, principal=person.principal, idempotency_key=key, timeout=UPLOAD_TIMEOUT_SECONDS
        )

    async def finish(self, person: Person, checklist_id: str, key: str) -> None:
        """Hands a checklist in."""
        request = checklist_pb2.CompleteExecutionRequest(id=checklist_id)
        await self._neighbours.checklists.CompleteExecution(request, principal=person.principal, idempotency_key=key)

    async def tasks(self, person: Person, limit: int) -> Sequence[tuple[str, str]]:
        """Their open tasks of shifts, the most urgent first: id and title."""
        request = shift_task_pb2.ListMyTasksRequest()
        found = await self._neighbours.tasks.ListMyTasks(request, principal=person.principal)
        open_ones = [task for task in found.results if task.status in ("TODO", "IN_PROGRESS")]
        return [(task.id, task.title) for task in open_ones[:limit]]

    async def complete_task(self, person: Person, task_id: str, key: str) -> str:
        """Completes a task; its title."""
        request = shift_task_pb2.CompleteShiftTaskRequest(id=task_id)
        task = await self._neighbours.tasks.CompleteShiftTask(request, principal=person.principal, idempotency_key=key)
        return str(task.title)

    # Incidents and requests

    async def report(
        self,
        person: Person,
        *,
        text: str,
        kind: str,
        severity: str,
        at: datetime,
        evidence: Sequence[str],
        key: str,
    ) -> str:
        """Files an incident; its id."""
        title = " ".join(text.split())[:120]
        description = "\n".join([text, *(f"Photo: {url}" for url in evidence)])
        request = safety_pb2.CreateIncidentRequest(
            title=title,
            description=description,
            incident_type=kind,
            severity=severity,
            occurred_at=timestamp_of(at),
            is_anonymous=False,
        )
        filed = await self._neighbours.safety.CreateIncident(request, principal=person.principal, idempotency_key=key)
        return str(filed.id)

    async def request(self, person: Person, text: str, key: str) -> None:
        """Files a request to the managers."""
        request = staff_request_pb2.CreateStaffRequestRequest(
            subject=" ".join(text.split())[:120], description=text, external_id=key[-128:]
        )
        await self._neighbours.requests.CreateStaffRequest(request, principal=person.principal, idempotency_key=key)


def _next(execution: checklist_pb2.ChecklistExecution) -> Step | Finished:
    responses = sorted(execution.step_responses, key=lambda response: response.step.order)
    for number, response in enumerate(responses, 1):
        if response.status in ("", "PENDING"):
            step = response.step
            about = f"{step.title}\n{step.description}" if step.description else step.title
            return Step(
                checklist_id=execution.id,
                checklist=execution.template.name,
                id=response.id,
                title=about,
                kind=step.step_type,
                needs_photo=step.requires_photo or step.step_type == "PHOTO",
                unit=step.measurement_unit,
                number=number,
                total=len(responses),
            )
    done = sum(response.status == "COMPLETED" for response in responses)
    return Finished(execution.id, execution.template.name, done, len(responses))
