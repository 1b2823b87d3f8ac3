"""Rooms and what is written in them, by REST and by socket; nobody sees more than their own."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from google.protobuf.empty_pb2 import Empty

from mizan.identity.events.v1 import events_pb2 as identity
from mizan.notify.v1 import chat_pb2
from mizan.pos.v1 import kitchen_pb2
from refdata.testing import restaurant_event, staff_event
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS, Principal
from servicekit.testing.events import Bus, handled
from servicekit.testing.service import Api, RunningService, person
from services.notify.tests.live.conftest import ClientOf
from services.notify.tests.live.neighbours import FakeNeighbours


@dataclass
class Team:
    """A restaurant whose people notify knows."""

    restaurant_id: UUID
    people: dict[str, Principal]

    def __getattr__(self, name: str) -> Principal:
        return self.people[name]


async def team_of(notify: RunningService, bus: Bus, *names: str) -> Team:
    """A restaurant with people of these names."""
    restaurant_id = uuid4()
    event = restaurant_event(restaurant_id, "Dar Atlas", 1)
    await handled(notify, "notify-refdata", await bus.publish(event, restaurant_id=restaurant_id))
    people = {name: person(frozenset(), restaurant_id=restaurant_id) for name in names}
    for name, principal in people.items():
        event = staff_event(restaurant_id, UUID(principal.subject), name.title(), 1)
        await handled(notify, "notify-refdata", await bus.publish(event, restaurant_id=restaurant_id))
    return Team(restaurant_id, people)


async def write(api: Api, who: Principal, text: str, **where: str) -> chat_pb2.ChatMessage:
    request = chat_pb2.SendMessageRequest(message=text, **where)
    written: chat_pb2.ChatMessage = await api.ChatService.SendMessage(request, principal=who)
    return written


async def read(api: Api, who: Principal, room: str = "", **page: int) -> chat_pb2.ListMessagesResponse:
    request = chat_pb2.ListMessagesRequest(room_name=room, **page)
    listed: chat_pb2.ListMessagesResponse = await api.ChatService.ListMessages(request, principal=who)
    return listed


async def rooms(api: Api, who: Principal) -> dict[str, chat_pb2.ChatRoom]:
    listed = await api.ChatService.ListRooms(chat_pb2.ListRoomsRequest(), principal=who)
    return {room.title: room for room in listed.results}


async def unread(api: Api, who: Principal) -> int:
    return int((await api.ChatService.GetUnreadMessages(Empty(), principal=who)).unread_count)


async def group(api: Api, who: Principal, title: str, *others: Principal) -> chat_pb2.ChatRoom:
    request = chat_pb2.CreateRoomRequest(title=title, member_ids=[other.subject for other in others])
    made: chat_pb2.ChatRoom = await api.ChatService.CreateRoom(request, principal=who)
    return made


async def test_the_restaurants_own_room_is_everybodys(notify: RunningService, api: Api, bus: Bus) -> None:
    team = await team_of(notify, bus, "amina", "badr")
    first = await write(api, team.amina, "  Who has the keys? ")
    assert first.room_name == f"chat_{team.restaurant_id}"
    assert (first.content, first.sender_info.first_name, first.HasField("recipient")) == (
        "Who has the keys?",
        "Amina",
        False,
    )
    await write(api, team.badr, "I do.", room_name=str(team.restaurant_id))
    listed = await read(api, team.badr, first.room_name)
    assert [(one.content, one.sender) for one in listed.results] == [
        ("I do.", team.badr.subject),
        ("Who has the keys?", team.amina.subject),
    ]
    assert (listed.count, len((await read(api, team.badr, first.room_name, page=2, page_size=1)).results)) == (2, 1)
    assert (await read(api, team.badr)).count == 0
    assert list(await rooms(api, team.amina)) == ["Dar Atlas"]


async def test_the_first_who_joins_finds_the_restaurants_room(notify: RunningService, api: Api, bus: Bus) -> None:
    restaurant_id, amina = uuid4(), uuid4()
    event = staff_event(restaurant_id, amina, "Amina", 1, identity.StaffJoined)
    for consumer in ("notify-refdata", "notify"):
        await handled(notify, consumer, await bus.publish(event, restaurant_id=restaurant_id))
    found = (await rooms(api, person(frozenset(), restaurant_id=restaurant_id, user_id=amina))).values()
    assert [(room.kind, room.room_name) for room in found] == [("RESTAURANT", f"chat_{restaurant_id}")]


async def test_a_conversation_is_of_two_whoever_begins_it(notify: RunningService, api: Api, bus: Bus) -> None:
    team = await team_of(notify, bus, "amina", "badr", "chafik")
    asked = await write(api, team.amina, "Swap on Friday?", recipient_id=team.badr.subject)
    answered = await write(api, team.badr, "Sure.", recipient_id=team.amina.subject)
    opened = await api.ChatService.CreateRoom(
        chat_pb2.CreateRoomRequest(member_ids=[team.badr.subject]), principal=team.amina
    )
    assert asked.room_name == answered.room_name == opened.room_name
    assert (answered.recipient, answered.recipient_info.first_name) == (team.amina.subject, "Amina")
    assert list(await rooms(api, team.amina)) == ["Badr Idrissi"]
    assert await rooms(api, team.chafik) == {}
    for attempt in (
        read(api, team.chafik, asked.room_name),
        read(api, team.chafik, opened.id),
        write(api, team.chafik, "Hello", room_name=opened.id),
        api.ChatService.GetRoom(chat_pb2.RoomRequest(id=opened.id), principal=team.chafik),
        api.ChatService.MarkRoomRead(chat_pb2.MarkRoomReadRequest(id=opened.id), principal=team.chafik),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await attempt
        assert refused.value.code == "not_found"


async def test_unread_counts_and_marks(notify: RunningService, api: Api, bus: Bus) -> None:
    team = await team_of(notify, bus, "amina", "badr")
    sent = [await write(api, team.amina, f"{number}", recipient_id=team.badr.subject) for number in range(3)]
    room = (await rooms(api, team.badr))["Amina Idrissi"]
    assert (room.unread_count, await unread(api, team.badr), await unread(api, team.amina)) == (3, 3, 0)
    assert [one.is_read for one in (await read(api, team.amina, room.id)).results] == [False] * 3
    marked = await api.ChatService.MarkRoomRead(
        chat_pb2.MarkRoomReadRequest(id=room.id, message_id=sent[1].id), principal=team.badr
    )
    assert marked.unread_count == 1
    # To an earlier place it does not go back.
    again = await api.ChatService.MarkRoomRead(
        chat_pb2.MarkRoomReadRequest(id=room.id, message_id=sent[0].id), principal=team.badr
    )
    assert again.unread_count == 1
    assert [one.is_read for one in (await read(api, team.badr, room.id)).results] == [False, True, True]
    assert [one.is_read for one in (await read(api, team.amina, room.id)).results] == [False, True, True]
    all_of_it = await api.ChatService.MarkRoomRead(chat_pb2.MarkRoomReadRequest(id=room.id), principal=team.badr)
    assert (all_of_it.unread_count, await unread(api, team.badr)) == (0, 0)


async def test_groups_take_people_in_and_let_them_go(notify: RunningService, api: Api, bus: Bus) -> None:
    team = await team_of(notify, bus, "amina", "badr", "chafik")
    room = await group(api, team.amina, "Kitchen", team.badr)
    assert (room.kind, room.title, [member.first_name for member in room.members]) == (
        "GROUP",
        "Kitchen",
        ["Amina", "Badr"],
    )
    await write(api, team.badr, "Chicken is out.", room_name=room.room_name)
    grown = await api.ChatService.AddMembers(
        chat_pb2.AddMembersRequest(id=room.id, member_ids=[team.chafik.subject]), principal=team.badr
    )
    assert len(grown.members) == 3
    assert ((await read(api, team.chafik, room.id)).count, await unread(api, team.chafik)) == (1, 0)
    leaving = chat_pb2.RemoveMemberRequest(id=room.id, user_id=team.amina.subject)
    with pytest.raises(RemoteRefusal) as refused:
        await api.ChatService.RemoveMember(leaving, principal=team.badr)
    assert refused.value.code == "permission_denied"
    leaving.user_id = team.badr.subject
    await api.ChatService.RemoveMember(leaving, principal=team.badr)
    with pytest.raises(RemoteRefusal):
        await read(api, team.badr, room.id)
    leaving.user_id = team.chafik.subject
    await api.ChatService.RemoveMember(leaving, principal=team.amina)
    assert await rooms(api, team.chafik) == {}


async def test_what_is_refused(notify: RunningService, api: Api, bus: Bus) -> None:
    team, others = await team_of(notify, bus, "amina", "badr"), await team_of(notify, bus, "dina")
    direct = await write(api, team.amina, "Hi", recipient_id=team.badr.subject)
    room = (await rooms(api, team.amina))["Badr Idrissi"]
    add = chat_pb2.AddMembersRequest(id=room.id, member_ids=[team.badr.subject])
    for attempt, code in (
        (write(api, team.amina, "   "), "invalid"),
        (write(api, team.amina, "Hi", recipient_id=team.amina.subject), "invalid"),
        (write(api, team.amina, "Hi", recipient_id=others.dina.subject), "not_found"),
        (write(api, others.dina, "Hi", room_name=direct.room_name), "not_found"),
        (write(api, others.dina, "Hi", room_name=f"chat_{team.restaurant_id}"), "not_found"),
        (read(api, others.dina, room.id), "not_found"),
        (group(api, team.amina, "Kitchen", others.dina), "not_found"),
        (group(api, team.amina, "Alone", team.amina), "invalid"),
        (group(api, team.amina, "", team.badr, others.dina), "invalid"),
        (api.ChatService.AddMembers(add, principal=team.amina), "not_a_group"),
        (write(api, ANONYMOUS, "Hi"), "not_authenticated"),
        (write(api, team.amina.in_restaurant(None), "Hi"), "no_restaurant"),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await attempt
        assert refused.value.code == code
    assert (await read(api, team.amina, room.id)).count == 1


async def test_messages_written_at_once_are_all_there_in_one_order(notify: RunningService, api: Api, bus: Bus) -> None:
    team = await team_of(notify, bus, "amina", "badr")
    texts = [str(number) for number in range(30)]
    await asyncio.gather(
        *(
            write(api, team.amina if int(text) % 2 else team.badr, text, recipient_id=other)
            for text in texts
            for other in [team.badr.subject if int(text) % 2 else team.amina.subject]
        )
    )
    room = (await rooms(api, team.amina))["Badr Idrissi"]
    listed = await read(api, team.amina, room.id)
    assert sorted(one.content for one in listed.results) == sorted(texts)
    assert listed.count == 30


async def test_lists_cost_the_same_with_1_row_and_with_100(notify: RunningService, api: Api, bus: Bus) -> None:
    team = await team_of(notify, bus, "amina", "badr")
    await write(api, team.amina, "0")
    room = next(iter((await rooms(api, team.amina)).values()))

    async def cost() -> tuple[int, int]:
        with notify.statements() as for_messages:
            await read(api, team.badr, room.id)
        with notify.statements() as for_rooms:
            await rooms(api, team.badr)
        return len(for_messages), len(for_rooms)

    before = await cost()
    for number in range(99):
        await write(api, team.amina, str(number))
    for number in range(20):
        await group(api, team.amina, f"Group {number}", team.badr)
    assert await cost() == before


async def test_what_is_written_arrives_with_those_it_is_for(
    notify: RunningService, api: Api, bus: Bus, neighbours: FakeNeighbours, client_of: ClientOf
) -> None:
    team, others = await team_of(notify, bus, "amina", "badr", "chafik"), await team_of(notify, bus, "dina")

    def login(who: Principal) -> str:
        return neighbours.log_in(who.restaurant_id, user_id=who.subject).token

    async with (
        client_of("/ws/chat/") as amina,
        client_of("/ws/chat/") as badr,
        client_of("/ws/chat/") as chafik,
        client_of("/ws/chat/") as dina,
    ):
        for client, who in ((amina, team.amina), (badr, team.badr), (chafik, team.chafik), (dina, others.dina)):
            await client.enter(login(who))
        await amina.say(message="Only for you", recipient_id=team.badr.subject, client_id="c-1")
        got = (await badr.until("chat_message"))["message"]
        kept = (await read(api, team.badr, got["room_name"])).results[0]
        assert shape(got) == {
            "id": kept.id,
            "sender": team.amina.subject,
            "sender_info": {"id": team.amina.subject, "first_name": "Amina"},
            "recipient": team.badr.subject,
            "recipient_info": {"id": team.badr.subject, "first_name": "Badr"},
            "room_name": kept.room_name,
            "content": "Only for you",
            "is_read": False,
        }
        assert (await amina.until("sent"))["client_id"] == "c-1"
        assert (await amina.until("chat_message"))["message"]["id"] == kept.id
        await write(api, team.badr, "For all")
        for client in (amina, badr, chafik):
            assert (await client.until("chat_message"))["message"]["content"] == "For all"
        room = (await rooms(api, team.badr))["Amina Idrissi"]
        await badr.say(type="read", room_id=room.id)
        assert (await amina.until("chat_read"))["user_id"] == team.badr.subject
        assert await chafik.settled() == []
        assert await dina.settled() == []
        await dina.say(type="subscribe", topics=[f"chat:{room.id}"])
        assert (await dina.until("error"))["code"] == "not_found"
        await chafik.say(message="Let me in", room_id=room.id)
        assert (await chafik.until("error"))["code"] == "not_found"
    async with client_of("/ws/") as one_room:
        await one_room.enter(login(team.badr), topics=f"chat:{room.id}")
        await write(api, team.amina, "In the other room")
        await write(api, team.amina, "Here", room_name=room.room_name)
        assert (await one_room.until("chat_message"))["message"]["content"] == "Here"


def shape(message: dict[str, Any]) -> dict[str, Any]:
    """A message without what differs from run to run, and of its people what tells them apart."""
    shown = {name: value for name, value in message.items() if name != "timestamp"}
    for part in ("sender_info", "recipient_info"):
        shown[part] = {name: shown[part][name] for name in ("id", "first_name")}
    return shown


async def test_missed_messages_come_from_the_list_when_memory_does_not_reach(
    notify: RunningService, api: Api, bus: Bus, neighbours: FakeNeighbours, client_of: ClientOf
) -> None:
    team = await team_of(notify, bus, "amina", "badr")
    token = neighbours.log_in(team.restaurant_id, user_id=team.badr.subject).token
    async with client_of("/ws/chat/") as client:
        await client.enter(token)
        epoch, _, at = client.cursor.split("-")
    await write(api, team.amina, "While you were away")
    async with client_of("/ws/chat/") as client:
        client.cursor = f"{epoch[:-1]}-1-{at}"
        await client.enter(token)
        missed = await client.until("chat_message")
        assert missed["message"]["content"] == "While you were away"
        # Its fact may be on its way still; a client knows a message by its id.
        assert {one["message"]["id"] for one in await client.settled()} <= {missed["message"]["id"]}


async def test_a_cook_works_tickets_over_the_socket(neighbours: FakeNeighbours, client_of: ClientOf) -> None:
    order_id, restaurant_id = str(uuid4()), uuid4()
    neighbours.tickets = [
        kitchen_pb2.Ticket(id="t-1", order=order_id, status="NEW"),
        kitchen_pb2.Ticket(id="t-2", order=order_id, status="PREPARING"),
        kitchen_pb2.Ticket(id="t-3", order=str(uuid4()), status="NEW"),
    ]
    async with client_of("/ws/kitchen/") as cook, client_of() as waiter:
        await cook.enter(neighbours.log_in(restaurant_id, {"kitchen.work"}).token)
        await cook.say(order_id=order_id, action="prepare")
        assert (await cook.until("done"))["action"] == "prepare"
        assert neighbours.worked == [("start", "t-1")]
        await cook.say(order_id=order_id, action="complete")
        await cook.until("done")
        assert neighbours.worked[1:] == [("bump", "t-1"), ("bump", "t-2")]
        await cook.say(order_id=str(uuid4()), action="complete")
        assert (await cook.until("error"))["code"] == "not_found"
        await waiter.enter(neighbours.log_in(restaurant_id, {"order.create"}).token)
        await waiter.say(order_id=order_id, action="complete")
        assert (await waiter.until("error"))["code"] == "permission_denied"
