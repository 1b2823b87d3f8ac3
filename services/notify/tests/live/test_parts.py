"""Cursors, memory, frames, and what the server does while it cannot hear."""

import asyncio
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.live import backlog, server
from services.notify.live.backlog import Backlog, Fact
from services.notify.live.connection import Connection
from services.notify.live.cursor import Cursor
from services.notify.live.hub import Hub
from services.notify.live.messages import text_frame
from services.notify.live.topics import Viewer

NUMBERS = st.integers(0, 2**50)


@given(NUMBERS, NUMBERS, st.integers(0, 2**42))
def test_a_cursor_comes_back_as_it_was(epoch: int, sequence: int, milliseconds: int) -> None:
    cursor = Cursor(epoch, sequence, milliseconds)
    assert Cursor.parse(str(cursor)) == cursor


@given(st.text(max_size=80))
def test_what_is_no_cursor_is_none_and_never_an_error(text: str) -> None:
    cursor = Cursor.parse(text)
    assert cursor is None or Cursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize(
    "text", ["", "1-2", "1-2-3-4", "-1-2-3", "1-2-zzzzzzzzzzzzzzzz", "1_0-2-3", "\u0661-2-3", " 1-2-3"]
)
def test_almost_cursors(text: str) -> None:
    assert Cursor.parse(text) is None


def fact(sequence: int, restaurant_id: UUID, size: int = 10) -> Fact:
    return Fact(sequence, "evt.pos.order.opened.v1", restaurant_id, b"x" * size, 1000 * sequence)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 400)), max_size=120),
    st.integers(600, 20_000),
    st.integers(0, 130),
)
def test_memory_gives_all_that_followed_or_says_that_it_does_not_know(
    arrivals: list[tuple[int, int]], max_bytes: int, since: int
) -> None:
    restaurants = [uuid4() for _ in range(3)]
    kept = Backlog(max_bytes)
    kept.clear(0)
    everything = [fact(number, restaurants[who], size) for number, (who, size) in enumerate(arrivals, start=1)]
    for one in everything:
        kept.add(one)
    for restaurant_id in restaurants:
        expected = [one for one in everything if one.restaurant_id == restaurant_id and one.sequence > since]
        found = kept.since(restaurant_id, since, 1000)
        assert found is None or found == expected
        assert found is not None or everything
    if sum(len(one.data) + backlog.OVERHEAD_BYTES for one in everything) <= max_bytes:
        assert all(kept.since(restaurant_id, since, 1000) is not None for restaurant_id in restaurants)


def test_one_restaurant_does_not_drive_the_others_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "PER_RESTAURANT", 5)
    loud, quiet = uuid4(), uuid4()
    kept = Backlog(1_000_000)
    kept.clear(0)
    kept.add(fact(1, quiet))
    for number in range(2, 20):
        kept.add(fact(number, loud))
    assert kept.since(quiet, 0, 10) == [fact(1, quiet)]
    assert kept.since(loud, 5, 10) is None
    later = kept.since(loud, 14, 10)
    assert later is not None
    assert [one.sequence for one in later] == [15, 16, 17, 18, 19]
    assert kept.since(uuid4(), 3, 10) == []


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_frames_name_their_length(size: int) -> None:
    frame = text_frame(b"x" * size)
    assert frame[0] == 0x81
    if size < 126:
        assert (frame[1], len(frame)) == (size, size + 2)
    else:
        width = 2 if size < 65_536 else 8
        assert frame[1] == (126 if width == 2 else 127)
        assert int.from_bytes(frame[2 : 2 + width], "big") == size == len(frame) - 2 - width


async def test_nothing_is_shown_while_revocations_are_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "TICK_SECONDS", 0.01)
    hub, nobody = Hub(Backlog(1000)), cast(Any, None)
    sockets = server.LiveServer(
        hub, nobody, nobody, nobody, host="127.0.0.1", port=0, origins=[None], max_connections=5, drain_seconds=0.1
    )
    sockets.is_current = lambda: False
    connection = Connection(sockets)
    connection.topics = frozenset({"notifications"})
    sockets.opened(connection)
    hub.add(connection, Viewer(str(uuid4()), str(uuid4()), uuid4(), frozenset()))
    hub.begin(1, 7)
    await sockets.start()
    async with asyncio.timeout(20):
        while not connection.unchecked:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)
    assert connection.seen == 7
    sockets.lost(connection)
    await sockets.stop()
