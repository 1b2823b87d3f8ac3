"""Inviting people: one by one, in lists, again, and never beyond what the inviter may give."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import grpc
import pytest
import sqlalchemy as sa
from google.protobuf.empty_pb2 import Empty
from google.protobuf.field_mask_pb2 import FieldMask

from mizan.identity.events.v1 import events_pb2 as facts
from mizan.identity.v1 import access_pb2, invitation_pb2
from servicekit.db import SYSTEM
from servicekit.grpc_client import RemoteRefusal
from servicekit.testing.clock import MovableClock
from servicekit.testing.service import Api, RunningService
from services.identity.commands.invitations import delete_unaccepted
from services.identity.models import Invitation
from services.identity.tests.conftest import GATEWAY, Owner, register
from services.identity.tests.inviting import address, deliveries, extra_of, invite, listed, number
from services.identity.tests.published import published
from services.identity.tests.team import hire

NOT_FOUND = grpc.StatusCode.NOT_FOUND
FORBIDDEN = grpc.StatusCode.PERMISSION_DENIED
LADDER = ("SUPER_ADMIN", "OWNER", "ADMIN", "MANAGER", "WAITER")


@pytest.fixture
async def owner(api: Api) -> Owner:
    return await register(api, f"i{uuid4().hex[:10]}")


async def test_an_invitation_says_everything_that_its_readers_need(api: Api, owner: Owner, clock: MovableClock) -> None:
    made = await invite(
        api,
        owner,
        "sous-chef",
        email="Ali@EXAMPLE.org",
        first_name="Ali",
        phone_number="0612345678",
        department="Kitchen",
        expires_in_days=30,
        extra_data=json.dumps({"source": "fair"}),
    )
    assert (made.email, made.role, made.status) == ("Ali@example.org", "SOUS_CHEF", "PENDING")
    assert (made.restaurant, made.invited_by) == (owner.restaurant.id, owner.user.id)
    assert made.invitation_token == made.token != ""
    assert made.created_at == made.sent_at
    assert made.expires_at.ToDatetime() - made.sent_at.ToDatetime() == timedelta(days=30)
    assert json.loads(made.extra_data) == {
        "source": "fair",
        "phone": "0612345678",
        "phone_number": "0612345678",
        "department": "Kitchen",
    }
    read = await api.InvitationService.GetInvitation(
        invitation_pb2.InvitationRequest(id=made.id), principal=owner.principal
    )
    assert read == made
    assert await listed(api, owner) == [made]
    assert made.sent_at.ToDatetime() <= clock.now().replace(tzinfo=None)


async def test_each_channel_reaches_whom_it_can(api: Api, identity: RunningService, owner: Owner) -> None:
    email, phone = address(), number()
    digits = f"212{phone[1:]}"
    for fields, expected in (
        ({"email": email}, [("email", email)]),
        ({"phone_number": phone}, [("whatsapp", digits)]),
    ):
        made = await invite(api, owner, **fields)
        assert deliveries(identity, made.id) == expected
        await api.InvitationService.DeleteInvitation(
            invitation_pb2.InvitationRequest(id=made.id), principal=owner.principal
        )
    both = await invite(api, owner, email=email, phone_number=phone)
    assert deliveries(identity, both.id) == [("email", email), ("whatsapp", digits)]
    other = await invite(api, owner, email=address(), phone_number=number(), send_whatsapp=True)
    assert [channel for channel, _ in deliveries(identity, other.id)] == ["whatsapp"]
    told = await published(identity, facts.StaffInvited, owner.restaurant_id, 4)
    assert [message.by_whatsapp for message in told] == [False, True, True, True]
    link = await api.AccessService.GetInvitationLink(
        access_pb2.GetInvitationLinkRequest(invitation_id=told[2].invitation_id), principal=GATEWAY
    )
    assert parse_qs(urlsplit(link.accept_url).query) == {"token": [both.token]}
    assert (told[2].restaurant_name, told[2].language) == (owner.restaurant.name, "en")


async def test_the_quick_form_mails_unless_whatsapp_is_asked_for(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    answer = await api.InvitationService.InviteStaff(
        invitation_pb2.InviteStaffRequest(role="STAFF", email=address(), phone_number=number()),
        principal=owner.colleague("MANAGER", owner.user.id),
    )
    assert answer.message == "Invitation processed successfully"
    assert [channel for channel, _ in deliveries(identity, answer.invitation_id)] == ["email"]
    (made,) = await listed(api, owner)
    assert answer.token == made.token
    chat = await api.InvitationService.InviteStaff(
        invitation_pb2.InviteStaffRequest(role="STAFF", phone_number=number(), send_whatsapp=True),
        principal=owner.principal,
    )
    assert [channel for channel, _ in deliveries(identity, chat.invitation_id)] == ["whatsapp"]


async def test_the_quick_form_refuses_in_the_words_that_its_page_shows(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    pending, works_here = address(), hire(identity, owner, email=address())
    await invite(api, owner, email=pending)
    email = (await _user_email(identity, works_here.subject)).upper()
    unreachable = "Email is required unless sending via WhatsApp with a phone number."
    cases: list[tuple[dict[str, Any], str]] = [
        ({"email": address()}, "Role is required."),
        ({"role": "WAITER"}, unreachable),
        ({"role": "WAITER", "phone_number": number()}, unreachable),
        ({"role": "WAITER", "email": email}, "User with this email already exists."),
        ({"role": "WAITER", "email": pending.upper()}, "A pending invitation already exists for this email."),
    ]
    for fields, message in cases:
        with pytest.raises(RemoteRefusal) as refused:
            await api.InvitationService.InviteStaff(
                invitation_pb2.InviteStaffRequest(**fields), principal=owner.principal
            )
        assert refused.value.message == message
        assert refused.value.grpc_code is grpc.StatusCode.INVALID_ARGUMENT
    assert len(await listed(api, owner)) == 1


async def _user_email(identity: RunningService, user_id: str) -> str:
    async def read() -> str:
        async with identity.database.write(SYSTEM) as session:
            found = await session.scalar(sa.text("SELECT email FROM users WHERE id = :id"), {"id": user_id})
            return str(found)

    return identity.run(read())


async def test_one_invitation_at_a_time_for_one_person(api: Api, owner: Owner, clock: MovableClock) -> None:
    email, phone = address(), number()
    await invite(api, owner, email=email)
    await invite(api, owner, phone_number=phone)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"email": email.upper()}, f"Invitation already pending for {email.split('@')[0].upper()}@example.com"),
        ({"phone_number": f"+212 {phone[1:]}"}, "A pending invitation already exists for this phone number."),
        ({}, "Either email or phone number must be provided"),
    ]
    for fields, message in cases:
        with pytest.raises(RemoteRefusal) as refused:
            await api.InvitationService.CreateInvitation(
                invitation_pb2.CreateInvitationRequest(role="WAITER", **fields), principal=owner.principal
            )
        assert refused.value.message == message
    clock.advance(timedelta(days=8))
    again = await invite(api, owner, email=email)
    assert [one.id for one in await listed(api, owner)] == [again.id]
    assert len(await listed(api, owner, show_expired=True)) == 3


async def test_two_who_invite_the_same_person_at_once_invite_them_once(api: Api, owner: Owner) -> None:
    email = address()
    results = await asyncio.gather(*(invite(api, owner, email=email) for _ in range(4)), return_exceptions=True)
    made = [one for one in results if isinstance(one, invitation_pb2.Invitation)]
    assert len(made) == 1
    assert all(isinstance(one, RemoteRefusal) for one in results if one not in made)
    assert len(await listed(api, owner)) == 1


async def test_roles_are_offered_up_to_ones_own_rank_on_every_way(api: Api, owner: Owner) -> None:
    for actor in LADDER:
        caller = owner.colleague(actor, owner.user.id)
        for role in LADDER:
            allowed = actor != "WAITER" and LADDER.index(actor) <= LADDER.index(role)
            row = invitation_pb2.InvitedRow(email=address(), role=role)
            for rpc, request in (
                ("CreateInvitation", invitation_pb2.CreateInvitationRequest(role=role, email=address())),
                ("InviteStaff", invitation_pb2.InviteStaffRequest(role=role, email=address())),
                ("InviteInBulk", invitation_pb2.InviteInBulkRequest(type="json", invitations=[row])),
                (
                    "InviteStaffInBulk",
                    invitation_pb2.InviteStaffInBulkRequest(staff_list=[row], invitation_method="email"),
                ),
            ):
                call = getattr(api.InvitationService, rpc)(request, principal=caller)
                if allowed and rpc != "InviteStaffInBulk":
                    await call
                elif not allowed:
                    with pytest.raises(RemoteRefusal):
                        await call
                else:
                    # The same row was invited a moment ago.
                    with pytest.raises(RemoteRefusal) as refused:
                        await call
                    assert "already exists" in str(extra_of(refused.value)["errors"][0])
    highest = {one.role for one in await listed(api, owner, page=1, page_size=500)}
    assert highest == set(LADDER)


async def test_a_token_is_shown_only_to_those_who_could_give_the_role(api: Api, owner: Owner) -> None:
    await invite(api, owner, "ADMIN")
    await invite(api, owner, "CHEF")
    found = await api.InvitationService.ListAllInvitations(
        invitation_pb2.ListAllInvitationsRequest(), principal=owner.colleague("MANAGER")
    )
    shown = {one.role: one.HasField("token") and one.HasField("invitation_token") for one in found.results}
    assert shown == {"ADMIN": False, "CHEF": True}


async def test_lists_are_filtered_paged_and_cost_the_same(
    api: Api, identity: RunningService, owner: Owner, clock: MovableClock
) -> None:
    first = await invite(api, owner, expires_in_days=1)
    with identity.statements() as for_one:
        await listed(api, owner, page=1, page_size=500)
    rows = [invitation_pb2.InvitedRow(email=address(), role="WAITER") for _ in range(100)]
    await api.InvitationService.InviteInBulk(
        invitation_pb2.InviteInBulkRequest(type="json", invitations=rows), principal=owner.principal
    )
    with identity.statements() as for_many:
        await listed(api, owner, page=1, page_size=500)
    assert for_many == for_one
    assert len(for_one) == 3
    assert len(await listed(api, owner, page=3, page_size=50)) == 1
    with pytest.raises(RemoteRefusal) as refused:
        await listed(api, owner, page=4, page_size=50)
    assert refused.value.grpc_code is NOT_FOUND
    clock.advance(timedelta(days=2))
    assert first.id not in {one.id for one in await listed(api, owner, is_accepted=False)}
    expired = next(one for one in await listed(api, owner, show_expired=True) if one.id == first.id)
    assert (expired.status, expired.is_expired, expired.HasField("token")) == ("EXPIRED", True, False)
    assert await listed(api, owner, is_accepted=True) == []


async def test_another_address_voids_the_old_link(api: Api, owner: Owner) -> None:
    made = await invite(api, owner)
    new = address()
    changed = await api.InvitationService.UpdateInvitation(
        invitation_pb2.UpdateInvitationRequest(
            id=made.id, email=new, role="chef", update_mask=FieldMask(paths=["email", "role", "last_name"])
        ),
        principal=owner.principal,
    )
    assert (changed.email, changed.role) == (new, "CHEF")
    assert changed.token != made.token
    renamed = invitation_pb2.UpdateInvitationRequest(
        id=made.id, first_name="Ali", update_mask=FieldMask(paths=["first_name"])
    )
    same = await api.InvitationService.UpdateInvitation(renamed, principal=owner.principal)
    assert (same.token, same.first_name) == (changed.token, "Ali")


async def test_a_manager_cannot_redirect_what_they_could_not_offer(api: Api, owner: Owner) -> None:
    made = await invite(api, owner, "ADMIN")
    manager = owner.colleague("MANAGER")
    itself = invitation_pb2.InvitationRequest(id=made.id)
    update = invitation_pb2.UpdateInvitationRequest(
        id=made.id, email="mine@example.com", update_mask=FieldMask(paths=["email"])
    )
    for rpc, request in (("UpdateInvitation", update), ("ResendInvitation", itself), ("DeleteInvitation", itself)):
        with pytest.raises(RemoteRefusal) as refused:
            await getattr(api.InvitationService, rpc)(request, principal=manager)
        assert refused.value.grpc_code is FORBIDDEN
    (kept,) = await listed(api, owner)
    assert kept == made


async def test_sending_again_revives_what_expired(
    api: Api, identity: RunningService, owner: Owner, clock: MovableClock
) -> None:
    made = await invite(api, owner, email=address(), phone_number=number(), expires_in_days=1)
    clock.advance(timedelta(days=3))
    sent = await api.InvitationService.ResendInvitation(
        invitation_pb2.InvitationRequest(id=made.id), principal=owner.principal
    )
    assert sent.detail == "Invitation sent via email, WhatsApp"
    (again,) = await listed(api, owner)
    left = again.expires_at.ToDatetime() - clock.now().replace(tzinfo=None)
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
    assert again.token == made.token
    assert [channel for channel, _ in deliveries(identity, made.id)] == ["email", "email", "whatsapp", "whatsapp"]


async def test_counters_count_this_restaurants_invitations(api: Api, owner: Owner) -> None:
    other = await register(api, f"j{uuid4().hex[:10]}")
    await invite(api, other)
    await invite(api, owner, email=address(), phone_number=number())
    await invite(api, owner)
    stats = await api.InvitationService.GetInvitationStats(Empty(), principal=owner.principal)
    assert (stats.total_invitations, stats.whatsapp_pending, stats.whatsapp_failed, stats.email_sent) == (2, 1, 0, 0)


async def test_another_restaurants_invitations_are_not_found(api: Api, owner: Owner) -> None:
    stranger = await register(api, f"k{uuid4().hex[:10]}")
    theirs = await invite(api, stranger)
    itself = invitation_pb2.InvitationRequest(id=theirs.id)
    update = invitation_pb2.UpdateInvitationRequest(
        id=theirs.id, email="mine@example.com", update_mask=FieldMask(paths=["email"])
    )
    for rpc, request in (
        ("GetInvitation", itself),
        ("DeleteInvitation", itself),
        ("ResendInvitation", itself),
        ("UpdateInvitation", update),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await getattr(api.InvitationService, rpc)(request, principal=owner.principal)
        assert refused.value.grpc_code is NOT_FOUND
    assert await listed(api, stranger) == [theirs]
    assert await listed(api, owner) == []


async def test_staff_invite_nobody_and_see_no_invitation(api: Api, owner: Owner) -> None:
    waiter = owner.colleague("WAITER")
    for rpc, request in (
        ("ListInvitations", invitation_pb2.ListInvitationsRequest()),
        ("ListAllInvitations", invitation_pb2.ListAllInvitationsRequest()),
        ("InviteStaff", invitation_pb2.InviteStaffRequest(role="WAITER", email=address())),
        ("GetInvitationStats", Empty()),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await getattr(api.InvitationService, rpc)(request, principal=waiter)
        assert refused.value.grpc_code is FORBIDDEN


async def test_extra_data_is_an_object_of_moderate_size(api: Api, owner: Owner) -> None:
    for text in ("[1]", '"x"', json.dumps({"x": "y" * 10_000})):
        with pytest.raises(RemoteRefusal) as refused:
            await invite(api, owner, extra_data=text)
        assert refused.value.fields.keys() == {"extra_data"}


async def test_cleaning_deletes_what_expired_and_nothing_else(
    api: Api, identity: RunningService, owner: Owner, clock: MovableClock
) -> None:
    await invite(api, owner, expires_in_days=1)
    open_one = await invite(api, owner, expires_in_days=90)
    clock.advance(timedelta(days=10))

    async def clean(kept_for: timedelta) -> set[str]:
        async with identity.database.write(SYSTEM) as session:
            await delete_unaccepted(session, clock.now(), kept_for=kept_for)
            mine = sa.select(Invitation.id).where(Invitation.restaurant_id == owner.restaurant_id)
            return set(map(str, await session.scalars(mine)))

    assert len(identity.run(clean(timedelta(days=30)))) == 2
    assert identity.run(clean(timedelta())) == {open_one.id}
