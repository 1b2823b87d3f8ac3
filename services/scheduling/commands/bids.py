"""Open shifts: asked for by those who could work them, and given to one of them."""

from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from mizan.scheduling.events.v1 import events_pb2 as facts
from servicekit.db import SessionReader
from servicekit.errors import Conflict, Invalid
from servicekit.identity import Principal
from services.scheduling import events
from services.scheduling.commands import shifts as shift_commands
from services.scheduling.domain.bidding import NOT_OPEN, OTHER_ROLE, can_work, why_not_open
from services.scheduling.domain.planning import OVER, color_of
from services.scheduling.models import ShiftBid
from services.scheduling.models.shift import DEFAULT_COLOR

_INSERT = insert(ShiftBid).on_conflict_do_nothing().returning(ShiftBid.id)


async def bid(session: AsyncSession, principal: Principal, shift_id: UUID, now: datetime) -> None:
    """The caller asks for an open shift.

    Raises NotFound, Invalid for one that is not open, not of the caller's role or asked for already, and Conflict with
    what keeps the caller from working it.
    """
    tenant, bidder = principal.tenant, principal.user_id
    shift, people = await shift_commands.locked(session, tenant, shift_id)
    refusal = why_not_open(people, shift.status, shift.starts_at, shift.bidding_deadline, now)
    if refusal is not None:
        raise Invalid(refusal, code="not_open")
    person = await refdata.member(SessionReader(session), tenant, bidder)
    if not can_work(person.role, shift.role):
        raise Invalid(OTHER_ROLE, code="other_role")
    await shift_commands.ensure_possible(session, shift, [bidder])
    row = {"id": uuid4(), "restaurant_id": tenant, "shift_id": shift_id, "user_id": bidder}
    if (await session.scalars(_INSERT, [row])).one_or_none() is None:
        raise Invalid("You have already bid for this shift.", code="already_bid")
    week = await shift_commands.week_for(session, tenant, shift.shift_date)
    about = events.shift_facts(shift, people, is_published=week.is_published)
    events.bid_placed(session, facts.ShiftBidPlaced(shift=about, staff_id=str(bidder)))


async def assign(session: AsyncSession, principal: Principal, shift_id: UUID, person_id: UUID) -> None:
    """Gives an open shift to somebody who asked for it, and answers everybody who did.

    Raises NotFound, Invalid for somebody who did not ask or left, and Conflict when the shift is not open any more or
    something stands against it now.
    """
    tenant = principal.tenant
    shift, people = await shift_commands.locked(session, tenant, shift_id)
    await shift_commands.active_people(session, tenant, [person_id], "staff_id")
    rows = await session.scalars(
        sa.select(ShiftBid.user_id)
        .where(ShiftBid.restaurant_id == tenant, ShiftBid.shift_id == shift_id)
        .order_by(ShiftBid.created_at, ShiftBid.id)
    )
    bidders = list(rows)
    if people or shift.status in OVER:
        raise Conflict(NOT_OPEN, code="not_open")
    if person_id not in bidders:
        raise Invalid.field("staff_id", "This person has not bid for the shift.", code="no_bid")
    if shift.color == DEFAULT_COLOR:
        shift.color = color_of(person_id)
    week = await shift_commands.week_for(session, tenant, shift.shift_date)
    await shift_commands.replan(session, shift, people, [person_id], week, principal.user_id)
    await session.execute(sa.delete(ShiftBid).where(ShiftBid.shift_id == shift_id))
    message = facts.ShiftBidsDecided(
        shift=events.shift_facts(shift, [person_id], is_published=week.is_published),
        staff_id=str(person_id),
        declined_staff_ids=[str(bidder) for bidder in bidders if bidder != person_id],
        decided_by=str(principal.user_id),
    )
    events.bids_decided(session, message)
