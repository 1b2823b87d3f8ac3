"""Giving a client what it missed: from memory where that reaches, otherwise from the lists that are kept."""

import asyncio
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import structlog

from servicekit import live
from servicekit.db import Database, Scope
from services.notify.live.connection import TRY_LATER, Connection
from services.notify.live.cursor import Cursor
from services.notify.live.feed import Feed
from services.notify.live.hub import Hub
from services.notify.live.lists import missed_messages, missed_notifications
from services.notify.live.topics import CHAT, Viewer
from services.notify.live.watch import Watch

FACTS_AT_ONCE: Final = 50
# A fact enters the stream a little after its row was written.
OVERLAP: Final = timedelta(minutes=2)
LIST_LIMIT: Final = 200
FEED_TIMEOUT_SECONDS: Final = 5.0
KEPT: Final = frozenset({live.NOTIFICATIONS, CHAT})
"""The topics whose messages are also rows of a list."""

log = structlog.get_logger(__name__)


class CatchUp:
    """Brings a connection from where its client was to the present, and lets it take part from there.

    While that goes on nothing else is delivered to it, so that everything arrives in order and once.
    """

    def __init__(self, hub: Hub, feed: Feed, watch: Watch, database: Database) -> None:
        self._hub = hub
        self._feed = feed
        self._database = database
        self._watch = watch

    async def begin(self, connection: Connection, cursor_text: str, heartbeat_seconds: int) -> None:
        """Says that the client is welcome, sends what it missed since its cursor, and lets it take part.

        A client that cannot be brought up to date is sent away to try again; raises what kept it from that.
        """
        try:
            await self._begin(connection, cursor_text, heartbeat_seconds)
        except Exception:
            # Whatever it was, a client that stayed would miss messages without knowing.
            connection.close(TRY_LATER, "what was missed could not be read")
            raise

    async def _begin(self, connection: Connection, cursor_text: str, heartbeat_seconds: int) -> None:
        try:
            async with asyncio.timeout(FEED_TIMEOUT_SECONDS):
                await self._feed.caught_up()
        except TimeoutError:
            # NATS is away: what comes later is delivered later, and the lists are there already.
            log.info("live_catching_up_without_nats")
        cursor = Cursor.parse(cursor_text) if cursor_text else None
        is_known = cursor is not None and self._reaches(connection, cursor)
        connection.send_json(
            {
                "type": "ready",
                "topics": sorted(connection.topics),
                "resumed": is_known,
                "heartbeat_seconds": heartbeat_seconds,
                "cursor": str(cursor if is_known else self._hub.cursor),
            }
        )
        if cursor is not None and is_known:
            await self._replay(connection, cursor.sequence)
            return
        present = self._hub.cursor.sequence
        if cursor_text:
            await self._from_lists(connection, cursor)
        await self._replay(connection, present)

    async def again(self, connection: Connection) -> None:
        """Goes on after an interruption that began when everything up to `connection.seen` had been delivered."""
        if connection.suspended:
            return
        connection.suspended = True
        try:
            await self._replay(connection, connection.seen)
        except Exception:
            # Whatever it was, a client that stayed would miss messages without knowing.
            connection.close(TRY_LATER, "what was missed could not be read")
            raise

    def _reaches(self, connection: Connection, cursor: Cursor) -> bool:
        """Whether memory holds everything since a cursor."""
        if cursor.epoch != self._hub.cursor.epoch or cursor.epoch == 0 or connection.viewer is None:
            return False
        restaurant_id = connection.viewer.restaurant_id
        return restaurant_id is None or self._hub.since(restaurant_id, cursor.sequence, 1) is not None

    async def _replay(self, connection: Connection, sequence: int) -> None:
        """Sends what followed a sequence until nothing is left, and takes the connection into delivery."""
        while connection.is_open and (viewer := connection.viewer) is not None:
            if connection.unchecked:
                connection.unchecked = False
                await self._watch.check(connection)
                continue
            tenant = viewer.restaurant_id
            facts = [] if tenant is None else self._hub.since(tenant, sequence, FACTS_AT_ONCE)
            if facts is None:
                # More came in the meantime than memory holds.
                self._tell_reset(connection, connection.topics)
                sequence = self._hub.cursor.sequence
                continue
            if not facts:
                # Nothing is awaited between finding nothing more and taking part, so nothing is lost between them.
                connection.seen = max(sequence, self._hub.cursor.sequence)
                connection.suspended = False
                return
            for fact in facts:
                frame = self._hub.visible(fact, connection)
                if frame is not None and not connection.send(frame):
                    return
            sequence = facts[-1].sequence
            if not await connection.writable():
                return

    async def _from_lists(self, connection: Connection, cursor: Cursor | None) -> None:
        """Sends what lists hold since a cursor that memory does not reach, and says what is to be read anew."""
        viewer = connection.viewer
        lost = connection.topics if cursor is None else connection.topics - KEPT
        if cursor is not None and viewer is not None and viewer.restaurant_id is not None:
            for topic, bodies in (await self._lists(viewer, viewer.restaurant_id, connection, cursor)).items():
                if bodies is None:
                    lost = lost | {topic}
                    continue
                for body in bodies:
                    if not connection.send_json({**body, "cursor": str(self._hub.cursor)}):
                        return
                    if not await connection.writable():
                        return
        if lost:
            self._tell_reset(connection, lost)

    async def _lists(
        self, viewer: Viewer, restaurant_id: UUID, connection: Connection, cursor: Cursor
    ) -> dict[str, list[dict[str, Any]] | None]:
        """By topic what was missed, oldest first; None where that is too much to send."""
        reader = self._database.read(Scope(restaurant_id))
        since, user_id = cursor.at - OVERLAP, UUID(viewer.user_id)
        found: dict[str, list[dict[str, Any]] | None] = {}
        if live.NOTIFICATIONS in connection.topics:
            found[live.NOTIFICATIONS] = await missed_notifications(reader, restaurant_id, user_id, since, LIST_LIMIT)
        if CHAT in connection.topics:
            found[CHAT] = await missed_messages(reader, restaurant_id, user_id, since, LIST_LIMIT)
        return found

    def _tell_reset(self, connection: Connection, topics: frozenset[str]) -> None:
        connection.send_json({"type": "reset", "topics": sorted(topics), "cursor": str(self._hub.cursor)})
