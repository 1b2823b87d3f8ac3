"""HR documents: who sees and changes which, what is stored, and what is removed."""

import asyncio
import io
import zipfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID, uuid4

import grpc
import pytest
from google.api import httpbody_pb2
from google.protobuf.field_mask_pb2 import FieldMask

from mizan.identity.events.v1 import events_pb2 as facts
from mizan.identity.v1 import document_pb2
from mizan.options.v1 import files_pb2
from servicekit.db import SYSTEM
from servicekit.files import Files
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS, Principal
from servicekit.jobs import Job
from servicekit.testing.clock import MovableClock
from servicekit.testing.service import Api, RunningService
from services.identity.filing import Filing
from services.identity.jobs import RecordJobs
from services.identity.models import StaffDocument
from services.identity.settings import Settings
from services.identity.tests.conftest import Owner, register
from services.identity.tests.published import published
from services.identity.tests.team import hire
from services.identity.vault import build_vault

RUN = Job(id=1, task="a test's", attempt=1, last_attempt=False)
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489")


@pytest.fixture
async def owner(api: Api) -> Owner:
    return await register(api, f"d{uuid4().hex[:10]}")


def word_file() -> bytes:
    """The smallest archive that shows what it is."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("[Content_Types].xml", "_rels/.rels", "word/document.xml"):
            archive.writestr(name, "<xml/>")
    return packed.getvalue()


async def add(
    api: Api,
    caller: Principal,
    *,
    content: bytes = PDF,
    title: str = "Contract",
    staff: str | None = None,
    expires_on: date | None = None,
) -> document_pb2.StaffDocument:
    request = document_pb2.CreateDocumentRequest(
        title=title,
        file=files_pb2.Upload(filename="../evil.exe", content_type="text/html", content=content),
        staff=staff,
        expires_on=expires_on.isoformat() if expires_on else None,
    )
    answer: document_pb2.StaffDocument = await api.DocumentService.CreateDocument(request, principal=caller)
    return answer


async def listed(api: Api, caller: Principal, **request: Any) -> document_pb2.ListDocumentsResponse:
    answer: document_pb2.ListDocumentsResponse = await api.DocumentService.ListDocuments(
        document_pb2.ListDocumentsRequest(**request), principal=caller
    )
    return answer


def link_request(link: str) -> document_pb2.DownloadDocumentRequest:
    """What the gateway makes of a link."""
    parts = urlsplit(link)
    query = parse_qs(parts.query)
    return document_pb2.DownloadDocumentRequest(
        id=parts.path.split("/")[4], expires=int(query["expires"][0]), signature=query["signature"][0]
    )


async def download(api: Api, caller: Principal, request: Any) -> httpbody_pb2.HttpBody:
    body: httpbody_pb2.HttpBody = await api.DocumentService.DownloadDocument(request, principal=caller)
    return body


def stored_files(identity: RunningService) -> set[Path]:
    folder = Path(unquote(urlsplit(identity.service.core.settings.files_url).path))
    return {path for path in folder.rglob("*") if path.is_file() and path.name != "health"}


async def settled(identity: RunningService, expected: set[Path]) -> None:
    """Waits until the worker has removed what nobody names any more."""
    async with asyncio.timeout(20):
        while stored_files(identity) != expected:  # noqa: ASYNC110 - a folder tells nobody when it changes
            await asyncio.sleep(0.05)


@pytest.fixture
def jobs(identity: RunningService, settings: Settings, clock: MovableClock) -> RecordJobs:
    filing = Filing(
        Files.from_url(settings.files_url),
        identity.database,
        build_vault(settings),
        clock,
        public_url=settings.public_url,
        max_bytes=1024,
    )
    return RecordJobs(identity.database, filing, clock)


async def test_a_document_is_stored_under_a_name_of_ours_and_typed_by_its_bytes(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    before = stored_files(identity)
    made = await add(api, owner.principal, expires_on=date(2030, 1, 31))
    assert (made.title, made.staff, made.uploaded_by) == ("Contract", owner.user.id, owner.user.id)
    assert (made.content_type, made.size, made.expires_on) == ("application/pdf", len(PDF), "2030-01-31")
    assert made.file.startswith(f"http://127.0.0.1:8000/api/staff/documents/{made.id}/file/?")
    (path,) = stored_files(identity) - before
    assert path.read_bytes() == PDF
    assert path.suffix == ".pdf"
    assert "evil" not in str(path)
    assert (
        await api.DocumentService.GetDocument(document_pb2.GetDocumentRequest(id=made.id), principal=owner.principal)
        == made
    )


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (PNG, "image/png"),
        (b"Heures de mars : 160\n", "text/plain"),
        (word_file(), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ],
)
async def test_pictures_texts_and_office_files_are_taken(
    api: Api, owner: Owner, content: bytes, content_type: str
) -> None:
    assert (await add(api, owner.principal, content=content)).content_type == content_type


@pytest.mark.parametrize(
    ("content", "status", "message"),
    [
        (b"", grpc.StatusCode.INVALID_ARGUMENT, "The submitted file is empty."),
        (b"MZ\x90\x00" + bytes(100), grpc.StatusCode.INVALID_ARGUMENT, "This type of file is not accepted."),
        (b"\x00\x01\x02", grpc.StatusCode.INVALID_ARGUMENT, "This type of file is not accepted."),
        (PDF + bytes(10 * 1024 * 1024), grpc.StatusCode.OUT_OF_RANGE, "The file is larger than 10 MiB."),
    ],
)
async def test_other_files_are_refused_and_leave_nothing(
    api: Api, identity: RunningService, owner: Owner, content: bytes, status: grpc.StatusCode, message: str
) -> None:
    before = stored_files(identity)
    with pytest.raises(RemoteRefusal) as refused:
        await add(api, owner.principal, content=content)
    assert refused.value.grpc_code == status
    assert refused.value.fields == {"file": [message]}
    assert stored_files(identity) == before
    assert (await listed(api, owner.principal)).count == 0


async def test_a_document_needs_a_file(api: Api, owner: Owner) -> None:
    with pytest.raises(RemoteRefusal) as refused:
        await api.DocumentService.CreateDocument(
            document_pb2.CreateDocumentRequest(title="Nothing"), principal=owner.principal
        )
    assert refused.value.fields == {"file": ["No file was submitted."]}


async def test_managers_see_all_documents_and_people_their_own(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    waiter, cook = hire(identity, owner), hire(identity, owner, "CHEF")
    first = await add(api, owner.principal, staff=waiter.subject, title="First")
    second = await add(api, waiter, title="Second")
    third = await add(api, cook, title="Third")
    everything = await listed(api, owner.principal, page=1, page_size=10)
    assert [row.title for row in everything.results] == ["Third", "Second", "First"]
    assert [row.id for row in (await listed(api, waiter)).results] == [second.id, first.id]
    assert [row.id for row in (await listed(api, owner.principal, staff_id=cook.subject)).results] == [third.id]
    assert (await listed(api, waiter, staff_id=cook.subject)).count == 0
    for request in (document_pb2.GetDocumentRequest(id=third.id), document_pb2.DownloadDocumentRequest(id=third.id)):
        method = "GetDocument" if isinstance(request, document_pb2.GetDocumentRequest) else "DownloadDocument"
        with pytest.raises(RemoteRefusal) as refused:
            await getattr(api.DocumentService, method)(request, principal=waiter)
        assert refused.value.grpc_code == grpc.StatusCode.NOT_FOUND


async def test_people_file_for_themselves_and_managers_for_people_not_above_them(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    waiter, manager, chief = hire(identity, owner), hire(identity, owner, "MANAGER"), hire(identity, owner, "OWNER")
    assert (await add(api, manager, staff=waiter.subject)).staff == waiter.subject
    for caller, staff in ((waiter, manager.subject), (manager, chief.subject)):
        with pytest.raises(RemoteRefusal) as refused:
            await add(api, caller, staff=staff)
        assert refused.value.grpc_code == grpc.StatusCode.PERMISSION_DENIED


async def test_people_change_only_what_they_uploaded_themselves(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    waiter = hire(identity, owner)
    given, own = await add(api, owner.principal, staff=waiter.subject), await add(api, waiter)
    change: dict[str, Any] = {"title": "Renamed", "update_mask": FieldMask(paths=["title"])}
    renamed = await api.DocumentService.UpdateDocument(
        document_pb2.UpdateDocumentRequest(id=own.id, **change), principal=waiter
    )
    assert renamed.title == "Renamed"
    for call in (
        api.DocumentService.UpdateDocument(document_pb2.UpdateDocumentRequest(id=given.id, **change), principal=waiter),
        api.DocumentService.DeleteDocument(document_pb2.DeleteDocumentRequest(id=given.id), principal=waiter),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await call
        assert refused.value.code == "not_your_upload"
    await api.DocumentService.DeleteDocument(document_pb2.DeleteDocumentRequest(id=own.id), principal=waiter)
    assert [row.id for row in (await listed(api, waiter)).results] == [given.id]


async def test_replacing_and_deleting_remove_the_file_after_the_commit(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    before = stored_files(identity)
    made = await add(api, owner.principal)
    replaced = await api.DocumentService.UpdateDocument(
        document_pb2.UpdateDocumentRequest(
            id=made.id,
            file=files_pb2.Upload(filename="scan.png", content=PNG),
            update_mask=FieldMask(paths=["file"]),
        ),
        principal=owner.principal,
    )
    assert (replaced.content_type, replaced.size) == ("image/png", len(PNG))
    (left,) = [path for path in stored_files(identity) - before if path.suffix == ".png"]
    await settled(identity, before | {left})
    assert left.read_bytes() == PNG
    await api.DocumentService.DeleteDocument(document_pb2.DeleteDocumentRequest(id=made.id), principal=owner.principal)
    await settled(identity, before)
    assert (await listed(api, owner.principal)).count == 0


async def test_a_file_whose_transaction_never_committed_is_removed_and_a_named_one_is_kept(
    api: Api, identity: RunningService, jobs: RecordJobs, owner: Owner
) -> None:
    before = stored_files(identity)
    kept = await add(api, owner.principal)
    (path,) = stored_files(identity) - before
    orphan = path.with_name(f"{uuid4()}.pdf")
    orphan.write_bytes(PDF)
    for file in (path, orphan):
        key = "/".join(file.parts[-3:])
        identity.run(jobs.reclaim(RUN, restaurant_id=str(owner.restaurant_id), key=key))
    assert stored_files(identity) - before == {path}
    assert (await download(api, owner.principal, document_pb2.DownloadDocumentRequest(id=kept.id))).data == PDF


async def test_a_document_is_downloaded_by_its_readers(api: Api, identity: RunningService, owner: Owner) -> None:
    waiter = hire(identity, owner)
    made = await add(api, owner.principal, staff=waiter.subject, title="عقد / Contract")
    body = await download(api, waiter, document_pb2.DownloadDocumentRequest(id=made.id))
    assert (body.content_type, body.data) == ("application/pdf", PDF)
    disposition = files_pb2.Disposition()
    assert body.extensions[0].Unpack(disposition)
    assert (disposition.filename, disposition.inline) == ("عقد _ Contract.pdf", True)


async def test_a_link_opens_its_document_without_a_login_until_it_expires(
    api: Api, clock: MovableClock, owner: Owner
) -> None:
    made = await add(api, owner.principal)
    request = link_request(made.file)
    assert (await download(api, ANONYMOUS, request)).data == PDF
    clock.advance(timedelta(minutes=59))
    assert (await download(api, ANONYMOUS, request)).data == PDF
    clock.advance(timedelta(minutes=45))
    with pytest.raises(RemoteRefusal) as refused:
        await download(api, ANONYMOUS, request)
    assert refused.value.code == "link_expired"


async def test_a_link_is_good_for_one_document_and_cannot_be_prolonged(api: Api, owner: Owner) -> None:
    one, other = await add(api, owner.principal), await add(api, owner.principal)
    request = link_request(one.file)
    for changes in ({"id": other.id}, {"expires": request.expires + 1}, {"signature": "A" * 32}, {"id": str(uuid4())}):
        forged = document_pb2.DownloadDocumentRequest()
        forged.CopyFrom(request)
        for name, value in changes.items():
            setattr(forged, name, value)
        with pytest.raises(RemoteRefusal) as refused:
            await download(api, ANONYMOUS, forged)
        assert refused.value.code == "link_expired"


async def test_nobody_downloads_without_login_or_link(api: Api, owner: Owner) -> None:
    made = await add(api, owner.principal)
    with pytest.raises(RemoteRefusal) as refused:
        await download(api, ANONYMOUS, document_pb2.DownloadDocumentRequest(id=made.id))
    assert refused.value.grpc_code == grpc.StatusCode.UNAUTHENTICATED
    agent = Principal(kind="AGENT", subject="agent", restaurant_id=owner.restaurant_id)
    with pytest.raises(RemoteRefusal) as refused:
        await download(api, agent, document_pb2.DownloadDocumentRequest(id=made.id))
    assert refused.value.grpc_code == grpc.StatusCode.PERMISSION_DENIED


async def test_another_restaurant_sees_and_changes_nothing(api: Api, identity: RunningService, owner: Owner) -> None:
    stranger = await register(api, f"d{uuid4().hex[:10]}")
    made, waiter = await add(api, owner.principal), hire(identity, owner)
    await add(api, stranger.principal, title="Theirs")
    caller, mask = stranger.principal, FieldMask(paths=["title", "staff"])
    own = (await listed(api, caller)).results[0].id
    calls = [
        api.DocumentService.GetDocument(document_pb2.GetDocumentRequest(id=made.id), principal=caller),
        api.DocumentService.DownloadDocument(document_pb2.DownloadDocumentRequest(id=made.id), principal=caller),
        api.DocumentService.DeleteDocument(document_pb2.DeleteDocumentRequest(id=made.id), principal=caller),
        api.DocumentService.UpdateDocument(
            document_pb2.UpdateDocumentRequest(id=made.id, title="Mine now", update_mask=mask), principal=caller
        ),
        api.DocumentService.UpdateDocument(
            document_pb2.UpdateDocumentRequest(id=own, staff=waiter.subject, update_mask=mask), principal=caller
        ),
        add(api, caller, staff=waiter.subject),
        listed(api, caller, staff_id=waiter.subject),
    ]
    for call in calls:
        with pytest.raises(RemoteRefusal) as refused:
            await call
        assert refused.value.grpc_code == grpc.StatusCode.NOT_FOUND
    assert [row.title for row in (await listed(api, owner.principal)).results] == ["Contract"]
    assert [row.title for row in (await listed(api, caller)).results] == ["Theirs"]


async def test_documents_that_run_out_are_announced_once_for_each_reminder(
    api: Api, identity: RunningService, jobs: RecordJobs, clock: MovableClock, owner: Owner
) -> None:
    today = clock.now().date()
    soon = await add(api, owner.principal, title="Health card", expires_on=today + timedelta(days=5))
    await add(api, owner.principal, title="Later", expires_on=today + timedelta(days=60))
    await add(api, owner.principal, title="Past", expires_on=today - timedelta(days=2))
    identity.run(jobs.remind_of_expiry(RUN))
    identity.run(jobs.remind_of_expiry(RUN))
    (event,) = await published(identity, facts.DocumentExpiring, owner.restaurant_id, 1)
    assert (event.document_id, event.staff_id, event.title) == (soon.id, owner.user.id, "Health card")
    assert event.expires_on == (today + timedelta(days=5)).isoformat()
    await api.DocumentService.UpdateDocument(
        document_pb2.UpdateDocumentRequest(
            id=soon.id,
            expires_on=(today + timedelta(days=20)).isoformat(),
            update_mask=FieldMask(paths=["expires_on"]),
        ),
        principal=owner.principal,
    )
    identity.run(jobs.remind_of_expiry(RUN))
    renewed = (await published(identity, facts.DocumentExpiring, owner.restaurant_id, 2))[1]
    assert renewed.expires_on == (today + timedelta(days=20)).isoformat()


async def test_an_expiry_is_taken_away_by_null(api: Api, owner: Owner) -> None:
    made = await add(api, owner.principal, expires_on=date(2030, 1, 1))
    changed = await api.DocumentService.UpdateDocument(
        document_pb2.UpdateDocumentRequest(id=made.id, update_mask=FieldMask(paths=["expires_on"])),
        principal=owner.principal,
    )
    assert not changed.HasField("expires_on")
    assert changed.title == made.title


async def test_a_list_costs_the_same_for_one_document_and_for_a_hundred(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    def fill(count: int) -> None:
        async def insert() -> None:
            async with identity.service.core.database.write(SYSTEM) as session:
                session.add_all(
                    StaffDocument(
                        id=uuid4(),
                        restaurant_id=owner.restaurant_id,
                        staff_id=UUID(owner.user.id),
                        title=f"Paper {number}",
                        file_key=f"{owner.restaurant_id}/documents/{uuid4()}.pdf",
                        content_type="application/pdf",
                        size=1,
                        sha256="0" * 64,
                    )
                    for number in range(count)
                )

        identity.run(insert())

    costs = []
    for more in (1, 99):
        fill(more)
        with identity.statements() as statements:
            answer = await listed(api, owner.principal, page=1, page_size=500)
        costs.append(len(statements))
    assert answer.count == 100
    assert costs == [2, 2]
    with pytest.raises(RemoteRefusal, match="Invalid page"):
        await listed(api, owner.principal, page=3, page_size=50)
