"""Telling people something: from what happened to the rows that carry it over each channel, in one transaction.

A person gets a key once. Whoever has it already is passed over, so that everything here may be repeated.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from refdata.queries import DEFAULT_TIME_ZONE
from servicekit import jobs
from servicekit.db import SessionReader
from services.notify import events, texts
from services.notify.domain.deliveries import PENDING, SENT
from services.notify.domain.kinds import KINDS, Kind
from services.notify.domain.routing import Leg, Urgency, route
from services.notify.models import Delivery, Notification
from services.notify.queries.people import people, wishes_of
from services.notify.tasks import DELIVER

LONGEST_KEY = 200

_INSERT_NOTIFICATIONS = (
    insert(Notification)
    .on_conflict_do_nothing(index_elements=["restaurant_id", "recipient_id", "key"])
    .returning(Notification.recipient_id)
)
_INSERT_DELIVERIES = (
    insert(Delivery)
    .on_conflict_do_nothing(index_elements=["restaurant_id", "addressee", "channel", "key"])
    .returning(Delivery.id)
)


@dataclass(frozen=True)
class News:
    """Something that people are to be told; `key` names it, so that nobody is told twice."""

    key: str
    kind: str
    text: str
    """The name of the text."""
    words: Mapping[str, Any] = field(default_factory=dict)
    channels: Sequence[str] | None = None
    """Those of the kind unless given."""
    priority: str | None = None
    urgency: Urgency = field(default_factory=Urgency)
    sender_id: UUID | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    related_shift_id: UUID | None = None
    related_task_id: UUID | None = None
    announcement_id: UUID | None = None
    expires_at: datetime | None = None

    @property
    def about(self) -> Kind:
        """What kind of thing it is."""
        return KINDS[self.kind]


async def tell(
    session: AsyncSession, restaurant_id: UUID, recipients: Collection[UUID], news: News, now: datetime
) -> list[UUID]:
    """Tells the active ones of these people, in their languages; the people who were told now and not before."""
    reading = SessionReader(session)
    found = await people(reading, restaurant_id, recipients)
    if not found:
        return []
    restaurant = await refdata.restaurant(reading, restaurant_id)
    zone = ZoneInfo(restaurant.timezone) if restaurant is not None else DEFAULT_TIME_ZONE
    place = restaurant.name if restaurant is not None else ""
    kind = news.about
    urgency = Urgency(news.urgency.overrides, news.urgency.is_critical or kind.is_critical)
    legs: dict[UUID, list[Leg]] = {}
    rows: list[dict[str, Any]] = []
    for person in found:
        ways = route(
            kind,
            news.channels or kind.channels,
            wishes_of(person),
            urgency,
            zone=ZoneInfo(person.timezone) if person.timezone else zone,
            now=now,
            expires_at=news.expires_at,
        )
        if ways:
            legs[person.user_id] = ways
            rows.append(_notification(restaurant_id, person, place, zone, news, now))
    if not rows:
        return []
    told = set((await session.execute(_INSERT_NOTIFICATIONS, rows)).scalars().all())
    fresh = [row for row in rows if row["recipient_id"] in told]
    await _deliver(session, restaurant_id, fresh, legs, urgency, now)
    _announce(session, restaurant_id, fresh)
    return [row["recipient_id"] for row in fresh]


def _notification(
    restaurant_id: UUID, person: Any, place: str, zone: ZoneInfo, news: News, now: datetime
) -> dict[str, Any]:
    text = texts.render(
        news.text, person.language, {"restaurant": place, "first_name": person.first_name, **news.words}, zone
    )
    return {
        "id": uuid4(),
        "restaurant_id": restaurant_id,
        "recipient_id": person.user_id,
        "key": news.key[:LONGEST_KEY],
        "kind": news.kind,
        "priority": news.priority or news.about.priority,
        "sender_id": news.sender_id,
        "title": text.title,
        "message": text.message,
        "language": texts.language_of(person.language),
        "words": {"text": news.text, **text.words},
        "data": dict(news.data),
        "related_shift_id": news.related_shift_id,
        "related_task_id": news.related_task_id,
        "announcement_id": news.announcement_id,
        "created_at": now,
        "expires_at": news.expires_at,
    }


async def _deliver(
    session: AsyncSession,
    restaurant_id: UUID,
    fresh: Sequence[Mapping[str, Any]],
    legs: Mapping[UUID, Sequence[Leg]],
    urgency: Urgency,
    now: datetime,
) -> None:
    rows = [
        {
            "id": uuid4(),
            "restaurant_id": restaurant_id,
            "addressee": str(row["recipient_id"]),
            "channel": leg.channel,
            "key": row["key"],
            "notification_id": row["id"],
            "state": leg.state,
            "is_critical": urgency.is_critical,
            "not_before": leg.not_before,
            "error": leg.reason,
            "sent_at": now if leg.state == SENT else None,
        }
        for row in fresh
        for leg in legs[row["recipient_id"]]
    ]
    if not rows:
        return
    made = set((await session.execute(_INSERT_DELIVERIES, rows)).scalars().all())
    for row in rows:
        if row["id"] in made and row["state"] == PENDING:
            await queue(session, row["id"], row["not_before"])


async def queue(
    session: AsyncSession,
    delivery_id: UUID,
    at: datetime | None = None,
    *,
    reserved: bool = False,
    after: str = "",
) -> None:
    """Has a delivery sent once the session's transaction has committed, not before `at`.

    Deliveries with the same word in `after` are sent one after the other.
    """
    lock = after or f"delivery {delivery_id}"
    await jobs.defer(session, DELIVER, at=at, lock=lock, delivery_id=str(delivery_id), reserved=reserved)


def _announce(session: AsyncSession, restaurant_id: UUID, fresh: Iterable[Mapping[str, Any]]) -> None:
    """One event for everybody who is told the same."""
    same: defaultdict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in fresh:
        same[row["title"], row["message"]].append(row)
    for rows in same.values():
        events.notifications_created(session, restaurant_id, rows)
