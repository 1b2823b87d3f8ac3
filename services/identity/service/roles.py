"""Roles and the catalogue of permissions."""

from collections.abc import Mapping

from google.protobuf.empty_pb2 import Empty

from mizan.identity.v1 import role_pb2
from servicekit.call import Call
from servicekit.db import Reading, SessionReader
from servicekit.errors import NotFound
from servicekit.identity import Principal
from services.identity.commands import roles as commands
from services.identity.domain import roles
from services.identity.domain.permissions import CATALOGUE
from services.identity.queries.roles import DEFINED, MEMBERS, Definitions


class RoleService:
    """Implements mizan.identity.v1.RoleService."""

    async def ListRoles(self, _request: Empty, call: Call) -> role_pb2.ListRolesResponse:
        tenant = {"restaurant_id": call.principal.tenant}
        rows, members = await call.read().batch((DEFINED, tenant), (MEMBERS, tenant))
        defined = Definitions(rows)
        people = {row.role: row.people for row in members}
        own = sorted(defined.rows.keys() - set(roles.STANDARD))
        return role_pb2.ListRolesResponse(
            results=[_message(code, defined, people, call.principal) for code in (*roles.STANDARD, *own)]
        )

    async def GetRole(self, request: role_pb2.RoleRequest, call: Call) -> role_pb2.Role:
        return await _one(call.read(), call.principal, request.code)

    async def CreateRole(self, request: role_pb2.CreateRoleRequest, call: Call) -> role_pb2.Role:
        session = await call.session()
        role = await commands.create(
            session,
            call.principal,
            request.code,
            name=request.name if request.HasField("name") else None,
            description=request.description if request.HasField("description") else None,
            permissions=request.permissions,
        )
        call.notes.entity_id = role.code
        return await _one(SessionReader(session), call.principal, role.code)

    async def UpdateRole(self, request: role_pb2.UpdateRoleRequest, call: Call) -> role_pb2.Role:
        session = await call.session()
        before = await _one(SessionReader(session), call.principal, request.code)
        await commands.update(
            session,
            call.principal,
            request.code,
            name=request.name if request.HasField("name") else None,
            description=request.description if request.HasField("description") else None,
            permissions=request.permissions if "permissions" in request.update_mask.paths else None,
        )
        call.notes.entity_id = request.code
        call.notes.old_values = {"name": before.name, "permissions": list(before.permissions)}
        return await _one(SessionReader(session), call.principal, request.code)

    async def DeleteRole(self, request: role_pb2.RoleRequest, call: Call) -> Empty:
        session = await call.session()
        await commands.delete(session, call.principal, request.code)
        call.notes.entity_id = request.code
        return Empty()

    async def ListPermissions(self, _request: Empty, call: Call) -> role_pb2.ListPermissionsResponse:
        return role_pb2.ListPermissionsResponse(
            results=[
                role_pb2.Permission(code=code, description=text, is_grantable=call.principal.may(code))
                for code, text in CATALOGUE.items()
            ]
        )


async def _one(reading: Reading, principal: Principal, code: str) -> role_pb2.Role:
    defined = Definitions(await reading.all(DEFINED, restaurant_id=principal.tenant))
    if not roles.is_standard(code) and code not in defined.rows:
        raise NotFound("No Role matches the given query.")
    members = await reading.all(MEMBERS, restaurant_id=principal.tenant)
    return _message(code, defined, {row.role: row.people for row in members}, principal)


def _message(code: str, defined: Definitions, people: Mapping[str, int], principal: Principal) -> role_pb2.Role:
    row = defined.rows.get(code)
    held = defined.permissions(code)
    return role_pb2.Role(
        code=code,
        name=row.name if row is not None else roles.label(code),
        description=(row.description or "") if row is not None else "",
        permissions=sorted(held),
        is_standard=roles.is_standard(code),
        is_customised=row is not None,
        is_administrative=roles.is_administrative(code),
        member_count=people.get(code, 0),
        is_editable=principal.may("role.manage") and roles.may_redefine(principal.role, code),
        is_grantable=roles.may_grant(principal.role, principal.permissions, code, held),
    )
