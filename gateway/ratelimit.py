"""Rate limits that hold across gateways, through the `limits` library on Redis.

The general limits (per address, account and restaurant) are taken in small portions: a gateway draws a fiftieth of a
limit at a time from Redis and spends it in memory. Most requests then cost no round trip, and together the gateways
still never admit more than the limit; what a portion holds is lost to the others when it is not spent within
`PORTION_SECONDS`. The strict classes are counted one by one.

While Redis is away each gateway counts on its own in memory.
"""

import asyncio
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import structlog
from limits import RateLimitItem, parse_many
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from prometheus_client import Counter, Gauge
from redis.asyncio import Redis
from redis.exceptions import RedisError

from servicekit.errors import TooMany

PORTIONS = 50
PORTION_SECONDS = 10.0
REDIS_TIMEOUT_SECONDS = 0.1
PING_TIMEOUT_SECONDS = 1.0
RETRY_REDIS_AFTER_SECONDS = 5.0
REFUSED_LOCALLY_SECONDS = 1.0
REMEMBERED = 50_000

REFUSED = Counter("mizan_rate_limited", "Requests refused by a rate limit.", ("limit",))
ON_ITS_OWN = Gauge("mizan_rate_limits_local", "1 while this gateway counts without Redis.")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Limit:
    """A named limit; a strict one is counted one by one."""

    name: str
    items: tuple[RateLimitItem, ...]
    strict: bool = False

    @classmethod
    def parse(cls, name: str, text: str, *, strict: bool = False) -> "Limit":
        """Reads "<count>/<unit>;..."; an empty text limits nothing. Raises ValueError."""
        return cls(name, tuple(parse_many(text)) if text else (), strict)


@dataclass(slots=True)
class _Portion:
    left: int
    good_until: float
    refused_until: float = 0.0
    retry_after: int = 1


class Limiter:
    """Counts in Redis, or in memory while Redis is away."""

    def __init__(self, redis_url: str) -> None:
        self._client = Redis.from_url(redis_url, socket_connect_timeout=REDIS_TIMEOUT_SECONDS)
        storage = RedisStorage(
            f"async+{redis_url}",
            implementation="redispy",
            key_prefix="mizan-limits",
            connection_pool=self._client.connection_pool,  # type: ignore[arg-type]  # the stubs forget pools
        )
        self._redis = SlidingWindowCounterRateLimiter(storage)
        self._memory = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._redis_again_at = 0.0
        self._portions: OrderedDict[tuple[str, str], _Portion] = OrderedDict()
        self._drawing: dict[tuple[str, str], asyncio.Event] = {}

    async def take(self, limit: Limit, who: str) -> None:
        """Counts one request of somebody. Raises TooMany when the limit is reached."""
        key = (limit.name, who)
        while not self._spend(limit, key):
            drawing = self._drawing.get(key)
            if drawing is None:
                if limit.items:
                    await self._draw(limit, key)
                return
            # Requests that arrive together share what the first of them draws: a portion each would use up the limit.
            await drawing.wait()

    def _spend(self, limit: Limit, key: tuple[str, str]) -> bool:
        """Whether the request was paid out of what was drawn before. Raises TooMany when nothing can be drawn yet."""
        portion = self._portions.get(key)
        if portion is None:
            return False
        now = time.monotonic()
        if portion.left > 0 and now < portion.good_until:
            portion.left -= 1
            return True
        if now < portion.refused_until:
            self._refuse(limit, portion.retry_after)
        return False

    async def _draw(self, limit: Limit, key: tuple[str, str]) -> None:
        if limit.strict:
            self._keep(limit, key, await self._portion(limit, key, 1))
            return
        drawing = self._drawing[key] = asyncio.Event()
        try:
            size = max(1, min(item.amount for item in limit.items) // PORTIONS)
            self._keep(limit, key, await self._portion(limit, key, size))
        finally:
            del self._drawing[key]
            drawing.set()

    async def _portion(self, limit: Limit, key: tuple[str, str], size: int) -> _Portion:
        """What is granted beside the request at hand, or until when nothing will be."""
        who = ":".join(key)
        refusing = await self._hit(limit.items, who, size)
        if refusing is not None and size > 1:
            size = 1
            refusing = await self._hit(limit.items, who, size)
        if refusing is None:
            return _Portion(size - 1, time.monotonic() + PORTION_SECONDS)
        retry_after = await self._retry_after(refusing, who)
        return _Portion(0, 0.0, time.monotonic() + min(REFUSED_LOCALLY_SECONDS, retry_after), retry_after)

    def _keep(self, limit: Limit, key: tuple[str, str], portion: _Portion) -> None:
        self._portions[key] = portion
        self._portions.move_to_end(key)
        if len(self._portions) > REMEMBERED:
            self._portions.popitem(last=False)
        if portion.refused_until:
            self._refuse(limit, portion.retry_after)

    def _refuse(self, limit: Limit, retry_after: int) -> None:
        REFUSED.labels(limit.name).inc()
        raise TooMany(f"Request was throttled. Expected available in {retry_after} seconds.", retry_after=retry_after)

    async def _hit(self, items: Sequence[RateLimitItem], who: str, cost: int) -> RateLimitItem | None:
        """Counts against every window; the first that is full, or None."""
        if time.monotonic() >= self._redis_again_at:
            try:
                async with asyncio.timeout(REDIS_TIMEOUT_SECONDS):
                    refusing = await _hit_all(self._redis, items, who, cost)
            except (RedisError, OSError, TimeoutError) as error:
                self._redis_again_at = time.monotonic() + RETRY_REDIS_AFTER_SECONDS
                ON_ITS_OWN.set(1)
                log.warning("rate_limits_local", error=str(error) or repr(error))
            else:
                ON_ITS_OWN.set(0)
                return refusing
        return await _hit_all(self._memory, items, who, cost)

    async def _retry_after(self, item: RateLimitItem, who: str) -> int:
        """Seconds until the window has room again."""
        strategy = self._redis if time.monotonic() >= self._redis_again_at else self._memory
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_SECONDS):
                stats = await strategy.get_window_stats(item, who)
        except (RedisError, OSError, TimeoutError):
            return 1
        return max(1, round(stats.reset_time - time.time()))

    async def ping(self) -> None:
        """Fails when Redis does not answer. Raises RedisError, OSError or TimeoutError."""
        async with asyncio.timeout(PING_TIMEOUT_SECONDS):
            await self._client.ping()

    async def stop(self) -> None:
        """Closes the connections to Redis."""
        await self._client.aclose()
        await self._client.connection_pool.disconnect()


async def _hit_all(
    strategy: SlidingWindowCounterRateLimiter, items: Sequence[RateLimitItem], who: str, cost: int
) -> RateLimitItem | None:
    for item in items:
        if not await strategy.hit(item, who, cost=cost):
            return item
    return None


@lru_cache(maxsize=10_000)
def network_of(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 that one IPv6 subscriber has."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if parsed.version == 4 else str(ipaddress.ip_network((parsed, 64), strict=False).network_address)
