"""What all reactions share."""

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.clock import Clock
from servicekit.db import SessionReader
from services.notify.commands.telling import News, tell
from services.notify.queries import people as queries


class Reactions:
    """Tells people of the restaurant that an event is about."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def tell(
        self,
        session: AsyncSession,
        restaurant_id: str,
        recipients: Iterable[str | UUID],
        news: News,
        *,
        but: str = "",
    ) -> None:
        """Tells these people; blank ids, and whoever caused it, are passed over."""
        ids = {UUID(str(one)) for one in recipients if one} - ({UUID(but)} if but else set())
        await tell(session, UUID(restaurant_id), ids, news, self._clock.now())

    async def in_roles(self, session: AsyncSession, restaurant_id: str, roles: Collection[str]) -> list[UUID]:
        """Everybody active in one of the roles."""
        return await queries.in_roles(SessionReader(session), UUID(restaurant_id), roles)

    async def managers(self, session: AsyncSession, restaurant_id: str) -> list[UUID]:
        """Everybody who manages the restaurant."""
        return await self.in_roles(session, restaurant_id, queries.MANAGERS)

    async def name(self, session: AsyncSession, restaurant_id: str, user_id: str) -> str:
        """A person's name; empty for nobody."""
        if not user_id:
            return ""
        return await queries.name_of(SessionReader(session), UUID(restaurant_id), UUID(user_id))


def moment(stamp: Timestamp) -> datetime:
    """An instant of a message."""
    return stamp.ToDatetime(tzinfo=UTC)


def day(text: str) -> date:
    """A day of a message. Raises ValueError for a text that is none."""
    return date.fromisoformat(text)
