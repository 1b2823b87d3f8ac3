"""Employees: the managers' lists and changes, and what colleagues see of each other."""

from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.identity.v1 import account_pb2, staff_pb2
from servicekit.call import Call
from servicekit.clock import Clock, timestamp_of
from servicekit.db import SessionReader
from servicekit.errors import Forbidden, Invalid, NotFound
from servicekit.paging import page_of
from servicekit.patch import values_of
from services.identity.commands import accounts, people
from services.identity.commands.accounts import Hashes
from services.identity.domain import credentials, roles
from services.identity.queries import people as people_queries
from services.identity.queries import users as queries
from services.identity.service.convert import profile_message, user_slim
from services.identity.vault import Vault

SECRETS = ("password", "pin_code")


class StaffService:
    """Implements mizan.identity.v1.StaffService."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock

    async def ListStaff(self, request: staff_pb2.ListStaffRequest, call: Call) -> staff_pb2.ListStaffResponse:
        return await self._list(request, call, with_records=True)

    async def ListColleagues(self, request: staff_pb2.ListStaffRequest, call: Call) -> staff_pb2.ListStaffResponse:
        return await self._list(request, call, with_records=call.principal.may("staff.view"))

    async def _list(
        self, request: staff_pb2.ListStaffRequest, call: Call, *, with_records: bool
    ) -> staff_pb2.ListStaffResponse:
        narrowed = queries.filters(request, by_email=with_records)
        if narrowed["is_active"] is None or not with_records:
            narrowed["is_active"] = True
        count, rows = await queries.staff(call.read(), call.principal.tenant, page_of(request), narrowed)
        response = staff_pb2.ListStaffResponse(count=count)
        response.results.extend([_staff_row(row, with_records=with_records) for row in rows])
        return response

    async def UpdateStaffMember(self, request: staff_pb2.UpdateStaffMemberRequest, call: Call) -> staff_pb2.StaffRow:
        account = values_of(request.user, without=SECRETS)
        profile = values_of(request, without=("id", "user"))
        user_id, tenant, now = UUID(request.id), call.principal.tenant, self._clock.now()
        hashes, role = await self._new_secrets(request, call, account.get("role"))
        session = await call.session()
        user = await people.locked_member(session, call.principal, user_id)
        await people.change(session, call.principal, user, account, profile, now)
        if hashes is not None:
            await people.set_credentials(session, self._vault, call.principal, user, role, hashes, now)
        await accounts.publish_change(session, user)
        return _staff_row(await SessionReader(session).first(queries.MEMBER, restaurant_id=tenant, user_id=user_id))

    async def _new_secrets(
        self, request: staff_pb2.UpdateStaffMemberRequest, call: Call, new_role: str | None
    ) -> tuple[Hashes | None, str]:
        """What the request's password and PIN hash to, and the role they were judged for."""
        password, pin = request.user.password, request.user.pin_code
        if not password and not pin:
            return None, ""
        if not call.principal.may("staff.reset_credentials"):
            raise Forbidden
        member = await people_queries.member(call.read(), call.principal.tenant, UUID(request.id))
        role = roles.normalise(new_role or member.role)
        if pin and (roles.is_administrative(role) or not credentials.is_pin(pin)):
            raise Invalid.field("pin_code", "A PIN has 4 to 6 digits and is for staff roles.", code="pin_not_valid")
        administrative = roles.is_administrative(role)
        if password and (problem := credentials.reset_problem(password, administrative=administrative)):
            raise Invalid.field("password", problem, code="password_too_weak")
        return await self._hashed(password, pin), role

    async def _hashed(self, password: str, pin: str) -> Hashes:
        return Hashes(
            password=await self._vault.hash(password) if password else None,
            pin=await self._vault.hash(pin) if pin else None,
            pin_plain=pin or None,
        )

    async def DeactivateStaffMember(self, request: staff_pb2.StaffMemberRequest, call: Call) -> staff_pb2.StaffMessage:
        await self._deactivate(request, call)
        return staff_pb2.StaffMessage(message="Staff member deactivated successfully")

    async def RemoveStaffMember(self, request: staff_pb2.StaffMemberRequest, call: Call) -> Empty:
        await self._deactivate(request, call)
        return Empty()

    async def _deactivate(self, request: staff_pb2.StaffMemberRequest, call: Call) -> None:
        session = await call.session()
        user = await people.locked_member(session, call.principal, UUID(request.id))
        await people.deactivate(session, call.principal, user, self._clock.now())
        await accounts.publish_change(session, user)

    async def UpdateStaffRole(self, request: staff_pb2.UpdateStaffRoleRequest, call: Call) -> staff_pb2.StaffMessage:
        session = await call.session()
        user = await people.locked_member(session, call.principal, UUID(request.id))
        call.notes.old_values = {"role": user.role}
        await people.change(session, call.principal, user, {"role": request.role}, {}, self._clock.now())
        await accounts.publish_change(session, user)
        return staff_pb2.StaffMessage(message="Role updated successfully")

    async def UpdateStaffProfile(
        self, request: staff_pb2.UpdateStaffProfileRequest, call: Call
    ) -> account_pb2.UserSlim:
        session = await call.session()
        user = await people.locked_member(session, call.principal, UUID(request.id))
        account = values_of(request, without=("id", "profile"))
        call.notes.old_values = {name: getattr(user, name) for name in account}
        profile = values_of(request.profile) if request.HasField("profile") else {}
        await people.change(session, call.principal, user, account, profile, self._clock.now())
        await accounts.publish_change(session, user)
        reading, tenant = SessionReader(session), call.principal.tenant
        return user_slim(await reading.first(queries.MEMBER, restaurant_id=tenant, user_id=user.id))

    async def ResetPassword(self, request: staff_pb2.ResetPasswordRequest, call: Call) -> staff_pb2.StaffMessage:
        member = await people_queries.member(call.read(), call.principal.tenant, UUID(request.id))
        administrative = roles.is_administrative(member.role)
        if problem := credentials.reset_problem(request.password, administrative=administrative):
            raise Invalid(problem, code="password_too_weak" if request.password else "required")
        pin = request.password if not administrative and credentials.is_pin(request.password) else ""
        hashes = await self._hashed(request.password, pin)
        session = await call.session()
        user = await people.locked_member(session, call.principal, member.id)
        await people.set_credentials(session, self._vault, call.principal, user, member.role, hashes, self._clock.now())
        await accounts.publish_change(session, user)
        if pin:
            call.notes.action = "PIN_CHANGED"
        return staff_pb2.StaffMessage(message="Password reset successfully")


def _staff_row(row: Any, *, with_records: bool = True) -> staff_pb2.StaffRow:
    if row is None:
        raise NotFound("No User matches the given query.")
    email, phone = (row.email, row.phone) if with_records else (None, None)
    identifier, first_name, last_name, role = str(row.id), row.first_name, row.last_name, row.role
    label, created_at = roles.label(role), timestamp_of(row.created_at)
    return staff_pb2.StaffRow(
        id=identifier,
        email=email,
        first_name=first_name,
        last_name=last_name,
        role=role,
        phone=phone,
        is_active=row.is_active,
        profile=profile_message(row) if with_records else None,
        user=staff_pb2.StaffAccount(
            id=identifier,
            first_name=first_name,
            last_name=last_name,
            email=email,
            role=role,
            is_active=row.is_active,
            phone=phone,
        ),
        username=f"{first_name} {last_name}".strip() or email or label,
        employee_id=row.employee_id if with_records else None,
        join_date=row.p_join_date.isoformat() if with_records and row.p_join_date is not None else None,
        department=row.p_department,
        role_display=label,
        position=row.position,
        created_at=created_at,
        updated_at=timestamp_of(row.updated_at),
        date_joined=created_at,
    )
