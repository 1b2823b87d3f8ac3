"""What a client may say: who it is, what it follows, where it was, and what its page lets people do."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog

from servicekit.errors import Conflict, Invalid, NotFound, Refusal, Unauthenticated, Unavailable
from services.notify.live.actions import Actions
from services.notify.live.catch_up import CatchUp
from services.notify.live.connection import AUTH, BAD_TOKEN, FORBIDDEN, NO_TOKEN, POLICY, TRY_LATER, Connection
from services.notify.live.door import Door
from services.notify.live.hub import Hub
from services.notify.live.topics import Viewer
from services.notify.live.watch import Watch

MAX_TOPICS: Final = 32
MAX_CONNECTIONS_PER_PERSON: Final = 30
REQUESTS_PER_WINDOW: Final = 60
WINDOW_SECONDS: Final = 10.0
HEARTBEAT_SECONDS: Final = 25

log = structlog.get_logger(__name__)

_IMPLIED: Final = (("token", AUTH), ("order_id", "kitchen"), ("message", "chat_message"), ("topics", "subscribe"))

Answer = Callable[[Connection, Mapping[str, Any]], Awaitable[None]]


class Dialogue:
    """Answers the requests of connections; each connection's come one after the other."""

    def __init__(self, hub: Hub, door: Door, watch: Watch, catch_up: CatchUp, actions: Actions) -> None:
        self._hub = hub
        self._door = door
        self._watch = watch
        self._catch_up = catch_up
        self._actions = actions
        self._answers: dict[str, Answer] = {
            AUTH: self._authenticate,
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "resume": self._resume,
            "ping": self._ping,
            "chat_message": actions.write,
            "read": actions.read,
            "kitchen": actions.prepare,
        }

    async def answer(self, connection: Connection, request: Mapping[str, Any]) -> None:
        """Does what a client asks, or tells it why not."""
        kind = _kind_of(request)
        if connection.viewer is None and kind != AUTH:
            connection.close(NO_TOKEN, "a token is needed")
            return
        if not _is_within_limit(connection):
            connection.close(POLICY, "too many requests")
            return
        answer = self._answers.get(kind)
        try:
            if answer is None:
                raise Invalid("There is no request of this type.", code="unknown_type")
            await answer(connection, request)
        except Refusal as refusal:
            _complain(connection, kind, refusal)
        except Exception as error:
            log.error("live_request_failed", request=kind, exc_info=error)
            connection.send_json(
                {"type": "error", "request": kind, "code": "internal", "message": "Something went wrong."}
            )

    async def _authenticate(self, connection: Connection, request: Mapping[str, Any]) -> None:
        token = request.get("token")
        if not isinstance(token, str) or not token:
            connection.close(NO_TOKEN, "a token is needed")
            return
        before = self._watch.revocations
        try:
            principal, expires_at = await self._door.admit(token)
        except Unauthenticated as refusal:
            connection.close(BAD_TOKEN, refusal.message)
            return
        except Unavailable:
            connection.close(TRY_LATER, "the token could not be checked")
            return
        if not connection.is_open:
            return
        viewer, known = Viewer.of(principal), connection.viewer
        connection.expires_at = expires_at
        if known is None:
            if not self._may_enter(connection, viewer):
                return
            connection.suspended = True
            self._hub.add(connection, viewer)
        elif (viewer.user_id, viewer.restaurant_id) == (known.user_id, known.restaurant_id):
            self._hub.renew(connection, viewer)
        else:
            connection.close(BAD_TOKEN, "the token is somebody else's")
            return
        if before != self._watch.revocations:
            # Something was revoked while identity answered; from now on the connection would hear of it.
            await self._watch.check(connection)
        if known is None and connection.is_open:
            if "topics" in request:
                try:
                    await self._follow(connection, request)
                except Refusal as refusal:
                    _complain(connection, "subscribe", refusal)
            await self._catch_up.begin(connection, _text(request, "cursor"), HEARTBEAT_SECONDS)

    def _may_enter(self, connection: Connection, viewer: Viewer) -> bool:
        if not all(viewer.may_follow(topic) for topic in connection.topics):
            connection.close(FORBIDDEN, "this is not for you")
        elif self._hub.count_of(viewer.user_id) >= MAX_CONNECTIONS_PER_PERSON:
            connection.close(POLICY, "too many connections")
        else:
            return True
        return False

    async def _subscribe(self, connection: Connection, request: Mapping[str, Any]) -> None:
        await self._follow(connection, request)
        self._tell_topics(connection)

    async def _follow(self, connection: Connection, request: Mapping[str, Any]) -> None:
        """Has a connection follow what a request names. Raises Invalid, or NotFound for what the person may not see."""
        viewer, topics = connection.viewer, _topics_of(request)
        if viewer is None:
            return
        if len(connection.topics | topics) > MAX_TOPICS:
            raise Invalid("These are too many topics.", code="too_many_topics")
        for topic in topics:
            if not viewer.may_follow(topic):
                raise NotFound("There is no such topic for you.", code="no_topic")
            room = topic.partition(":")[2]
            if room:
                await self._actions.require_room(viewer, room)
        if connection.viewer is not None:
            self._hub.follow(connection, topics)

    async def _unsubscribe(self, connection: Connection, request: Mapping[str, Any]) -> None:
        topics = _topics_of(request) & connection.topics
        self._hub.unfollow(connection, topics)
        connection.topics = connection.topics - topics
        self._tell_topics(connection)

    def _tell_topics(self, connection: Connection) -> None:
        connection.send_json(
            {"type": "subscribed", "topics": sorted(connection.topics), "cursor": str(self._hub.cursor)}
        )

    async def _resume(self, connection: Connection, request: Mapping[str, Any]) -> None:
        if connection.suspended:
            raise Conflict("This connection is catching up.", code="catching_up")
        connection.suspended = True
        await self._catch_up.begin(connection, _text(request, "cursor"), HEARTBEAT_SECONDS)

    async def _ping(self, connection: Connection, _request: Mapping[str, Any]) -> None:
        connection.send_json({"type": "pong", "cursor": str(self._hub.cursor)})


def _complain(connection: Connection, kind: str, refusal: Refusal) -> None:
    connection.send_json({"type": "error", "request": kind, "code": refusal.code, "message": refusal.message})


def _kind_of(request: Mapping[str, Any]) -> str:
    """What a request asks for; some clients leave it to what else stands there."""
    kind = request.get("type")
    if isinstance(kind, str) and kind:
        return kind
    return next((implied for key, implied in _IMPLIED if key in request), "")


def _topics_of(request: Mapping[str, Any]) -> frozenset[str]:
    topics = request.get("topics")
    if not isinstance(topics, list) or len(topics) > MAX_TOPICS or not all(isinstance(topic, str) for topic in topics):
        raise Invalid("`topics` is a list of names.", code="bad_topics")
    return frozenset(topics)


def _text(request: Mapping[str, Any], key: str) -> str:
    value = request.get(key)
    return value if isinstance(value, str) else ""


def _is_within_limit(connection: Connection) -> bool:
    now = time.monotonic()
    began, count = connection.window
    if now - began > WINDOW_SECONDS:
        began, count = now, 0
    connection.window = (began, count + 1)
    return count < REQUESTS_PER_WINDOW
