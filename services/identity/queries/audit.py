"""The audit trail, by page and as a whole."""

from collections.abc import AsyncIterator, Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import ARRAY

from servicekit.db import Query, Reader
from servicekit.errors import NotFound
from servicekit.paging import Page
from servicekit.zones import beginning_of
from services.identity.models import AuditEntry

NO_ENTRY: Final = "No AuditLog matches the given query."
EXPORT_BATCH: Final = 1_000

_INSTANT = sa.DateTime(timezone=True)
_COLUMNS = (
    AuditEntry.id,
    AuditEntry.user_id,
    AuditEntry.actor,
    AuditEntry.action,
    AuditEntry.entity_type,
    AuditEntry.entity_id,
    AuditEntry.description,
    sa.cast(AuditEntry.old_values, sa.Text).label("old_values"),
    sa.cast(AuditEntry.new_values, sa.Text).label("new_values"),
    AuditEntry.ip_address,
    AuditEntry.user_agent,
    AuditEntry.request_id,
    AuditEntry.service,
    AuditEntry.occurred_at,
)
_NEWEST_FIRST = (AuditEntry.occurred_at.desc(), AuditEntry.id.desc())

# A condition per filter, so that a statement holds only those that are asked for and each finds its index.
_CONDITIONS: Final[Mapping[str, sa.ColumnElement[bool]]] = {
    "restaurant_id": AuditEntry.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
    "user_id": AuditEntry.user_id == bindparam("user_id", type_=sa.Uuid),
    "action": AuditEntry.action == bindparam("action", type_=sa.Text),
    "actions": AuditEntry.action == sa.any_(bindparam("actions", type_=ARRAY(sa.Text))),
    "other_actions": AuditEntry.action != sa.all_(bindparam("other_actions", type_=ARRAY(sa.Text))),
    "entity_type": AuditEntry.entity_type == bindparam("entity_type", type_=sa.Text),
    "entity_id": AuditEntry.entity_id == bindparam("entity_id", type_=sa.Text),
    # What pos notes with changes of orders and payments.
    "transaction_types": AuditEntry.new_values["transaction"]["type"].astext
    == sa.any_(bindparam("transaction_types", type_=sa.ARRAY(sa.Text))),
    "service": AuditEntry.service == bindparam("service", type_=sa.Text),
    "since": AuditEntry.occurred_at >= bindparam("since", type_=_INSTANT),
    "until": AuditEntry.occurred_at < bindparam("until", type_=_INSTANT),
    "pattern": sa.or_(
        AuditEntry.description.ilike(bindparam("pattern", type_=sa.Text)),
        AuditEntry.actor.ilike(bindparam("pattern", type_=sa.Text)),
    ),
    "before_id": sa.tuple_(AuditEntry.occurred_at, AuditEntry.id)
    < sa.tuple_(bindparam("before", type_=_INSTANT), bindparam("before_id", type_=sa.Uuid)),
}

_ENTRY = Query(
    sa.select(*_COLUMNS).where(_CONDITIONS["restaurant_id"], AuditEntry.id == bindparam("entry_id", type_=sa.Uuid))
)


def filters_of(request: Any, restaurant_id: UUID, zone: str) -> dict[str, Any]:
    """The parameters that a request's filters amount to; its days are those of the restaurant's zone."""
    filters: dict[str, Any] = {"restaurant_id": restaurant_id}
    if request.HasField("user"):
        filters["user_id"] = UUID(request.user)
    for name in ("action", "entity_type", "entity_id", "service"):
        if request.HasField(name):
            filters[name] = getattr(request, name)
    if request.HasField("start_date"):
        filters["since"] = midnight(date.fromisoformat(request.start_date), zone)
    if request.HasField("end_date"):
        filters["until"] = midnight(date.fromisoformat(request.end_date), zone, days_later=1)
    if request.HasField("search"):
        literal = request.search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        filters["pattern"] = f"%{literal}%"
    return filters


def midnight(day: date, zone: str, *, days_later: int = 0) -> datetime:
    """The instant at which a day begins in a zone; the first and last days of the calendar stand for ever."""
    try:
        return beginning_of(day + timedelta(days=days_later), ZoneInfo(zone))
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if days_later else datetime.min.replace(tzinfo=UTC)


def conditions_of(filters: Collection[str]) -> list[sa.ColumnElement[bool]]:
    """The conditions that filters of these names are, each with a parameter of its name."""
    return [_CONDITIONS[name] for name in sorted(filters)]


@lru_cache(maxsize=1024)
def page_queries(filters: frozenset[str]) -> tuple[Query, Query]:
    """The statements that count the entries under some filters and read a page of them."""
    conditions = conditions_of(filters)
    return (
        Query(sa.select(sa.func.count()).select_from(AuditEntry).where(*conditions)),
        Query(
            sa.select(*_COLUMNS)
            .where(*conditions)
            .order_by(*_NEWEST_FIRST)
            .limit(bindparam("limit"))
            .offset(bindparam("offset"))
        ),
    )


@lru_cache(maxsize=1024)
def _batch_query(names: frozenset[str]) -> Query:
    """The statement that reads the entries under some filters from a place in their order on."""
    conditions = conditions_of(names)
    return Query(sa.select(*_COLUMNS).where(*conditions).order_by(*_NEWEST_FIRST).limit(EXPORT_BATCH))


async def entries(reader: Reader, filters: Mapping[str, Any], page: Page) -> tuple[int, list[Any]]:
    """How many entries there are, and one page, newest first. Raises NotFound for a page beyond the end."""
    counting, reading = page_queries(frozenset(filters))
    count, rows = await reader.batch(
        (counting, dict(filters)), (reading, {**filters, "limit": page.limit, "offset": page.offset})
    )
    page.check(count[0][0])
    return count[0][0], rows


async def entry(reader: Reader, restaurant_id: UUID, entry_id: UUID) -> Any:
    """One entry of a restaurant. Raises NotFound."""
    row = await reader.first(_ENTRY, restaurant_id=restaurant_id, entry_id=entry_id)
    if row is None:
        raise NotFound(NO_ENTRY)
    return row


async def all_entries(reader: Reader, filters: Mapping[str, Any], most: int) -> AsyncIterator[Collection[Any]]:
    """The entries under some filters, newest first, in batches; entries that are added meanwhile are left out."""
    parameters = dict(filters)
    read = 0
    while read < most:
        rows = (await reader.all(_batch_query(frozenset(parameters) - {"before"}), **parameters))[: most - read]
        if rows:
            yield rows
        if len(rows) < EXPORT_BATCH:
            return
        read += len(rows)
        parameters |= {"before": rows[-1].occurred_at, "before_id": rows[-1].id}
