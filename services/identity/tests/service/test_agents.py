"""What agents send: whom it is about, and requests that they file."""

from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest

from mizan.audit.events.v1 import events_pb2 as audit
from mizan.identity.events.v1 import events_pb2 as facts
from mizan.identity.v1 import agent_pb2, auth_pb2, staff_request_pb2
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS, Principal
from servicekit.testing.service import Api, RunningService
from services.identity.domain.permissions import AGENT_SCOPES
from services.identity.tests.conftest import GATEWAY, Owner, register
from services.identity.tests.published import published
from services.identity.tests.team import hire

PLATFORM_KEY = Principal(kind="AGENT", subject="platform", permissions=frozenset(AGENT_SCOPES), name="Miya")
UNRESOLVED = "Unable to resolve restaurant context"


def phone() -> str:
    """A Moroccan mobile number that nobody else in these tests has."""
    return f"06{uuid4().int % 10**8:08}"


def key_of(owner: Owner) -> Principal:
    """A restaurant's own agent key."""
    return Principal(
        kind="AGENT",
        subject=str(uuid4()),
        restaurant_id=owner.restaurant_id,
        permissions=frozenset({"agent.requests"}),
        name="Own agent",
    )


@pytest.fixture
async def owner(api: Api) -> Owner:
    return await register(api, f"a{uuid4().hex[:10]}")


async def ingest(api: Api, caller: Principal = PLATFORM_KEY, **values: Any) -> Any:
    message = staff_request_pb2.IngestStaffRequestRequest(**{"description": "The oven is cold", **values})
    return await api.StaffRequestService.IngestStaffRequest(message, principal=caller)


async def inbox(api: Api, owner: Owner) -> list[staff_request_pb2.StaffRequest]:
    answer = await api.StaffRequestService.ListStaffRequests(
        staff_request_pb2.ListStaffRequestsRequest(), principal=owner.principal
    )
    return list(answer.results)


async def resolve(api: Api, **values: Any) -> agent_pb2.ResolveContextResponse:
    answer: agent_pb2.ResolveContextResponse = await api.AgentService.ResolveContext(
        agent_pb2.ResolveContextRequest(**values), principal=GATEWAY
    )
    return answer


async def refusal(call: Any) -> RemoteRefusal:
    with pytest.raises(RemoteRefusal) as refused:
        await call
    return refused.value


async def test_a_message_becomes_a_request_of_whoever_has_the_phone(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    number = phone()
    waiter = hire(identity, owner, phone=number)
    answer = await ingest(
        api,
        phone=f"212{number[1:]}",
        restaurant_id=owner.restaurant.id,
        category="operations",
        priority="urgent",
        source="WhatsApp",
        external_id="wamid.1",
        metadata='{"lang": "fr"}',
    )
    assert (answer.success, answer.status) == (True, "PENDING")
    (filed,) = await inbox(api, owner)
    assert (filed.id, filed.staff, filed.staff_name) == (answer.id, waiter.subject, "Karim Alaoui")
    assert (filed.category, filed.priority, filed.source) == ("OPERATIONS", "URGENT", "whatsapp")
    assert (filed.subject, filed.description, filed.metadata) == (
        "The oven is cold",
        "The oven is cold",
        '{"lang": "fr"}',
    )
    (comment,) = filed.comments
    assert (comment.kind, comment.body, comment.HasField("author")) == ("system", "Request received", False)
    (event,) = await published(identity, facts.StaffRequestCreated, owner.restaurant_id, 1)
    assert (event.request.staff_id, event.request.subject) == (waiter.subject, "The oven is cold")
    (entry,) = [
        entry
        for entry in await published(identity, audit.EntryRecorded, owner.restaurant_id, 2)
        if entry.entity_type == "StaffRequest"
    ]
    assert (entry.actor, entry.action, entry.entity_id) == ("Miya", "CREATE", answer.id)


async def test_words_that_are_no_category_or_priority_take_the_usual_ones(api: Api, owner: Owner) -> None:
    await ingest(api, restaurant_id=owner.restaurant.id, category="gossip", priority="asap", description="x " * 60)
    (filed,) = await inbox(api, owner)
    assert (filed.category, filed.priority, filed.source) == ("OTHER", "MEDIUM", "whatsapp")
    assert filed.subject == ("x " * 40).strip()


async def test_a_message_that_comes_twice_is_filed_once(api: Api, identity: RunningService, owner: Owner) -> None:
    values: dict[str, Any] = {"restaurant_id": owner.restaurant.id, "external_id": "wamid.2"}
    first = await ingest(api, **values)
    again = await ingest(api, **values, description="The oven is cold, again")
    assert (again.id, again.success) == (first.id, True)
    other_channel = await ingest(api, **values, source="telegram")
    assert other_channel.id != first.id
    filed = await inbox(api, owner)
    assert sorted(len(request.comments) for request in filed) == [1, 1]
    assert len(await published(identity, facts.StaffRequestCreated, owner.restaurant_id, 2)) == 2


async def test_a_sender_who_is_not_known_is_named_as_far_as_can_be(api: Api, owner: Owner) -> None:
    number = phone()
    await ingest(
        api,
        restaurant_id=owner.restaurant.id,
        messages=f'[{{"from": "{number}"}}]',
        contacts=f'[{{"wa_id": "{number}", "profile": {{"name": "Zineb"}}}}]',
    )
    (filed,) = await inbox(api, owner)
    assert (filed.HasField("staff"), filed.staff_name, filed.staff_phone) == (False, "Zineb", number)


async def test_a_request_from_the_phone_of_the_restaurants_head_is_nobodys(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    number = phone()
    hire(identity, owner, "SUPER_ADMIN", phone=number)
    await ingest(api, restaurant_id=owner.restaurant.id, phone=number)
    (filed,) = await inbox(api, owner)
    assert (filed.HasField("staff"), filed.staff_phone) == (False, number)


@pytest.mark.parametrize("description", ["", "   "])
async def test_a_message_must_say_something(api: Api, owner: Owner, description: str) -> None:
    refused = await refusal(ingest(api, restaurant_id=owner.restaurant.id, description=description))
    assert refused.message == "description/message is required"
    assert await inbox(api, owner) == []


async def test_a_message_must_name_a_restaurant(api: Api) -> None:
    attempts: list[dict[str, Any]] = [
        {},
        {"phone": phone()},
        {"restaurant_id": str(uuid4())},
        {"restaurant_id": "x", "email": "a@b.ma"},
    ]
    for values in attempts:
        assert (await refusal(ingest(api, **values))).message == UNRESOLVED


async def test_a_restaurants_own_key_files_there_and_nowhere_else(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    other = await register(api, f"a{uuid4().hex[:10]}")
    number = phone()
    hire(identity, other, phone=number)
    answer = await ingest(api, key_of(owner), phone=number)
    (filed,) = await inbox(api, owner)
    assert (filed.id, filed.HasField("staff")) == (answer.id, False)
    foreign: list[dict[str, Any]] = [
        {"restaurant_id": other.restaurant.id},
        {"restaurant_header": other.restaurant.id},
        {"session_id": f"tenant-{other.restaurant.id}-user-{other.user.id}"},
    ]
    for values in foreign:
        assert (await refusal(ingest(api, key_of(owner), **values))).grpc_code == grpc.StatusCode.NOT_FOUND
    assert await inbox(api, other) == []


async def test_only_agents_with_the_scope_file_messages(api: Api, owner: Owner) -> None:
    without_scope = Principal(kind="AGENT", subject="k", restaurant_id=owner.restaurant_id)
    for caller, code in (
        (owner.principal, grpc.StatusCode.PERMISSION_DENIED),
        (without_scope, grpc.StatusCode.PERMISSION_DENIED),
        (ANONYMOUS, grpc.StatusCode.UNAUTHENTICATED),
    ):
        assert (await refusal(ingest(api, caller, restaurant_id=owner.restaurant.id))).grpc_code == code


async def test_every_kind_of_clue_finds_the_restaurant_and_the_person(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    number = phone()
    waiter = hire(identity, owner, phone=number, email=f"{uuid4().hex}@example.com", preferred_language="fr")
    email = (await resolve(api, user_id=waiter.subject)).person.email
    clues: list[dict[str, Any]] = [
        {"restaurant_ids": ["", owner.restaurant.id], "user_id": waiter.subject},
        {"session_id": f"tenant-{owner.restaurant.id}-user-{waiter.subject}"},
        {"user_id": waiter.subject},
        {"email": email.upper()},
        {"phones": [number]},
        {"phones": [f"+212 {number[1:]}"]},
        {"metadata": f'{{"userId": "{waiter.subject}"}}'},
        {"within_restaurant_id": owner.restaurant.id, "phones": [number]},
    ]
    for values in clues:
        found = await resolve(api, **values)
        assert (found.restaurant_id, found.restaurant_name) == (owner.restaurant.id, owner.restaurant.name)
        assert (found.currency, found.timezone, found.language) == ("MAD", "Africa/Casablanca", "fr")
        assert (found.person.id, found.person.name, found.person.role) == (waiter.subject, "Karim Alaoui", "WAITER")
        assert "request.create" in found.person.permissions
        assert "request.review" not in found.person.permissions


async def test_a_token_names_its_owner_until_the_session_ends(api: Api, owner: Owner) -> None:
    found = await resolve(api, token=owner.tokens.access)
    assert (found.restaurant_id, found.person.id) == (owner.restaurant.id, owner.user.id)
    await api.AuthService.Logout(auth_pb2.LogoutRequest(refresh_token=owner.tokens.refresh), principal=ANONYMOUS)
    for token in (owner.tokens.access, owner.tokens.refresh, "nonsense"):
        assert (await refusal(resolve(api, token=token))).message == UNRESOLVED


async def test_people_who_left_and_parts_of_phones_are_no_clues(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    number = phone()
    gone = hire(identity, owner, phone=number, is_active=False)
    for values in ({"user_id": gone.subject}, {"phones": [number]}, {"phones": [number[3:]]}):
        assert (await refusal(resolve(api, **values))).message == UNRESOLVED
    found = await resolve(api, restaurant_ids=[owner.restaurant.id], user_id=gone.subject)
    assert not found.HasField("person")


async def test_a_phone_in_two_restaurants_counts_inside_the_one_that_is_named(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    other = await register(api, f"a{uuid4().hex[:10]}")
    number = phone()
    here, there = hire(identity, owner, phone=number), hire(identity, other, phone=number)
    assert (await refusal(resolve(api, phones=[number]))).message == UNRESOLVED
    for place, person in ((owner, here), (other, there)):
        assert (await resolve(api, restaurant_ids=[place.restaurant.id], phones=[number])).person.id == person.subject


async def test_only_services_ask_for_contexts(api: Api, owner: Owner) -> None:
    request = agent_pb2.ResolveContextRequest(restaurant_ids=[owner.restaurant.id])
    for caller in (owner.principal, PLATFORM_KEY):
        refused = await refusal(api.AgentService.ResolveContext(request, principal=caller))
        assert refused.grpc_code == grpc.StatusCode.PERMISSION_DENIED
    refused = await refusal(resolve(api, restaurant_ids=[owner.restaurant.id], metadata="{"))
    assert list(refused.fields) == ["metadata"]
    assert UUID((await resolve(api, restaurant_ids=[owner.restaurant.id])).restaurant_id) == owner.restaurant_id
