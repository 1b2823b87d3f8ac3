"""Shifts that change hands: offered, claimed, decided, with a fresh look at what stands against the receiver."""

from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from mizan.scheduling.events.v1 import events_pb2 as facts
from servicekit.db import SessionReader
from servicekit.errors import Conflict, Forbidden, Invalid, NotFound
from servicekit.identity import Principal
from services.scheduling import events
from services.scheduling.commands import shifts as shift_commands
from services.scheduling.domain.planning import OVER, color_of
from services.scheduling.models import SwapRequest
from services.scheduling.queries.swaps import NO_SWAP

DECIDE = "swap.decide"

_INSERT = insert(SwapRequest).on_conflict_do_nothing().returning(SwapRequest)


async def offer(
    session: AsyncSession, principal: Principal, shift_id: UUID, receiver: UUID | None, message: str | None
) -> UUID:
    """Offers one of the caller's shifts; the request's id.

    Raises NotFound, Invalid for a shift of somebody else, one that is over, and for oneself as the receiver, and
    Conflict for the same offer twice.
    """
    tenant, requester = principal.tenant, principal.user_id
    shift, people = await shift_commands.locked(session, tenant, shift_id)
    if requester not in people:
        raise Invalid.field("shift_to_swap", "You can only swap your own shifts.", code="not_your_shift")
    if shift.status in OVER:
        raise Invalid.field("shift_to_swap", "This shift is over.", code="shift_over")
    if receiver is not None:
        await _ensure_can_receive(session, tenant, receiver, people)
    row = {
        "id": uuid4(),
        "restaurant_id": tenant,
        "shift_id": shift_id,
        "requester_id": requester,
        "receiver_id": receiver,
        "request_message": message,
    }
    swap = (await session.scalars(_INSERT, [row])).one_or_none()
    if swap is None:
        raise Conflict("This shift is offered already.", code="already_offered")
    week = await shift_commands.week_for(session, tenant, shift.shift_date)
    about = events.shift_facts(shift, people, is_published=week.is_published)
    events.swap_changed(session, facts.SwapRequested(swap=events.swap_facts(swap, about)))
    return swap.id


async def locked(session: AsyncSession, restaurant_id: UUID, swap_id: UUID) -> SwapRequest:
    """A request, held against others. Raises NotFound."""
    swap = await session.scalar(
        sa.select(SwapRequest)
        .where(SwapRequest.id == swap_id, SwapRequest.restaurant_id == restaurant_id)
        .with_for_update()
    )
    if swap is None:
        raise NotFound(NO_SWAP)
    return swap


async def claim(session: AsyncSession, principal: Principal, swap_id: UUID, receiver: UUID) -> None:
    """Somebody takes an open offer for themselves, or who decides names them. Raises NotFound, Forbidden or Invalid."""
    swap = await _pending(session, principal, swap_id)
    if swap.receiver_id == receiver:
        return
    if not principal.may(DECIDE) and (swap.receiver_id is not None or receiver != principal.user_id):
        raise Forbidden("Only an open request can be claimed, and only for yourself.")
    _, people = await shift_commands.locked(session, principal.tenant, swap.shift_id)
    await _ensure_can_receive(session, principal.tenant, receiver, people)
    swap.receiver_id = receiver
    swap.version += 1
    await session.flush()


async def decide(session: AsyncSession, principal: Principal, swap_id: UUID, status: str) -> None:
    """Approves, rejects or cancels a request that is pending.

    The requester cancels; the receiver, or who holds the permission, approves and rejects. Raises NotFound, Forbidden,
    Invalid when it is decided already or has no receiver, and Conflict with what keeps the receiver from working it.
    """
    swap = await _pending(session, principal, swap_id)
    if status == "PENDING":
        return
    if status == "CANCELLED":
        if swap.requester_id != principal.user_id:
            raise Forbidden("Only the requester can cancel a swap request.")
    elif not (principal.may(DECIDE) or swap.receiver_id == principal.user_id):
        raise Forbidden("Only the receiver or an administrator can decide a swap request.")
    if status == "APPROVED":
        await _hand_over(session, principal, swap)
    await _settle(session, principal, swap, status)


async def withdraw(session: AsyncSession, principal: Principal, swap_id: UUID) -> SwapRequest:
    """Removes a request that is pending. Raises NotFound, Forbidden, or Conflict once it is decided."""
    swap = await _concerning(session, principal, swap_id)
    if swap.requester_id != principal.user_id:
        raise Forbidden("Only the requester can take a swap request back.")
    if swap.status != "PENDING":
        raise Conflict(f"The request is {swap.status.lower()} already.", code="already_decided")
    await session.delete(swap)
    return swap


async def _concerning(session: AsyncSession, principal: Principal, swap_id: UUID) -> SwapRequest:
    """A request that the caller may know of, held against others. Raises NotFound."""
    swap = await locked(session, principal.tenant, swap_id)
    concerned = (swap.requester_id, swap.receiver_id)
    if not (principal.may(DECIDE) or principal.user_id in concerned or swap.receiver_id is None):
        raise NotFound(NO_SWAP)
    return swap


async def _pending(session: AsyncSession, principal: Principal, swap_id: UUID) -> SwapRequest:
    swap = await _concerning(session, principal, swap_id)
    if swap.status != "PENDING":
        raise Invalid(f"The request is {swap.status.lower()} already.", code="already_decided")
    return swap


async def _hand_over(session: AsyncSession, principal: Principal, swap: SwapRequest) -> None:
    if swap.receiver_id is None:
        raise Invalid.field("receiver", "Nobody has claimed this shift yet.", code="no_receiver")
    tenant = principal.tenant
    shift, people = await shift_commands.locked(session, tenant, swap.shift_id)
    if swap.requester_id not in people:
        raise Conflict("The requester does not work this shift any more.", code="shift_changed")
    if shift.status in OVER:
        raise Conflict("The shift is over.", code="shift_over")
    await _ensure_can_receive(session, tenant, swap.receiver_id, people)
    now_on = [swap.receiver_id if person == swap.requester_id else person for person in people]
    if shift.color == color_of(swap.requester_id):
        shift.color = color_of(swap.receiver_id)
    week = await shift_commands.week_for(session, tenant, shift.shift_date)
    await shift_commands.replan(session, shift, people, now_on, week, principal.user_id)


async def _settle(session: AsyncSession, principal: Principal, swap: SwapRequest, status: str) -> None:
    settled = [swap]
    if status == "APPROVED":
        siblings = await session.scalars(
            sa.select(SwapRequest)
            .where(
                SwapRequest.restaurant_id == swap.restaurant_id,
                SwapRequest.shift_id == swap.shift_id,
                SwapRequest.requester_id == swap.requester_id,
                SwapRequest.status == "PENDING",
                SwapRequest.id != swap.id,
            )
            .with_for_update()
        )
        settled += siblings
    shift, people = await shift_commands.locked(session, swap.restaurant_id, swap.shift_id)
    week = await shift_commands.week_for(session, swap.restaurant_id, shift.shift_date)
    about = events.shift_facts(shift, people, is_published=week.is_published)
    for request in settled:
        request.status = status if request is swap else "CANCELLED"
        request.decided_by = principal.user_id
        request.version += 1
        message = facts.SwapDecided(swap=events.swap_facts(request, about), decided_by=str(principal.user_id))
        events.swap_changed(session, message)
    await session.flush()


async def _ensure_can_receive(session: AsyncSession, tenant: UUID, receiver: UUID, people: list[UUID]) -> None:
    person = await refdata.member(SessionReader(session), tenant, receiver)
    if not person.is_active:
        raise Invalid.field("receiver", f"{person.first_name} {person.last_name} does not work here any more.")
    if receiver in people:
        raise Invalid.field("receiver", "They work this shift already.", code="on_this_shift")
