"""Connections with till systems, their syncs, and what was taken over."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reading
from services.pos.domain.provider import COMPLETED, ORDER
from services.pos.models import ExternalObject, ProviderConnection, ProviderEvent, ProviderSync, VerificationCode
from services.pos.queries.filters import LIMIT, is_or_any, mine

_PROVIDER: Any = bindparam("provider", type_=sa.Text)
_MERCHANT: Any = bindparam("merchant_id", type_=sa.Text)
_IS_UP = ProviderConnection.status != "DISCONNECTED"
_CONNECTION = Query(sa.select(ProviderConnection.__table__).where(mine(ProviderConnection.restaurant_id)))
_OF_MERCHANT = Query(
    sa.select(ProviderConnection.__table__)
    .where(ProviderConnection.provider == _PROVIDER, ProviderConnection.merchant_id == _MERCHANT, _IS_UP)
    .order_by(ProviderConnection.restaurant_id)
)
_CONNECTED = Query(
    sa.select(ProviderConnection.restaurant_id, ProviderConnection.provider, ProviderConnection.token_expires_at)
    .where(_IS_UP, ProviderConnection.restaurant_id > bindparam("after", type_=sa.Uuid))
    .order_by(ProviderConnection.restaurant_id)
    .limit(LIMIT)
)
_SYNCS = Query(
    sa.select(
        ProviderSync.kind,
        ProviderSync.provider,
        ProviderSync.state,
        ProviderSync.cursor,
        ProviderSync.changed_from,
        ProviderSync.changed_until,
        ProviderSync.complete_until,
        ProviderSync.records,
        ProviderSync.total_records,
        ProviderSync.error,
        ProviderSync.started_at,
        ProviderSync.finished_at,
    )
    .where(mine(ProviderSync.restaurant_id))
    .order_by(ProviderSync.kind)
)
_EVENTS_WAITING = Query(
    sa.select(sa.func.count())
    .select_from(ProviderEvent)
    .where(
        ProviderEvent.provider == _PROVIDER,
        ProviderEvent.merchant_id == _MERCHANT,
        ProviderEvent.processed_at.is_(None),
    )
)
_WAITING = Query(
    sa.select(ProviderEvent.event_id, ProviderEvent.type, ProviderEvent.object_type, ProviderEvent.object_id)
    .where(
        ProviderEvent.provider == _PROVIDER,
        ProviderEvent.merchant_id == _MERCHANT,
        ProviderEvent.processed_at.is_(None),
    )
    .order_by(ProviderEvent.received_at, ProviderEvent.event_id)
    .limit(LIMIT)
)
_WITH_WAITING = Query(
    sa.select(ProviderEvent.provider, ProviderEvent.merchant_id)
    .where(ProviderEvent.processed_at.is_(None))
    .distinct()
    .limit(LIMIT)
)
_OBJECTS = Query(
    sa.select(
        ExternalObject.object_type,
        ExternalObject.object_id,
        ExternalObject.updated_at,
        sa.cast(ExternalObject.payload, sa.Text).label("payload"),
    )
    .where(
        mine(ExternalObject.restaurant_id),
        ExternalObject.provider == _PROVIDER,
        is_or_any(ExternalObject.object_type, "object_type", sa.Text),
    )
    .order_by(ExternalObject.changed_at.desc(), ExternalObject.object_id)
    .limit(LIMIT)
)
_LATEST_ORDERS = Query(
    sa.select(
        ExternalObject.object_id,
        ExternalObject.state,
        ExternalObject.occurred_at,
        ExternalObject.currency,
        ExternalObject.total,
        ExternalObject.tips,
    )
    .where(
        mine(ExternalObject.restaurant_id), ExternalObject.provider == _PROVIDER, ExternalObject.object_type == ORDER
    )
    .order_by(ExternalObject.changed_at.desc(), ExternalObject.object_id)
    .limit(LIMIT)
)
_SOLD = (
    mine(ExternalObject.restaurant_id),
    ExternalObject.provider == _PROVIDER,
    ExternalObject.object_type == ORDER,
    ExternalObject.state == COMPLETED,
)
_DAY = Query(
    sa.select(
        sa.func.count().label("orders"),
        sa.func.coalesce(sa.func.sum(ExternalObject.total), 0).label("total"),
        sa.func.coalesce(sa.func.sum(ExternalObject.tips), 0).label("tips"),
        sa.func.max(ExternalObject.currency).label("currency"),
    ).where(*_SOLD, ExternalObject.business_date == bindparam("day", type_=sa.Date))
)
_LINE = sa.func.jsonb_array_elements(ExternalObject.lines).table_valued(sa.column("value", sa.JSON), name="line")
_NAME = sa.func.jsonb_extract_path_text(_LINE.c.value, "name")
_QUANTITY = sa.func.sum(sa.cast(sa.func.jsonb_extract_path_text(_LINE.c.value, "quantity"), sa.Integer))
_BEST = Query(
    sa.select(_NAME.label("name"), _QUANTITY.label("quantity"))
    .select_from(ExternalObject)
    .join(_LINE, sa.true())
    .where(
        *_SOLD,
        ExternalObject.business_date.between(bindparam("first", type_=sa.Date), bindparam("last", type_=sa.Date)),
    )
    .group_by(_NAME)
    .order_by(_QUANTITY.desc(), _NAME)
    .limit(LIMIT)
)
_CODES = Query(
    sa.select(VerificationCode.provider, VerificationCode.code, VerificationCode.received_at)
    .order_by(VerificationCode.received_at.desc())
    .limit(LIMIT)
)


@dataclass(frozen=True, slots=True)
class Standing:
    """A connection, or None, with its syncs and how many events of it wait."""

    connection: Any | None
    syncs: list[Any]
    events_waiting: int


async def connection(reading: Reading, restaurant_id: UUID) -> Any | None:
    """The restaurant's connection, up or not."""
    return await reading.first(_CONNECTION, restaurant_id=restaurant_id)


async def standing(reading: Reading, restaurant_id: UUID) -> Standing:
    """How a restaurant's connection stands."""
    found, syncs = await reading.batch(
        (_CONNECTION, {"restaurant_id": restaurant_id}), (_SYNCS, {"restaurant_id": restaurant_id})
    )
    if not found:
        return Standing(None, [], 0)
    waiting = await reading.scalar(_EVENTS_WAITING, provider=found[0].provider, merchant_id=found[0].merchant_id)
    return Standing(found[0], list(syncs), waiting)


async def of_merchant(reading: Reading, provider: str, merchant_id: str) -> list[Any]:
    """The connections of all restaurants with one merchant; `reading` sees every restaurant."""
    return list(await reading.all(_OF_MERCHANT, provider=provider, merchant_id=merchant_id))


async def connected(reading: Reading, after: UUID, limit: int) -> list[Any]:
    """The connections that are up, a page at a time; `reading` sees every restaurant."""
    return list(await reading.all(_CONNECTED, after=after, limit=limit))


async def waiting_events(reading: Reading, provider: str, merchant_id: str, limit: int) -> list[Any]:
    """A merchant's events that are not processed, the first received first."""
    return list(await reading.all(_WAITING, provider=provider, merchant_id=merchant_id, limit=limit))


async def merchants_with_events(reading: Reading, limit: int) -> list[Any]:
    """Providers and merchants that events wait for."""
    return list(await reading.all(_WITH_WAITING, limit=limit))


async def objects(reading: Reading, restaurant_id: UUID, provider: str, kind: str | None, limit: int) -> list[Any]:
    """What was taken over, the last changed first."""
    return list(
        await reading.all(_OBJECTS, restaurant_id=restaurant_id, provider=provider, object_type=kind, limit=limit)
    )


async def latest_orders(reading: Reading, restaurant_id: UUID, provider: str, limit: int) -> list[Any]:
    """The provider's orders, the last changed first."""
    return list(await reading.all(_LATEST_ORDERS, restaurant_id=restaurant_id, provider=provider, limit=limit))


async def day(reading: Reading, restaurant_id: UUID, provider: str, business_date: date) -> Any:
    """The provider's sales of a business day."""
    return await reading.first(_DAY, restaurant_id=restaurant_id, provider=provider, day=business_date)


async def best_sellers(
    reading: Reading, restaurant_id: UUID, provider: str, first: date, last: date, limit: int
) -> list[Any]:
    """What sold most at the provider in a range of business days."""
    return list(
        await reading.all(_BEST, restaurant_id=restaurant_id, provider=provider, first=first, last=last, limit=limit)
    )


async def verification_codes(reading: Reading, limit: int) -> list[Any]:
    """The codes that providers sent to verify webhooks, the newest first."""
    return list(await reading.all(_CODES, limit=limit))
