"""Accepting: with a password, with a PIN, by an agent; once, whoever tries at the same time."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import grpc
import pytest

from mizan.identity.events.v1 import events_pb2 as facts
from mizan.identity.v1 import acceptance_pb2, access_pb2, auth_pb2, invitation_pb2, staff_pb2, user_pb2
from servicekit.errors import detail_of
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS, Principal
from servicekit.testing.clock import MovableClock
from servicekit.testing.service import Api, RunningService
from services.identity.tests.conftest import GATEWAY, Owner, register
from services.identity.tests.inviting import address, invite, number
from services.identity.tests.published import published

INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
PLATFORM_AGENT = Principal(kind="AGENT", subject="platform", permissions=frozenset({"agent.invitations"}))


@pytest.fixture
async def owner(api: Api) -> Owner:
    return await register(api, f"q{uuid4().hex[:10]}")


async def with_pin(api: Api, token: str, pin: str, **fields: Any) -> acceptance_pb2.StaffInvitationAccepted:
    names = {"first_name": "Ali", "last_name": "Baba", **fields}
    request = acceptance_pb2.AcceptStaffInvitationRequest(token=token, pin_code=pin, **names)
    made: acceptance_pb2.StaffInvitationAccepted = await api.AcceptanceService.AcceptStaffInvitation(
        request, principal=ANONYMOUS
    )
    return made


async def with_password(api: Api, token: str) -> acceptance_pb2.InvitationAccepted:
    request = acceptance_pb2.AcceptInvitationRequest(
        token=token, password="long enough", first_name="Ali", last_name="Baba"
    )
    made: acceptance_pb2.InvitationAccepted = await api.AcceptanceService.AcceptInvitation(request, principal=ANONYMOUS)
    return made


async def by_agent(
    api: Api, token: str, *, agent: Principal = PLATFORM_AGENT, **fields: Any
) -> acceptance_pb2.AgentInvitationAccepted:
    request = acceptance_pb2.AgentAcceptInvitationRequest(invitation_token=token, **fields)
    made: acceptance_pb2.AgentInvitationAccepted = await api.AcceptanceService.AgentAcceptInvitation(
        request, principal=agent
    )
    return made


async def look_up(api: Api, phone: str, agent: Principal = PLATFORM_AGENT) -> acceptance_pb2.AgentInvitationFound:
    request = acceptance_pb2.AgentLookupInvitationRequest(phone=phone)
    made: acceptance_pb2.AgentInvitationFound = await api.AcceptanceService.AgentLookupInvitation(
        request, principal=agent
    )
    return made


async def preview(api: Api, token: str) -> acceptance_pb2.InvitationPreview:
    request = acceptance_pb2.GetInvitationByTokenRequest(token=token)
    made: acceptance_pb2.InvitationPreview = await api.AcceptanceService.GetInvitationByToken(
        request, principal=ANONYMOUS
    )
    return made


async def test_the_holder_of_a_link_sees_what_it_is_about(api: Api, owner: Owner) -> None:
    made = await invite(api, owner, email=address(), phone_number=number(), first_name="Ali")
    seen = await preview(api, made.token)
    assert (seen.id, seen.email, seen.role, seen.first_name) == (made.id, made.email, "WAITER", "Ali")
    assert (seen.status, seen.is_accepted, seen.has_phone) == ("PENDING", False, True)
    assert seen.restaurant_name == owner.restaurant.name
    await with_pin(api, made.token, "2468")
    after = await preview(api, made.token)
    assert (after.status, after.is_accepted) == ("ACCEPTED", True)


async def test_a_link_that_nobody_made_shows_nothing(api: Api, owner: Owner, clock: MovableClock) -> None:
    made = await invite(api, owner, email=address())
    forged = made.token[:-2] + ("AA" if not made.token.endswith("AA") else "BB")
    for token in (forged, "x", "é", made.token[:20], made.id):
        with pytest.raises(RemoteRefusal) as refused:
            await preview(api, token)
        assert (refused.value.grpc_code, refused.value.message) == (NOT_FOUND, "Invitation not found")
    with pytest.raises(RemoteRefusal) as refused:
        await preview(api, "")
    assert refused.value.message == "token query parameter is required"
    clock.advance(timedelta(days=8))
    with pytest.raises(RemoteRefusal) as refused:
        await preview(api, made.token)
    assert refused.value.message == "Invitation has expired"
    cause = refused.value.__cause__
    assert isinstance(cause, grpc.aio.AioRpcError)
    detail = detail_of(cause)
    assert detail is not None
    assert dict(detail.extra) == {"status": "EXPIRED", "is_expired": True}


async def test_a_manager_accepts_with_a_password_and_is_logged_in(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    made = await invite(api, owner, "MANAGER", email=address(), phone_number="0612345678", department="Floor")
    accepted = await with_password(api, made.token)
    user = accepted.user
    assert accepted.detail == "Account created successfully"
    assert (user.email, user.role, user.phone, user.is_verified) == (made.email, "MANAGER", "0612345678", True)
    assert (user.profile.department, user.restaurant) == ("Floor", owner.restaurant.id)
    assert accepted.tokens.access
    assert accepted.tokens.refresh
    opened = await api.AuthService.Login(
        auth_pb2.LoginRequest(email=made.email, password="long enough"), principal=ANONYMOUS
    )
    assert opened.user.id == user.id
    joined = await published(identity, facts.StaffJoined, owner.restaurant_id, 2)
    assert (joined[1].staff.user_id, joined[1].staff.department) == (user.id, "Floor")
    (taken,) = await published(identity, facts.InvitationAccepted, owner.restaurant_id, 1)
    assert (taken.invitation_id, taken.user_id) == (made.id, user.id)
    sessions = await published(identity, facts.SessionOpened, owner.restaurant_id, 3)
    assert [(one.origin, one.user_id) for one in sessions] == [
        ("REGISTRATION", owner.user.id),
        ("INVITATION", user.id),
        ("PASSWORD", user.id),
    ]


async def test_the_link_of_an_accepted_invitation_is_told_only_where_it_is_asked_for(api: Api, owner: Owner) -> None:
    made = await invite(api, owner, "MANAGER", email=address())
    await with_password(api, made.token)
    request = access_pb2.GetInvitationLinkRequest(invitation_id=made.id)
    with pytest.raises(RemoteRefusal) as refused:
        await api.AccessService.GetInvitationLink(request, principal=GATEWAY)
    assert refused.value.grpc_code == NOT_FOUND
    request.even_accepted = True
    link = await api.AccessService.GetInvitationLink(request, principal=GATEWAY)
    assert link.accept_url.endswith(made.token)


async def test_staff_accept_with_a_pin_and_are_logged_in(api: Api, owner: Owner) -> None:
    made = await invite(api, owner, email=address(), phone_number="0612345679", department="Bar")
    accepted = await with_pin(api, made.token, "246802")
    assert (accepted.user.phone, accepted.user.profile.department) == ("0612345679", "Bar")
    assert (accepted.user.is_verified, accepted.user.first_name) == (True, "Ali")
    assert accepted.tokens.access
    opened = await api.AuthService.PinLogin(
        auth_pb2.PinLoginRequest(email=made.email, pin_code="246802"), principal=ANONYMOUS
    )
    assert opened.user.id == accepted.user.id


async def test_somebody_invited_by_phone_gets_an_address_or_gives_one(api: Api, owner: Owner) -> None:
    phone = number()
    made = await invite(api, owner, phone_number=phone)
    accepted = await with_pin(api, made.token, "2468")
    assert (accepted.user.email, accepted.user.is_verified) == (f"212{phone[1:]}@mizan.ai", True)
    other, mine = await invite(api, owner, phone_number=number()), address()
    given = await with_pin(api, other.token, "8642", email=mine)
    # Nobody has proved the address that was typed.
    assert (given.user.email, given.user.is_verified) == (mine, False)


async def test_an_invitation_to_an_address_is_not_accepted_for_another(api: Api, owner: Owner) -> None:
    made = await invite(api, owner, email=address())
    accepted = await with_pin(api, made.token, "2468", email=address())
    assert accepted.user.email == made.email


async def test_of_those_who_accept_at_once_one_wins(api: Api, identity: RunningService, owner: Owner) -> None:
    made = await invite(api, owner, email=address())
    attempts = [with_pin(api, made.token, f"246{digit}") for digit in range(5)]
    results = await asyncio.gather(*attempts, return_exceptions=True)
    won = [one for one in results if isinstance(one, acceptance_pb2.StaffInvitationAccepted)]
    lost = [one for one in results if isinstance(one, RemoteRefusal)]
    assert (len(won), len(lost)) == (1, 4)
    assert {one.message for one in lost} == {"Invalid or expired invitation"}
    await published(identity, facts.StaffJoined, owner.restaurant_id, 2)


async def test_of_two_who_choose_the_same_pin_at_once_one_chooses_again(api: Api, owner: Owner) -> None:
    first, second = [await invite(api, owner, email=address()) for _ in range(2)]
    results = await asyncio.gather(
        *(with_pin(api, one.token, "7531") for one in (first, second)), return_exceptions=True
    )
    (lost,) = [one for one in results if isinstance(one, RemoteRefusal)]
    assert (lost.grpc_code, lost.code) == (INVALID, "pin_taken")
    assert lost.fields.keys() == {"pin_code"}
    loser = first if isinstance(results[0], RemoteRefusal) else second
    assert (await with_pin(api, loser.token, "7532")).user.email == loser.email


async def test_what_cannot_be_accepted_is_refused_and_leaves_nothing(
    api: Api, owner: Owner, clock: MovableClock
) -> None:
    manager = await invite(api, owner, "MANAGER", email=address())
    waiter = await invite(api, owner, email=address())
    for pin in ("123", "1234567", "12a4", "abcd", "١٢٣٤"):
        with pytest.raises(RemoteRefusal) as refused:
            await with_pin(api, waiter.token, pin)
        assert refused.value.fields.keys() == {"pin_code"}
    with pytest.raises(RemoteRefusal) as refused:
        await with_pin(api, manager.token, "2468")
    assert refused.value.code == "password_required"
    with pytest.raises(RemoteRefusal) as refused:
        await with_pin(api, "forged", "2468")
    assert refused.value.message == "Invalid or expired invitation"
    with pytest.raises(RemoteRefusal) as refused:
        await with_password(api, "forged")
    assert refused.value.message == "Invalid invitation token"
    await with_password(api, manager.token)
    with pytest.raises(RemoteRefusal) as refused:
        await with_password(api, manager.token)
    assert refused.value.message == "Invitation has already been accepted"
    clock.advance(timedelta(days=8))
    with pytest.raises(RemoteRefusal) as refused:
        await with_password(api, waiter.token)
    assert refused.value.message == "Invitation has expired"
    users = await api.UserService.ListUsers(user_pb2.ListUsersRequest(), principal=owner.principal)
    assert {user.email for user in users.results} == {owner.user.email, manager.email}


async def test_a_cancelled_or_redirected_invitation_opens_nothing(api: Api, owner: Owner) -> None:
    made = await invite(api, owner, email=address())
    await api.InvitationService.DeleteInvitation(
        invitation_pb2.InvitationRequest(id=made.id), principal=owner.principal
    )
    with pytest.raises(RemoteRefusal) as refused:
        await with_password(api, made.token)
    assert refused.value.message == "Invalid invitation token"


async def test_an_address_with_an_account_elsewhere_is_told_so(api: Api, owner: Owner) -> None:
    stranger = await register(api, f"t{uuid4().hex[:10]}")
    made = await invite(api, owner, email=stranger.user.email)
    with pytest.raises(RemoteRefusal) as refused:
        await with_password(api, made.token)
    assert refused.value.message.startswith("An account with this email address already exists.")
    with pytest.raises(RemoteRefusal) as refused:
        await with_pin(api, made.token, "2468")
    assert refused.value.message == "User with this email already exists"
    assert (await preview(api, made.token)).status == "PENDING"


async def test_accepting_closes_the_persons_other_invitations(api: Api, owner: Owner) -> None:
    phone = number()
    by_phone = await invite(api, owner, phone_number=phone)
    by_mail = await invite(api, owner, email=address(), phone_number=phone)
    await with_pin(api, by_mail.token, "2468")
    with pytest.raises(RemoteRefusal):
        await with_pin(api, by_phone.token, "8642")
    with pytest.raises(RemoteRefusal) as refused:
        await look_up(api, phone)
    assert refused.value.grpc_code is NOT_FOUND


async def test_an_agent_finds_and_accepts_and_may_repeat_itself(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    phone = number()
    await invite(api, owner, phone_number=phone, first_name="Ali", last_name="Baba")
    found = await look_up(api, f"whatsapp:+212{phone[1:]}")
    assert found.success
    assert (found.invitation.first_name, found.invitation.role) == ("Ali", "WAITER")
    assert found.invitation.restaurant_name == owner.restaurant.name
    answers = [await by_agent(api, found.invitation.token, pin="4821") for _ in range(10)]
    assert all(answer == answers[0] for answer in answers)
    user = answers[0].user
    assert (answers[0].success, answers[0].pin_set) == (True, True)
    assert (user.email, user.first_name, user.phone) == (f"212{phone[1:]}@mizan.ai", "Ali", phone)
    assert (user.restaurant.id, user.restaurant.name) == (owner.restaurant.id, owner.restaurant.name)
    opened = await api.AuthService.PinLogin(
        auth_pb2.PinLoginRequest(email=user.email, pin_code="4821"), principal=ANONYMOUS
    )
    assert opened.user.id == user.id
    await published(identity, facts.StaffJoined, owner.restaurant_id, 2)


async def test_an_agents_two_calls_at_once_make_one_account(api: Api, owner: Owner) -> None:
    made = await invite(api, owner, phone_number=number())
    answers = await asyncio.gather(*(by_agent(api, made.token, pin="4821") for _ in range(4)))
    assert len({answer.user.id for answer in answers}) == 1


async def test_a_pin_that_is_no_secret_is_not_set(api: Api, owner: Owner) -> None:
    """What agents send when nobody chose a PIN, and what somebody else has, leaves the account without one."""
    holder = await invite(api, owner, email=address())
    await with_pin(api, holder.token, "4821")
    for pin in ("0000", "1234", "4821", ""):
        made = await invite(api, owner, phone_number=number())
        accepted = await by_agent(api, made.token, pin=pin)
        assert not accepted.pin_set
        with pytest.raises(RemoteRefusal):
            await api.AuthService.PinLogin(
                auth_pb2.PinLoginRequest(email=accepted.user.email, pin_code=pin or "0000"), principal=ANONYMOUS
            )
    await api.StaffService.ResetPassword(
        staff_pb2.ResetPasswordRequest(id=accepted.user.id, password="9753"), principal=owner.principal
    )
    opened = await api.AuthService.PinLogin(
        auth_pb2.PinLoginRequest(email=accepted.user.email, pin_code="9753"), principal=ANONYMOUS
    )
    assert opened.user.id == accepted.user.id


async def test_an_agents_pin_never_guards_an_administrative_account(api: Api, owner: Owner) -> None:
    made = await invite(api, owner, "MANAGER", email=address())
    accepted = await by_agent(api, made.token, pin="4821", first_name="Ali")
    assert not accepted.pin_set
    for login in (
        api.AuthService.PinLogin(auth_pb2.PinLoginRequest(email=made.email, pin_code="4821"), principal=ANONYMOUS),
        api.AuthService.Login(auth_pb2.LoginRequest(email=made.email, password="4821"), principal=ANONYMOUS),
    ):
        with pytest.raises(RemoteRefusal):
            await login


async def test_a_number_matches_whole_or_not_at_all(api: Api, owner: Owner) -> None:
    phone = number()
    made = await invite(api, owner, phone_number=phone)
    for spelled in (phone, f"+212{phone[1:]}", f"00212{phone[1:]}", f"+212 {phone[1:4]} {phone[4:]}"):
        assert (await look_up(api, spelled)).invitation.token == made.token
    for other in (phone[:-1], phone[-6:], phone[1:-1], f"{phone}0", "0600000000"):
        with pytest.raises(RemoteRefusal) as refused:
            await look_up(api, other)
        assert refused.value.grpc_code is NOT_FOUND
    for nothing in ("", "abc", "%", "+", "_"):
        with pytest.raises(RemoteRefusal) as refused:
            await look_up(api, nothing)
        assert (refused.value.grpc_code, refused.value.message) == (INVALID, "phone query parameter is required")


async def test_a_restaurants_agent_sees_that_restaurants_invitations_only(api: Api, owner: Owner) -> None:
    stranger = await register(api, f"v{uuid4().hex[:10]}")
    agent = PLATFORM_AGENT.in_restaurant(stranger.restaurant_id)
    phone = number()
    made = await invite(api, owner, phone_number=phone)
    with pytest.raises(RemoteRefusal) as refused:
        await look_up(api, phone, agent)
    assert refused.value.grpc_code is NOT_FOUND
    with pytest.raises(RemoteRefusal) as refused:
        await by_agent(api, made.token, agent=agent)
    assert refused.value.message == "Invalid invitation token"
    assert (await look_up(api, phone)).invitation.token == made.token
    with pytest.raises(RemoteRefusal) as refused:
        await look_up(api, phone, owner.principal)
    assert refused.value.grpc_code is grpc.StatusCode.PERMISSION_DENIED
