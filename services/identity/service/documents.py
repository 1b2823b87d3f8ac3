"""HR documents."""

from typing import Any
from uuid import UUID

from google.api import httpbody_pb2
from google.protobuf.empty_pb2 import Empty

from mizan.identity.v1 import document_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SYSTEM
from servicekit.errors import Invalid, NotFound
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.identity.commands import documents as commands
from services.identity.commands.profiles import RECORDS
from services.identity.domain.documents import save_name
from services.identity.filing import PAPERS, Filing, require_person
from services.identity.queries import documents as queries
from services.identity.queries import people

FOLDER = "documents"
NO_FILE = "No file was submitted."


class DocumentService:
    """Implements mizan.identity.v1.DocumentService."""

    def __init__(self, filing: Filing, clock: Clock) -> None:
        self._filing = filing
        self._clock = clock

    async def ListDocuments(
        self, request: document_pb2.ListDocumentsRequest, call: Call
    ) -> document_pb2.ListDocumentsResponse:
        page = page_of(request)
        about = await records_about(call, request.staff_id)
        if about is NOBODY:
            page.check(0)
            return document_pb2.ListDocumentsResponse()
        count, rows = await queries.documents(call.read(), call.principal.tenant, page, about)
        return document_pb2.ListDocumentsResponse(count=count, results=[self._message(row) for row in rows])

    async def CreateDocument(
        self, request: document_pb2.CreateDocumentRequest, call: Call
    ) -> document_pb2.StaffDocument:
        principal = call.principal
        if not request.HasField("file"):
            raise Invalid.field("file", NO_FILE, code="required")
        staff_id = UUID(request.staff) if request.HasField("staff") else principal.user_id
        session = await call.session()
        await commands.ensure_may_file(session, principal, staff_id)
        stored = await self._filing.store(principal.tenant, FOLDER, request.file, PAPERS)
        expires_on = values_of(request).get("expires_on")
        document = commands.add(session, principal, staff_id, request.title, stored, expires_on, self._clock.now())
        await session.flush()
        call.notes.description = f"Added the document {document.title}"
        return self._message(document)

    async def GetDocument(self, request: document_pb2.GetDocumentRequest, call: Call) -> document_pb2.StaffDocument:
        return self._message(await self._visible(call, UUID(request.id)))

    async def UpdateDocument(
        self, request: document_pb2.UpdateDocumentRequest, call: Call
    ) -> document_pb2.StaffDocument:
        principal = call.principal
        session = await call.session()
        document = await commands.locked_document(session, principal, UUID(request.id))
        call.notes.old_values = {
            "title": document.title,
            "staff": str(document.staff_id),
            "expires_on": document.expires_on,
        }
        stored = None
        if request.HasField("file"):
            stored = await self._filing.store(principal.tenant, FOLDER, request.file, PAPERS)
        changes = changes_of(request, ("title", "staff", "expires_on"), nullable=("expires_on",))
        await commands.change(session, principal, document, changes, stored)
        return self._message(document)

    async def DeleteDocument(self, request: document_pb2.DeleteDocumentRequest, call: Call) -> Empty:
        session = await call.session()
        document = await commands.locked_document(session, call.principal, UUID(request.id))
        await commands.remove(session, call.principal, document)
        call.notes.old_values = {"title": document.title, "staff": str(document.staff_id)}
        call.notes.description = f"Deleted the document {document.title}"
        return Empty()

    async def DownloadDocument(
        self, request: document_pb2.DownloadDocumentRequest, call: Call
    ) -> httpbody_pb2.HttpBody:
        document_id = UUID(request.id)
        if request.HasField("signature"):
            row: Any = await queries.document_anywhere(call.read(SYSTEM), document_id)
            key = row.file_key if row else None
            self._filing.check_link(_path(document_id), key, request.expires, request.signature)
        else:
            require_person(call.principal)
            row = await self._visible(call, document_id)
        return await self._filing.body(row.file_key, row.content_type, save_name(row.title, row.file_key))

    async def _visible(self, call: Call, document_id: UUID) -> Any:
        row = await queries.document(call.read(), call.principal.tenant, document_id)
        if row.staff_id != call.principal.user_id and not call.principal.may(RECORDS):
            raise NotFound("No StaffDocument matches the given query.")
        return row

    def _message(self, row: Any) -> document_pb2.StaffDocument:
        message = document_pb2.StaffDocument(
            id=str(row.id),
            title=row.title,
            file=self._filing.link(_path(row.id), row.file_key),
            staff=str(row.staff_id),
            expires_on=row.expires_on.isoformat() if row.expires_on else None,
            content_type=row.content_type,
            size=row.size,
            uploaded_by=str(row.uploaded_by) if row.uploaded_by else None,
        )
        message.uploaded_at.FromDatetime(row.uploaded_at)
        return message


NOBODY = UUID(int=0)
"""Stands for people whose records the caller does not see."""


async def records_about(call: Call, staff_id: str) -> UUID | None:
    """Whose records a list is about: everybody's for None. Raises NotFound for somebody of another restaurant."""
    principal = call.principal
    wanted = UUID(staff_id) if staff_id else None
    if wanted is not None and wanted != principal.user_id:
        await people.member(call.read(), principal.tenant, wanted)
    if principal.may(RECORDS):
        return wanted
    return principal.user_id if wanted in (None, principal.user_id) else NOBODY


def _path(document_id: UUID) -> str:
    return f"/api/staff/documents/{document_id}/file/"
