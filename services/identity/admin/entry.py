"""Who may enter the administration site: superusers, by a session of their own that can be ended like any other."""

from typing import Any

import structlog
from sqladmin.authentication import AuthenticationBackend
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from mizan.identity.v1 import auth_pb2
from servicekit.clock import Clock
from servicekit.db import SYSTEM, Database
from servicekit.errors import Refusal, Unauthenticated
from servicekit.identity import Principal
from services.identity.admin.own_calls import OwnCalls
from services.identity.queries import sessions
from services.identity.vault import Vault

COOKIE = "mizan_admin"
CALL_TIMEOUT_SECONDS = 10.0

_AUTH = auth_pb2.DESCRIPTOR.services_by_name["AuthService"]

log = structlog.get_logger(__name__)


class SuperuserEntry(AuthenticationBackend):
    """Logs superusers in through the service's own login, so that locks, hashing and audit are those of everybody.

    The cookie holds the access token; it is sent to the site's own pages only and never by links from elsewhere.
    """

    def __init__(self, database: Database, vault: Vault, clock: Clock, calls: OwnCalls, *, secure: bool) -> None:
        # The library's own session is a signed cookie that cannot be ended, so it is left out with its middleware.
        self.middlewares = []
        self._database = database
        self._vault = vault
        self._clock = clock
        self._calls = calls
        self._secure = secure

    async def login(self, request: Request) -> Response | bool:
        """Opens a session; False when the address or password is wrong, or the person is no superuser."""
        form = await request.form()
        email, password = form.get("username"), form.get("password")
        if not isinstance(email, str) or not isinstance(password, str):
            return False
        async with self._calls.to(_AUTH, request) as auth:
            try:
                tokens = await auth.IssueTokens(
                    auth_pb2.IssueTokensRequest(email=email, password=password), timeout=CALL_TIMEOUT_SECONDS
                )
            except Refusal as refusal:
                log.info("admin_login_refused", code=refusal.code)
                return False
            if await self._superuser(tokens.access) is None:
                await auth.Logout(auth_pb2.LogoutRequest(refresh_token=tokens.refresh))
                return False
        answer = RedirectResponse(request.url_for("admin:index"), 303)
        answer.set_cookie(
            COOKIE,
            tokens.access,
            max_age=int(self._vault.access_lifetime.total_seconds()),
            path="/admin",
            secure=self._secure,
            httponly=True,
            samesite="strict",
        )
        return answer

    async def logout(self, request: Request) -> Response | bool:
        """Ends the session, not only the cookie."""
        superuser = await self._superuser(request.cookies.get(COOKIE, ""))
        if superuser is not None:
            caller = Principal("USER", str(superuser.id), session_id=str(superuser.session_id), name=superuser.email)
            async with self._calls.to(_AUTH, request) as auth:
                await auth.Logout(auth_pb2.LogoutRequest(), principal=caller)
        answer = RedirectResponse(request.url_for("admin:login"), 303)
        answer.delete_cookie(COOKIE, path="/admin")
        return answer

    async def authenticate(self, request: Request) -> Response | bool:
        """Whether the request comes from a superuser whose session is open; asked anew for every page."""
        request.state.superuser = await self._superuser(request.cookies.get(COOKIE, ""))
        return request.state.superuser is not None

    async def get_user_id(self, request: Request) -> Any:
        """The superuser behind the request."""
        return request.state.superuser.id

    async def _superuser(self, access: str) -> Any | None:
        now = self._clock.now()
        try:
            session_id = self._vault.read_access(access, now)
        except Unauthenticated:
            return None
        return await sessions.superuser_of_session(self._database.read(SYSTEM), session_id, now)
