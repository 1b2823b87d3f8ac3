"""Lists of people: read row by row, invited at once, and refused in words."""

from uuid import uuid4

import pytest

from mizan.identity.v1 import invitation_pb2
from servicekit.grpc_client import RemoteRefusal
from servicekit.testing.service import Api, RunningService
from services.identity.tests.conftest import Owner, register
from services.identity.tests.inviting import address, deliveries, extra_of, listed, number
from services.identity.tests.team import hire


@pytest.fixture
async def owner(api: Api) -> Owner:
    return await register(api, f"b{uuid4().hex[:10]}")


async def test_a_csv_list_reports_row_by_row(api: Api, identity: RunningService, owner: Owner) -> None:
    known = address()
    hire(identity, owner, email=known)
    content = "\n".join(
        [
            "email,role,first_name,last_name,department,phone",
            f"{address()},waiter,Ali,A,Floor,",
            "nobody,waiter,Bad,Address,,",
            f"{address()},king,Bad,Role,,",
            f"{known},waiter,Works,Here,,",
            f",chef,Only,Phone,,{number()}",
            f"{address()},SUPER_ADMIN,Too,High,,",
            ",waiter,No,Contact,,",
        ]
    )
    answer = await api.InvitationService.InviteInBulk(
        invitation_pb2.InviteInBulkRequest(type="csv", csv_content=content),
        principal=owner.colleague("MANAGER", owner.user.id),
    )
    assert (answer.success, answer.failed, answer.detail) == (2, 5, "Processed 2 invitations")
    assert list(answer.errors) == [
        "Row 3: Enter a valid email address.",
        'Row 4: "king" is not a valid role.',
        "Row 5: User with this email already exists.",
        "Row 7: You cannot give a role that holds more than your own.",
        "Row 8: Email or phone number is required.",
    ]
    assert [(one.first_name, one.role, one.department) for one in answer.invitations] == [
        ("Ali", "WAITER", "Floor"),
        ("Only", "CHEF", ""),
    ]
    assert all(one.is_bulk_invite for one in answer.invitations)


async def test_rows_of_the_browser_take_the_channels_contact(api: Api, identity: RunningService, owner: Owner) -> None:
    phone = number()
    rows = [
        invitation_pb2.InvitedRow(first_name="A", role="waiter", phone=phone),
        invitation_pb2.InvitedRow(first_name="B", role="waiter", contact=number()),
        invitation_pb2.InvitedRow(first_name="C", role="waiter", contact=f"+212{phone[1:]}"),
        invitation_pb2.InvitedRow(first_name="D", role="waiter", email=address()),
    ]
    answer = await api.InvitationService.InviteStaffInBulk(
        invitation_pb2.InviteStaffInBulkRequest(staff_list=rows), principal=owner.principal
    )
    assert (answer.created, answer.failed, len(answer.batch_id)) == (2, 2, 16)
    assert list(answer.errors) == [
        "Row 4: This person stands in the list twice.",
        "Row 5: Phone number is required.",
    ]
    assert {channel for one in answer.invitation_ids for channel, _ in deliveries(identity, one)} == {"whatsapp"}
    assert {one.bulk_batch_id for one in await listed(api, owner)} == {answer.batch_id}


async def test_a_list_without_a_good_row_invites_nobody_and_says_why(api: Api, owner: Owner) -> None:
    row = invitation_pb2.InvitedRow(email="nobody", role="waiter")
    with pytest.raises(RemoteRefusal) as refused:
        await api.InvitationService.InviteInBulk(
            invitation_pb2.InviteInBulkRequest(type="json", invitations=[row]), principal=owner.principal
        )
    extra = extra_of(refused.value)
    assert (extra["success"], extra["failed"]) == (0, 1)
    assert list(extra["errors"]) == ["Item 1: Enter a valid email address."]
    with pytest.raises(RemoteRefusal) as refused:
        await api.InvitationService.InviteStaffInBulk(
            invitation_pb2.InviteStaffInBulkRequest(staff_list=[row], invitation_method="email"),
            principal=owner.principal,
        )
    extra = extra_of(refused.value)
    assert (extra["created"], extra["failed"], list(extra["invitation_ids"])) == (0, 1, [])
    assert list(extra["errors"]) == ["Row 2: Enter a valid email address."]


async def test_lists_that_are_no_lists_are_refused(api: Api, owner: Owner) -> None:
    bulk, quick = invitation_pb2.InviteInBulkRequest, invitation_pb2.InviteStaffInBulkRequest
    row = invitation_pb2.InvitedRow(role="WAITER")
    many = "email,role\n" + "\n".join(f"{number}@example.com,waiter" for number in range(501))
    for rpc, request, message in (
        ("InviteStaffInBulk", quick(), "staff_list is required and must be a non-empty list."),
        (
            "InviteStaffInBulk",
            quick(staff_list=[row], invitation_method="pigeon"),
            "invitation_method must be 'whatsapp' or 'email'.",
        ),
        ("InviteInBulk", bulk(type="csv"), "This field is required for type csv."),
        ("InviteInBulk", bulk(type="json"), "This field is required for type json."),
        ("InviteInBulk", bulk(type="csv", csv_content=many), "A list has at most 500 rows."),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await getattr(api.InvitationService, rpc)(request, principal=owner.principal)
        assert refused.value.message == message
    assert await listed(api, owner) == []


async def test_a_list_of_hundreds_costs_as_many_statements_as_a_list_of_one(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    def rows(count: int) -> invitation_pb2.InviteInBulkRequest:
        people = [invitation_pb2.InvitedRow(email=address(), role="WAITER", phone=number()) for _ in range(count)]
        return invitation_pb2.InviteInBulkRequest(type="json", invitations=people)

    costs = []
    for count in (1, 300):
        with identity.statements() as statements:
            answer = await api.InvitationService.InviteInBulk(rows(count), principal=owner.principal, timeout=30)
        assert answer.success == count
        # Beside what the list costs: events go into the outbox in portions, and the mail job may have begun.
        beside = ("INSERT INTO outbox", "SELECT invitation_deliveries")
        costs.append([statement for statement in statements if not statement.startswith(beside)])
    assert [text[:40] for text in costs[0]] == [text[:40] for text in costs[1]]
    assert len(costs[0]) == 11
