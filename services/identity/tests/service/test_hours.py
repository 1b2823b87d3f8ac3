"""Hours worked in the list of accounts, as the time clock tells of them."""

from datetime import date
from uuid import uuid4

import pytest
from google.protobuf.message import Message

from mizan.identity.v1 import account_pb2, user_pb2
from mizan.timeclock.events.v1 import events_pb2 as clock
from servicekit.clock import SystemClock, local_date
from servicekit.testing.events import Bus, handled
from servicekit.testing.service import Api, RunningService
from services.identity.tests.conftest import Owner, register


@pytest.fixture
async def owner(api: Api) -> Owner:
    return await register(api, f"h{uuid4().hex[:10]}")


def today(owner: Owner) -> date:
    return local_date(SystemClock().now(), owner.restaurant.timezone)


def session(owner: Owner, day: date, minutes: int, *, session_id: str = "", version: int = 1) -> clock.SessionFacts:
    return clock.SessionFacts(
        id=session_id or str(uuid4()),
        restaurant_id=owner.restaurant.id,
        staff_id=owner.user.id,
        status="CLOSED",
        business_date=day.isoformat(),
        worked_minutes=minutes,
        version=version,
    )


async def hear(identity: RunningService, bus: Bus, owner: Owner, *events: Message) -> None:
    for event in events:
        await handled(identity, "identity-hours", await bus.publish(event, restaurant_id=owner.restaurant_id))


async def stats(api: Api, owner: Owner) -> account_pb2.WorkStats:
    listed = await api.UserService.ListUsers(user_pb2.ListUsersRequest(), principal=owner.principal)
    (user,) = [user for user in listed.results if user.id == owner.user.id]
    return user.stats


async def test_hours_are_summed_by_week_month_and_year(
    api: Api, identity: RunningService, bus: Bus, owner: Owner
) -> None:
    assert await stats(api, owner) == account_pb2.WorkStats()
    now = today(owner)
    long_ago = now.replace(year=now.year - 1, month=1, day=10)
    await hear(
        identity,
        bus,
        owner,
        clock.SessionClosed(session=session(owner, now, 450)),
        clock.SessionClosed(session=session(owner, now, 30)),
        clock.SessionClosed(session=session(owner, long_ago, 600)),
    )
    found = await stats(api, owner)
    assert (found.hours_weekly, found.hours_monthly, found.hours_yearly) == (8.0, 8.0, 8.0)


async def test_corrections_count_once_and_older_ones_not_at_all(
    api: Api, identity: RunningService, bus: Bus, owner: Owner
) -> None:
    day, one = today(owner), str(uuid4())
    corrected = clock.SessionChanged(session=session(owner, day, 90, session_id=one, version=3))
    older = clock.SessionClosed(session=session(owner, day, 600, session_id=one, version=2))
    await hear(identity, bus, owner, corrected, older, corrected)
    assert (await stats(api, owner)).hours_weekly == 1.5
    gone = clock.SessionDiscarded(session=session(owner, day, 90, session_id=one, version=4))
    await hear(identity, bus, owner, gone, corrected)
    assert (await stats(api, owner)).hours_weekly == 0


async def test_another_restaurants_list_does_not_count_them(
    api: Api, identity: RunningService, bus: Bus, owner: Owner
) -> None:
    other = await register(api, f"h{uuid4().hex[:10]}")
    foreign = session(owner, today(owner), 60)
    foreign.staff_id = other.user.id
    await hear(identity, bus, owner, clock.SessionClosed(session=foreign))
    assert (await stats(api, other)).hours_yearly == 0
