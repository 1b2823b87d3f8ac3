"""Employees: what managers and colleagues see, edits, PINs and passwords."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from mizan.identity.events.v1 import events_pb2 as facts
from mizan.identity.v1 import account_pb2, auth_pb2, staff_pb2, user_pb2
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS, Principal
from servicekit.testing.service import Api, RunningService, person
from services.identity.domain.permissions import standard_permissions
from services.identity.tests.conftest import Owner, register
from services.identity.tests.published import published
from services.identity.tests.team import hire, hire_many

NOT_FOUND = grpc.StatusCode.NOT_FOUND
FORBIDDEN = grpc.StatusCode.PERMISSION_DENIED


@pytest.fixture
async def owner(api: Api) -> Owner:
    return await register(api, f"f{uuid4().hex[:10]}")


def reset(target: Principal, password: str) -> staff_pb2.ResetPasswordRequest:
    return staff_pb2.ResetPasswordRequest(id=target.subject, password=password)


def account(**fields: Any) -> staff_pb2.StaffAccountChange:
    return staff_pb2.StaffAccountChange(**fields)


async def staff(api: Api, caller: Principal, **filters: Any) -> list[staff_pb2.StaffRow]:
    found = await api.StaffService.ListStaff(staff_pb2.ListStaffRequest(**filters), principal=caller)
    return list(found.results)


async def user(api: Api, owner: Owner, user_id: str) -> account_pb2.User:
    seen: account_pb2.User = await api.UserService.GetUser(user_pb2.UserRequest(id=user_id), principal=owner.principal)
    return seen


async def pin_login(api: Api, email: str, pin: str) -> str:
    opened = await api.AuthService.PinLogin(auth_pb2.PinLoginRequest(email=email, pin_code=pin), principal=ANONYMOUS)
    return str(opened.user.id)


async def test_managers_see_active_employees_flat_and_nested(api: Api, identity: RunningService, owner: Owner) -> None:
    hire(identity, owner, "OWNER", first_name="Badr")
    waiter = hire(identity, owner, first_name="Yasmine", last_name="Tazi", phone="0612345678")
    hire(identity, owner, first_name="Gone", is_active=False)
    await api.StaffService.UpdateStaffMember(
        staff_pb2.UpdateStaffMemberRequest(id=waiter.subject, employee_id="E-7", department="Floor"),
        principal=owner.principal,
    )
    rows = await staff(api, owner.colleague("MANAGER"))
    assert [(row.first_name, row.role) for row in rows] == [("Badr", "OWNER"), ("Yasmine", "WAITER")]
    row = rows[1]
    assert (row.user.id, row.user.first_name, row.user.email) == (row.id, row.first_name, row.email)
    assert (row.user.role, row.user.is_active, row.user.phone) == ("WAITER", True, "0612345678")
    assert (row.username, row.employee_id, row.department) == ("Yasmine Tazi", "E-7", "Floor")
    assert row.date_joined == row.created_at
    assert row.profile.department == "Floor"
    assert [row.first_name for row in await staff(api, owner.principal, is_active=False)] == ["Gone"]
    assert [row.first_name for row in await staff(api, owner.principal, role="OWNER")] == ["Badr"]
    assert [row.first_name for row in await staff(api, owner.principal, search="tazi")] == ["Yasmine"]


async def test_colleagues_see_names_and_no_records(api: Api, identity: RunningService, owner: Owner) -> None:
    hire(identity, owner, first_name="Yasmine", phone="0612345678", email=f"secret.{uuid4().hex}@example.com")
    hire(identity, owner, first_name="Gone", is_active=False)
    waiter = owner.colleague("WAITER")
    with pytest.raises(RemoteRefusal) as refused:
        await staff(api, waiter)
    assert refused.value.grpc_code is FORBIDDEN
    request = staff_pb2.ListStaffRequest(is_active=False)
    (row,) = (await api.StaffService.ListColleagues(request, principal=waiter)).results
    assert row.first_name == "Yasmine"
    for hidden in ("email", "phone", "profile", "employee_id", "join_date"):
        assert not row.HasField(hidden)
    assert not row.user.HasField("email")
    by_address = await api.StaffService.ListColleagues(staff_pb2.ListStaffRequest(search="secret"), principal=waiter)
    assert list(by_address.results) == []
    for_manager = await api.StaffService.ListColleagues(
        staff_pb2.ListStaffRequest(search="secret"), principal=owner.principal
    )
    assert for_manager.results[0].phone == "0612345678"


async def test_a_list_costs_the_same_for_one_as_for_many(api: Api, identity: RunningService, owner: Owner) -> None:
    hire(identity, owner)
    for listing in (api.StaffService.ListStaff, api.StaffService.ListColleagues):
        with identity.statements() as for_one:
            await listing(staff_pb2.ListStaffRequest(), principal=owner.principal)
        hire_many(identity, owner, 100)
        with identity.statements() as for_many:
            await listing(staff_pb2.ListStaffRequest(), principal=owner.principal)
        assert for_many == for_one
        assert len(for_one) == 2


async def test_a_blank_address_is_left_as_it_is_and_a_blank_phone_is_cleared(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    waiter = hire(identity, owner, phone="0612345678", email=f"{uuid4().int % 10**12}@mizan.ai")
    edited = await api.StaffService.UpdateStaffProfile(
        staff_pb2.UpdateStaffProfileRequest(
            id=waiter.subject,
            first_name="Nora",
            phone="",
            role="OWNER",
            profile=account_pb2.ProfileChange(hourly_rate="25.50", department="Bar"),
        ),
        principal=owner.principal,
    )
    assert (edited.first_name, edited.role) == ("Nora", "OWNER")
    assert edited.email.endswith("@mizan.ai")
    assert not edited.HasField("phone")
    assert Decimal(edited.profile.hourly_rate) == Decimal("25.50")
    assert edited.restaurant_name == owner.restaurant.name


async def test_people_change_of_themselves_what_is_harmless(api: Api, identity: RunningService, owner: Owner) -> None:
    waiter = hire(identity, owner)
    mine = staff_pb2.UpdateStaffProfileRequest(
        id=waiter.subject,
        first_name="Nora",
        role="WAITER",
        profile=account_pb2.ProfileChange(emergency_contact_name="Mother", emergency_contact_phone="0600000000"),
    )
    edited = await api.StaffService.UpdateStaffProfile(mine, principal=waiter)
    assert (edited.first_name, edited.profile.emergency_contact_name) == ("Nora", "Mother")
    for harmful in (
        {"role": "MANAGER"},
        {"email": "mine@example.com"},
        {"profile": account_pb2.ProfileChange(hourly_rate="999")},
        {"profile": account_pb2.ProfileChange(notes="good")},
    ):
        request = staff_pb2.UpdateStaffProfileRequest(id=waiter.subject, **harmful)
        with pytest.raises(RemoteRefusal) as refused:
            await api.StaffService.UpdateStaffProfile(request, principal=waiter)
        assert refused.value.grpc_code is FORBIDDEN
    seen = await user(api, owner, waiter.subject)
    assert seen.role == "WAITER"
    assert Decimal(seen.profile.hourly_rate) == 0


async def test_nobody_raises_their_own_pay_by_their_account(api: Api, identity: RunningService, owner: Owner) -> None:
    waiter = hire(identity, owner)
    change = auth_pb2.UpdateMeRequest(
        first_name="Nora",
        profile=account_pb2.ProfileChange(hourly_rate="999", emergency_contact_name="Mother"),
        update_mask=FieldMask(paths=["first_name", "profile.hourly_rate", "profile.emergency_contact_name"]),
    )
    changed = await api.AuthService.UpdateMe(change, principal=waiter)
    assert (changed.first_name, changed.profile.emergency_contact_name) == ("Nora", "Mother")
    assert Decimal(changed.profile.hourly_rate) == Decimal(0)
    allowed = await api.AuthService.UpdateMe(change, principal=owner.principal)
    assert Decimal(allowed.profile.hourly_rate) == Decimal(999)


async def test_colleagues_change_nothing_of_each_other(api: Api, identity: RunningService, owner: Owner) -> None:
    waiter, colleague = hire(identity, owner), hire(identity, owner)
    for rpc, request in (
        ("UpdateStaffProfile", staff_pb2.UpdateStaffProfileRequest(id=waiter.subject, first_name="Mine")),
        ("UpdateStaffMember", staff_pb2.UpdateStaffMemberRequest(id=waiter.subject, user=account(first_name="Mine"))),
        ("UpdateStaffRole", staff_pb2.UpdateStaffRoleRequest(id=waiter.subject, role="CHEF")),
        ("DeactivateStaffMember", staff_pb2.StaffMemberRequest(id=waiter.subject)),
        ("RemoveStaffMember", staff_pb2.StaffMemberRequest(id=waiter.subject)),
        ("ResetPassword", reset(waiter, "1111")),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await getattr(api.StaffService, rpc)(request, principal=colleague)
        assert refused.value.grpc_code is FORBIDDEN, rpc
    assert (await user(api, owner, waiter.subject)).first_name == "Karim"


async def test_another_restaurants_people_are_not_found(api: Api, identity: RunningService, owner: Owner) -> None:
    stranger = await register(api, f"g{uuid4().hex[:10]}")
    theirs = hire(identity, stranger)
    for rpc, request in (
        ("UpdateStaffProfile", staff_pb2.UpdateStaffProfileRequest(id=theirs.subject, first_name="Mine")),
        ("UpdateStaffMember", staff_pb2.UpdateStaffMemberRequest(id=theirs.subject, user=account(first_name="Mine"))),
        ("UpdateStaffMember", staff_pb2.UpdateStaffMemberRequest(id=theirs.subject, user=account(pin_code="1357"))),
        ("UpdateStaffRole", staff_pb2.UpdateStaffRoleRequest(id=theirs.subject, role="CHEF")),
        ("DeactivateStaffMember", staff_pb2.StaffMemberRequest(id=theirs.subject)),
        ("RemoveStaffMember", staff_pb2.StaffMemberRequest(id=theirs.subject)),
        ("ResetPassword", reset(theirs, "1111")),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await getattr(api.StaffService, rpc)(request, principal=owner.principal)
        assert refused.value.grpc_code is NOT_FOUND, rpc
    seen = await user(api, stranger, theirs.subject)
    assert (seen.first_name, seen.role, seen.is_active) == ("Karim", "WAITER", True)
    assert theirs.subject not in {row.id for row in await staff(api, owner.principal)}


async def test_four_to_six_digits_are_a_pin_for_staff(api: Api, identity: RunningService, owner: Owner) -> None:
    waiter = hire(identity, owner)
    email = (await user(api, owner, waiter.subject)).email
    for pin in ("2468", "246810"):
        answer = await api.StaffService.ResetPassword(reset(waiter, pin), principal=owner.colleague("MANAGER"))
        assert answer.message == "Password reset successfully"
        assert await pin_login(api, email, pin) == waiter.subject
    with pytest.raises(RemoteRefusal):
        await pin_login(api, email, "2468")
    await api.StaffService.ResetPassword(reset(waiter, "longer than a pin"), principal=owner.principal)
    tokens = await api.AuthService.IssueTokens(
        auth_pb2.IssueTokensRequest(email=email, password="longer than a pin"), principal=ANONYMOUS
    )
    assert tokens.access


async def test_a_pin_belongs_to_one_person_of_a_restaurant(api: Api, identity: RunningService, owner: Owner) -> None:
    first, second = hire(identity, owner), hire(identity, owner)
    await api.StaffService.ResetPassword(reset(first, "1357"), principal=owner.principal)
    with pytest.raises(RemoteRefusal) as refused:
        await api.StaffService.ResetPassword(reset(second, "1357"), principal=owner.principal)
    assert refused.value.grpc_code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.code == "pin_taken"
    other = await register(api, f"h{uuid4().hex[:10]}")
    elsewhere = hire(identity, other)
    await api.StaffService.ResetPassword(reset(elsewhere, "1357"), principal=other.principal)
    # Who leaves gives the PIN back.
    await api.StaffService.DeactivateStaffMember(
        staff_pb2.StaffMemberRequest(id=first.subject), principal=owner.principal
    )
    await api.StaffService.ResetPassword(reset(second, "1357"), principal=owner.principal)
    assert await pin_login(api, (await user(api, owner, second.subject)).email, "1357") == second.subject


async def test_bad_passwords_are_refused_in_words(api: Api, identity: RunningService, owner: Owner) -> None:
    waiter, manager = hire(identity, owner), hire(identity, owner, "MANAGER")
    for target, password, message in (
        (waiter, "", "Password is required"),
        (waiter, "abc", "Password must be at least 4 characters"),
        (manager, "2468", "Password must be at least 8 characters long."),
        (manager, "alllowercase1!", "Password must contain at least one uppercase letter."),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await api.StaffService.ResetPassword(reset(target, password), principal=owner.principal)
        assert refused.value.message == message


async def test_nobody_resets_above_themselves_or_themselves(api: Api, identity: RunningService, owner: Owner) -> None:
    manager, admin = hire(identity, owner, "MANAGER"), hire(identity, owner, "ADMIN")
    for caller, target in ((manager, admin), (manager, manager)):
        with pytest.raises(RemoteRefusal) as refused:
            await api.StaffService.ResetPassword(reset(target, "Str0ng!pass"), principal=caller)
        assert refused.value.grpc_code is FORBIDDEN
    await api.StaffService.ResetPassword(reset(manager, "N3w!password"), principal=admin)
    opened = await api.AuthService.Login(
        auth_pb2.LoginRequest(email=(await user(api, owner, manager.subject)).email, password="N3w!password"),
        principal=ANONYMOUS,
    )
    assert opened.user.id == manager.subject
    (revoked,) = await published(identity, facts.SessionRevoked, owner.restaurant_id, 1)
    assert revoked.user_id == manager.subject


async def test_resetting_or_redirecting_never_gains_a_permission(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    """A lead who may reset credentials, but lacks what waiters hold, cannot become one of them."""
    waiter = hire(identity, owner)
    lead = person(
        frozenset({"staff.manage", "staff.reset_credentials", "staff.view"}),
        restaurant_id=owner.restaurant_id,
        role="SHIFT_LEAD",
    )
    assert not standard_permissions("WAITER") <= lead.permissions
    edit = staff_pb2.UpdateStaffMemberRequest
    for rpc, request in (
        ("ResetPassword", reset(waiter, "1357")),
        ("UpdateStaffMember", edit(id=waiter.subject, user=account(email="mine@example.com"))),
        ("UpdateStaffMember", edit(id=waiter.subject, user=account(phone="0699999999"))),
        ("UpdateStaffMember", edit(id=waiter.subject, user=account(pin_code="1357"))),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await getattr(api.StaffService, rpc)(request, principal=lead)
        assert refused.value.grpc_code is FORBIDDEN, rpc
    renamed = await api.StaffService.UpdateStaffMember(
        edit(id=waiter.subject, user=account(first_name="Nora")), principal=lead
    )
    assert renamed.first_name == "Nora"


async def test_one_edit_changes_account_number_and_pin(api: Api, identity: RunningService, owner: Owner) -> None:
    waiter = hire(identity, owner)
    email = f"{uuid4().hex[:10]}@example.com"
    row = await api.StaffService.UpdateStaffMember(
        staff_pb2.UpdateStaffMemberRequest(
            id=waiter.subject,
            user=account(first_name="Nora", email=email, role="chef", pin_code="8642"),
            employee_id="E-9",
        ),
        principal=owner.principal,
    )
    assert (row.first_name, row.email, row.role, row.employee_id) == ("Nora", email, "CHEF", "E-9")
    assert await pin_login(api, email, "8642") == waiter.subject


async def test_half_an_edit_is_no_edit(api: Api, identity: RunningService, owner: Owner) -> None:
    first, second = hire(identity, owner), hire(identity, owner)
    await api.StaffService.ResetPassword(reset(first, "1357"), principal=owner.principal)
    for change in (
        account(first_name="Nora", pin_code="1357"),
        account(first_name="Nora", pin_code="12"),
        account(first_name="Nora", role="MANAGER", pin_code="9753"),
        account(first_name="Nora", role="SUPER_ADMIN"),
        account(first_name="Nora", email=owner.user.email),
    ):
        with pytest.raises(RemoteRefusal):
            await api.StaffService.UpdateStaffMember(
                staff_pb2.UpdateStaffMemberRequest(id=second.subject, user=change), principal=owner.colleague("ADMIN")
            )
    seen = await user(api, owner, second.subject)
    assert (seen.first_name, seen.role) == ("Karim", "WAITER")


async def test_staff_are_removed_by_leaving(api: Api, identity: RunningService, owner: Owner) -> None:
    waiter = hire(identity, owner)
    request = staff_pb2.StaffMemberRequest(id=waiter.subject)
    answer = await api.StaffService.DeactivateStaffMember(request, principal=owner.principal)
    assert answer.message
    await api.StaffService.RemoveStaffMember(request, principal=owner.principal)
    assert not (await user(api, owner, waiter.subject)).is_active
    left = await published(identity, facts.StaffDeactivated, owner.restaurant_id, 2)
    assert {message.staff.user_id for message in left} == {waiter.subject}
