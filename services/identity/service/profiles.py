"""Staff profiles."""

import asyncio
from typing import Any
from uuid import UUID

from google.api import httpbody_pb2
from google.protobuf import any_pb2
from google.protobuf.empty_pb2 import Empty

from mizan.identity.v1 import profile_pb2
from mizan.options.v1 import files_pb2
from servicekit.call import Call
from servicekit.clock import Clock, local_date
from servicekit.db import SYSTEM, SessionReader
from servicekit.errors import NotFound, TooMany
from servicekit.files import StoredFile
from servicekit.identity import Principal
from servicekit.paging import Page, page_of
from servicekit.patch import changes_of, values_of
from services.identity import report
from services.identity.commands import profiles as commands
from services.identity.commands.profiles import RECORDS
from services.identity.domain.documents import save_name
from services.identity.filing import PICTURES, Filing, require_person
from services.identity.queries import documents, performance, staff_requests
from services.identity.queries import profiles as queries
from services.identity.queries.people import name_of
from services.identity.queries.restaurants import time_zone
from services.identity.service.convert import user_slim

FOLDER = "profiles"
CHANGEABLE = (
    "emergency_contact_name",
    "emergency_contact_phone",
    "date_of_birth",
    "hire_date",
    "position",
    "hourly_rate",
    "salary_type",
    "department",
    "promotion_history",
    "skills",
    "certifications",
    "notes",
)
NULLABLE = frozenset(
    {"emergency_contact_name", "emergency_contact_phone", "date_of_birth", "hire_date", "position", "department"}
)
REPORTS_AT_ONCE = 2
REPORTS_WAITING = 20
ROWS_IN_REPORT = 200


class ProfileService:
    """Implements mizan.identity.v1.ProfileService."""

    def __init__(self, filing: Filing, clock: Clock) -> None:
        self._filing = filing
        self._clock = clock
        self._printing = asyncio.Semaphore(REPORTS_AT_ONCE)
        self._waiting = 0

    async def ListProfiles(
        self, request: profile_pb2.ListProfilesRequest, call: Call
    ) -> profile_pb2.ListProfilesResponse:
        principal, page = call.principal, page_of(request)
        if principal.may(RECORDS):
            count, rows = await queries.active_profiles(call.read(), principal.tenant, page)
        else:
            count, rows = 1, [await queries.profile(call.read(), principal.tenant, str(principal.user_id))]
            page.check(count)
        return profile_pb2.ListProfilesResponse(count=count, results=[self._message(row) for row in rows])

    async def CreateProfile(self, request: profile_pb2.CreateProfileRequest, call: Call) -> profile_pb2.StaffProfile:
        principal = call.principal
        session = await call.session()
        user_id = UUID(request.user) if request.HasField("user") else principal.user_id
        user = await commands.locked_person(session, principal, user_id)
        await commands.ensure_nothing_recorded(session, user)
        values = _columns(values_of(request, without=("user", "profile_image")))
        if request.HasField("profile_image"):
            values["image_file"] = (await self._store_picture(principal, request.profile_image)).key
        await commands.change(session, principal, user, values)
        call.notes.entity_id = str(user_id)
        return self._message(await queries.profile(SessionReader(session), principal.tenant, str(user_id)))

    async def GetProfile(self, request: profile_pb2.GetProfileRequest, call: Call) -> profile_pb2.StaffProfile:
        return self._message(await self._visible(call, request.id))

    async def UpdateProfile(self, request: profile_pb2.UpdateProfileRequest, call: Call) -> profile_pb2.StaffProfile:
        principal = call.principal
        user_id = (await self._visible(call, request.id)).id
        session = await call.session()
        user = await commands.locked_person(session, principal, user_id)
        values = _columns(changes_of(request, CHANGEABLE, nullable=NULLABLE))
        if request.HasField("profile_image"):
            values["image_file"] = (await self._store_picture(principal, request.profile_image)).key
        elif "profile_image" in request.update_mask.paths:
            values["image_file"] = None
        old = await commands.change(session, principal, user, values)
        call.notes.entity_id = str(user_id)
        call.notes.old_values = old
        call.notes.new_values = {name: values[name] for name in old}
        return self._message(await queries.profile(SessionReader(session), principal.tenant, str(user_id)))

    async def DeleteProfile(self, request: profile_pb2.DeleteProfileRequest, call: Call) -> Empty:
        user_id = (await self._visible(call, request.id)).id
        session = await call.session()
        user = await commands.locked_person(session, call.principal, user_id)
        await commands.forget(session, call.principal, user)
        call.notes.entity_id = str(user_id)
        return Empty()

    async def DownloadProfileImage(
        self, request: profile_pb2.DownloadProfileImageRequest, call: Call
    ) -> httpbody_pb2.HttpBody:
        user_id = UUID(request.id)
        if request.HasField("signature"):
            found = await queries.picture(call.read(SYSTEM), user_id)
            key = found.image_file if found else None
            self._filing.check_link(_path(user_id), key, request.expires, request.signature)
        else:
            require_person(call.principal)
            key = (await self._visible(call, request.id)).image_file
        if key is None:
            raise NotFound("There is no picture.")
        return await self._filing.picture(key)

    async def GetProfileReport(self, request: profile_pb2.GetProfileReportRequest, call: Call) -> httpbody_pb2.HttpBody:
        row = await self._visible(call, request.id)
        content = await self._print(await self._record(call, row), call.principal.language)
        packed = any_pb2.Any()
        packed.Pack(files_pb2.Disposition(filename=save_name(f"{name_of(row)} - report", ".pdf"), inline=True))
        return httpbody_pb2.HttpBody(content_type="application/pdf", data=content, extensions=[packed])

    async def _record(self, call: Call, row: Any) -> report.Record:
        tenant, reader = call.principal.tenant, call.read()
        page = Page(1, ROWS_IN_REPORT)
        _, papers = await documents.documents(reader, tenant, page, row.id)
        _, metrics = await performance.metrics(reader, tenant, page, row.id)
        counts = await staff_requests.counts(reader, staff_requests.Viewer(tenant, row.id, sees_all=False))
        zone = await time_zone(reader, tenant)
        return report.Record(
            person=row,
            documents=papers,
            metrics=metrics,
            request_counts=counts,
            today=local_date(self._clock.now(), zone),
        )

    async def _print(self, record: report.Record, language: str) -> bytes:
        """Renders on a thread, few at a time. Raises TooMany when many wait already."""
        if self._waiting >= REPORTS_WAITING:
            raise TooMany("Too many reports at this moment. Please try again.", retry_after=5)
        self._waiting += 1
        try:
            async with self._printing:
                return await asyncio.to_thread(report.render, record, language)
        finally:
            self._waiting -= 1

    async def _visible(self, call: Call, key: str) -> Any:
        row = await queries.profile(call.read(), call.principal.tenant, key)
        if row.id != call.principal.user_id and not call.principal.may(RECORDS):
            raise NotFound("No StaffProfile matches the given query.")
        return row

    async def _store_picture(self, principal: Principal, upload: files_pb2.Upload) -> StoredFile:
        return await self._filing.store(principal.tenant, FOLDER, upload, PICTURES, field="profile_image")

    def _message(self, row: Any) -> profile_pb2.StaffProfile:
        recorded = row.p_user_id is not None
        return profile_pb2.StaffProfile(
            id=row.number,
            user_details=user_slim(row),
            user=str(row.id),
            profile_image=self._filing.link(_path(row.id), row.image_file) if row.image_file else None,
            emergency_contact_name=row.p_emergency_contact_name,
            emergency_contact_phone=row.p_emergency_contact_phone,
            date_of_birth=row.date_of_birth.isoformat() if row.date_of_birth else None,
            hire_date=row.p_join_date.isoformat() if row.p_join_date else None,
            position=row.position,
            hourly_rate=str(row.p_hourly_rate) if recorded else "0",
            salary_type=row.p_salary_type if recorded else "HOURLY",
            department=row.p_department,
            promotion_history=row.p_promotion_history if recorded else "[]",
            skills=row.skills if recorded else "[]",
            certifications=row.certifications if recorded else "[]",
            notes=row.p_notes,
        )


def _columns(values: dict[str, Any]) -> dict[str, Any]:
    """The values under the names of their columns."""
    if "hire_date" in values:
        values["join_date"] = values.pop("hire_date")
    return values


def _path(user_id: UUID) -> str:
    return f"/api/staff/profiles/{user_id}/image/"
