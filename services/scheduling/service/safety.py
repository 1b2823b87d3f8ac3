"""Procedures, safety checklists, incidents and recognitions."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.scheduling.v1 import safety_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SessionReader
from servicekit.errors import NotFound
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.scheduling.commands import safety as commands
from services.scheduling.models import Incident, Procedure, Recognition, SafetyChecklist
from services.scheduling.queries import safety as queries
from services.scheduling.service.convert import json_text, person_info, text_of

Answer = TypeVar("Answer")
PAGE = ("page", "page_size")
PROCEDURE_FIELDS = ("title", "description", "category", "steps", "safety_level", "required_ppe")
CHECKLIST_FIELDS = ("title", "category", "frequency", "description", "items", "is_completed")
INCIDENT_FIELDS = (
    "title",
    "description",
    "incident_type",
    "location",
    "severity",
    "occurred_at",
    "shift",
    "audio_evidence",
)
RECOGNITION_FIELDS = ("title", "description", "recognition_type", "points")


class SafetyService:
    """Implements mizan.scheduling.v1.SafetyService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ListProcedures(
        self, request: safety_pb2.ListProceduresRequest, call: Call
    ) -> safety_pb2.ListProceduresResponse:
        chosen = values_of(request, without=PAGE)
        count, rows = await queries.PROCEDURES.page(call.read(), call.principal.tenant, page_of(request), **chosen)
        return safety_pb2.ListProceduresResponse(count=count, results=[procedure_message(row) for row in rows])

    async def GetProcedure(self, request: safety_pb2.GetProcedureRequest, call: Call) -> safety_pb2.Procedure:
        return procedure_message(await queries.PROCEDURES.one(call.read(), call.principal.tenant, UUID(request.id)))

    async def CreateProcedure(self, request: safety_pb2.CreateProcedureRequest, call: Call) -> safety_pb2.Procedure:
        session = await call.session()
        row = Procedure(restaurant_id=call.principal.tenant, created_by=call.principal.user_id)
        made = await commands.add(session, row, values_of(request))
        return await _read(call, session, made, queries.PROCEDURES, procedure_message)

    async def UpdateProcedure(self, request: safety_pb2.UpdateProcedureRequest, call: Call) -> safety_pb2.Procedure:
        session = await call.session()
        row = await commands.locked(session, Procedure, call.principal.tenant, UUID(request.id))
        await commands.change(session, row, changes_of(request, PROCEDURE_FIELDS, nullable=()))
        return await _read(call, session, row.id, queries.PROCEDURES, procedure_message)

    async def DeleteProcedure(self, request: safety_pb2.DeleteProcedureRequest, call: Call) -> Empty:
        session = await call.session()
        row = await commands.locked(session, Procedure, call.principal.tenant, UUID(request.id))
        call.notes.old_values = {"title": row.title}
        await session.delete(row)
        return Empty()

    async def ListSafetyChecklists(
        self, request: safety_pb2.ListSafetyChecklistsRequest, call: Call
    ) -> safety_pb2.ListSafetyChecklistsResponse:
        chosen = values_of(request, without=PAGE)
        count, rows = await queries.SAFETY_CHECKLISTS.page(
            call.read(), call.principal.tenant, page_of(request), **chosen
        )
        return safety_pb2.ListSafetyChecklistsResponse(count=count, results=[_checklist(row) for row in rows])

    async def GetSafetyChecklist(
        self, request: safety_pb2.GetSafetyChecklistRequest, call: Call
    ) -> safety_pb2.SafetyChecklist:
        return _checklist(await queries.SAFETY_CHECKLISTS.one(call.read(), call.principal.tenant, UUID(request.id)))

    async def CreateSafetyChecklist(
        self, request: safety_pb2.CreateSafetyChecklistRequest, call: Call
    ) -> safety_pb2.SafetyChecklist:
        session = await call.session()
        row = SafetyChecklist(restaurant_id=call.principal.tenant)
        made = await commands.add(session, row, values_of(request))
        return await _read(call, session, made, queries.SAFETY_CHECKLISTS, _checklist)

    async def UpdateSafetyChecklist(
        self, request: safety_pb2.UpdateSafetyChecklistRequest, call: Call
    ) -> safety_pb2.SafetyChecklist:
        session = await call.session()
        row = await commands.locked(session, SafetyChecklist, call.principal.tenant, UUID(request.id))
        await commands.change(session, row, changes_of(request, CHECKLIST_FIELDS, nullable=("description",)))
        return await _read(call, session, row.id, queries.SAFETY_CHECKLISTS, _checklist)

    async def DeleteSafetyChecklist(self, request: safety_pb2.DeleteSafetyChecklistRequest, call: Call) -> Empty:
        session = await call.session()
        row = await commands.locked(session, SafetyChecklist, call.principal.tenant, UUID(request.id))
        call.notes.old_values = {"title": row.title}
        await session.delete(row)
        return Empty()

    async def ListIncidents(
        self, request: safety_pb2.ListIncidentsRequest, call: Call
    ) -> safety_pb2.ListIncidentsResponse:
        chosen = values_of(request, without=PAGE)
        for name in ("status", "severity"):
            if name in chosen:
                chosen[name] = chosen[name].upper()
        if not call.principal.may(commands.MANAGE):
            chosen["viewer"] = call.principal.user_id
        count, rows = await queries.INCIDENTS.page(call.read(), call.principal.tenant, page_of(request), **chosen)
        return safety_pb2.ListIncidentsResponse(count=count, results=[_incident(row) for row in rows])

    async def GetIncident(self, request: safety_pb2.GetIncidentRequest, call: Call) -> safety_pb2.Incident:
        row = await queries.INCIDENTS.one(call.read(), call.principal.tenant, UUID(request.id))
        commands.ensure_visible(call.principal, row)
        return _incident(row)

    async def CreateIncident(self, request: safety_pb2.CreateIncidentRequest, call: Call) -> safety_pb2.Incident:
        session = await call.session()
        made = await commands.report(session, call.principal, values_of(request))
        return await _read(call, session, made, queries.INCIDENTS, _incident)

    async def UpdateIncident(self, request: safety_pb2.UpdateIncidentRequest, call: Call) -> safety_pb2.Incident:
        session = await call.session()
        row = await commands.locked(session, Incident, call.principal.tenant, UUID(request.id))
        commands.ensure_own(call.principal, row)
        await commands.change(
            session, row, changes_of(request, INCIDENT_FIELDS, nullable=("location", "occurred_at", "shift"))
        )
        return await _read(call, session, row.id, queries.INCIDENTS, _incident)

    async def DeleteIncident(self, request: safety_pb2.DeleteIncidentRequest, call: Call) -> Empty:
        session = await call.session()
        row = await commands.locked(session, Incident, call.principal.tenant, UUID(request.id))
        call.notes.old_values = {"title": row.title}
        await session.delete(row)
        return Empty()

    async def UpdateIncidentStatus(
        self, request: safety_pb2.UpdateIncidentStatusRequest, call: Call
    ) -> safety_pb2.UpdateIncidentStatusResponse:
        session = await call.session()
        notes = request.resolution_notes if request.HasField("resolution_notes") else None
        incident_id = UUID(request.id)
        await commands.set_status(session, call.principal, incident_id, request.status, notes, self._clock.now())
        return safety_pb2.UpdateIncidentStatusResponse(
            message="Report status updated successfully", report_id=request.id, new_status=request.status
        )

    async def ListRecognitions(
        self, request: safety_pb2.ListRecognitionsRequest, call: Call
    ) -> safety_pb2.ListRecognitionsResponse:
        chosen = values_of(request, without=PAGE)
        if not call.principal.may(commands.MANAGE):
            chosen["viewer"] = call.principal.user_id
        count, rows = await queries.RECOGNITIONS.page(call.read(), call.principal.tenant, page_of(request), **chosen)
        return safety_pb2.ListRecognitionsResponse(count=count, results=[_recognition(row) for row in rows])

    async def GetRecognition(self, request: safety_pb2.GetRecognitionRequest, call: Call) -> safety_pb2.Recognition:
        row = await queries.RECOGNITIONS.one(call.read(), call.principal.tenant, UUID(request.id))
        if not call.principal.may(commands.MANAGE) and row.staff_id != call.principal.user_id:
            raise NotFound("No SafetyRecognition matches the given query.")
        return _recognition(row)

    async def CreateRecognition(
        self, request: safety_pb2.CreateRecognitionRequest, call: Call
    ) -> safety_pb2.Recognition:
        session = await call.session()
        row = Recognition(
            restaurant_id=call.principal.tenant, awarded_by=call.principal.user_id, recognition_type="SAFETY", points=0
        )
        made = await commands.add(session, row, values_of(request))
        return await _read(call, session, made, queries.RECOGNITIONS, _recognition)

    async def UpdateRecognition(
        self, request: safety_pb2.UpdateRecognitionRequest, call: Call
    ) -> safety_pb2.Recognition:
        session = await call.session()
        row = await commands.locked(session, Recognition, call.principal.tenant, UUID(request.id))
        await commands.change(session, row, changes_of(request, RECOGNITION_FIELDS, nullable=()))
        return await _read(call, session, row.id, queries.RECOGNITIONS, _recognition)

    async def DeleteRecognition(self, request: safety_pb2.DeleteRecognitionRequest, call: Call) -> Empty:
        session = await call.session()
        row = await commands.locked(session, Recognition, call.principal.tenant, UUID(request.id))
        call.notes.old_values = {"title": row.title}
        await session.delete(row)
        return Empty()

    async def GetLeaderboard(
        self, _request: safety_pb2.GetLeaderboardRequest, call: Call
    ) -> safety_pb2.GetLeaderboardResponse:
        rows = await queries.leaders(call.read(), call.principal.tenant)
        results = [
            safety_pb2.LeaderboardRow(
                staff=safety_pb2.LeaderboardPerson(
                    id=str(row.staff_id),
                    first_name=row.first_name,
                    last_name=row.last_name,
                    username=row.email,
                    role=row.role,
                ),
                total_points=row.total_points,
                recognition_count=row.recognition_count,
            )
            for row in rows
        ]
        return safety_pb2.GetLeaderboardResponse(count=len(results), results=results)


async def _read(
    call: Call, session: Any, wanted: UUID, listing: queries.Listing, message: Callable[[Any], Answer]
) -> Answer:
    call.notes.entity_id = str(wanted)
    return message(await listing.one(SessionReader(session), call.principal.tenant, wanted))


def procedure_message(row: Any) -> safety_pb2.Procedure:
    """A standard operating procedure."""
    return safety_pb2.Procedure(
        id=str(row.id),
        restaurant=str(row.restaurant_id),
        title=row.title,
        description=row.description,
        category=row.category,
        steps=json_text(row.steps),
        safety_level=row.safety_level,
        required_ppe=json_text(row.required_ppe),
        created_by=text_of(row.created_by),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _checklist(row: Any) -> safety_pb2.SafetyChecklist:
    return safety_pb2.SafetyChecklist(
        id=str(row.id),
        restaurant=str(row.restaurant_id),
        title=row.title,
        description=row.description,
        items=json_text(row.items),
        category=row.category,
        frequency=row.frequency,
        is_completed=row.is_completed,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _incident(row: Any) -> safety_pb2.Incident:
    return safety_pb2.Incident(
        id=str(row.id),
        reporter_details=person_info(row) if row.reporter_id is not None else None,
        incident_type=row.incident_type,
        title=row.title,
        description=row.description,
        location=row.location,
        severity=row.severity,
        occurred_at=row.occurred_at,
        is_anonymous=row.is_anonymous,
        status=row.status,
        audio_evidence=json_text(row.audio_evidence),
        created_at=row.created_at,
        updated_at=row.updated_at,
        resolved_at=row.resolved_at,
        resolution_notes=row.resolution_notes,
        restaurant=str(row.restaurant_id),
        shift=text_of(row.shift_id),
        reporter=text_of(row.reporter_id),
        resolved_by=text_of(row.resolved_by),
    )


def _recognition(row: Any) -> safety_pb2.Recognition:
    return safety_pb2.Recognition(
        id=str(row.id),
        staff_details=person_info(row),
        title=row.title,
        description=row.description,
        recognition_type=row.recognition_type,
        points=row.points,
        awarded_at=row.awarded_at,
        staff=str(row.staff_id),
        restaurant=str(row.restaurant_id),
        awarded_by=text_of(row.awarded_by),
    )
