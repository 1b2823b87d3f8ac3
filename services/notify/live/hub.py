"""Who follows what, and the way of each fact to those who may see it."""

import time
from collections.abc import Hashable, Iterable
from typing import TypeVar
from uuid import UUID

import structlog
from google.protobuf.message import DecodeError
from prometheus_client import Counter, Histogram

from servicekit import live
from services.notify.live.backlog import Backlog, Fact
from services.notify.live.connection import Connection
from services.notify.live.cursor import Cursor
from services.notify.live.messages import Message, message_of, published_message
from services.notify.live.topics import UNADDRESSED, Viewer

SENT = Counter("mizan_live_messages", "Messages written to sockets.", ("topic",))
DELAY = Histogram(
    "mizan_live_delay_seconds",
    "From a fact's arrival in the stream until it was written to the sockets.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 30.0),
)

K = TypeVar("K", bound=Hashable)

log = structlog.get_logger(__name__)


class Hub:
    """The open sockets of this process, by person and by what they follow; the feed's listener."""

    def __init__(self, backlog: Backlog) -> None:
        self._backlog = backlog
        self._people: dict[str, tuple[Connection, ...]] = {}
        self._followers: dict[tuple[UUID, str], set[Connection]] = {}
        self._sessions: dict[str, tuple[Connection, ...]] = {}
        self._restaurants: dict[UUID, set[Connection]] = {}
        self.cursor = Cursor(0, 0, 0)

    # Who is there

    def add(self, connection: Connection, viewer: Viewer) -> None:
        """Counts a connection as a person's."""
        connection.viewer = viewer
        self._people[viewer.user_id] = (*self._people.get(viewer.user_id, ()), connection)
        self._sessions[viewer.session_id] = (*self._sessions.get(viewer.session_id, ()), connection)
        if viewer.restaurant_id is not None:
            self._restaurants.setdefault(viewer.restaurant_id, set()).add(connection)
        self.follow(connection, connection.topics)

    def remove(self, connection: Connection) -> None:
        """Forgets a connection."""
        viewer = connection.viewer
        if viewer is None:
            return
        self.unfollow(connection, connection.topics)
        for key, index in ((viewer.user_id, self._people), (viewer.session_id, self._sessions)):
            rest = tuple(other for other in index.get(key, ()) if other is not connection)
            if rest:
                index[key] = rest
            else:
                index.pop(key, None)
        if viewer.restaurant_id is not None:
            _discard(self._restaurants, viewer.restaurant_id, connection)
        connection.viewer = None

    def renew(self, connection: Connection, viewer: Viewer) -> None:
        """Takes a person's present rights; what they may no longer follow, they no longer follow."""
        topics = connection.topics
        self.remove(connection)
        connection.topics = frozenset(topic for topic in topics if viewer.may_follow(topic))
        self.add(connection, viewer)

    def follow(self, connection: Connection, topics: Iterable[str]) -> None:
        """Has a connection follow topics; whether it may is the caller's business."""
        viewer = connection.viewer
        connection.topics = connection.topics | frozenset(topics)
        if viewer is None or viewer.restaurant_id is None:
            return
        for topic in topics:
            if topic != live.NOTIFICATIONS:
                self._followers.setdefault((viewer.restaurant_id, topic), set()).add(connection)

    def unfollow(self, connection: Connection, topics: Iterable[str]) -> None:
        """Has a connection follow topics no longer; what `connection.topics` names is the caller's business."""
        viewer = connection.viewer
        if viewer is None or viewer.restaurant_id is None:
            return
        for topic in topics:
            _discard(self._followers, (viewer.restaurant_id, topic), connection)

    def connections_of(
        self, *, session_id: str = "", subject: str = "", restaurant_id: str = ""
    ) -> frozenset[Connection]:
        """The connections of a session, a person or a restaurant."""
        found: set[Connection] = set(self._sessions.get(session_id, ()))
        found.update(self._people.get(subject, ()))
        if restaurant_id:
            found |= self._restaurants.get(UUID(restaurant_id), set())
        return frozenset(found)

    def count_of(self, user_id: str) -> int:
        """How many connections a person has."""
        return len(self._people.get(user_id, ()))

    # What the feed tells

    def begin(self, epoch: int, after: int) -> None:
        """Begins a stream, or begins it again."""
        self._backlog.clear(after)
        self.cursor = Cursor(epoch, after, int(time.time() * 1000))

    def on_fact(self, fact: Fact) -> None:
        """Keeps a fact for those who come back, and shows it to those who are there."""
        self._backlog.add(fact)
        self.cursor = Cursor(self.cursor.epoch, fact.sequence, fact.milliseconds)
        if fact.restaurant_id not in self._restaurants:
            return
        message = readable(fact)
        if message is None:
            return
        self._deliver(fact.restaurant_id, message, fact.sequence)
        DELAY.observe(max(0.0, time.time() - fact.milliseconds / 1000))

    def on_signal(self, restaurant_id: UUID, topic: str, body: dict[str, object], to: frozenset[str] | None) -> None:
        """Shows what is kept by nobody to those who are there."""
        if restaurant_id in self._restaurants:
            self._deliver(restaurant_id, published_message(topic, body, to, UNADDRESSED.get(topic, "")), None)

    def visible(self, fact: Fact, connection: Connection) -> bytes | None:
        """The frame that a connection is sent of a fact, or None where that fact is not for it."""
        viewer, message = connection.viewer, readable(fact)
        if viewer is None or message is None or not _follows(connection, message):
            return None
        if not message.is_for(viewer.user_id, viewer.permissions):
            return None
        cursor = Cursor(self.cursor.epoch, fact.sequence, fact.milliseconds)
        return message.frame_for(viewer.user_id, message.frame(str(cursor)))

    def since(self, restaurant_id: UUID, sequence: int, limit: int) -> list[Fact] | None:
        """The next facts of a restaurant after a sequence, or None where some of them are no longer kept."""
        return self._backlog.since(restaurant_id, sequence, limit)

    def _deliver(self, restaurant_id: UUID, message: Message, sequence: int | None) -> None:
        frame: bytes | None = None
        sent = 0
        for connection in self._audience(restaurant_id, message):
            viewer = connection.viewer
            if viewer is None or viewer.restaurant_id != restaurant_id or connection.suspended or connection.unchecked:
                continue
            if sequence is not None and sequence <= connection.seen:
                continue
            if not message.is_for(viewer.user_id, viewer.permissions):
                continue
            if frame is None:
                frame = message.frame(str(self.cursor))
            sent += connection.send(message.frame_for(viewer.user_id, frame))
        if sent:
            SENT.labels(message.topic.partition(":")[0]).inc(sent)

    def _audience(self, restaurant_id: UUID, message: Message) -> list[Connection]:
        """Those who follow what a message is about; whether they may see it is asked of each."""
        if message.topic == live.NOTIFICATIONS:
            people = message.ids if message.ids is not None else message.to or ()
            return [
                connection
                for user_id in people
                for connection in self._people.get(user_id, ())
                if live.NOTIFICATIONS in connection.topics
            ]
        audience: set[Connection] = set()
        for topic in message.topics:
            audience |= self._followers.get((restaurant_id, topic), set())
        return list(audience)


def readable(fact: Fact) -> Message | None:
    """What screens are shown of a fact, or None for one that cannot be read."""
    try:
        return message_of(fact)
    except (DecodeError, ValueError) as error:
        log.error("live_fact_unreadable", subject=fact.subject, sequence=fact.sequence, error=repr(error))
        return None


def _follows(connection: Connection, message: Message) -> bool:
    return not connection.topics.isdisjoint(message.topics)


def _discard(index: dict[K, set[Connection]], key: K, connection: Connection) -> None:
    members = index.get(key)
    if members is not None:
        members.discard(connection)
        if not members:
            del index[key]
