"""Talking to till systems: connecting, taking over menus and orders, acting on events.

No transaction is open while a provider is asked: what it answers is written afterwards, page by page with the cursor of
the next, so that whatever stops a run, the next one goes on from there.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit import jobs
from servicekit.cipher import Cipher
from servicekit.clock import Clock
from servicekit.db import SYSTEM, Database, Scope
from servicekit.errors import Invalid, Refusal, Unavailable
from services.pos.clients.http import ProviderAway, ProviderError, ProviderUnauthorized
from services.pos.clients.tills import Credentials, Till, Tills
from services.pos.commands import connections, events_in, imports, syncs
from services.pos.commands.connections import Connected
from services.pos.commands.pricing import Terms, terms_of
from services.pos.domain.provider import Account, ForeignOrder, distinct, same_location
from services.pos.queries import providers as queries
from services.pos.tasks import SYNC

RENEW_BEFORE: Final = timedelta(minutes=5)
FIRST_LOOK: Final = timedelta(days=30)
"""How far back the orders of a new connection are taken over."""
IN_REQUEST_SECONDS: Final = 15.0
EVENTS_AT_ONCE: Final = 200
NOT_CONNECTED: Final = "No POS integration configured"

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Taken:
    """What a run took over; `is_through` unless it ran out of time."""

    provider: str
    items: int = 0
    categories: int = 0
    orders: int = 0
    is_through: bool = True


@dataclass(frozen=True, slots=True)
class Ready:
    """A connected restaurant, and its till system to be asked."""

    restaurant_id: UUID
    provider: str
    location_id: str | None
    till: Till
    terms: Terms = field(repr=False)


class Syncing:
    """Connections with till systems, and what is taken over through them."""

    def __init__(self, database: Database, tills: Tills, cipher: Cipher | None, clock: Clock) -> None:
        self._database = database
        self._tills = tills
        self._cipher = cipher
        self._clock = clock

    @property
    def cipher(self) -> Cipher:
        """Encrypts credentials. Raises Unavailable where the platform has no key for it."""
        if self._cipher is None:
            raise Unavailable("Till systems are not set up on this platform.", code="providers_not_configured")
        return self._cipher

    # Connecting

    async def try_out(
        self, restaurant_id: UUID, provider: str, merchant_id: str, secret: str, by: UUID | None
    ) -> Account:
        """Asks a provider whether a merchant's key is good, and connects the restaurant with it.

        Raises ProviderError, and Conflict for a merchant that another restaurant is connected with.
        """
        terms = await terms_of(self._database.read(Scope(restaurant_id)), restaurant_id)
        till = self._tills.of(provider, Credentials(merchant_id, None, secret, terms.currency))
        async with _understood():
            account = await till.account()
        found = Connected(
            provider, account.merchant_id or merchant_id, account.location_id, self.cipher.encrypt(secret)
        )
        await self.keep(restaurant_id, found, by)
        return account

    async def check(self, restaurant_id: UUID) -> Account:
        """Asks the provider of a connected restaurant whether its credentials are still good. Raises ProviderError."""
        ready = await self.ready(restaurant_id)
        async with self._noticing(ready.restaurant_id):
            account = await ready.till.account()
        async with self._database.write(Scope(restaurant_id)) as session:
            connection = await connections.hold(session, restaurant_id)
            if connection is not None and connection.status == "ERROR":
                connection.status, connection.last_error = "CONNECTED", None
                await connections.announce(session, connection)
        return account

    async def keep(self, restaurant_id: UUID, found: Connected, by: UUID | None) -> None:
        """Connects a restaurant and has its menu and orders taken over. Raises Conflict for another one's merchant."""
        async with self._database.write(Scope(restaurant_id)) as session:
            await connections.connect(session, restaurant_id, found, by)
            for kind in (syncs.MENU, syncs.ORDERS):
                await defer_sync(session, restaurant_id, kind)

    async def ready(self, restaurant_id: UUID) -> Ready:
        """A connected restaurant's till system, with a token that is good for a while.

        Raises Invalid without a connection, and ProviderError where the token cannot be renewed.
        """
        reading = self._database.read(Scope(restaurant_id))
        row = await queries.connection(reading, restaurant_id)
        if row is None or row.secret is None:
            raise Invalid(NOT_CONNECTED, code="not_connected")
        expires = row.token_expires_at
        if row.refresh_token is not None and expires is not None and expires - self._clock.now() < RENEW_BEFORE:
            row = await self.renew(restaurant_id)
        terms = await terms_of(reading, restaurant_id)
        secret = self.cipher.decrypt(row.secret)
        credentials = Credentials(row.merchant_id, row.location_id, secret, terms.currency)
        return Ready(restaurant_id, row.provider, row.location_id, self._tills.of(row.provider, credentials), terms)

    async def renew(self, restaurant_id: UUID) -> Any:
        """New tokens of Square's for a restaurant, as its connection. Raises ProviderError and Invalid."""
        row = await queries.connection(self._database.read(Scope(restaurant_id)), restaurant_id)
        if row is None or row.refresh_token is None:
            raise Invalid(NOT_CONNECTED, code="not_connected")
        async with self._noticing(restaurant_id):
            tokens = await self._tills.square.refresh(self.cipher.decrypt(row.refresh_token))
        async with self._database.write(Scope(restaurant_id)) as session:
            connection = await connections.hold(session, restaurant_id)
            if connection is None or connection.refresh_token != row.refresh_token:
                # Somebody else renewed it, or it is no more.
                return await self._again(restaurant_id)
            secret, refresh = self.cipher.encrypt(tokens.access_token), self.cipher.encrypt(tokens.refresh_token)
            await connections.renewed(session, connection, secret, refresh, tokens.expires_at)
        return await self._again(restaurant_id)

    async def _again(self, restaurant_id: UUID) -> Any:
        row = await queries.connection(self._database.read(Scope(restaurant_id)), restaurant_id)
        if row is None or row.secret is None:
            raise Invalid(NOT_CONNECTED, code="not_connected")
        return row

    # Taking over

    async def run(
        self,
        restaurant_id: UUID,
        kind: str,
        *,
        asked: tuple[datetime, datetime] | None = None,
        seconds: float | None = None,
    ) -> Taken:
        """Takes over a menu or orders; what is not through after some seconds is left to a job, which goes on.

        Raises Invalid without a connection, Conflict for a range of time while another run is half-way, and
        ProviderError.
        """
        ready = await self.ready(restaurant_id)
        until = None if seconds is None else time.monotonic() + seconds
        taken = Taken(ready.provider)
        async with self._database.write(Scope(restaurant_id)) as session:
            connection = await connections.hold(session, restaurant_id)
            if connection is None:
                raise Invalid(NOT_CONNECTED, code="not_connected")
            await syncs.begin(session, connection, kind, self._clock.now(), FIRST_LOOK, asked)
        try:
            step = self._menu_page if kind == syncs.MENU else self._order_page
            while await step(ready, taken):
                if until is not None and time.monotonic() > until:
                    taken.is_through = False
                    async with self._database.write(Scope(restaurant_id)) as session:
                        await defer_sync(session, restaurant_id, kind)
                    break
        except ProviderError as error:
            # A cursor may have died of old age: whoever is refused begins anew.
            from_start = not isinstance(error, ProviderAway | ProviderUnauthorized)
            async with self._database.write(Scope(restaurant_id)) as session:
                await syncs.fail(session, restaurant_id, kind, error.text, from_start=from_start)
            raise
        return taken

    async def _menu_page(self, ready: Ready, taken: Taken) -> bool:
        """One page of a menu; whether there are more."""
        cursor = await self._cursor(ready, syncs.MENU)
        async with self._noticing(ready.restaurant_id):
            page = await ready.till.menu(cursor)
        now = self._clock.now()
        async with self._database.write(Scope(ready.restaurant_id)) as session:
            sync = await syncs.hold(session, ready.restaurant_id, syncs.MENU)
            if sync.cursor != cursor or sync.state != "RUNNING":
                # Another run took this page over meanwhile.
                return sync.state == "RUNNING"
            await imports.take_menu(session, ready.restaurant_id, ready.provider, page, ready.terms.unit, now)
            seen = distinct([*map(str, sync.seen), *(item.external_id for item in page.items)])
            sync.seen = list(seen)
            if page.cursor is None:
                await imports.end_menu(session, ready.restaurant_id, ready.provider, seen)
            await syncs.advance(session, sync, len(page.items) + len(page.categories), page.cursor, now)
        taken.items += len(page.items)
        taken.categories += len(page.categories)
        return page.cursor is not None

    async def _order_page(self, ready: Ready, taken: Taken) -> bool:
        """One page of orders; whether there are more."""
        rows = await queries.standing(self._database.read(Scope(ready.restaurant_id)), ready.restaurant_id)
        (state,) = [row for row in rows.syncs if row.kind == syncs.ORDERS]
        async with self._noticing(ready.restaurant_id):
            page = await ready.till.orders(state.changed_from, state.changed_until, state.cursor)
        mine = [order for order in page.orders if same_location(ready.location_id, order.location_id)]
        now = self._clock.now()
        async with self._database.write(Scope(ready.restaurant_id)) as session:
            sync = await syncs.hold(session, ready.restaurant_id, syncs.ORDERS)
            if sync.cursor != state.cursor or sync.state != "RUNNING" or sync.changed_from != state.changed_from:
                return sync.state == "RUNNING"
            await imports.take_orders(session, ready.restaurant_id, ready.provider, mine, ready.terms)
            await syncs.advance(session, sync, len(mine), page.cursor, now)
        taken.orders += len(mine)
        return page.cursor is not None

    async def _cursor(self, ready: Ready, kind: str) -> str | None:
        rows = await queries.standing(self._database.read(Scope(ready.restaurant_id)), ready.restaurant_id)
        (state,) = [row for row in rows.syncs if row.kind == kind]
        cursor: str | None = state.cursor
        return cursor

    # Events

    async def process_events(self, provider: str, merchant_id: str) -> int:
        """Looks at what a merchant's waiting events hint at; how many there were. Raises ProviderError.

        Whatever the events say, and however often and in which order: what is kept is what the provider answers now.
        """
        waiting = await queries.waiting_events(self._database.read(SYSTEM), provider, merchant_id, EVENTS_AT_ONCE)
        found = await queries.of_merchant(self._database.read(SYSTEM), provider, merchant_id)
        for connection in found:
            await self._look(connection.restaurant_id, waiting)
        async with self._database.write(SYSTEM) as session:
            keys = [event.event_id for event in waiting]
            await events_in.mark(session, provider, keys, self._clock.now(), is_ours=bool(found))
        return len(waiting)

    async def _look(self, restaurant_id: UUID, waiting: list[Any]) -> None:
        if not any(event.object_type for event in waiting):
            return
        ready = await self.ready(restaurant_id)
        try:
            async with self._noticing(restaurant_id):
                if any(event.object_type == "revoked" for event in waiting):
                    # The merchant may have connected again since: the credentials themselves tell.
                    await ready.till.account()
                orders = await self._orders_of(ready, waiting)
        except ProviderUnauthorized:
            if not any(event.object_type == "revoked" for event in waiting):
                raise
            async with self._database.write(Scope(restaurant_id)) as session:
                connection = await connections.hold(session, restaurant_id)
                if connection is not None:
                    await connections.disconnect(session, connection)
            return
        mine = [order for order in orders if same_location(ready.location_id, order.location_id)]
        async with self._database.write(Scope(restaurant_id)) as session:
            await imports.take_orders(session, restaurant_id, ready.provider, mine, ready.terms)
            if any(event.object_type == "menu" for event in waiting):
                await defer_sync(session, restaurant_id, syncs.MENU)

    async def _orders_of(self, ready: Ready, waiting: list[Any]) -> list[ForeignOrder]:
        named = [event.object_id for event in waiting if event.object_type == "order"]
        payments = distinct(event.object_id for event in waiting if event.object_type == "payment")
        named += [await ready.till.order_of_payment(payment) for payment in payments]
        found = [await ready.till.order(order_id) for order_id in distinct(named)]
        return [order for order in found if order is not None]

    @asynccontextmanager
    async def _noticing(self, restaurant_id: UUID) -> AsyncIterator[None]:
        """Says in the connection's state that the provider does not accept its credentials any more."""
        try:
            async with _understood():
                yield
        except ProviderUnauthorized as error:
            async with self._database.write(Scope(restaurant_id)) as session:
                connection = await connections.hold(session, restaurant_id)
                if connection is not None:
                    await connections.failed(session, connection, error.text)
            raise


@asynccontextmanager
async def _understood() -> AsyncIterator[None]:
    """An answer that is not what the provider documents is the provider's failure."""
    try:
        yield
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        log.warning("provider_answer_not_understood", error=repr(error))
        raise ProviderError from error


async def defer_sync(session: AsyncSession, restaurant_id: UUID, kind: str) -> None:
    """Has a restaurant's menu or orders taken over; one run at a time, and one that waits is enough."""
    name = f"sync {kind} {restaurant_id}"
    await jobs.defer(session, SYNC, lock=name, once=name, restaurant_id=str(restaurant_id), kind=kind)


def refusal_of(error: ProviderError) -> Refusal:
    """What a till system's failure means to whoever asked."""
    if isinstance(error, ProviderAway):
        return Unavailable(error.text, code="provider_away", retry_after=10)
    return Invalid(error.text, code="provider_refused")
