"""Staff requests with their timelines and files."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import any_, bindparam
from sqlalchemy.dialects.postgresql import ARRAY

from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page
from services.identity.models import StaffRequest, StaffRequestAttachment, StaffRequestComment, User
from services.identity.queries.people import PERSON_COLUMNS, PERSON_TABLES

_COLUMNS: list[Any] = [
    column for column in StaffRequest.__table__.columns if column.key not in {"details", "staff_phone_digits"}
] + [sa.cast(StaffRequest.details, sa.Text).label("details")]

_RESTAURANT = StaffRequest.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid)
_ME = bindparam("me", type_=sa.Uuid)
# A request that nobody is known to have made belongs to whoever has its phone; somebody without a phone matches none.
_OWN = sa.or_(
    StaffRequest.staff_id == _ME,
    sa.and_(
        StaffRequest.staff_id.is_(None),
        StaffRequest.staff_phone_digits == sa.select(User.phone_digits).where(User.id == _ME).scalar_subquery(),
    ),
)
_URGENCY = sa.case(
    *((StaffRequest.priority == priority, rank) for rank, priority in enumerate(("LOW", "MEDIUM", "HIGH", "URGENT")))
)
_ORDERINGS: dict[str, sa.ColumnElement[Any]] = {
    "created_at": StaffRequest.__table__.c.created_at,
    "updated_at": StaffRequest.__table__.c.updated_at,
    "priority": _URGENCY,
    "status": StaffRequest.__table__.c.status,
}
_SEARCHED = (
    StaffRequest.subject,
    StaffRequest.description,
    StaffRequest.staff_name,
    StaffRequest.staff_phone,
    StaffRequest.external_id,
)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whose eyes a request is seen with."""

    restaurant_id: UUID
    user_id: UUID
    sees_all: bool

    @property
    def parameters(self) -> dict[str, Any]:
        """What the viewer adds to a query's parameters."""
        if self.sees_all:
            return {"restaurant_id": self.restaurant_id}
        return {"restaurant_id": self.restaurant_id, "me": self.user_id}


@dataclass(frozen=True, slots=True)
class Timeline:
    """What belongs to some requests, by request, and the people in it, by id."""

    comments: dict[UUID, list[Any]] = field(default_factory=dict)
    attachments: dict[UUID, list[Any]] = field(default_factory=dict)
    people: dict[UUID, Any] = field(default_factory=dict)


def _visible(sees_all: bool) -> list[sa.ColumnElement[bool]]:
    return [_RESTAURANT] if sees_all else [_RESTAURANT, _OWN]


@cache
def list_queries(sees_all: bool, by_status: bool, searching: bool, ordering: str) -> tuple[Query, Query]:
    """The queries that count and read the requests under some filters in some order."""
    where = _visible(sees_all)
    if by_status:
        where.append(StaffRequest.status == bindparam("status", type_=sa.Text))
    if searching:
        pattern = bindparam("pattern", type_=sa.Text)
        where.append(sa.or_(*(column.ilike(pattern, escape="\\") for column in _SEARCHED)))
    by = _ORDERINGS[ordering.removeprefix("-")]
    return (
        Query(sa.select(sa.func.count()).select_from(StaffRequest).where(*where)),
        Query(
            sa.select(*_COLUMNS)
            .where(*where)
            .order_by(
                by.desc() if ordering.startswith("-") else by.asc(), StaffRequest.created_at.desc(), StaffRequest.id
            )
            .limit(bindparam("limit", type_=sa.Integer))
            .offset(bindparam("offset", type_=sa.BigInteger))
        ),
    )


@cache
def _one(sees_all: bool) -> Query:
    return Query(sa.select(*_COLUMNS).where(*_visible(sees_all), StaffRequest.id == bindparam("id", type_=sa.Uuid)))


@cache
def count_query(sees_all: bool) -> Query:
    """The query that counts requests by their state."""
    return Query(
        sa.select(StaffRequest.status, sa.func.count().label("requests"))
        .where(*_visible(sees_all))
        .group_by(StaffRequest.status)
    )


_IDS = bindparam("ids", type_=ARRAY(sa.Uuid))
_COMMENTS = Query(
    sa.select(
        StaffRequestComment.id,
        StaffRequestComment.request_id,
        StaffRequestComment.author_id,
        StaffRequestComment.kind,
        StaffRequestComment.body,
        sa.cast(StaffRequestComment.details, sa.Text).label("details"),
        StaffRequestComment.created_at,
    )
    .where(
        StaffRequestComment.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
        StaffRequestComment.request_id == any_(_IDS),
    )
    .order_by(StaffRequestComment.request_id, StaffRequestComment.created_at, StaffRequestComment.id)
)
_ATTACHMENTS = Query(
    sa.select(StaffRequestAttachment)
    .with_only_columns(*StaffRequestAttachment.__table__.columns)
    .where(
        StaffRequestAttachment.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
        StaffRequestAttachment.request_id == any_(_IDS),
    )
    .order_by(StaffRequestAttachment.request_id, StaffRequestAttachment.uploaded_at, StaffRequestAttachment.id)
)
_PEOPLE = Query(
    sa.select(*PERSON_COLUMNS)
    .select_from(PERSON_TABLES)
    .where(
        User.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
        User.id.in_(
            sa.union(
                sa.select(StaffRequest.staff_id).where(StaffRequest.id == any_(_IDS)),
                sa.select(StaffRequest.assigned_to).where(StaffRequest.id == any_(_IDS)),
                sa.select(StaffRequestComment.author_id).where(StaffRequestComment.request_id == any_(_IDS)),
            )
        ),
    )
)
_ATTACHMENT = Query(
    sa.select(*StaffRequestAttachment.__table__.columns).where(
        StaffRequestAttachment.id == bindparam("id", type_=sa.Uuid),
        StaffRequestAttachment.request_id == bindparam("request_id", type_=sa.Uuid),
    )
)


async def requests(
    reader: Reader, viewer: Viewer, page: Page, *, status: str = "", search: str = "", ordering: str = "-created_at"
) -> tuple[int, list[Any]]:
    """How many requests the viewer sees under the filters, and one page of them. Raises NotFound beyond the end."""
    count_query, list_query = list_queries(viewer.sees_all, bool(status), bool(search), ordering)
    filters = dict(viewer.parameters)
    if status:
        filters["status"] = status
    if search:
        filters["pattern"] = f"%{_literal(search)}%"
    count, rows = await reader.batch(
        (count_query, filters), (list_query, {**filters, "limit": page.limit, "offset": page.offset})
    )
    page.check(count[0][0])
    return count[0][0], rows


def _literal(text: str) -> str:
    """A text that stands for itself inside a LIKE pattern."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def request(reading: Reading, viewer: Viewer, request_id: UUID) -> Any:
    """One request that the viewer sees. Raises NotFound."""
    row = await reading.first(_one(viewer.sees_all), **viewer.parameters, id=request_id)
    if row is None:
        raise NotFound("No StaffRequest matches the given query.")
    return row


async def counts(reading: Reading, viewer: Viewer) -> dict[str, int]:
    """How many of the requests that the viewer sees are in each state; states without any are absent."""
    return {row.status: row.requests for row in await reading.all(count_query(viewer.sees_all), **viewer.parameters)}


async def timeline(reading: Reading, restaurant_id: UUID, request_ids: Sequence[UUID]) -> Timeline:
    """Comments, files and people of some requests."""
    if not request_ids:
        return Timeline()
    parameters = {"restaurant_id": restaurant_id, "ids": list(request_ids)}
    queries = ((_COMMENTS, parameters), (_ATTACHMENTS, parameters), (_PEOPLE, parameters))
    comments, attachments, people = await reading.batch(*queries)
    return Timeline(_by_request(comments), _by_request(attachments), {row.id: row for row in people})


def _by_request(rows: Sequence[Any]) -> dict[UUID, list[Any]]:
    grouped: dict[UUID, list[Any]] = {}
    for row in rows:
        grouped.setdefault(row.request_id, []).append(row)
    return grouped


async def attachments(reading: Reading, restaurant_id: UUID, request_id: UUID) -> Sequence[Any]:
    """The files of a request, the oldest first."""
    return await reading.all(_ATTACHMENTS, restaurant_id=restaurant_id, ids=[request_id])


async def attachment(reading: Reading, request_id: UUID, attachment_id: UUID) -> Any:
    """A file of a request. Raises NotFound."""
    row = await reading.first(_ATTACHMENT, request_id=request_id, id=attachment_id)
    if row is None:
        raise NotFound("No StaffRequestAttachment matches the given query.")
    return row


async def attachment_anywhere(reading: Reading, request_id: UUID, attachment_id: UUID) -> Any | None:
    """A file of any restaurant's request, or None; its reader must prove a right to it."""
    return await reading.first(_ATTACHMENT, request_id=request_id, id=attachment_id)
