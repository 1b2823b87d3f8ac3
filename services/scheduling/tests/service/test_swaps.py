"""Swaps: who may do what, and that nobody gets a shift that they cannot work."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from mizan.scheduling.events.v1 import events_pb2 as facts
from mizan.scheduling.v1 import shift_pb2 as shifts
from mizan.scheduling.v1 import swap_pb2 as swaps
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import Principal
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.scheduling.tests.conftest import manager
from services.scheduling.tests.service.test_shifts import plan
from services.scheduling.tests.team import Team, team


def administrator(us: Team) -> Principal:
    return us.principal(2, "schedule.manage", "swap.decide")


async def offer(api: Api, us: Team, shift_id: str, place: int, receiver: int | None = None) -> Any:
    request = swaps.CreateSwapRequestRequest(
        shift_to_swap=shift_id, receiver=str(us.people[receiver]) if receiver is not None else None
    )
    return await api.SwapService.CreateSwapRequest(request, principal=us.principal(place))


async def update(api: Api, principal: Principal, swap_id: str, **fields: Any) -> Any:
    request = swaps.UpdateSwapRequestRequest(id=swap_id, **fields)
    return await api.SwapService.UpdateSwapRequest(request, principal=principal)


async def refusal(attempt: Any) -> RemoteRefusal:
    with pytest.raises(RemoteRefusal) as refused:
        await attempt
    return refused.value


async def staff_of(api: Api, us: Team, shift_id: str) -> list[str]:
    shift = await api.ShiftService.GetShift(shifts.GetShiftRequest(id=shift_id), principal=us.manager)
    return list(shift.staff_members)


async def test_the_receiver_approves_and_works_the_shift(api: Api, scheduling: RunningService, bus: Bus) -> None:
    us = team(scheduling)
    shift = await plan(api, us, 0)
    made = await offer(api, us, shift.id, 0, 1)
    assert (made.status, made.requester_details, made.receiver_details) == (
        "PENDING",
        "Person0 Idrissi",
        "Person1 Idrissi",
    )
    assert (made.shift_to_swap_info.start_time, made.shift_to_swap_details.id) == ("09:00:00", shift.id)
    sibling = await offer(api, us, shift.id, 0)
    approved = await update(api, us.principal(1), made.id, status="APPROVED")
    assert (approved.status, approved.shift_to_swap_details.staff) == ("APPROVED", str(us.people[1]))
    assert await staff_of(api, us, shift.id) == [str(us.people[1])]
    other = await api.SwapService.GetSwapRequest(swaps.GetSwapRequestRequest(id=sibling.id), principal=us.principal(0))
    assert other.status == "CANCELLED"
    decided = (await bus.of_aggregate(facts.SwapDecided, made.id, 1))[0].message
    assert (decided.swap.status, decided.decided_by) == ("APPROVED", str(us.people[1]))
    assert (await refusal(update(api, us.principal(0), made.id, status="CANCELLED"))).code == "already_decided"


async def test_only_the_owner_offers_a_shift_and_only_once(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    shift = await plan(api, us, 0)
    assert list((await refusal(offer(api, us, shift.id, 1))).fields) == ["shift_to_swap"]
    assert list((await refusal(offer(api, us, shift.id, 0, 0))).fields) == ["receiver"]
    await offer(api, us, shift.id, 0, 1)
    assert (await refusal(offer(api, us, shift.id, 0, 1))).code == "already_offered"


async def test_who_may_decide(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    shift = await plan(api, us, 0)
    made = await offer(api, us, shift.id, 0, 1)
    assert (await refusal(update(api, us.principal(0), made.id, status="APPROVED"))).code == "permission_denied"
    assert (await refusal(update(api, us.principal(2), made.id, status="APPROVED"))).code == "not_found"
    assert (await refusal(update(api, us.principal(1), made.id, status="CANCELLED"))).code == "permission_denied"
    assert (await refusal(update(api, manager(uuid4()), made.id, status="APPROVED"))).code == "not_found"
    request = swaps.ApproveSwapRequestRequest(id=made.id)
    assert (
        await refusal(api.SwapService.ApproveSwapRequest(request, principal=us.manager))
    ).code == "permission_denied"
    approved = await api.SwapService.ApproveSwapRequest(request, principal=administrator(us))
    assert approved.status == "APPROVED"


async def test_an_open_offer_is_claimed_before_it_is_approved(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    shift = await plan(api, us, 0)
    made = await offer(api, us, shift.id, 0)
    boss = administrator(us)
    assert (await refusal(update(api, boss, made.id, status="APPROVED"))).code == "no_receiver"
    claimed = await update(api, us.principal(1), made.id, receiver=str(us.people[1]))
    assert (claimed.status, claimed.receiver) == ("PENDING", str(us.people[1]))
    approved = await update(api, boss, made.id, status="APPROVED")
    assert approved.shift_to_swap_details.staff == str(us.people[1])


async def test_what_stands_against_the_receiver_is_looked_at_when_it_is_decided(
    api: Api, scheduling: RunningService
) -> None:
    us = team(scheduling)
    shift = await plan(api, us, 0)
    made = await offer(api, us, shift.id, 0, 1)
    await plan(api, us, 1, start="12:00", end="20:00")
    refused = await refusal(update(api, us.principal(1), made.id, status="APPROVED"))
    assert (refused.code, refused.http_status) == ("double_booking", 409)
    assert await staff_of(api, us, shift.id) == [str(us.people[0])]


async def test_of_two_approvals_at_once_one_hands_the_shift_over(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    shift = await plan(api, us, 0)
    offers = [await offer(api, us, shift.id, 0, receiver) for receiver in (1, 2)]
    outcomes = await asyncio.gather(
        *(
            update(api, us.principal(receiver), made.id, status="APPROVED")
            for receiver, made in zip((1, 2), offers, strict=True)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, swaps.SwapRequest) for outcome in outcomes) == 1
    assert len(await staff_of(api, us, shift.id)) == 1


async def test_people_see_what_concerns_them_and_who_decides_sees_all(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, size=4)
    first, second = await plan(api, us, 0), await plan(api, us, 1)
    mine, open_one = await offer(api, us, first.id, 0, 1), await offer(api, us, second.id, 1)
    listed = await api.SwapService.ListSwapRequests(swaps.ListSwapRequestsRequest(), principal=us.principal(3))
    assert [swap.id for swap in listed.results] == [open_one.id]
    everything = await api.SwapService.ListAllSwapRequests(
        swaps.ListAllSwapRequestsRequest(), principal=administrator(us)
    )
    assert [swap.id for swap in everything.results] == [open_one.id, mine.id]
    await api.SwapService.DeleteSwapRequest(swaps.DeleteSwapRequestRequest(id=mine.id), principal=us.principal(0))
    everything = await api.SwapService.ListAllSwapRequests(
        swaps.ListAllSwapRequestsRequest(), principal=administrator(us)
    )
    assert everything.count == 1
