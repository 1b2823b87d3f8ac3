"""The managers' inbox: who sees and does what, and what happens when two do it at once."""

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import grpc
import pytest
import sqlalchemy as sa
from google.protobuf.empty_pb2 import Empty
from google.protobuf.field_mask_pb2 import FieldMask

from mizan.identity.events.v1 import events_pb2 as facts
from mizan.identity.v1 import staff_request_pb2
from mizan.options.v1 import files_pb2
from servicekit.db import SYSTEM, Query
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS, Principal
from servicekit.testing.service import Api, RunningService
from services.identity.commands.staff_requests import MAX_ATTACHMENTS
from services.identity.models import StaffRequest, StaffRequestAttachment, StaffRequestComment
from services.identity.tests.conftest import Owner, register
from services.identity.tests.published import published
from services.identity.tests.team import hire

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
ACTIONS = ("Approve", "Reject", "Escalate", "Close")


@pytest.fixture
async def owner(api: Api) -> Owner:
    return await register(api, f"s{uuid4().hex[:10]}")


async def ask(api: Api, caller: Principal, **values: Any) -> staff_request_pb2.StaffRequest:
    request = staff_request_pb2.CreateStaffRequestRequest(**{"subject": "Leave", "description": "In May", **values})
    answer: staff_request_pb2.StaffRequest = await api.StaffRequestService.CreateStaffRequest(request, principal=caller)
    return answer


async def act(api: Api, caller: Principal, action: str, request_id: str, **values: Any) -> Any:
    message = getattr(staff_request_pb2, f"{action}StaffRequestRequest")(id=request_id, **values)
    return await getattr(api.StaffRequestService, f"{action}StaffRequest")(message, principal=caller)


async def fetch(api: Api, caller: Principal, request_id: str) -> staff_request_pb2.StaffRequest:
    answer: staff_request_pb2.StaffRequest = await act(api, caller, "Get", request_id)
    return answer


async def listed(api: Api, caller: Principal, **request: Any) -> staff_request_pb2.ListStaffRequestsResponse:
    answer: staff_request_pb2.ListStaffRequestsResponse = await api.StaffRequestService.ListStaffRequests(
        staff_request_pb2.ListStaffRequestsRequest(**request), principal=caller
    )
    return answer


async def refusal(call: Any) -> RemoteRefusal:
    with pytest.raises(RemoteRefusal) as refused:
        await call
    return refused.value


def insert(identity: RunningService, owner: Owner, **columns: Any) -> UUID:
    """A request that came from outside; its id."""
    request_id = uuid4()

    async def add() -> None:
        async with identity.database.write(SYSTEM) as session:
            session.add(StaffRequest(id=request_id, restaurant_id=owner.restaurant_id, **columns))

    identity.run(add())
    return request_id


async def test_a_request_is_filed_under_its_author_whatever_else_is_said(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    waiter = hire(identity, owner, phone="0612345678")
    made = await ask(api, waiter, category="HR", priority="HIGH", metadata='{"days": 3}')
    assert (made.staff, made.staff_name, made.staff_phone) == (waiter.subject, "Karim Alaoui", "0612345678")
    assert (made.status, made.source, made.category, made.priority) == ("PENDING", "web", "HR", "HIGH")
    assert (made.subject, made.description, made.metadata) == ("Leave", "In May", '{"days": 3}')
    assert (made.restaurant, made.staff_details.id, made.version) == (owner.restaurant.id, waiter.subject, 1)
    assert await fetch(api, waiter, made.id) == made
    (event,) = await published(identity, facts.StaffRequestCreated, owner.restaurant_id, 1)
    assert (event.request.id, event.request.staff_name, event.request.subject) == (made.id, "Karim Alaoui", "Leave")


async def test_metadata_is_an_object(api: Api, owner: Owner) -> None:
    assert (await refusal(ask(api, owner.principal, metadata="[1]"))).fields == {"metadata": ["Must be an object."]}


async def test_the_same_external_id_files_one_request(api: Api, identity: RunningService, owner: Owner) -> None:
    first = await ask(api, owner.principal, external_id="A-1")
    assert (await ask(api, owner.principal, external_id="A-1")).id == first.id
    assert (await listed(api, owner.principal)).count == 1
    refused = await refusal(ask(api, hire(identity, owner), external_id="A-1"))
    assert refused.code == "external_id_taken"


async def test_managers_see_all_and_people_their_own_and_those_of_their_whole_phone(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    waiter = hire(identity, owner, phone="+212 612-345678")
    silent, manager = hire(identity, owner, "CLEANER"), hire(identity, owner, "MANAGER")
    own = await ask(api, waiter)
    theirs = await ask(api, silent)
    by_phone = insert(identity, owner, staff_phone="0612345678", staff_phone_digits="212612345678")
    insert(identity, owner, staff_phone="345678", staff_phone_digits="345678")
    insert(identity, owner)
    somebody_elses = insert(identity, owner, staff_id=UUID(silent.subject), staff_phone_digits="212612345678")
    assert (await listed(api, manager)).count == 6
    assert {row.id for row in (await listed(api, waiter)).results} == {own.id, str(by_phone)}
    assert {row.id for row in (await listed(api, silent)).results} == {theirs.id, str(somebody_elses)}
    assert (await fetch(api, waiter, str(by_phone))).id == str(by_phone)
    assert (await refusal(fetch(api, waiter, theirs.id))).grpc_code == grpc.StatusCode.NOT_FOUND


async def test_the_inbox_is_filtered_searched_and_ordered(api: Api, identity: RunningService, owner: Owner) -> None:
    low = await ask(api, owner.principal, subject="Shoes 100%", priority="LOW")
    urgent = await ask(api, owner.principal, subject="Oven", description="It_burns", priority="URGENT")
    medium = await ask(api, owner.principal, subject="Payslip", external_id="EXT-77")
    await act(api, owner.principal, "Approve", low.id)

    async def ids(**request: Any) -> list[str]:
        return [row.id for row in (await listed(api, owner.principal, **request)).results]

    assert await ids() == [medium.id, urgent.id, low.id]
    assert await ids(ordering="created_at") == [low.id, urgent.id, medium.id]
    assert await ids(ordering="-priority") == [urgent.id, medium.id, low.id]
    assert await ids(ordering="priority") == [low.id, medium.id, urgent.id]
    assert await ids(ordering="-updated_at") == [low.id, medium.id, urgent.id]
    assert await ids(ordering="status") == [low.id, medium.id, urgent.id]
    assert await ids(status="APPROVED") == [low.id]
    assert await ids(search="oVeN") == [urgent.id]
    assert await ids(search="ext-7", status="PENDING") == [medium.id]
    assert await ids(search="amina") == [medium.id, urgent.id, low.id]
    assert await ids(search="100%") == [low.id]
    assert await ids(search="%") == [low.id]
    assert await ids(search="it_b") == [urgent.id]
    assert await ids(search="itxb") == []


async def test_requests_are_counted_by_state_as_far_as_they_are_seen(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    waiter = hire(identity, owner)
    own = await ask(api, waiter)
    await ask(api, waiter)
    await ask(api, owner.principal)
    await act(api, owner.principal, "Reject", own.id)

    async def counts(caller: Principal) -> list[int]:
        answer = await api.StaffRequestService.CountStaffRequests(Empty(), principal=caller)
        assert answer.success
        found = answer.counts
        return [found.pending, found.approved, found.rejected, found.escalated, found.closed]

    assert await counts(owner.principal) == [2, 0, 1, 0, 0]
    assert await counts(waiter) == [1, 0, 1, 0, 0]


@pytest.mark.parametrize(
    ("action", "values", "status", "body", "metadata"),
    [
        ("Approve", {}, "APPROVED", "Approved by Amina", '{"to": "APPROVED", "from": "PENDING"}'),
        (
            "Reject",
            {"reason": "Too late"},
            "REJECTED",
            "Rejected by Amina: Too late",
            '{"to": "REJECTED", "from": "PENDING", "reason": "Too late"}',
        ),
        (
            "Escalate",
            {"note": "For the owner"},
            "ESCALATED",
            "Escalated by Amina: For the owner",
            '{"to": "ESCALATED", "from": "PENDING", "note": "For the owner"}',
        ),
        ("Close", {}, "CLOSED", "Closed by Amina", '{"to": "CLOSED", "from": "PENDING"}'),
    ],
)
async def test_a_decision_is_kept_with_its_author_and_reason(
    api: Api,
    identity: RunningService,
    owner: Owner,
    action: str,
    values: dict[str, str],
    status: str,
    body: str,
    metadata: str,
) -> None:
    made = await ask(api, hire(identity, owner))
    answer = await act(api, owner.principal, action, made.id, **values)
    decided = answer.request
    assert answer.success
    assert (decided.status, decided.reviewed_by, decided.version) == (status, owner.user.id, 2)
    assert decided.HasField("reviewed_at")
    (comment,) = decided.comments
    assert (comment.kind, comment.body, comment.metadata) == ("status_change", body, metadata)
    assert (comment.author, comment.author_details.first_name) == (owner.user.id, "Amina")
    (event,) = await published(identity, facts.StaffRequestUpdated, owner.restaurant_id, 1)
    assert (event.request.status, event.previous_status, event.actor_id) == (status, "PENDING", owner.user.id)
    assert event.request.version == 2


async def test_decisions_are_revised_until_the_request_is_closed(api: Api, owner: Owner) -> None:
    made = await ask(api, owner.principal)
    for action in ("Approve", "Reject", "Escalate", "Approve", "Close"):
        await act(api, owner.principal, action, made.id)
    closed = await fetch(api, owner.principal, made.id)
    assert [comment.kind for comment in closed.comments] == ["status_change"] * 5
    for action in ACTIONS:
        refused = await refusal(act(api, owner.principal, action, made.id))
        assert (refused.code, refused.http_status) == ("invalid_transition", 409)
    assert await fetch(api, owner.principal, made.id) == closed


async def test_deciding_the_same_twice_is_a_conflict(api: Api, owner: Owner) -> None:
    made = await ask(api, owner.principal)
    await act(api, owner.principal, "Approve", made.id)
    refused = await refusal(act(api, owner.principal, "Approve", made.id))
    assert (refused.message, refused.http_status) == ("The request is approved already.", 409)


async def test_a_decision_on_an_older_version_is_refused(api: Api, owner: Owner) -> None:
    made = await ask(api, owner.principal)
    await act(api, owner.principal, "Approve", made.id, version=1)
    refused = await refusal(act(api, owner.principal, "Reject", made.id, version=1))
    assert (refused.code, refused.http_status) == ("stale_version", 409)
    assert (await act(api, owner.principal, "Reject", made.id, version=2)).request.status == "REJECTED"


WAITING = Query(
    sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        " AND query LIKE '%staff_requests%FOR UPDATE%'"
    )
)


async def waiting(identity: RunningService) -> int:
    """How many calls wait for a request's row."""
    count: int = await asyncio.to_thread(identity.run, identity.database.read(SYSTEM).scalar(WAITING))
    return count


async def test_of_two_managers_at_once_one_wins_and_the_other_is_told(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    manager = hire(identity, owner, "MANAGER", first_name="Basma", last_name="")
    made = await ask(api, hire(identity, owner))
    held = identity.database.open_session(SYSTEM)
    identity.run(held.execute(sa.select(StaffRequest.id).where(StaffRequest.id == UUID(made.id)).with_for_update()))
    try:
        both = asyncio.gather(
            act(api, owner.principal, "Approve", made.id),
            act(api, manager, "Reject", made.id),
            return_exceptions=True,
        )
        async with asyncio.timeout(4):
            # Both have seen the first version and wait for the row.
            while await waiting(identity) < 2:  # noqa: ASYNC110 - a lock tells nobody who waits for it
                await asyncio.sleep(0.02)
    finally:
        identity.run(held.close())
    answers = await both
    lost = [answer for answer in answers if isinstance(answer, RemoteRefusal)]
    won = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert [(refused.code, refused.http_status) for refused in lost] == [("stale_version", 409)]
    (answer,) = won
    left = await fetch(api, owner.principal, made.id)
    assert left == answer.request
    assert (len(left.comments), left.version) == (1, 2)


async def test_only_reviewers_decide_and_assign(api: Api, identity: RunningService, owner: Owner) -> None:
    waiter = hire(identity, owner)
    made = await ask(api, waiter)
    for action in (*ACTIONS, "Assign"):
        refused = await refusal(act(api, waiter, action, made.id))
        assert refused.grpc_code == grpc.StatusCode.PERMISSION_DENIED
    assert (await fetch(api, waiter, made.id)).status == "PENDING"


async def test_a_request_is_assigned_to_somebody_who_works_here(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    manager, gone = hire(identity, owner, "MANAGER"), hire(identity, owner, "MANAGER", is_active=False)
    made = await ask(api, hire(identity, owner))
    given = (await act(api, owner.principal, "Assign", made.id, assigned_to=manager.subject)).request
    assert (given.assigned_to, given.assigned_to_details.id, given.status) == (
        manager.subject,
        manager.subject,
        "PENDING",
    )
    assert given.comments[0].body == "Assigned to Karim Alaoui by Amina"
    again = await refusal(act(api, owner.principal, "Assign", made.id, assigned_to=manager.subject))
    assert again.code == "already_assigned"
    assert (await refusal(act(api, owner.principal, "Assign", made.id, assigned_to=gone.subject))).code == "inactive"
    taken = (await act(api, owner.principal, "Assign", made.id)).request
    assert not taken.HasField("assigned_to")
    assert taken.comments[1].body == "Unassigned by Amina"
    await act(api, owner.principal, "Close", made.id)
    refused = await refusal(act(api, owner.principal, "Assign", made.id, assigned_to=manager.subject))
    assert refused.code == "invalid_transition"


async def update(api: Api, caller: Principal, request_id: str, **values: Any) -> staff_request_pb2.StaffRequest:
    mask = FieldMask(paths=[name for name in values if name != "version"])
    answer: staff_request_pb2.StaffRequest = await act(api, caller, "Update", request_id, update_mask=mask, **values)
    return answer


async def test_authors_reword_while_pending_and_never_decide(api: Api, identity: RunningService, owner: Owner) -> None:
    waiter = hire(identity, owner)
    made = await ask(api, waiter)
    changed = await update(api, waiter, made.id, subject="Two days", priority="LOW", status="PENDING")
    assert (changed.subject, changed.priority, changed.description, changed.version) == ("Two days", "LOW", "In May", 2)
    decided = await refusal(update(api, waiter, made.id, status="APPROVED"))
    assert decided.grpc_code == grpc.StatusCode.PERMISSION_DENIED
    assert list((await refusal(update(api, owner.principal, made.id, status="APPROVED"))).fields) == ["status"]
    await act(api, owner.principal, "Approve", made.id)
    assert (await refusal(update(api, waiter, made.id, subject="Ten days"))).code == "not_editable"
    assert (await update(api, owner.principal, made.id, category="HR")).category == "HR"
    assert (await refusal(update(api, owner.principal, made.id, category="OTHER", version=1))).code == "stale_version"


async def test_remarks_are_made_by_whoever_sees_the_request(api: Api, identity: RunningService, owner: Owner) -> None:
    waiter = hire(identity, owner)
    made = await ask(api, waiter)
    await act(api, owner.principal, "Comment", made.id, body="Which days?")
    answer = await act(api, waiter, "Comment", made.id, body=" The first two ")
    assert answer.success
    assert [(comment.kind, comment.body, comment.author) for comment in answer.request.comments] == [
        ("comment", "Which days?", owner.user.id),
        ("comment", "The first two", waiter.subject),
    ]
    # A waiter sees who wrote, and nothing of their record.
    assert not answer.request.comments[0].author_details.HasField("profile")
    assert not answer.request.comments[0].author_details.HasField("phone")
    assert (await refusal(act(api, waiter, "Comment", made.id, body="  "))).message == "body is required"
    assert (await refusal(act(api, waiter, "Comment", made.id))).message == "body is required"
    unseen = await refusal(act(api, hire(identity, owner), "Comment", made.id, body="Hello"))
    assert unseen.grpc_code == grpc.StatusCode.NOT_FOUND
    events = await published(identity, facts.StaffRequestCommented, owner.restaurant_id, 2)
    assert [(event.author_id, event.body) for event in events] == [
        (owner.user.id, "Which days?"),
        (waiter.subject, "The first two"),
    ]


async def test_authors_delete_while_pending_and_reviewers_at_any_time(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    waiter = hire(identity, owner)
    pending, decided = await ask(api, waiter), await ask(api, waiter)
    await act(api, owner.principal, "Approve", decided.id)
    await act(api, waiter, "Delete", pending.id)
    assert (await refusal(act(api, waiter, "Delete", decided.id))).code == "not_editable"
    await act(api, owner.principal, "Delete", decided.id)
    assert (await listed(api, owner.principal)).count == 0


def upload(content: bytes = PDF, name: str = "C:\\scans\\proof.pdf") -> files_pb2.Upload:
    return files_pb2.Upload(filename=name, content=content)


async def attach(api: Api, caller: Principal, request_id: str, **values: Any) -> Any:
    message = staff_request_pb2.AttachToStaffRequestRequest(id=request_id, **values)
    return await api.StaffRequestService.AttachToStaffRequest(message, principal=caller)


async def test_files_are_attached_listed_and_downloaded_by_whoever_sees_the_request(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    waiter = hire(identity, owner)
    made = await ask(api, waiter)
    attached = await attach(api, waiter, made.id, file=upload())
    assert (attached.name, attached.content_type, attached.size) == ("C_scans_proof.pdf", "application/pdf", len(PDF))
    files = await api.StaffRequestService.ListStaffRequestAttachments(
        staff_request_pb2.ListStaffRequestAttachmentsRequest(id=made.id), principal=owner.principal
    )
    assert list(files.results) == [attached]
    assert list((await fetch(api, owner.principal, made.id)).attachments) == [attached]
    wanted = staff_request_pb2.DownloadStaffRequestAttachmentRequest(id=made.id, attachment_id=attached.id)
    download = api.StaffRequestService.DownloadStaffRequestAttachment
    assert (await download(wanted, principal=owner.principal)).data == PDF
    query = parse_qs(urlsplit(attached.file).query)
    by_link = staff_request_pb2.DownloadStaffRequestAttachmentRequest(
        id=made.id,
        attachment_id=attached.id,
        expires=int(query["expires"][0]),
        signature=query["signature"][0],
    )
    assert (await download(by_link, principal=ANONYMOUS)).data == PDF
    by_link.expires += 1
    assert (await refusal(download(by_link, principal=ANONYMOUS))).code == "link_expired"
    outsider = hire(identity, owner)
    assert (await refusal(download(wanted, principal=outsider))).grpc_code == grpc.StatusCode.NOT_FOUND
    assert (await refusal(download(wanted, principal=ANONYMOUS))).grpc_code == grpc.StatusCode.UNAUTHENTICATED
    assert (await refusal(attach(api, outsider, made.id, file=upload()))).grpc_code == grpc.StatusCode.NOT_FOUND


async def test_attachments_have_a_type_a_number_and_an_end(api: Api, identity: RunningService, owner: Owner) -> None:
    made = await ask(api, owner.principal)
    assert (await refusal(attach(api, owner.principal, made.id))).fields == {"file": ["No file was submitted."]}
    refused = await refusal(attach(api, owner.principal, made.id, file=upload(b"MZ\x90\x00" + bytes(60))))
    assert refused.fields == {"file": ["This type of file is not accepted."]}

    async def fill() -> None:
        async with identity.database.write(SYSTEM) as session:
            session.add_all(
                StaffRequestAttachment(
                    id=uuid4(),
                    restaurant_id=owner.restaurant_id,
                    request_id=UUID(made.id),
                    name="x",
                    file_key="x",
                    content_type="text/plain",
                    size=1,
                )
                for _ in range(MAX_ATTACHMENTS)
            )

    identity.run(fill())
    assert (await refusal(attach(api, owner.principal, made.id, file=upload()))).code == "too_many_attachments"
    await act(api, owner.principal, "Close", made.id)
    assert (await refusal(attach(api, owner.principal, made.id, file=upload()))).code == "not_editable"


async def test_another_restaurant_sees_and_changes_nothing(api: Api, identity: RunningService, owner: Owner) -> None:
    stranger = (await register(api, f"s{uuid4().hex[:10]}")).principal
    waiter = hire(identity, owner)
    made = await ask(api, waiter)
    attached = await attach(api, waiter, made.id, file=upload())
    own = await ask(api, stranger)
    before = await fetch(api, owner.principal, made.id)
    calls = [act(api, stranger, action, made.id) for action in (*ACTIONS, "Assign", "Get", "Delete")] + [
        act(api, stranger, "Comment", made.id, body="Hello"),
        act(api, stranger, "Assign", own.id, assigned_to=waiter.subject),
        update(api, stranger, made.id, subject="Mine now"),
        attach(api, stranger, made.id, file=upload()),
        api.StaffRequestService.ListStaffRequestAttachments(
            staff_request_pb2.ListStaffRequestAttachmentsRequest(id=made.id), principal=stranger
        ),
        api.StaffRequestService.DownloadStaffRequestAttachment(
            staff_request_pb2.DownloadStaffRequestAttachmentRequest(id=made.id, attachment_id=attached.id),
            principal=stranger,
        ),
        api.StaffRequestService.DownloadStaffRequestAttachment(
            staff_request_pb2.DownloadStaffRequestAttachmentRequest(id=own.id, attachment_id=attached.id),
            principal=stranger,
        ),
    ]
    for call in calls:
        assert (await refusal(call)).grpc_code == grpc.StatusCode.NOT_FOUND
    assert await fetch(api, owner.principal, made.id) == before
    assert [row.id for row in (await listed(api, stranger)).results] == [own.id]


async def test_a_list_costs_the_same_for_one_request_and_for_a_hundred(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    waiter = hire(identity, owner)
    await act(api, owner.principal, "Comment", (await ask(api, waiter)).id, body="One")

    async def fill() -> None:
        async with identity.database.write(SYSTEM) as session:
            ids = [uuid4() for _ in range(99)]
            session.add_all(
                StaffRequest(id=request_id, restaurant_id=owner.restaurant_id, staff_id=UUID(waiter.subject))
                for request_id in ids
            )
            await session.flush()
            session.add_all(
                StaffRequestComment(
                    id=uuid4(),
                    restaurant_id=owner.restaurant_id,
                    request_id=request_id,
                    author_id=UUID(owner.user.id),
                    body=f"Remark {number}",
                )
                for request_id in ids
                for number in range(3)
            )

    for caller in (owner.principal, waiter):
        with identity.statements() as few:
            await listed(api, caller, page=1, page_size=1)
        if caller is owner.principal:
            identity.run(fill())
        with identity.statements() as many:
            answer = await listed(api, caller, page=1, page_size=500)
        assert answer.count == len(answer.results) == 100
        assert sum(len(row.comments) for row in answer.results) == 1 + 3 * 99
        assert len(few) == len(many) == 5
