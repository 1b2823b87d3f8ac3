"""The managers' inbox."""

from typing import Any, Protocol
from uuid import UUID

from google.api import httpbody_pb2
from google.protobuf.empty_pb2 import Empty

from mizan.identity.v1 import staff_request_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SYSTEM, Reading, SessionReader
from servicekit.errors import Invalid
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.identity.commands import staff_requests as commands
from services.identity.commands.staff_requests import REVIEW, Wish
from services.identity.domain import staff_requests as rules
from services.identity.domain.documents import save_name
from services.identity.filing import PAPERS, Filing, require_person
from services.identity.models import StaffRequest
from services.identity.queries import people
from services.identity.queries import staff_requests as queries
from services.identity.queries.staff_requests import Timeline, Viewer
from services.identity.service.documents import NO_FILE
from services.identity.service.ingest import RequestIngest
from services.identity.service.request_messages import attachment_message, attachment_path, request_message

FOLDER = "requests"
NEWEST_FIRST = "-created_at"


class Versioned(Protocol):
    """A request to act on something that may name the version it was seen in."""

    id: str
    version: int

    def HasField(self, field_name: Any) -> bool: ...


class StaffRequestService:
    """Implements mizan.identity.v1.StaffRequestService."""

    def __init__(self, filing: Filing, ingest: RequestIngest, clock: Clock) -> None:
        self._filing = filing
        self._ingest = ingest
        self._clock = clock

    async def ListStaffRequests(
        self, request: staff_request_pb2.ListStaffRequestsRequest, call: Call
    ) -> staff_request_pb2.ListStaffRequestsResponse:
        viewer, reader = _viewer(call), call.read()
        count, rows = await queries.requests(
            reader,
            viewer,
            page_of(request),
            status=request.status,
            search=request.search,
            ordering=request.ordering or NEWEST_FIRST,
        )
        timeline = await queries.timeline(reader, viewer.restaurant_id, [row.id for row in rows])
        return staff_request_pb2.ListStaffRequestsResponse(
            count=count, results=[self._message(call, row, timeline) for row in rows]
        )

    async def CreateStaffRequest(
        self, request: staff_request_pb2.CreateStaffRequestRequest, call: Call
    ) -> staff_request_pb2.StaffRequest:
        principal = call.principal
        values = values_of(request)
        details = values.pop("metadata", {})
        if not isinstance(details, dict):
            raise Invalid.field("metadata", "Must be an object.")
        me = await people.member(call.read(), principal.tenant, principal.user_id)
        wish = Wish(
            restaurant_id=principal.tenant,
            staff_id=principal.user_id,
            staff_name=people.name_of(me),
            staff_phone=me.phone or "",
            details=details,
            **values,
        )
        session = await call.session()
        filed, is_new = await commands.file(session, wish, self._clock.now())
        if not is_new:
            commands.ensure_own(principal, filed)
        return await self._answer(call, SessionReader(session), filed.id)

    async def GetStaffRequest(
        self, request: staff_request_pb2.GetStaffRequestRequest, call: Call
    ) -> staff_request_pb2.StaffRequest:
        return await self._answer(call, call.read(), UUID(request.id))

    async def UpdateStaffRequest(
        self, request: staff_request_pb2.UpdateStaffRequestRequest, call: Call
    ) -> staff_request_pb2.StaffRequest:
        found = await self._held(call, request)
        changes = changes_of(request, (*commands.WORDING, "status"))
        call.notes.old_values = {name: getattr(found, name) for name in changes}
        session = await call.session()
        commands.reword(session, call.principal, found, changes, self._clock.now())
        return await self._answer(call, SessionReader(session), found.id)

    async def DeleteStaffRequest(self, request: staff_request_pb2.DeleteStaffRequestRequest, call: Call) -> Empty:
        seen = await queries.request(call.read(), _viewer(call), UUID(request.id))
        session = await call.session()
        found = await commands.locked_request(session, call.principal, seen.id, seen.version)
        call.notes.old_values = {"subject": found.subject, "status": found.status, "staff": found.staff_name}
        await commands.remove(session, call.principal, found)
        return Empty()

    async def CountStaffRequests(self, _request: Empty, call: Call) -> staff_request_pb2.CountStaffRequestsResponse:
        counts = await queries.counts(call.read(), _viewer(call))
        return staff_request_pb2.CountStaffRequestsResponse(
            success=True,
            counts=staff_request_pb2.StaffRequestCounts(**{state.lower(): number for state, number in counts.items()}),
        )

    async def CommentStaffRequest(
        self, request: staff_request_pb2.CommentStaffRequestRequest, call: Call
    ) -> staff_request_pb2.StaffRequestAnswer:
        body = request.body.strip()
        if not body:
            raise Invalid("body is required", code="required")
        seen = await queries.request(call.read(), _viewer(call), UUID(request.id))
        session = await call.session()
        found = await commands.locked_request(session, call.principal, seen.id)
        commands.remark(session, call.principal, found, body, self._clock.now())
        call.notes.description = "Commented on a staff request"
        return await self._acted(call, found)

    async def ApproveStaffRequest(
        self, request: staff_request_pb2.ApproveStaffRequestRequest, call: Call
    ) -> staff_request_pb2.StaffRequestAnswer:
        return await self._decide(call, request, rules.APPROVED)

    async def RejectStaffRequest(
        self, request: staff_request_pb2.RejectStaffRequestRequest, call: Call
    ) -> staff_request_pb2.StaffRequestAnswer:
        return await self._decide(call, request, rules.REJECTED, request.reason)

    async def EscalateStaffRequest(
        self, request: staff_request_pb2.EscalateStaffRequestRequest, call: Call
    ) -> staff_request_pb2.StaffRequestAnswer:
        return await self._decide(call, request, rules.ESCALATED, request.note)

    async def CloseStaffRequest(
        self, request: staff_request_pb2.CloseStaffRequestRequest, call: Call
    ) -> staff_request_pb2.StaffRequestAnswer:
        return await self._decide(call, request, rules.CLOSED)

    async def AssignStaffRequest(
        self, request: staff_request_pb2.AssignStaffRequestRequest, call: Call
    ) -> staff_request_pb2.StaffRequestAnswer:
        assignee = None
        if request.HasField("assigned_to"):
            assignee = await people.member(call.read(), call.principal.tenant, UUID(request.assigned_to))
            if not assignee.is_active:
                raise Invalid.field("assigned_to", "This person does not work here any more.", code="inactive")
        found = await self._held(call, request)
        call.notes.old_values = {"assigned_to": found.assigned_to}
        call.notes.description = "Assigned a staff request"
        assignee_id, name = (assignee.id, people.name_of(assignee)) if assignee else (None, None)
        session = await call.session()
        commands.assign(session, call.principal, found, assignee_id, name, self._clock.now())
        return await self._acted(call, found)

    async def ListStaffRequestAttachments(
        self, request: staff_request_pb2.ListStaffRequestAttachmentsRequest, call: Call
    ) -> staff_request_pb2.ListStaffRequestAttachmentsResponse:
        seen = await queries.request(call.read(), _viewer(call), UUID(request.id))
        rows = await queries.attachments(call.read(), call.principal.tenant, seen.id)
        return staff_request_pb2.ListStaffRequestAttachmentsResponse(
            results=[attachment_message(row, self._filing) for row in rows]
        )

    async def AttachToStaffRequest(
        self, request: staff_request_pb2.AttachToStaffRequestRequest, call: Call
    ) -> staff_request_pb2.StaffRequestAttachment:
        principal = call.principal
        if not request.HasField("file"):
            raise Invalid.field("file", NO_FILE, code="required")
        seen = await queries.request(call.read(), _viewer(call), UUID(request.id))
        session = await call.session()
        found = await commands.locked_request(session, principal, seen.id)
        await commands.ensure_room(session, found)
        stored = await self._filing.store(principal.tenant, FOLDER, request.file, PAPERS)
        name = save_name(request.file.filename, stored.key)
        attached = commands.attach(session, principal, found, name, stored, self._clock.now())
        await session.flush()
        call.notes.description = f"Attached {name} to a staff request"
        return attachment_message(attached, self._filing)

    async def DownloadStaffRequestAttachment(
        self, request: staff_request_pb2.DownloadStaffRequestAttachmentRequest, call: Call
    ) -> httpbody_pb2.HttpBody:
        request_id, attachment_id = UUID(request.id), UUID(request.attachment_id)
        row: Any
        if request.HasField("signature"):
            row = await queries.attachment_anywhere(call.read(SYSTEM), request_id, attachment_id)
            key = row.file_key if row else None
            path = attachment_path(request_id, attachment_id)
            self._filing.check_link(path, key, request.expires, request.signature)
        else:
            require_person(call.principal)
            await queries.request(call.read(), _viewer(call), request_id)
            row = await queries.attachment(call.read(), request_id, attachment_id)
        return await self._filing.body(row.file_key, row.content_type, row.name)

    async def IngestStaffRequest(
        self, request: staff_request_pb2.IngestStaffRequestRequest, call: Call
    ) -> staff_request_pb2.IngestStaffRequestResponse:
        return await self._ingest.file(request, call)

    async def _decide(
        self, call: Call, request: Versioned, target: str, remark: str = ""
    ) -> staff_request_pb2.StaffRequestAnswer:
        found = await self._held(call, request)
        call.notes.old_values = {"status": found.status}
        call.notes.new_values = {"status": target, **({"remark": remark} if remark else {})}
        call.notes.description = f"Staff request {target.lower()}"
        session = await call.session()
        commands.decide(session, call.principal, found, target, remark, self._clock.now())
        return await self._acted(call, found)

    async def _held(self, call: Call, request: Versioned) -> StaffRequest:
        """The request, held for a change that is based on the version named, or on the one that is there now.

        What is read before the lock is waited for is what the caller's change is based on: of two that come at once,
        the second finds another version than it has seen.
        """
        seen = await queries.request(call.read(), _viewer(call), UUID(request.id))
        version = request.version if request.HasField("version") else seen.version
        return await commands.locked_request(await call.session(), call.principal, seen.id, version)

    async def _acted(self, call: Call, found: StaffRequest) -> staff_request_pb2.StaffRequestAnswer:
        answer = await self._answer(call, SessionReader(await call.session()), found.id)
        return staff_request_pb2.StaffRequestAnswer(success=True, request=answer)

    async def _answer(self, call: Call, reading: Reading, request_id: UUID) -> staff_request_pb2.StaffRequest:
        viewer = _viewer(call)
        row = await queries.request(reading, viewer, request_id)
        return self._message(call, row, await queries.timeline(reading, viewer.restaurant_id, [row.id]))

    def _message(self, call: Call, row: Any, timeline: Timeline) -> staff_request_pb2.StaffRequest:
        return request_message(row, timeline, self._filing, call.principal)


def _viewer(call: Call) -> Viewer:
    principal = call.principal
    return Viewer(principal.tenant, principal.user_id, sees_all=principal.may(REVIEW))
