"""What people are paid: told to services that may read it, of active people with a rate, of one restaurant."""

from uuid import UUID, uuid4

import pytest

from mizan.identity.v1 import wage_pb2
from servicekit.db import SYSTEM
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import Principal
from servicekit.testing.service import CALLER, Api, RunningService
from services.identity.models import StaffProfile
from services.identity.tests.conftest import Owner, register
from services.identity.tests.team import hire

PLANNER = Principal(kind="SERVICE", subject=CALLER, permissions=frozenset({"wages.read"}))


def pay(identity: RunningService, owner: Owner, person: Principal, rate: str, salary_type: str = "HOURLY") -> None:
    async def add() -> None:
        async with identity.database.write(SYSTEM) as session:
            session.add(
                StaffProfile(
                    user_id=UUID(person.subject),
                    restaurant_id=owner.restaurant_id,
                    hourly_rate=rate,
                    salary_type=salary_type,
                )
            )

    identity.run(add())


async def test_wages_are_those_of_active_people_of_one_restaurant(api: Api, identity: RunningService) -> None:
    ours, theirs = await register(api, f"pay{uuid4().hex[:8]}"), await register(api, f"pay{uuid4().hex[:8]}")
    paid, gone, other = hire(identity, ours), hire(identity, ours, is_active=False), hire(identity, theirs)
    hire(identity, ours)
    for owner, person in ((ours, paid), (ours, gone), (theirs, other)):
        pay(identity, owner, person, "17.5")
    request = wage_pb2.ListWagesRequest(restaurant_id=str(ours.restaurant_id))
    answer = await api.WageService.ListWages(request, principal=PLANNER)
    assert [(wage.user_id, wage.hourly_rate) for wage in answer.wages] == [(paid.subject, "17.50")]


async def test_a_salary_is_told_by_the_hour(api: Api, identity: RunningService) -> None:
    owner = await register(api, f"pay{uuid4().hex[:8]}")
    cook = hire(identity, owner, "CHEF")
    pay(identity, owner, cook, "3820", "MONTHLY")
    request = wage_pb2.ListWagesRequest(restaurant_id=str(owner.restaurant_id))
    answer = await api.WageService.ListWages(request, principal=PLANNER)
    assert [wage.hourly_rate for wage in answer.wages] == ["20.00"]


async def test_people_and_other_services_are_not_told(api: Api) -> None:
    owner = await register(api, f"pay{uuid4().hex[:8]}")
    request = wage_pb2.ListWagesRequest(restaurant_id=str(owner.restaurant_id))
    for principal in (Principal(kind="SERVICE", subject=CALLER), owner.principal):
        with pytest.raises(RemoteRefusal) as refused:
            await api.WageService.ListWages(request, principal=principal)
        assert refused.value.code == "permission_denied"
