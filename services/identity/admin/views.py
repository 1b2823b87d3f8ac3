"""The pages of the administration site: which columns of which table are shown. No secret is among them."""

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa
from sqladmin import ModelView, action
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from mizan.identity.v1 import user_pb2
from servicekit.db import SYSTEM, Database
from servicekit.errors import Refusal
from servicekit.identity import Principal
from services.identity.admin.own_calls import OwnCalls
from services.identity.domain.permissions import standard_permissions
from services.identity.models import (
    ApiKey,
    AuditEntry,
    Device,
    Invitation,
    Restaurant,
    Role,
    Session,
    StaffRequest,
    User,
)

ACTING_ROLE = "SUPER_ADMIN"
_USERS = user_pb2.DESCRIPTOR.services_by_name["UserService"]


class Page(ModelView):
    """A table that is looked at."""

    can_create = False
    can_edit = False
    can_delete = False
    can_export = False
    page_size = 50
    page_size_options: ClassVar[list[int]] = [50, 100, 200]


class RestaurantPage(Page, model=Restaurant):
    icon = "fa-solid fa-utensils"
    column_list: ClassVar = [
        Restaurant.name,
        Restaurant.email,
        Restaurant.phone,
        Restaurant.restaurant_type,
        Restaurant.timezone,
        Restaurant.currency,
        Restaurant.created_at,
    ]
    column_searchable_list: ClassVar = [Restaurant.name, Restaurant.email]
    column_sortable_list: ClassVar = [Restaurant.name, Restaurant.created_at]
    column_default_sort: ClassVar = [(Restaurant.created_at, True)]
    column_details_exclude_list: ClassVar = [Restaurant.pos_api_key_encrypted]


class PersonPage(Page, model=User):
    """People, whose access can be taken and given back: by the service's own operations, with events and audit."""

    name = "Person"
    name_plural = "People"
    icon = "fa-solid fa-users"
    column_list: ClassVar = [
        User.email,
        User.first_name,
        User.last_name,
        User.role,
        User.restaurant_id,
        User.is_active,
        User.is_verified,
        User.last_login_at,
    ]
    column_searchable_list: ClassVar = [User.email, User.first_name, User.last_name, User.phone]
    column_sortable_list: ClassVar = [User.email, User.role, User.created_at, User.last_login_at]
    column_default_sort: ClassVar = [(User.created_at, True)]
    column_details_exclude_list: ClassVar = [User.password_hash, User.pin_hash, User.pin_digest]

    database: ClassVar[Database]
    calls: ClassVar[OwnCalls]

    @action("deactivate", "Take access away", "Their sessions end at once and their PIN is freed. Go on?")
    async def deactivate(self, request: Request) -> Response:
        """Deactivates the chosen people."""
        return await self._for_each(request, "DeactivateUser")

    @action("reactivate", "Give access back", "They can log in again. Go on?")
    async def reactivate(self, request: Request) -> Response:
        """Reactivates the chosen people."""
        return await self._for_each(request, "ReactivateUser")

    async def _for_each(self, request: Request, method: str) -> Response:
        chosen = [UUID(key) for key in request.query_params.get("pks", "").split(",") if key]
        async with self.calls.to(_USERS, request) as users:
            for user_id, restaurant_id in await self._homes(chosen):
                acting = Principal(
                    "USER",
                    str(request.state.superuser.id),
                    restaurant_id,
                    ACTING_ROLE,
                    standard_permissions(ACTING_ROLE),
                    name=request.state.superuser.email,
                )
                try:
                    await getattr(users, method)(user_pb2.UserRequest(id=str(user_id)), principal=acting)
                except Refusal as refusal:
                    return PlainTextResponse(refusal.message, 409)
        return RedirectResponse(request.url_for("admin:list", identity=self.identity), 303)

    async def _homes(self, people: Sequence[UUID]) -> Sequence[Any]:
        """The restaurant of each; members of the platform's staff have none and are left out."""
        chosen = sa.select(User.id, User.restaurant_id).where(User.id.in_(people), User.restaurant_id.is_not(None))
        async with self.database.write(SYSTEM) as session:
            return (await session.execute(chosen)).all()


class SessionPage(Page, model=Session):
    icon = "fa-solid fa-right-to-bracket"
    column_list: ClassVar = [
        Session.user_id,
        Session.restaurant_id,
        Session.origin,
        Session.ip_address,
        Session.created_at,
        Session.expires_at,
        Session.revoked_at,
    ]
    column_default_sort: ClassVar = [(Session.created_at, True)]


class RolePage(Page, model=Role):
    icon = "fa-solid fa-user-shield"
    column_list: ClassVar = [Role.restaurant_id, Role.code, Role.name, Role.is_active]
    column_searchable_list: ClassVar = [Role.code, Role.name]


class InvitationPage(Page, model=Invitation):
    icon = "fa-solid fa-envelope"
    column_list: ClassVar = [Invitation.email, Invitation.restaurant_id, Invitation.role, Invitation.sent_at]
    column_searchable_list: ClassVar = [Invitation.email]
    column_default_sort: ClassVar = [(Invitation.sent_at, True)]


class DevicePage(Page, model=Device):
    icon = "fa-solid fa-tablet"
    column_list: ClassVar = [
        Device.name,
        Device.restaurant_id,
        Device.created_at,
        Device.last_seen_at,
        Device.revoked_at,
    ]
    column_details_exclude_list: ClassVar = [Device.token_digest]


class ApiKeyPage(Page, model=ApiKey):
    name = "API key"
    icon = "fa-solid fa-key"
    column_list: ClassVar = [ApiKey.name, ApiKey.kind, ApiKey.prefix, ApiKey.restaurant_id, ApiKey.revoked_at]
    column_details_exclude_list: ClassVar = [ApiKey.digest]


class StaffRequestPage(Page, model=StaffRequest):
    icon = "fa-solid fa-inbox"
    column_list: ClassVar = [
        StaffRequest.subject,
        StaffRequest.restaurant_id,
        StaffRequest.status,
        StaffRequest.created_at,
    ]
    column_default_sort: ClassVar = [(StaffRequest.created_at, True)]


class AuditPage(Page, model=AuditEntry):
    name = "Audit entry"
    name_plural = "Audit trail"
    icon = "fa-solid fa-clock-rotate-left"
    column_list: ClassVar = [
        AuditEntry.occurred_at,
        AuditEntry.actor,
        AuditEntry.action,
        AuditEntry.entity_type,
        AuditEntry.description,
        AuditEntry.service,
        AuditEntry.restaurant_id,
    ]
    column_searchable_list: ClassVar = [AuditEntry.actor, AuditEntry.entity_id]
    column_default_sort: ClassVar = [(AuditEntry.occurred_at, True)]


PAGES: tuple[type[Page], ...] = (
    RestaurantPage,
    PersonPage,
    RolePage,
    SessionPage,
    InvitationPage,
    DevicePage,
    ApiKeyPage,
    StaffRequestPage,
    AuditPage,
)
