"""`/mcp`: four tools over streamable HTTP, stateless, so that any replica answers any request.

Hundreds of operations would be too many tools for an agent to choose from. It looks for what it needs, reads about
that, and uses it: with `read` whatever changes nothing, which its host may allow once for all, and with `change` the
rest, which its host can ask a person about each time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import orjson
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import CallToolRequestParams, CallToolResult, ListToolsResult, TextContent, Tool, ToolAnnotations
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.routing import Route

from gateway.auth.authenticator import Authenticator, credential_of
from gateway.exchange import App, Exchange, Receive, Scope, Send, exchange_of
from gateway.mcp.calls import perform
from gateway.mcp.manual import Entry, Manual
from gateway.transcode.catalog import Catalog
from servicekit.errors import Invalid, Refusal, Unauthenticated
from servicekit.identity import Principal

PATH = "/mcp"
INSTRUCTIONS = (
    "Mizan runs restaurants. Look for operations with find_operations, learn their parameters with describe_operation, "
    "then use them with read or change. You see and do what the credential may, in its restaurant. Before a change, "
    "tell the person exactly what will change; when a name fits several people or things, list them and ask. "
    "Repeat a change whose outcome is unknown with the same idempotency_key: it happens once."
)
MOST_FOUND = 50
START_TIMEOUT_SECONDS = 10


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Find(_Arguments):
    """Which operations to look for."""

    words: Annotated[str, Field(max_length=200, description="Plain words, such as: publish week schedule.")] = ""
    limit: Annotated[int, Field(ge=1, le=MOST_FOUND)] = 15


class Describe(_Arguments):
    """Which operation to describe."""

    operation: Annotated[str, Field(max_length=200, description="A name that find_operations answered.")]


class Read(Describe):
    """Which operation to use, and how."""

    path_parameters: Annotated[dict[str, str], Field(description="A value for each part of the path.")] = {}
    query: Annotated[dict[str, Any], Field(description="Query parameters; a list repeats one.")] = {}


class Change(Read):
    """Which operation to use, and how."""

    body: Annotated[Any, Field(description="The request's body, after its schema.")] = None
    idempotency_key: Annotated[str, Field(max_length=255, description="Sent again, the change happens once.")] = ""


_TOOLS: dict[str, tuple[type[Find | Describe], str, bool]] = {
    "find_operations": (Find, "Finds operations of the restaurant's backend by words.", True),
    "describe_operation": (Describe, "Describes an operation: what it does, its parameters, its answer.", True),
    "read": (Read, "Uses an operation that changes nothing.", True),
    "change": (Change, "Uses an operation that changes something.", False),
}


class AgentServer:
    """Serves the protocol; `app` serves the operations of the catalog, and `description` is their OpenAPI document."""

    def __init__(
        self, authenticator: Authenticator, app: App, catalog: Catalog, description: Callable[[], Awaitable[bytes]]
    ) -> None:
        self._authenticator = authenticator
        self._app = app
        self._catalog = catalog
        self._description = description
        self._manual: Manual | None = None
        self._started, self._stopping = asyncio.Event(), asyncio.Event()
        self._serving: asyncio.Task[None] | None = None
        self._manager = StreamableHTTPSessionManager(
            Server("mizan", instructions=INSTRUCTIONS, on_list_tools=self._list, on_call_tool=self._call),
            json_response=True,
            stateless=True,
            # A page of another origin has no credential to send: there is nothing to rebind a name for.
            security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )

    async def start(self) -> None:
        """Begins to serve. Raises TimeoutError when that does not work."""
        self._serving = asyncio.create_task(self._serve_until_stopped(), name="agents")
        async with asyncio.timeout(START_TIMEOUT_SECONDS):
            await self._started.wait()

    async def stop(self) -> None:
        """Ends what is being served."""
        self._stopping.set()
        if self._serving is not None:
            await self._serving

    async def _serve_until_stopped(self) -> None:
        # What the library begins in a task has to end in the same one.
        async with self._manager.run():
            self._started.set()
            await self._stopping.wait()

    def route(self) -> Route:
        """Where it is mounted."""
        return Route(PATH, _Endpoint(self), methods=["POST", "GET", "DELETE"])

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request of the protocol. Raises Unauthenticated or Unavailable."""
        await self._caller(exchange_of(scope))
        await self._manager.handle_request(scope, receive, send)

    async def _caller(self, exchange: Exchange) -> Principal:
        credential = credential_of(exchange.headers)
        if not credential:
            raise Unauthenticated("Authentication credentials were not provided.")
        principal = await self._authenticator.resolve(credential)
        exchange.subject = principal.subject
        exchange.restaurant = str(principal.restaurant_id or "")
        return principal

    async def _read_up(self) -> Manual:
        """The manual; the description that it is made of may take seconds to render, once."""
        if self._manual is None:
            self._manual = Manual(self._catalog, orjson.loads(await self._description()))
        return self._manual

    async def _list(self, _context: ServerRequestContext[Any], _params: object) -> ListToolsResult:
        return ListToolsResult(
            tools=[
                Tool(
                    name=name,
                    description=description,
                    input_schema=arguments.model_json_schema(),
                    annotations=ToolAnnotations(read_only_hint=reads, destructive_hint=not reads),
                )
                for name, (arguments, description, reads) in _TOOLS.items()
            ]
        )

    async def _call(self, context: ServerRequestContext[Any, Request], params: CallToolRequestParams) -> CallToolResult:
        if context.request is None:
            raise TypeError("the tools are served over HTTP alone")
        exchange = exchange_of(context.request.scope)
        try:
            content = await self._use(exchange, params.name, params.arguments or {})
        except Refusal as refusal:
            content = {"error": refusal.message, "code": refusal.code, "fields": refusal.fields}
        except ValidationError as error:
            fields = {".".join(map(str, one["loc"])): [one["msg"]] for one in error.errors(include_url=False)}
            content = {"error": "The tool's arguments are wrong.", "code": "invalid_arguments", "fields": fields}
        text = TextContent(text=orjson.dumps(content).decode())
        return CallToolResult(
            content=[text], structured_content=content, is_error="error" in content or content.get("status", 200) >= 400
        )

    async def _use(self, exchange: Exchange, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if tool not in _TOOLS:
            raise Invalid(f"There is no tool {tool!r}.", code="unknown_tool")
        wanted = _TOOLS[tool][0].model_validate(arguments)
        principal, manual = await self._caller(exchange), await self._read_up()
        if isinstance(wanted, Find):
            return {"operations": [entry.brief() for entry in manual.search(wanted.words, principal, wanted.limit)]}
        entry = manual.entry(wanted.operation, principal)
        if isinstance(wanted, Read):
            return await self._perform(exchange, entry, wanted)
        return entry.full()

    async def _perform(self, exchange: Exchange, entry: Entry, wanted: Read) -> dict[str, Any]:
        changes = {}
        if isinstance(wanted, Change):
            changes = {"body": wanted.body, "idempotency_key": wanted.idempotency_key}
        if entry.operation.reads == bool(changes):
            tool = "read" if entry.operation.reads else "change"
            raise Invalid(f"{entry.name} is used with the tool {tool!r}.", code="other_tool")
        answer = await perform(
            self._app, exchange, entry, path_parameters=wanted.path_parameters, query=wanted.query, **changes
        )
        return answer.content()


class _Endpoint:
    """An ASGI application of its own, which is how a route tells it from a handler of Starlette's requests."""

    def __init__(self, server: AgentServer) -> None:
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._server.serve(scope, receive, send)
