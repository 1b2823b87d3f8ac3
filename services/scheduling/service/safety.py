"""Procedures, safety checklists, incidents and recognitions."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from google.api import httpbody_pb2
from google.protobuf.empty_pb2 import Empty
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.options.v1 import files_pb2
from mizan.scheduling.v1 import safety_pb2
from mizan.scheduling.v1.shift_pb2 import PersonInfo
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SYSTEM, SessionReader
from servicekit.errors import Forbidden, NotFound, Unauthenticated
from servicekit.files import IMAGES
from servicekit.links import FileLinks
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.scheduling.commands import safety as commands
from services.scheduling.filing import Filing, discard
from services.scheduling.models import Incident, Procedure, Recognition, SafetyChecklist
from services.scheduling.queries import safety as queries
from services.scheduling.service.convert import json_text, person_info, text_of

REPORT_COLUMNS = {"category": "incident_type", "priority": "severity"}
REPORT_STATUSES = {
    "REPORTED": "OPEN",
    "UNDER_REVIEW": "INVESTIGATING",
    "ADDRESSED": "INVESTIGATING",
    "RESOLVED": "RESOLVED",
    "DISMISSED": "CLOSED",
}
"""What the reporting pages call the fields and states of reports."""

Answer = TypeVar("Answer")
PAGE = ("page", "page_size")
PROCEDURE_FIELDS = ("title", "description", "category", "steps", "safety_level", "required_ppe", "priority")
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
    "assigned_to",
)
RECOGNITION_FIELDS = ("title", "description", "recognition_type", "points")


class SafetyService:
    """Implements mizan.scheduling.v1.SafetyService."""

    def __init__(self, filing: Filing, links: FileLinks, clock: Clock) -> None:
        self._filing = filing
        self._links = links
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
        made = await commands.add_procedure(session, row, values_of(request))
        return await _read(call, session, made, queries.PROCEDURES, procedure_message)

    async def UpdateProcedure(self, request: safety_pb2.UpdateProcedureRequest, call: Call) -> safety_pb2.Procedure:
        session = await call.session()
        changes = changes_of(request, PROCEDURE_FIELDS, nullable=())
        await commands.change_procedure(session, call.principal.tenant, UUID(request.id), changes)
        return await _read(call, session, UUID(request.id), queries.PROCEDURES, procedure_message)

    async def DeleteProcedure(self, request: safety_pb2.DeleteProcedureRequest, call: Call) -> Empty:
        session = await call.session()
        row = await commands.delete_procedure(session, call.principal.tenant, UUID(request.id))
        call.notes.old_values = {"title": row.title}
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
        made = await commands.add_checklist(session, row, values_of(request), call.principal, self._clock.now())
        return await _read(call, session, made, queries.SAFETY_CHECKLISTS, _checklist)

    async def UpdateSafetyChecklist(
        self, request: safety_pb2.UpdateSafetyChecklistRequest, call: Call
    ) -> safety_pb2.SafetyChecklist:
        session = await call.session()
        changes = changes_of(request, CHECKLIST_FIELDS, nullable=("description",))
        await commands.change_checklist(session, call.principal, UUID(request.id), changes, self._clock.now())
        return await _read(call, session, UUID(request.id), queries.SAFETY_CHECKLISTS, _checklist)

    async def DeleteSafetyChecklist(self, request: safety_pb2.DeleteSafetyChecklistRequest, call: Call) -> Empty:
        session = await call.session()
        row = await commands.delete_checklist(session, call.principal.tenant, UUID(request.id))
        call.notes.old_values = {"title": row.title}
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
        return safety_pb2.ListIncidentsResponse(count=count, results=[self._incident(row) for row in rows])

    async def GetIncident(self, request: safety_pb2.GetIncidentRequest, call: Call) -> safety_pb2.Incident:
        row = await queries.INCIDENTS.one(call.read(), call.principal.tenant, UUID(request.id))
        commands.ensure_visible(call.principal, row)
        return self._incident(row)

    async def CreateIncident(self, request: safety_pb2.CreateIncidentRequest, call: Call) -> safety_pb2.Incident:
        session = await call.session()
        values = values_of(request, without=("photo",))
        if request.HasField("photo"):
            values["photo_evidence"] = [await self._stored(call.principal.tenant, request.photo)]
        made = await commands.report(session, call.principal, values)
        return await _read(call, session, made, queries.INCIDENTS, self._incident)

    async def UpdateIncident(self, request: safety_pb2.UpdateIncidentRequest, call: Call) -> safety_pb2.Incident:
        session = await call.session()
        row = await commands.locked(session, Incident, call.principal.tenant, UUID(request.id))
        commands.ensure_own(call.principal, row)
        changes = changes_of(request, INCIDENT_FIELDS, nullable=("location", "occurred_at", "shift", "assigned_to"))
        if "assigned_to" in changes and not call.principal.may(commands.MANAGE):
            raise Forbidden
        if request.HasField("photo") or "photo" in request.update_mask.paths:
            await _discard_photos(session, row)
            is_new = request.HasField("photo")
            changes["photo_evidence"] = [await self._stored(row.restaurant_id, request.photo)] if is_new else []
        await commands.change_incident(session, row, changes)
        return await _read(call, session, row.id, queries.INCIDENTS, self._incident)

    async def DeleteIncident(self, request: safety_pb2.DeleteIncidentRequest, call: Call) -> Empty:
        session = await call.session()
        row = await commands.locked(session, Incident, call.principal.tenant, UUID(request.id))
        call.notes.old_values = {"title": row.title}
        await _discard_photos(session, row)
        await commands.delete_incident(session, row)
        return Empty()

    async def DownloadIncidentPhoto(
        self, request: safety_pb2.DownloadIncidentPhotoRequest, call: Call
    ) -> httpbody_pb2.HttpBody:
        incident_id = UUID(request.id)
        if request.HasField("signature"):
            photo = _photo(await queries.photos_of(call.read(SYSTEM), incident_id))
            key = photo["key"] if photo else None
            self._links.check(_photo_path(incident_id), key, request.expires, request.signature)
        else:
            if call.principal.kind != "USER":
                raise Unauthenticated("Authentication credentials were not provided.")
            row = await queries.INCIDENTS.one(call.read(), call.principal.tenant, incident_id)
            commands.ensure_visible(call.principal, row)
            photo = _photo(row.photo_evidence)
        if photo is None:
            raise NotFound("There is no picture.")
        return await self._filing.body(photo["key"], photo["content_type"], photo["filename"])

    async def ListReportedIncidents(
        self, request: safety_pb2.ListReportedIncidentsRequest, call: Call
    ) -> safety_pb2.ListReportedIncidentsResponse:
        chosen = {} if call.principal.may(commands.MANAGE) else {"viewer": call.principal.user_id}
        count, rows = await queries.INCIDENTS.page(call.read(), call.principal.tenant, page_of(request), **chosen)
        return safety_pb2.ListReportedIncidentsResponse(count=count, results=[self._reported(row) for row in rows])

    async def ReportIncident(
        self, request: safety_pb2.ReportIncidentRequest, call: Call
    ) -> safety_pb2.ReportedIncident:
        session = await call.session()
        sent = values_of(request, without=("photo",))
        values = {REPORT_COLUMNS.get(name, name): value for name, value in sent.items()}
        if request.HasField("photo"):
            values["photo_evidence"] = [await self._stored(call.principal.tenant, request.photo)]
        made = await commands.report(session, call.principal, values)
        return await _read(call, session, made, queries.INCIDENTS, self._reported)

    async def _stored(self, restaurant_id: UUID, upload: files_pb2.Upload) -> dict[str, str]:
        stored = await self._filing.store(restaurant_id, "incidents", upload.content, IMAGES, field="photo")
        name = upload.filename or f"photo.{stored.key.rpartition('.')[2]}"
        return {"key": stored.key, "content_type": stored.content_type, "filename": name}

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
            restaurant_id=call.principal.tenant,
            awarded_by=call.principal.user_id,
            recognition_type="SAFETY",
            points=0,
            version=1,
        )
        made = await commands.award(session, row, values_of(request))
        return await _read(call, session, made, queries.RECOGNITIONS, _recognition)

    async def UpdateRecognition(
        self, request: safety_pb2.UpdateRecognitionRequest, call: Call
    ) -> safety_pb2.Recognition:
        session = await call.session()
        changes = changes_of(request, RECOGNITION_FIELDS, nullable=())
        await commands.change_recognition(session, call.principal.tenant, UUID(request.id), changes)
        return await _read(call, session, UUID(request.id), queries.RECOGNITIONS, _recognition)

    async def DeleteRecognition(self, request: safety_pb2.DeleteRecognitionRequest, call: Call) -> Empty:
        session = await call.session()
        row = await commands.delete_recognition(session, call.principal.tenant, UUID(request.id))
        call.notes.old_values = {"title": row.title}
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

    def _incident(self, row: Any) -> safety_pb2.Incident:
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
            photo=self._photo_link(row),
            assigned_to=text_of(row.assigned_to),
            resolved_by_details=_person(row.resolver),
        )

    def _reported(self, row: Any) -> safety_pb2.ReportedIncident:
        link = self._photo_link(row)
        return safety_pb2.ReportedIncident(
            id=str(row.id),
            restaurant=str(row.restaurant_id),
            reporter=text_of(row.reporter_id),
            title=row.title,
            description=row.description,
            category=row.incident_type,
            priority=row.severity,
            status=REPORT_STATUSES[row.status],
            photo_evidence=[link] if link else [],
            audio_evidence=json_text(row.audio_evidence),
            assigned_to=text_of(row.assigned_to),
            resolution_notes=row.resolution_notes,
            resolved_at=row.resolved_at,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )

    def _photo_link(self, row: Any) -> str | None:
        photo = _photo(row.photo_evidence)
        return self._links.link(_photo_path(row.id), photo["key"]) if photo else None


def _photo_path(incident_id: UUID) -> str:
    return f"/api/staff/safety-concerns/{incident_id}/photo/"


def _photo(photos: Any) -> Any | None:
    """The picture of a report, as it was stored."""
    return photos[0] if photos else None


async def _discard_photos(session: AsyncSession, row: Incident) -> None:
    photo = _photo(row.photo_evidence)
    await discard(session, row.restaurant_id, photo["key"] if photo else None)


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
        priority=row.priority,
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
        completed_at=row.completed_at,
        completed_by=text_of(row.completed_by),
        completed_by_details=_person(row.finisher),
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
        awarded_to=person_info(row),
        giver=_person(row.giver),
        created_at=row.awarded_at,
    )


def _person(found: dict[str, Any] | None) -> PersonInfo | None:
    """Somebody whom a row names beside its own person."""
    return PersonInfo(**found) if found else None
