"""Invitations: lists for managers, and single ones by id, by token and by phone."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import any_, bindparam
from sqlalchemy.dialects.postgresql import ARRAY

from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page
from services.identity.models import Invitation, InvitationDelivery, Restaurant
from services.identity.queries.roles import DEFINED, Definitions

_INSTANT = sa.DateTime(timezone=True)
_tenant = bindparam("restaurant_id", type_=sa.Uuid)
_now = bindparam("now", type_=_INSTANT)
_accepted = sa.cast(bindparam("is_accepted", type_=sa.Boolean), sa.Boolean)
_expired = bindparam("show_expired", type_=sa.Boolean)

_WITH_CONTACT = Invitation.extra_data.op("||")(
    sa.func.jsonb_strip_nulls(
        sa.func.jsonb_build_object(
            sa.literal_column("'phone'"),
            Invitation.phone,
            sa.literal_column("'phone_number'"),
            Invitation.phone,
            sa.literal_column("'department'"),
            Invitation.department,
        )
    )
)

COLUMNS: list[Any] = [
    Invitation.id,
    Invitation.restaurant_id,
    Invitation.email,
    Invitation.phone,
    Invitation.phone_digits,
    Invitation.role,
    Invitation.first_name,
    Invitation.last_name,
    Invitation.department,
    Invitation.status,
    Invitation.token_generation,
    Invitation.invited_by,
    Invitation.accepted_by,
    Invitation.accepted_at,
    Invitation.bulk_batch_id,
    Invitation.sent_at,
    Invitation.expires_at,
    sa.cast(_WITH_CONTACT, sa.Text).label("extra_data"),
]

_LISTED = (
    Invitation.restaurant_id == _tenant,
    sa.or_(_accepted.is_(None), (Invitation.status == "ACCEPTED") == _accepted),
    sa.or_(
        _expired,
        Invitation.status == "ACCEPTED",
        sa.and_(Invitation.status == "PENDING", Invitation.expires_at > _now),
    ),
)

_LIST = Query(
    sa.select(*COLUMNS)
    .where(*_LISTED)
    .order_by(Invitation.sent_at.desc(), Invitation.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.BigInteger))
)
_COUNT = Query(sa.select(sa.func.count()).select_from(Invitation).where(*_LISTED))

_ONE = Query(
    sa.select(*COLUMNS).where(Invitation.restaurant_id == _tenant, Invitation.id == bindparam("id", type_=sa.Uuid))
)
_BY_IDS = Query(
    sa.select(*COLUMNS).where(
        Invitation.restaurant_id == _tenant, Invitation.id == any_(bindparam("ids", type_=ARRAY(sa.Uuid)))
    )
)

_PREVIEW = [*COLUMNS, Restaurant.name.label("restaurant_name")]
_OPEN_GENERATION = Query(
    sa.select(Invitation.token_generation).where(
        Invitation.id == bindparam("id", type_=sa.Uuid),
        sa.or_(
            sa.and_(Invitation.status == "PENDING", Invitation.expires_at > _now),
            sa.and_(Invitation.status == "ACCEPTED", bindparam("even_accepted", type_=sa.Boolean)),
        ),
    )
)
_BY_REFERENCE = Query(
    sa.select(*_PREVIEW)
    .join(Restaurant, Restaurant.id == Invitation.restaurant_id)
    .where(
        Invitation.id == bindparam("id", type_=sa.Uuid),
        Invitation.token_generation == bindparam("generation", type_=sa.Integer),
    )
)
_BY_PHONE = Query(
    sa.select(*_PREVIEW)
    .join(Restaurant, Restaurant.id == Invitation.restaurant_id)
    .where(
        Invitation.phone_digits == bindparam("digits", type_=sa.Text),
        Invitation.status == "PENDING",
        Invitation.expires_at > _now,
        sa.or_(sa.cast(_tenant, sa.Uuid).is_(None), Invitation.restaurant_id == _tenant),
    )
    .order_by(Invitation.sent_at.desc())
    .limit(1)
)


def _delivered(channel: str, states: list[str]) -> sa.ColumnElement[int]:
    return sa.func.count().filter(
        InvitationDelivery.channel == channel, InvitationDelivery.status == any_(sa.literal(states, ARRAY(sa.Text)))
    )


_ALL = sa.select(sa.func.count()).select_from(Invitation).where(Invitation.restaurant_id == _tenant)
_SENT = ["SENT", "ACCEPTED", "DELIVERED", "READ"]
_STATS = Query(
    sa.select(
        _ALL.scalar_subquery().label("total_invitations"),
        _delivered("email", _SENT).label("email_sent"),
        _delivered("whatsapp", _SENT).label("whatsapp_sent"),
        _delivered("whatsapp", ["FAILED"]).label("whatsapp_failed"),
        _delivered("whatsapp", ["PENDING"]).label("whatsapp_pending"),
    )
    .select_from(InvitationDelivery)
    .where(InvitationDelivery.restaurant_id == _tenant)
)

DELIVERY = Query(
    sa.select(
        InvitationDelivery.id,
        InvitationDelivery.recipient,
        InvitationDelivery.status.label("delivery_status"),
        Invitation.id.label("invitation_id"),
        Invitation.status,
        Invitation.expires_at,
        Invitation.token_generation,
        Invitation.email,
        Invitation.first_name,
        Invitation.role,
        Restaurant.name.label("restaurant_name"),
        Restaurant.language,
    )
    .select_from(InvitationDelivery)
    .join(Invitation, Invitation.id == InvitationDelivery.invitation_id)
    .join(Restaurant, Restaurant.id == Invitation.restaurant_id)
    .where(InvitationDelivery.id == bindparam("delivery_id", type_=sa.Uuid))
)
"""Everything that the mail of one delivery needs."""


async def page_of_invitations(
    reader: Reader,
    restaurant_id: UUID,
    page: Page,
    now: datetime,
    *,
    is_accepted: bool | None = None,
    show_expired: bool = False,
) -> tuple[int, list[Any], Definitions]:
    """How many invitations match, a page of them newest first, and the restaurant's roles. Raises NotFound."""
    matching = {
        "restaurant_id": restaurant_id,
        "is_accepted": is_accepted,
        "show_expired": show_expired,
        "now": now,
    }
    counted, rows, defined = await reader.batch(
        (_COUNT, matching),
        (_LIST, {**matching, "limit": page.limit, "offset": page.offset}),
        (DEFINED, {"restaurant_id": restaurant_id}),
    )
    page.check(counted[0][0])
    return counted[0][0], rows, Definitions(defined)


async def invitation(reading: Reading, restaurant_id: UUID, invitation_id: UUID) -> Any:
    """One invitation of a restaurant. Raises NotFound."""
    row = await reading.first(_ONE, restaurant_id=restaurant_id, id=invitation_id)
    if row is None:
        raise NotFound("No UserInvitation matches the given query.")
    return row


async def by_ids(reading: Reading, restaurant_id: UUID, ids: Sequence[UUID]) -> Sequence[Any]:
    """The invitations of a restaurant with these ids, in any order."""
    return await reading.all(_BY_IDS, restaurant_id=restaurant_id, ids=list(ids))


async def by_reference(reading: Reading, invitation_id: UUID, generation: int) -> Any | None:
    """The invitation that a link names, with its restaurant's name; None when its links are void."""
    return await reading.first(_BY_REFERENCE, id=invitation_id, generation=generation)


async def by_phone(reading: Reading, digits: str, restaurant_id: UUID | None, now: datetime) -> Any | None:
    """The newest open invitation of exactly this number, in one restaurant or, without it, in any."""
    return await reading.first(_BY_PHONE, digits=digits, restaurant_id=restaurant_id, now=now)


async def stats(reading: Reading, restaurant_id: UUID) -> Any:
    """A restaurant's invitations and deliveries, counted."""
    return await reading.first(_STATS, restaurant_id=restaurant_id)


async def open_generation(reading: Reading, invitation_id: UUID, now: datetime, *, even_accepted: bool = False) -> int:
    """Which generation of an invitation's token is good now, or was when it was accepted, where that will do.

    Raises NotFound when the invitation is over.
    """
    generation = await reading.scalar(_OPEN_GENERATION, id=invitation_id, now=now, even_accepted=even_accepted)
    if generation is None:
        raise NotFound("Invitation not found")
    return int(generation)
