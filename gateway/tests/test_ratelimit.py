"""Rate limits, on a real Valkey and without one."""

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from redis.exceptions import RedisError

from gateway import ratelimit
from gateway.ratelimit import PORTIONS, Limit, Limiter, network_of
from gateway.tests.fakes import Wire, until
from servicekit.errors import TooMany


@pytest.fixture
async def limiter(stack) -> AsyncIterator[Limiter]:
    limiter = Limiter(stack.redis_url)
    yield limiter
    await limiter.stop()


def limit(text: str, *, strict: bool = False) -> Limit:
    """A limit that no other test has used."""
    return Limit.parse(f"test-{uuid4()}", text, strict=strict)


async def admitted(limiter: Limiter, what: Limit, attempts: int, who: str = "somebody") -> int:
    """How many of so many requests get through."""
    count = 0
    for _ in range(attempts):
        try:
            await limiter.take(what, who)
        except TooMany:
            continue
        count += 1
    return count


async def admits(limiter: Limiter, what: Limit) -> bool:
    return await admitted(limiter, what, 1) == 1


async def test_a_strict_limit_admits_exactly_that_many(limiter):
    assert await admitted(limiter, limit("5/minute", strict=True), 20) == 5


async def test_a_refusal_says_when_to_come_back(limiter):
    what = limit("2/minute", strict=True)
    await admitted(limiter, what, 2)
    for _ in range(3):
        with pytest.raises(TooMany) as refused:
            await limiter.take(what, "somebody")
        assert 1 <= refused.value.retry_after <= 60


async def test_everybody_has_their_own(limiter):
    what = limit("2/minute", strict=True)
    assert await admitted(limiter, what, 5, "one") == 2
    assert await admitted(limiter, what, 5, "two") == 2


async def test_several_windows(limiter):
    assert await admitted(limiter, limit("100/second;4/hour", strict=True), 20) == 4


async def test_it_opens_again(limiter):
    what = limit("2/second", strict=True)
    assert await admitted(limiter, what, 5) == 2
    await until(lambda: admits(limiter, what))


@pytest.mark.parametrize("amount", [10, 120, 500])
async def test_portions_admit_exactly_the_limit_from_one_gateway(limiter, amount):
    assert await admitted(limiter, limit(f"{amount}/hour"), amount + 50) == amount


async def test_gateways_together_never_admit_more(stack):
    what = limit("500/hour")
    limiters = [Limiter(stack.redis_url) for _ in range(3)]
    counts = await asyncio.gather(*(admitted(limiter, what, 400) for limiter in limiters))
    spread = len(limiters) * (500 // PORTIONS)
    assert 500 - spread <= sum(counts) <= 500
    for limiter in limiters:
        await limiter.stop()


async def test_most_requests_cost_no_round_trip(limiter, monkeypatch):
    what, trips = limit("1000/hour"), 0
    draw = limiter._draw

    async def counted(*arguments):
        nonlocal trips
        trips += 1
        await draw(*arguments)

    monkeypatch.setattr(limiter, "_draw", counted)
    assert await admitted(limiter, what, 200) == 200
    assert trips == 200 // (1000 // PORTIONS)


async def test_an_empty_limit_limits_nothing(limiter):
    assert await admitted(limiter, limit(""), 50) == 50


async def test_without_redis_it_counts_on_its_own():
    limiter = Limiter("redis://127.0.0.1:1/0")
    assert await admitted(limiter, limit("3/minute", strict=True), 10) == 3
    assert ratelimit.ON_ITS_OWN._value.get() == 1
    with pytest.raises(RedisError):
        await limiter.ping()
    await limiter.stop()


async def test_a_redis_that_hangs_holds_nobody_up(stack, monkeypatch):
    monkeypatch.setattr(ratelimit, "RETRY_REDIS_AFTER_SECONDS", 0.5)
    async with Wire(stack.redis_url) as wire:
        limiter = Limiter(wire.url)
        what = limit("100/minute", strict=True)
        assert await admitted(limiter, what, 3) == 3
        assert ratelimit.ON_ITS_OWN._value.get() == 0
        wire.freeze()
        started = time.monotonic()
        assert await admitted(limiter, what, 30) == 30
        assert time.monotonic() - started < 3
        assert ratelimit.ON_ITS_OWN._value.get() == 1
        wire.thaw()

        async def counts_in_redis() -> bool:
            return await admits(limiter, what) and not ratelimit.ON_ITS_OWN._value.get()

        await until(counts_in_redis)
        await limiter.stop()


@pytest.mark.parametrize(
    ("address", "network"),
    [("1.2.3.4", "1.2.3.4"), ("2001:db8:1:2:3::4", "2001:db8:1:2::"), ("testclient", "testclient"), ("", "")],
)
def test_an_address_is_what_one_subscriber_has(address, network):
    assert network_of(address) == network


def test_a_limit_that_is_none():
    with pytest.raises(ValueError, match="couldn't parse"):
        Limit.parse("x", "many")
