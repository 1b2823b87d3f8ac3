"""The administration site as a part of the service, answering beside its probes; the gateway passes `/admin/` on."""

from urllib.parse import urlsplit

from sqladmin import Admin
from sqlalchemy.ext.asyncio import async_sessionmaker
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from servicekit.clock import Clock
from servicekit.db import SYSTEM, Database
from services.identity.admin.entry import SuperuserEntry
from services.identity.admin.own_calls import OwnCalls
from services.identity.admin.views import PAGES, PersonPage
from services.identity.vault import Vault

TITLE = "Mizan administration"

_POLICY = (
    b"content-security-policy",
    b"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; "
    b"base-uri 'none'; form-action 'self'",
)


class AdminSite:
    """An ASGI application that is built when the service starts."""

    name = "admin site"

    def __init__(self, database: Database, vault: Vault, clock: Clock, calls: OwnCalls, *, public_url: str) -> None:
        public = urlsplit(public_url)
        self._scheme = public.scheme
        self._host = public.netloc.encode()
        self._database = database
        self._calls = calls
        self._entry = SuperuserEntry(database, vault, clock, calls, secure=public.scheme == "https")
        self._app: ASGIApp | None = None

    async def start(self) -> None:
        """Builds the pages over the started database. Everything they read, they read for the platform."""
        app = Starlette()
        admin = Admin(
            app,
            session_maker=async_sessionmaker(self._database.engine, expire_on_commit=False, info={"scope": SYSTEM}),
            title=TITLE,
            authentication_backend=self._entry,
        )
        PersonPage.database, PersonPage.calls = self._database, self._calls
        for page in PAGES:
            admin.add_view(page)
        self._app = app

    async def stop(self) -> None:
        """Answers no more."""
        self._app = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a page; its links lead to the platform's public address, however the request came here."""
        if self._app is None:
            raise RuntimeError("the administration site has not been started")
        headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
        page = {**scope, "scheme": self._scheme, "headers": [*headers, (b"host", self._host)]}
        # Links are looked up among the routes of the site, not of the probes around it.
        page.pop("router", None)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), _POLICY]}
            await send(message)

        await self._app(page, receive, guarded)
