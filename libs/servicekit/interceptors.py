"""The layers around every servicer method, composed once per method when the server starts.

From the outside in: access (kind of caller and permission), then the unit of work (transaction, idempotency, audit).
The server itself turns tokens into principals before them and refusals into statuses after them. A layer is a function
from a method and the next handler to a handler, so a call runs through closures and looks nothing up.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import sqlalchemy.exc
from psycopg_pool import PoolTimeout, TooManyRequests

from servicekit.call import Call
from servicekit.errors import Conflict, Forbidden, Invalid, Refusal, Unauthenticated, Unavailable
from servicekit.idempotency import Replay
from servicekit.methods import Method

Handler = Callable[[Any, Call], Awaitable[Any]]
Layer = Callable[[Method, Handler], Handler]

ATTEMPTS_ON_SERIALIZATION_FAILURE = 3
# The last: "cached plan must not change result type", after a migration; the new transaction prepares anew.
_RETRYABLE = (
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.FeatureNotSupported,
)
_AWAY = (PoolTimeout, TooManyRequests, psycopg.OperationalError, sqlalchemy.exc.TimeoutError)


def access(method: Method, following: Handler) -> Handler:
    """Default deny: refuses callers of another kind and callers without the method's permission."""
    if method.public:
        return following
    callers, permission = method.callers, method.permission

    async def handle(request: Any, call: Call) -> Any:
        principal = call.principal
        if principal.kind == "ANONYMOUS":
            raise Unauthenticated("Authentication credentials were not provided.")
        if principal.kind not in callers or (permission and permission not in principal.permissions):
            raise Forbidden
        return await following(request, call)

    return handle


def unit_of_work(method: Method, following: Handler) -> Handler:
    """Commits a method's changes after it returned, and runs it again when the database asks for a retry."""
    if method.reads:
        return following

    async def attempt(request: Any, call: Call) -> Any:
        try:
            response = await following(request, call)
            await call.commit(response)
        except Replay as replay:
            return method.output_type.FromString(replay.response)
        finally:
            await call.close()
        return response

    async def handle(request: Any, call: Call) -> Any:
        for left in range(ATTEMPTS_ON_SERIALIZATION_FAILURE - 1, -1, -1):
            try:
                return await attempt(request, call)
            except (sqlalchemy.exc.DBAPIError, *_RETRYABLE) as error:
                if not isinstance(_cause(error), _RETRYABLE):
                    raise
                if left == 0 or method.streams_in:
                    raise Conflict(
                        "Somebody else is changing this right now. Please try again.", code="concurrent_change"
                    ) from error
        raise AssertionError("unreachable")

    return handle


def refusal_of(error: Exception) -> Refusal | None:
    """The refusal that an exception amounts to, or None when it is a bug."""
    if isinstance(error, Refusal):
        return error
    cause = _cause(error)
    if isinstance(cause, psycopg.errors.QueryCanceled | psycopg.errors.LockNotAvailable):
        return Unavailable("The request took too long. Please try again.", code="timeout")
    if isinstance(cause, asyncio.TimeoutError):
        return Unavailable("The request took too long. Please try again.", code="timeout")
    if isinstance(cause, _AWAY):
        return Unavailable("The service is starting or recovering. Please try again.", retry_after=1)
    if isinstance(cause, psycopg.errors.UniqueViolation):
        return Conflict("This exists already.", code="already_exists")
    if isinstance(cause, psycopg.errors.ForeignKeyViolation):
        return Conflict(
            "Something that this is about has just been removed. Please try again.", code="changed_meanwhile"
        )
    # The calendar ends: who asks for the days up to its last one asks for the day after that.
    if isinstance(cause, psycopg.DataError | OverflowError):
        return Invalid("A value is out of range or not valid text.")
    return None


def _cause(error: Exception) -> BaseException | None:
    """What the driver said: SQLAlchemy wraps it, statements past SQLAlchemy raise it as it is."""
    return error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error


def compose(method: Method, servicer_method: Handler, layers: tuple[Layer, ...]) -> Handler:
    """The servicer's method inside its layers, the first of which is the outermost."""
    handler = servicer_method
    for layer in reversed(layers):
        handler = layer(method, handler)
    return handler


STACK: tuple[Layer, ...] = (access, unit_of_work)
