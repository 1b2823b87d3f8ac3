"""Accounts, as managers see and change them."""

from datetime import timedelta
from uuid import UUID

from google.protobuf.empty_pb2 import Empty
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.identity.v1 import account_pb2, user_pb2
from servicekit.call import Call
from servicekit.clock import Clock, local_date
from servicekit.db import Reading, SessionReader
from servicekit.errors import NotFound
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.identity.commands import accounts, people
from services.identity.models import User
from services.identity.queries import accounts as account_queries
from services.identity.queries import users as queries
from services.identity.service.convert import restaurant_message, user_message, work_stats
from services.identity.vault import Vault

NEW_FOR = timedelta(days=30)
FIELDS = ("email", "role", "first_name", "last_name", "phone", "is_active", "preferred_language")


class UserService:
    """Implements mizan.identity.v1.UserService."""

    def __init__(self, vault: Vault, clock: Clock, public_url: str) -> None:
        self._vault = vault
        self._clock = clock
        self._public_url = public_url.rstrip("/")

    async def GetIndex(self, _request: Empty, _call: Call) -> user_pb2.Index:
        return user_pb2.Index(
            invitations=f"{self._public_url}/api/invitations/", users=f"{self._public_url}/api/users/"
        )

    async def ListUsers(self, request: user_pb2.ListUsersRequest, call: Call) -> user_pb2.ListUsersResponse:
        page, tenant = page_of(request), call.principal.tenant
        count, rows, home = await queries.users(call.read(), tenant, page, queries.filters(request))
        response = user_pb2.ListUsersResponse(count=count)
        restaurant = restaurant_message(home) if home is not None else None
        now = self._clock.now()
        today = local_date(now, home.r_timezone) if home is not None else now.date()
        worked = await queries.minutes_worked(call.read(), tenant, [row.id for row in rows], today)
        for row in rows:
            message = response.results.add()
            message.CopyFrom(user_message(row, restaurant))
            message.stats.CopyFrom(work_stats(worked.get(row.id)))
        return response

    async def CreateUser(self, request: user_pb2.CreateUserRequest, call: Call) -> account_pb2.User:
        session = await call.session()
        user = await people.create(session, self._vault, call.principal, values_of(request), self._clock.now())
        call.notes.entity_id = str(user.id)
        return await self._whole(SessionReader(session), user.id)

    async def GetTeamFigures(self, _request: Empty, call: Call) -> user_pb2.TeamFigures:
        row = await queries.figures(call.read(), call.principal.tenant, self._clock.now() - NEW_FOR)
        return user_pb2.TeamFigures(active=row.active, new_hires=row.new)

    async def GetUser(self, request: user_pb2.UserRequest, call: Call) -> account_pb2.User:
        row = await account_queries.account(call.read(), UUID(request.id))
        if row.restaurant_id != call.principal.tenant:
            raise NotFound("No User matches the given query.")
        return user_message(row)

    async def UpdateUser(self, request: user_pb2.UpdateUserRequest, call: Call) -> account_pb2.User:
        session = await call.session()
        user = await people.locked_member(session, call.principal, UUID(request.id))
        changes = changes_of(request, FIELDS, nullable=("phone", "preferred_language"))
        call.notes.old_values = {name: getattr(user, name) for name in changes}
        if changes.get("role", user.role) != user.role:
            call.notes.action = "PERMISSION_CHANGE"
        await people.change(session, call.principal, user, changes, {}, self._clock.now())
        return await self._published(session, user)

    async def DeleteUser(self, request: user_pb2.UserRequest, call: Call) -> Empty:
        await self._deactivate(request, call)
        return Empty()

    async def UpdateUserRole(self, request: user_pb2.UpdateUserRoleRequest, call: Call) -> user_pb2.UserChanged:
        session = await call.session()
        user = await people.locked_member(session, call.principal, UUID(request.id))
        call.notes.old_values = {"role": user.role}
        await people.change(session, call.principal, user, {"role": request.role}, {}, self._clock.now())
        return user_pb2.UserChanged(detail="User role updated successfully", user=await self._published(session, user))

    async def DeactivateUser(self, request: user_pb2.UserRequest, call: Call) -> user_pb2.UserDeactivated:
        await self._deactivate(request, call)
        return user_pb2.UserDeactivated(detail="User deactivated successfully")

    async def _deactivate(self, request: user_pb2.UserRequest, call: Call) -> None:
        session = await call.session()
        user = await people.locked_member(session, call.principal, UUID(request.id))
        await people.deactivate(session, call.principal, user, self._clock.now())
        await accounts.publish_change(session, user)

    async def ReactivateUser(self, request: user_pb2.UserRequest, call: Call) -> user_pb2.UserChanged:
        session = await call.session()
        user = await people.locked_member(session, call.principal, UUID(request.id))
        await people.reactivate(session, call.principal, user, self._clock.now())
        return user_pb2.UserChanged(detail="User reactivated successfully", user=await self._published(session, user))

    async def _published(self, session: AsyncSession, user: User) -> account_pb2.User:
        await accounts.publish_change(session, user)
        return await self._whole(SessionReader(session), user.id)

    async def _whole(self, reading: Reading, user_id: UUID) -> account_pb2.User:
        return user_message(await account_queries.account(reading, user_id))
