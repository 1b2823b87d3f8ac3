"""A restaurant's roles: made, redefined, given back, and never more than their maker holds."""

from typing import Any
from uuid import uuid4

import grpc
import jwt
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.field_mask_pb2 import FieldMask

from mizan.identity.events.v1 import events_pb2 as facts
from mizan.identity.v1 import access_pb2, auth_pb2, role_pb2, staff_pb2, user_pb2
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS, Principal
from servicekit.testing.service import Api, RunningService, person
from services.identity.domain.permissions import CATALOGUE, standard_permissions
from services.identity.domain.roles import STANDARD
from services.identity.tests.conftest import GATEWAY, Owner, register
from services.identity.tests.published import published
from services.identity.tests.team import hire, hire_many

NOT_FOUND = grpc.StatusCode.NOT_FOUND
FORBIDDEN = grpc.StatusCode.PERMISSION_DENIED


@pytest.fixture
async def owner(api: Api) -> Owner:
    return await register(api, f"o{uuid4().hex[:10]}")


async def create(api: Api, caller: Principal, code: str, *permissions: str, **fields: Any) -> role_pb2.Role:
    request = role_pb2.CreateRoleRequest(code=code, permissions=permissions, **fields)
    made: role_pb2.Role = await api.RoleService.CreateRole(request, principal=caller)
    return made


def redefine(code: str, **fields: Any) -> role_pb2.UpdateRoleRequest:
    return role_pb2.UpdateRoleRequest(code=code, update_mask=FieldMask(paths=list(fields)), **fields)


def without_billing(owner: Owner) -> Principal:
    """An administrator whose restaurant keeps its billing to the owner."""
    rights = standard_permissions("ADMIN") - {"billing.manage"}
    return person(rights, restaurant_id=owner.restaurant_id, role="ADMIN")


async def roles_of(api: Api, caller: Principal) -> dict[str, role_pb2.Role]:
    found = await api.RoleService.ListRoles(Empty(), principal=caller)
    return {role.code: role for role in found.results}


async def test_every_restaurant_starts_with_the_standard_roles(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    hire(identity, owner)
    hire(identity, owner, is_active=False)
    found = await roles_of(api, owner.colleague("ADMIN"))
    assert list(found) == list(STANDARD)
    waiter = found["WAITER"]
    assert set(waiter.permissions) == standard_permissions("WAITER")
    assert (waiter.name, waiter.member_count, waiter.is_standard, waiter.is_customised) == ("Waiter", 1, True, False)
    assert (waiter.is_editable, waiter.is_grantable, waiter.is_administrative) == (True, True, False)
    assert not found["OWNER"].is_editable
    assert not found["OWNER"].is_grantable
    assert not (await roles_of(api, owner.colleague("MANAGER")))["WAITER"].is_editable


async def test_the_catalogue_says_what_the_caller_may_give(api: Api, owner: Owner) -> None:
    found = await api.RoleService.ListPermissions(Empty(), principal=without_billing(owner))
    grantable = {permission.code: permission.is_grantable for permission in found.results}
    assert grantable.keys() == CATALOGUE.keys()
    assert {code for code, may in grantable.items() if not may} == {"billing.manage"}
    assert all(permission.description for permission in found.results)


async def test_an_own_role_is_made_given_and_counted(api: Api, identity: RunningService, owner: Owner) -> None:
    made = await create(api, owner.principal, "shift lead", "schedule.view", "staff.view", description="Runs a shift")
    assert (made.code, made.name, made.description) == ("SHIFT_LEAD", "Shift Lead", "Runs a shift")
    assert list(made.permissions) == ["schedule.view", "staff.view"]
    assert (made.is_standard, made.is_customised, made.is_grantable) == (False, True, True)
    waiter = hire(identity, owner)
    await api.UserService.UpdateUserRole(
        user_pb2.UpdateUserRoleRequest(id=waiter.subject, role="SHIFT_LEAD"), principal=owner.principal
    )
    found = await api.RoleService.GetRole(role_pb2.RoleRequest(code="SHIFT_LEAD"), principal=owner.principal)
    assert found.member_count == 1
    with pytest.raises(RemoteRefusal) as refused:
        await api.RoleService.DeleteRole(role_pb2.RoleRequest(code="SHIFT_LEAD"), principal=owner.principal)
    assert refused.value.code == "role_in_use"


async def test_a_code_is_taken_once(api: Api, owner: Owner) -> None:
    await create(api, owner.principal, "SHIFT_LEAD")
    for code in ("shift-lead", "WAITER", "OWNER"):
        with pytest.raises(RemoteRefusal) as refused:
            await create(api, owner.principal, code)
        assert refused.value.grpc_code is grpc.StatusCode.ALREADY_EXISTS
    with pytest.raises(RemoteRefusal) as refused:
        await create(api, owner.principal, "nº 1")
    assert refused.value.fields.keys() == {"code"}


async def test_a_redefined_role_holds_for_everybody_at_once(api: Api, identity: RunningService, owner: Owner) -> None:
    waiter = hire(identity, owner)
    reset = staff_pb2.ResetPasswordRequest(id=waiter.subject, password="2468")
    await api.StaffService.ResetPassword(reset, principal=owner.principal)
    email = (await api.UserService.GetUser(user_pb2.UserRequest(id=waiter.subject), principal=owner.principal)).email
    opened = await api.AuthService.PinLogin(auth_pb2.PinLoginRequest(email=email, pin_code="2468"), principal=ANONYMOUS)
    session_id = jwt.decode(opened.tokens.access, options={"verify_signature": False})["sid"]

    async def held() -> set[str]:
        resolve = access_pb2.ResolveSessionRequest(session_id=session_id)
        return set((await api.AccessService.ResolveSession(resolve, principal=GATEWAY)).principal.permissions)

    assert await held() == standard_permissions("WAITER")
    changed = await api.RoleService.UpdateRole(
        redefine("WAITER", permissions=["order.view", "inventory.view"], name="Server"), principal=owner.principal
    )
    assert (changed.name, changed.is_customised, changed.is_standard) == ("Server", True, True)
    assert await held() == {"order.view", "inventory.view"}
    (told,) = await published(identity, facts.RoleChanged, owner.restaurant_id, 1)
    assert (told.role, told.HasField("user_id")) == ("WAITER", False)
    await api.RoleService.DeleteRole(role_pb2.RoleRequest(code="WAITER"), principal=owner.principal)
    assert await held() == standard_permissions("WAITER")


async def test_a_changed_name_leaves_the_permissions_alone(api: Api, identity: RunningService, owner: Owner) -> None:
    renamed = await api.RoleService.UpdateRole(redefine("CHEF", name="Head of kitchen"), principal=owner.principal)
    assert set(renamed.permissions) == standard_permissions("CHEF")
    emptied = await api.RoleService.UpdateRole(redefine("CHEF", permissions=[]), principal=owner.principal)
    assert list(emptied.permissions) == []
    assert emptied.name == "Head of kitchen"
    await published(identity, facts.RoleChanged, owner.restaurant_id, 1)


async def test_nobody_gives_a_permission_that_they_lack(api: Api, owner: Owner) -> None:
    """Role by role: an administrator adds what they hold, and keeps but never adds what they lack."""
    admin = without_billing(owner)
    for permission in sorted(CATALOGUE):
        call = api.RoleService.UpdateRole(
            redefine("MANAGER", permissions=[*standard_permissions("MANAGER"), permission]), principal=admin
        )
        if permission in admin.permissions:
            await call
            continue
        with pytest.raises(RemoteRefusal) as refused:
            await call
        assert refused.value.code == "permission_not_held"
    await api.RoleService.UpdateRole(
        redefine("MANAGER", permissions=["billing.manage", "staff.view"]), principal=owner.principal
    )
    kept = await api.RoleService.UpdateRole(
        redefine("MANAGER", permissions=["billing.manage", "staff.view", "menu.view"]), principal=admin
    )
    assert "billing.manage" in kept.permissions


async def test_roles_are_redefined_from_above_only(api: Api, owner: Owner) -> None:
    rights = standard_permissions("ADMIN")
    callers = {
        role: person(rights, restaurant_id=owner.restaurant_id, role=role)
        for role in ("SUPER_ADMIN", "OWNER", "ADMIN", "MANAGER")
    }
    allowed = {
        (caller, role)
        for caller in callers
        for role in ("SUPER_ADMIN", "OWNER", "ADMIN", "MANAGER", "WAITER")
        if role not in ("SUPER_ADMIN", "OWNER") and list(callers).index(caller) < [*callers, "WAITER"].index(role)
    }
    for caller, principal in callers.items():
        for role in ("SUPER_ADMIN", "OWNER", "ADMIN", "MANAGER", "WAITER"):
            call = api.RoleService.UpdateRole(redefine(role, description="x"), principal=principal)
            if (caller, role) in allowed:
                assert (await call).description == "x"
                continue
            with pytest.raises(RemoteRefusal) as refused:
                await call
            assert refused.value.code == "role_above_you"


async def test_a_pin_never_guards_what_needs_a_password(api: Api, owner: Owner) -> None:
    for permission in ("role.manage", "restaurant.manage", "api_key.manage", "billing.manage"):
        with pytest.raises(RemoteRefusal) as refused:
            await create(api, owner.principal, "SHIFT_LEAD", permission)
        assert refused.value.code == "permission_needs_password"
    with pytest.raises(RemoteRefusal) as refused:
        await create(api, owner.principal, "SHIFT_LEAD", "agent.pos")
    assert refused.value.code == "permission_unknown"


async def test_a_role_with_more_than_ones_own_cannot_be_given(api: Api, identity: RunningService, owner: Owner) -> None:
    await create(api, owner.principal, "AUDITOR", "report.view", "billing.view")
    waiter = hire(identity, owner)
    caller = person(
        standard_permissions("MANAGER") - {"billing.view"}, restaurant_id=owner.restaurant_id, role="MANAGER"
    )
    with pytest.raises(RemoteRefusal) as refused:
        await api.UserService.UpdateUserRole(
            user_pb2.UpdateUserRoleRequest(id=waiter.subject, role="AUDITOR"), principal=caller
        )
    assert refused.value.code == "role_not_grantable"


async def test_another_restaurants_roles_are_not_there(api: Api, owner: Owner) -> None:
    stranger = await register(api, f"p{uuid4().hex[:10]}")
    await create(api, stranger.principal, "SHIFT_LEAD", "staff.view")
    await api.RoleService.UpdateRole(redefine("WAITER", permissions=[]), principal=stranger.principal)
    assert set((await roles_of(api, owner.principal))["WAITER"].permissions) == standard_permissions("WAITER")
    for rpc, request in (
        ("GetRole", role_pb2.RoleRequest(code="SHIFT_LEAD")),
        ("UpdateRole", redefine("SHIFT_LEAD", permissions=[])),
        ("DeleteRole", role_pb2.RoleRequest(code="SHIFT_LEAD")),
        ("DeleteRole", role_pb2.RoleRequest(code="WAITER")),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await getattr(api.RoleService, rpc)(request, principal=owner.principal)
        assert refused.value.grpc_code is NOT_FOUND
    assert list((await roles_of(api, stranger.principal))["SHIFT_LEAD"].permissions) == ["staff.view"]


async def test_managers_and_staff_define_nothing(api: Api, owner: Owner) -> None:
    for role in ("MANAGER", "CHEF", "WAITER"):
        for rpc, request in (
            ("CreateRole", role_pb2.CreateRoleRequest(code="MINE")),
            ("UpdateRole", redefine("WAITER", permissions=[])),
            ("DeleteRole", role_pb2.RoleRequest(code="WAITER")),
        ):
            with pytest.raises(RemoteRefusal) as refused:
                await getattr(api.RoleService, rpc)(request, principal=owner.colleague(role))
            assert refused.value.grpc_code is FORBIDDEN


async def test_the_list_costs_the_same_however_many_people_and_roles(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    with identity.statements() as for_one:
        await api.RoleService.ListRoles(Empty(), principal=owner.principal)
    hire_many(identity, owner, 100)
    for number in range(3):
        await create(api, owner.principal, "LEAD_" + "ABC"[number])
    with identity.statements() as for_many:
        await api.RoleService.ListRoles(Empty(), principal=owner.principal)
    assert for_many == for_one
    assert len(for_one) == 2
