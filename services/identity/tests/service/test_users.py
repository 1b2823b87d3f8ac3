"""Accounts as managers see and change them, and what none of them may do."""

from itertools import product
from typing import Any
from uuid import uuid4

import grpc
import jwt
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.field_mask_pb2 import FieldMask

from mizan.identity.events.v1 import events_pb2 as facts
from mizan.identity.v1 import access_pb2, auth_pb2, user_pb2
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS
from servicekit.testing.service import Api, RunningService
from services.identity.tests.conftest import GATEWAY, PASSWORD, Owner, register
from services.identity.tests.published import published
from services.identity.tests.team import hire, hire_many

NOT_FOUND = grpc.StatusCode.NOT_FOUND
FORBIDDEN = grpc.StatusCode.PERMISSION_DENIED
LADDER = ("SUPER_ADMIN", "OWNER", "ADMIN", "MANAGER", "WAITER")


@pytest.fixture
async def owner(api: Api) -> Owner:
    return await register(api, f"u{uuid4().hex[:10]}")


@pytest.fixture
async def stranger(api: Api) -> Owner:
    return await register(api, f"s{uuid4().hex[:10]}")


def change(user_id: str, **fields: Any) -> user_pb2.UpdateUserRequest:
    return user_pb2.UpdateUserRequest(id=user_id, update_mask=FieldMask(paths=list(fields)), **fields)


async def alive(api: Api, access_token: str) -> bool:
    session_id = jwt.decode(access_token, options={"verify_signature": False})["sid"]
    request = access_pb2.ResolveSessionRequest(session_id=session_id)
    try:
        await api.AccessService.ResolveSession(request, principal=GATEWAY)
    except RemoteRefusal as refused:
        if refused.grpc_code is grpc.StatusCode.UNAUTHENTICATED:
            return False
        raise
    return True


async def test_the_index_names_the_lists(api: Api, owner: Owner) -> None:
    index = await api.UserService.GetIndex(Empty(), principal=owner.colleague("WAITER"))
    assert index.users.endswith("/api/users/")
    assert index.invitations.endswith("/api/invitations/")


async def test_users_come_by_name_with_profile_and_restaurant(api: Api, identity: RunningService, owner: Owner) -> None:
    hire(identity, owner, first_name="Zineb", last_name="A")
    hire(identity, owner, first_name="Amal", last_name="B", is_active=False)
    found = await api.UserService.ListUsers(user_pb2.ListUsersRequest(), principal=owner.principal)
    assert [user.first_name for user in found.results] == ["Amal", "Amina", "Zineb"]
    assert found.count == 3
    for user in found.results:
        assert user.restaurant_data.id == user.restaurant == owner.restaurant.id
        assert user.restaurant_name == owner.restaurant.name
    assert not found.results[0].is_active
    assert found.results[1].role_display == "Super Admin"


async def test_users_are_filtered_and_paged(api: Api, identity: RunningService, owner: Owner) -> None:
    hire(identity, owner, first_name="Zineb", last_name="El Fassi")
    hire(identity, owner, "CHEF", first_name="Omar", is_active=False, email=f"omar.chef@{uuid4().hex}.com")
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"role": "waiter"}, ["Zineb"]),
        ({"is_active": False}, ["Omar"]),
        ({"is_active": True}, ["Amina", "Zineb"]),
        ({"search": "zin"}, ["Zineb"]),
        ({"search": "Zineb El"}, ["Zineb"]),
        ({"search": "omar.chef@"}, ["Omar"]),
        ({"search": "%"}, []),
        ({"search": "_"}, []),
        ({"page": 2, "page_size": 2}, ["Zineb"]),
    ]
    for filters, expected in cases:
        found = await api.UserService.ListUsers(user_pb2.ListUsersRequest(**filters), principal=owner.principal)
        assert [user.first_name for user in found.results] == expected, filters


async def test_a_page_beyond_the_last_is_not_found(api: Api, owner: Owner) -> None:
    with pytest.raises(RemoteRefusal) as refused:
        await api.UserService.ListUsers(user_pb2.ListUsersRequest(page=2, page_size=10), principal=owner.principal)
    assert refused.value.grpc_code is NOT_FOUND
    assert refused.value.message == "Invalid page."


async def test_a_list_costs_the_same_for_one_as_for_many(api: Api, identity: RunningService, owner: Owner) -> None:
    request = user_pb2.ListUsersRequest(page=1, page_size=500)
    with identity.statements() as for_one:
        await api.UserService.ListUsers(request, principal=owner.principal)
    hire_many(identity, owner, 100)
    with identity.statements() as for_many:
        found = await api.UserService.ListUsers(request, principal=owner.principal)
    assert for_many == for_one
    # The page, how many there are, the restaurant, and the hours of whom the page shows.
    assert len(for_one) == 4
    assert len(found.results) == 101


async def test_an_account_is_made_without_any_way_to_log_in(api: Api, identity: RunningService, owner: Owner) -> None:
    email = f"{uuid4().hex[:8]}@example.com"
    made = await api.UserService.CreateUser(
        user_pb2.CreateUserRequest(email=email, role="head waiter", first_name="Sara", phone="0612345678"),
        principal=owner.principal,
    )
    assert (made.role, made.is_active, made.is_verified, made.restaurant) == (
        "HEAD_WAITER",
        True,
        False,
        owner.restaurant.id,
    )
    with pytest.raises(RemoteRefusal):
        await api.AuthService.PinLogin(auth_pb2.PinLoginRequest(email=email, pin_code="0000"), principal=ANONYMOUS)
    joined = await published(identity, facts.StaffJoined, owner.restaurant_id, 2)
    assert {message.staff.email for message in joined} == {owner.user.email, email}


async def test_an_address_is_taken_across_restaurants_and_nothing_is_made(
    api: Api, owner: Owner, stranger: Owner
) -> None:
    request = user_pb2.CreateUserRequest(email=stranger.user.email.upper(), role="WAITER")
    with pytest.raises(RemoteRefusal) as refused:
        await api.UserService.CreateUser(request, principal=owner.principal)
    assert refused.value.grpc_code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.fields == {"email": ["A user with this email address already exists."]}


async def test_accounts_are_made_up_to_ones_own_rank(api: Api, owner: Owner) -> None:
    for actor, role in product(LADDER, LADDER):
        request = user_pb2.CreateUserRequest(email=f"{uuid4().hex[:12]}@example.com", role=role)
        call = api.UserService.CreateUser(request, principal=owner.colleague(actor))
        if actor != "WAITER" and LADDER.index(actor) <= LADDER.index(role):
            assert (await call).role == role
            continue
        with pytest.raises(RemoteRefusal) as refused:
            await call
        assert refused.value.grpc_code is FORBIDDEN, (actor, role)


async def test_people_are_changed_up_to_ones_own_rank(api: Api, identity: RunningService, owner: Owner) -> None:
    for actor, target in product(LADDER, LADDER):
        person = hire(identity, owner, target)
        allowed = actor != "WAITER" and LADDER.index(actor) <= LADDER.index(target)
        for rpc, request in (
            ("UpdateUser", change(person.subject, first_name="New", email=f"{uuid4().hex[:9]}@example.com")),
            ("UpdateUserRole", user_pb2.UpdateUserRoleRequest(id=person.subject, role="CHEF")),
            ("DeactivateUser", user_pb2.UserRequest(id=person.subject)),
        ):
            call = getattr(api.UserService, rpc)(request, principal=owner.colleague(actor))
            if allowed:
                await call
                continue
            with pytest.raises(RemoteRefusal) as refused:
                await call
            assert refused.value.grpc_code is FORBIDDEN, (actor, target, rpc)
        seen = await api.UserService.GetUser(user_pb2.UserRequest(id=person.subject), principal=owner.principal)
        expected = ("CHEF", False, "New") if allowed else (target, True, "Karim")
        assert (seen.role, seen.is_active, seen.first_name) == expected


async def test_people_of_another_restaurant_are_not_found_and_not_changed(
    api: Api, identity: RunningService, owner: Owner, stranger: Owner
) -> None:
    person = hire(identity, stranger)
    itself = user_pb2.UserRequest(id=person.subject)
    for rpc, request in (
        *((rpc, itself) for rpc in ("GetUser", "DeleteUser", "DeactivateUser", "ReactivateUser")),
        ("UpdateUser", change(person.subject, first_name="Mine")),
        ("UpdateUserRole", user_pb2.UpdateUserRoleRequest(id=person.subject, role="MANAGER")),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await getattr(api.UserService, rpc)(request, principal=owner.principal)
        assert refused.value.grpc_code is NOT_FOUND
    seen = await api.UserService.GetUser(user_pb2.UserRequest(id=person.subject), principal=stranger.principal)
    assert (seen.first_name, seen.role, seen.is_active) == ("Karim", "WAITER", True)
    listed = await api.UserService.ListUsers(user_pb2.ListUsersRequest(), principal=owner.principal)
    assert [user.id for user in listed.results] == [owner.user.id]


async def test_null_and_absent_differ_in_a_change(api: Api, identity: RunningService, owner: Owner) -> None:
    person = hire(identity, owner, phone="0612345678", preferred_language="fr")
    request = user_pb2.UpdateUserRequest(id=person.subject, update_mask=FieldMask(paths=["phone", "email"]))
    seen = await api.UserService.UpdateUser(request, principal=owner.principal)
    assert not seen.HasField("phone")
    assert seen.preferred_language == "fr"
    assert seen.email


async def test_nobody_changes_their_own_role_or_activity(api: Api, owner: Owner) -> None:
    me = owner.user.id
    for rpc, request in (
        ("UpdateUserRole", user_pb2.UpdateUserRoleRequest(id=me, role="WAITER")),
        ("UpdateUser", change(me, role="OWNER")),
        ("UpdateUser", change(me, is_active=False)),
        ("DeactivateUser", user_pb2.UserRequest(id=me)),
        ("DeleteUser", user_pb2.UserRequest(id=me)),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await getattr(api.UserService, rpc)(request, principal=owner.principal)
        assert refused.value.grpc_code is FORBIDDEN
    renamed = await api.UserService.UpdateUser(
        change(me, first_name="Aminata", role="SUPER_ADMIN"), principal=owner.principal
    )
    assert renamed.first_name == "Aminata"


@pytest.mark.parametrize("rpc", ["UpdateUserRole", "DeactivateUser"])
async def test_a_new_role_or_leaving_ends_every_session(
    api: Api, identity: RunningService, owner: Owner, rpc: str
) -> None:
    admin = owner.colleague("OWNER", hire(identity, owner, "OWNER").subject)
    assert await alive(api, owner.tokens.access)
    request = (
        user_pb2.UserRequest(id=owner.user.id)
        if rpc == "DeactivateUser"
        else user_pb2.UpdateUserRoleRequest(id=owner.user.id, role="ADMIN")
    )
    with pytest.raises(RemoteRefusal):
        await getattr(api.UserService, rpc)(request, principal=admin)
    assert await alive(api, owner.tokens.access)
    await getattr(api.UserService, rpc)(request, principal=owner.colleague("SUPER_ADMIN"))
    assert not await alive(api, owner.tokens.access)
    (revoked,) = await published(identity, facts.SessionRevoked, owner.restaurant_id, 1)
    assert revoked.user_id == owner.user.id
    assert not revoked.HasField("session_id")


async def test_a_new_role_is_told_with_the_old_one(api: Api, identity: RunningService, owner: Owner) -> None:
    person = hire(identity, owner)
    changed = await api.UserService.UpdateUserRole(
        user_pb2.UpdateUserRoleRequest(id=person.subject, role="chef"), principal=owner.principal
    )
    assert (changed.detail, changed.user.role) == ("User role updated successfully", "CHEF")
    (told,) = await published(identity, facts.RoleChanged, owner.restaurant_id, 1)
    assert (told.user_id, told.previous_role, told.role) == (person.subject, "WAITER", "CHEF")
    (updated,) = await published(identity, facts.StaffUpdated, owner.restaurant_id, 1)
    assert (updated.staff.role, updated.staff.version) == ("CHEF", 2)


async def test_only_administrators_let_people_back_in(api: Api, identity: RunningService, owner: Owner) -> None:
    person = hire(identity, owner, is_active=False)
    for request_rpc, request in (
        ("ReactivateUser", user_pb2.UserRequest(id=person.subject)),
        ("UpdateUser", change(person.subject, is_active=True)),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await getattr(api.UserService, request_rpc)(request, principal=owner.colleague("MANAGER"))
        assert refused.value.message == "Only admins can reactivate users"
    back = await api.UserService.ReactivateUser(
        user_pb2.UserRequest(id=person.subject), principal=owner.colleague("ADMIN")
    )
    assert back.detail == "User reactivated successfully"
    assert back.user.is_active


async def test_leaving_twice_is_leaving_once(api: Api, identity: RunningService, owner: Owner) -> None:
    person = hire(identity, owner)
    for _ in range(2):
        await api.UserService.DeleteUser(user_pb2.UserRequest(id=person.subject), principal=owner.principal)
    (revoked,) = await published(identity, facts.SessionRevoked, owner.restaurant_id, 1)
    assert revoked.user_id == person.subject


async def test_who_begins_to_log_in_by_password_does_not_keep_the_old_one(api: Api, owner: Owner) -> None:
    down = user_pb2.UpdateUserRoleRequest(id=owner.user.id, role="WAITER")
    up = user_pb2.UpdateUserRoleRequest(id=owner.user.id, role="MANAGER")
    for request in (down, up):
        await api.UserService.UpdateUserRole(request, principal=owner.colleague("SUPER_ADMIN"))
    with pytest.raises(RemoteRefusal) as refused:
        await api.AuthService.Login(
            auth_pb2.LoginRequest(email=owner.user.email, password=PASSWORD), principal=ANONYMOUS
        )
    assert refused.value.grpc_code is grpc.StatusCode.UNAUTHENTICATED


async def test_what_is_no_role_is_refused(api: Api, identity: RunningService, owner: Owner) -> None:
    person = hire(identity, owner)
    for role in ("", "!", "A" * 41, "ROLE1", "<script>"):
        with pytest.raises(RemoteRefusal) as refused:
            await api.UserService.UpdateUserRole(
                user_pb2.UpdateUserRoleRequest(id=person.subject, role=role), principal=owner.principal
            )
        assert refused.value.fields.keys() == {"role"}


async def test_the_team_is_counted_without_who_left_and_without_other_restaurants(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    hire(identity, owner)
    gone = hire(identity, owner)
    await api.UserService.DeactivateUser(user_pb2.UserRequest(id=gone.subject), principal=owner.principal)
    figures = await api.UserService.GetTeamFigures(Empty(), principal=owner.principal)
    assert (figures.active, figures.new_hires) == (2, 2)
