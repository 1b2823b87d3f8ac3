"""Keeping procedures, safety checklists, incidents and recognitions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from mizan.scheduling.events.v1 import events_pb2 as facts
from servicekit.db import SessionReader
from servicekit.errors import Invalid, NotFound
from servicekit.identity import Principal
from servicekit.text import tidy_name
from services.scheduling import events
from services.scheduling.commands.shift_tasks import shift_of_restaurant
from services.scheduling.commands.shifts import active_people
from services.scheduling.models import Incident, Procedure, Recognition, SafetyChecklist

MANAGE = "schedule.manage"
NAMES = {
    Procedure: "StandardOperatingProcedure",
    SafetyChecklist: "SafetyChecklist",
    Incident: "SafetyConcernReport",
    Recognition: "SafetyRecognition",
}
LISTS = frozenset({"steps", "required_ppe", "items", "audio_evidence", "photo_evidence"})
COLUMNS = {"shift": "shift_id", "staff": "staff_id"}
"""The columns of fields that requests call otherwise."""

OPEN = frozenset({"REPORTED", "UNDER_REVIEW", "ADDRESSED"})
Kept = TypeVar("Kept", Procedure, SafetyChecklist, Incident, Recognition)


async def add(session: AsyncSession, row: Kept, values: Mapping[str, Any]) -> UUID:
    """Writes a new row; its id. Raises Invalid or NotFound for what it names."""
    row.id = uuid4()
    await change(session, row, values)
    session.add(row)
    await session.flush()
    return row.id


async def change(session: AsyncSession, row: Kept, changes: Mapping[str, Any]) -> None:
    """Applies what was sent. Raises Invalid, or NotFound for a shift or a person that is not there."""
    for name, value in changes.items():
        kept = value
        if name == "title":
            kept = tidy_name(value, "title")
        elif name in LISTS:
            if value is not None and not isinstance(value, list):
                raise Invalid.field(name, "Expected a list of items.")
            kept = value or []
        elif name == "shift" and value is not None:
            kept = await shift_of_restaurant(session, row.restaurant_id, value)
        elif name == "assigned_to" and value is not None:
            await active_people(session, row.restaurant_id, [value], name)
        elif name == "staff":
            await refdata.member(SessionReader(session), row.restaurant_id, value)
        setattr(row, COLUMNS.get(name, name), kept)
    await session.flush()


async def add_procedure(session: AsyncSession, procedure: Procedure, values: Mapping[str, Any]) -> UUID:
    """Writes a new procedure; its id. Raises Invalid."""
    made = await add(session, procedure, values)
    events.procedure_changed(session, facts.ProcedureCreated, procedure)
    return made


async def change_procedure(
    session: AsyncSession, restaurant_id: UUID, procedure_id: UUID, changes: Mapping[str, Any]
) -> None:
    """Applies what was sent. Raises NotFound or Invalid."""
    procedure = await locked(session, Procedure, restaurant_id, procedure_id)
    procedure.version += 1
    await change(session, procedure, changes)
    events.procedure_changed(session, facts.ProcedureUpdated, procedure)


async def delete_procedure(session: AsyncSession, restaurant_id: UUID, procedure_id: UUID) -> Procedure:
    """Removes a procedure. Raises NotFound."""
    procedure = await locked(session, Procedure, restaurant_id, procedure_id)
    procedure.version += 1
    events.procedure_changed(session, facts.ProcedureDeleted, procedure)
    await session.delete(procedure)
    return procedure


async def add_checklist(
    session: AsyncSession, checklist: SafetyChecklist, values: Mapping[str, Any], principal: Principal, now: datetime
) -> UUID:
    """Writes a new safety checklist; its id. Raises Invalid."""
    _tick(checklist, bool(values.get("is_completed")), principal, now)
    made = await add(session, checklist, values)
    events.safety_checklist_changed(session, facts.SafetyChecklistCreated, checklist)
    return made


async def change_checklist(
    session: AsyncSession, principal: Principal, checklist_id: UUID, changes: Mapping[str, Any], now: datetime
) -> None:
    """Applies what was sent; who ticked it off and when stays until it is opened again. Raises NotFound or Invalid."""
    checklist = await locked(session, SafetyChecklist, principal.tenant, checklist_id)
    checklist.version += 1
    if "is_completed" in changes and changes["is_completed"] != checklist.is_completed:
        _tick(checklist, changes["is_completed"], principal, now)
    await change(session, checklist, changes)
    events.safety_checklist_changed(session, facts.SafetyChecklistUpdated, checklist)


def _tick(checklist: SafetyChecklist, is_completed: bool, principal: Principal, now: datetime) -> None:
    checklist.completed_at, checklist.completed_by = (now, principal.user_id) if is_completed else (None, None)


async def delete_checklist(session: AsyncSession, restaurant_id: UUID, checklist_id: UUID) -> SafetyChecklist:
    """Removes a safety checklist. Raises NotFound."""
    checklist = await locked(session, SafetyChecklist, restaurant_id, checklist_id)
    checklist.version += 1
    events.safety_checklist_changed(session, facts.SafetyChecklistDeleted, checklist)
    await session.delete(checklist)
    return checklist


async def award(session: AsyncSession, recognition: Recognition, values: Mapping[str, Any]) -> UUID:
    """Gives somebody an award; its id. Raises Invalid or NotFound."""
    made = await add(session, recognition, values)
    events.recognition_changed(session, facts.RecognitionCreated, recognition)
    return made


async def change_recognition(
    session: AsyncSession, restaurant_id: UUID, recognition_id: UUID, changes: Mapping[str, Any]
) -> None:
    """Applies what was sent. Raises NotFound or Invalid."""
    recognition = await locked(session, Recognition, restaurant_id, recognition_id)
    recognition.version += 1
    await change(session, recognition, changes)
    events.recognition_changed(session, facts.RecognitionUpdated, recognition)


async def delete_recognition(session: AsyncSession, restaurant_id: UUID, recognition_id: UUID) -> Recognition:
    """Removes an award. Raises NotFound."""
    recognition = await locked(session, Recognition, restaurant_id, recognition_id)
    recognition.version += 1
    events.recognition_changed(session, facts.RecognitionDeleted, recognition)
    await session.delete(recognition)
    return recognition


async def locked(session: AsyncSession, model: type[Kept], restaurant_id: UUID, wanted: UUID) -> Kept:
    """A row, held against others. Raises NotFound."""
    row: Kept | None = await session.scalar(
        sa.select(model).where(model.id == wanted, model.restaurant_id == restaurant_id).with_for_update()
    )
    if row is None:
        raise NotFound(f"No {NAMES[model]} matches the given query.")
    return row


async def report(session: AsyncSession, principal: Principal, values: Mapping[str, Any]) -> UUID:
    """A new report; its id. Of an anonymous one nobody learns who made it. Raises Invalid or NotFound."""
    is_anonymous = bool(values.get("is_anonymous"))
    reporter = None if is_anonymous else principal.user_id
    return (await report_for(session, principal.tenant, reporter, values)).id


async def report_for(
    session: AsyncSession, restaurant_id: UUID, reporter: UUID | None, values: Mapping[str, Any]
) -> Incident:
    """A new report of somebody, or of nobody who is known. Raises Invalid or NotFound."""
    incident = Incident(
        restaurant_id=restaurant_id,
        is_anonymous=False,
        reporter_id=reporter,
        status="REPORTED",
        severity="MEDIUM",
        incident_type="General",
        version=1,
    )
    await add(session, incident, values)
    await session.refresh(incident, ["created_at"])
    events.incident_changed(session, facts.IncidentReported, incident)
    return incident


async def change_incident(session: AsyncSession, incident: Incident, changes: Mapping[str, Any]) -> None:
    """Applies what was sent. Raises Invalid, or NotFound for a shift or a person that is not there."""
    incident.version += 1
    await change(session, incident, changes)
    events.incident_changed(session, facts.IncidentUpdated, incident, is_edit=True)


async def delete_incident(session: AsyncSession, incident: Incident) -> None:
    """Removes a report."""
    incident.version += 1
    events.incident_changed(session, facts.IncidentDeleted, incident)
    await session.delete(incident)


async def set_status(
    session: AsyncSession, principal: Principal, incident_id: UUID, status: str, notes: str | None, now: datetime
) -> None:
    """Says how far a report is; who closed it and when is kept until it is opened again. Raises NotFound."""
    incident = await locked(session, Incident, principal.tenant, incident_id)
    incident.status = status
    incident.resolved_at, incident.resolved_by = (None, None) if status in OPEN else (now, principal.user_id)
    if notes is not None:
        incident.resolution_notes = notes
    incident.version += 1
    await session.flush()
    events.incident_changed(session, facts.IncidentUpdated, incident)


def ensure_visible(principal: Principal, row: Any) -> None:
    """Raises NotFound for a report of somebody else that is not anonymous, unless the caller manages."""
    if not (principal.may(MANAGE) or row.is_anonymous or row.reporter_id == principal.user_id):
        raise NotFound(f"No {NAMES[Incident]} matches the given query.")


def ensure_own(principal: Principal, row: Any) -> None:
    """Raises NotFound for a report that the caller neither made nor manages."""
    if not (principal.may(MANAGE) or (row.reporter_id == principal.user_id and row.status == "REPORTED")):
        raise NotFound(f"No {NAMES[Incident]} matches the given query.")
