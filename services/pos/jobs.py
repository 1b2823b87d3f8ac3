"""What pos does in the background about till systems: syncing, acting on events, renewing tokens."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

import structlog

from servicekit.clock import Clock
from servicekit.db import SYSTEM, Database, Scope
from servicekit.errors import Invalid, Refusal
from servicekit.jobs import Job, Task
from servicekit.jobs.task import Handler
from services.pos import tasks
from services.pos.clients.http import ProviderError, ProviderUnauthorized
from services.pos.clients.identity import Identity
from services.pos.commands import connections, events_in, syncs
from services.pos.queries import providers as queries
from services.pos.syncing import EVENTS_AT_ONCE, Syncing, defer_sync

PAGE = 200
NOBODY = UUID(int=0)
RENEW_BEFORE = timedelta(days=7)

log = structlog.get_logger(__name__)


class ProviderJobs:
    """Carries out the tasks about till systems."""

    def __init__(self, database: Database, syncing: Syncing, identity: Identity, clock: Clock) -> None:
        self._database = database
        self._syncing = syncing
        self._identity = identity
        self._clock = clock

    def handlers(self) -> Mapping[Task, Handler]:
        """The tasks that it carries out."""
        return {
            tasks.SYNC: self.sync,
            tasks.PROCESS_EVENTS: self.process_events,
            tasks.RELOAD: self.reload,
            tasks.POLL: self.poll,
            tasks.RENEW_TOKENS: self.renew_tokens,
        }

    async def sync(self, _job: Job, *, restaurant_id: str, kind: str) -> None:
        """Takes over a menu or orders. Raises ProviderError for a provider that may answer later."""
        try:
            await self._syncing.run(UUID(restaurant_id), kind)
        except (Invalid, ProviderUnauthorized) as error:
            # Trying again cannot help before somebody connects the restaurant anew.
            log.info("sync_given_up", restaurant_id=restaurant_id, kind=kind, reason=str(error))

    async def process_events(self, _job: Job, *, provider: str, merchant_id: str) -> None:
        """Acts on a merchant's waiting events. Raises ProviderError; a later run tries again."""
        try:
            found = await self._syncing.process_events(provider, merchant_id)
        except (Invalid, ProviderUnauthorized) as error:
            log.info("events_left_waiting", provider=provider, merchant_id=merchant_id, reason=str(error))
            return
        if found == EVENTS_AT_ONCE:
            async with self._database.write(SYSTEM) as session:
                await events_in.defer_processing(session, provider, merchant_id)

    async def reload(self, _job: Job, *, restaurant_id: str) -> None:
        """Disconnects a restaurant whose settings name another till system or other credentials. Raises Unavailable."""
        wanted = await self._identity.till_settings(UUID(restaurant_id))
        async with self._database.write(Scope(UUID(restaurant_id))) as session:
            connection = await connections.hold(session, UUID(restaurant_id))
            if connection is None or connection.secret is None:
                return
            is_same = wanted.provider == connection.provider
            if is_same and connection.refresh_token is None:
                known = self._syncing.cipher.decrypt(connection.secret)
                is_same = (wanted.merchant_id, wanted.api_key) == (connection.merchant_id, known)
            if not is_same:
                await connections.disconnect(session, connection)

    async def poll(self, _job: Job) -> None:
        """Has the orders of every connected restaurant looked for, and left-over events looked at."""
        after: UUID = NOBODY
        while found := await queries.connected(self._database.read(SYSTEM), after, PAGE):
            async with self._database.write(SYSTEM) as session:
                for row in found:
                    await defer_sync(session, row.restaurant_id, syncs.ORDERS)
            after = found[-1].restaurant_id
        async with self._database.write(SYSTEM) as session:
            for row in await queries.merchants_with_events(self._database.read(SYSTEM), PAGE):
                if row.provider != "STRIPE":
                    await events_in.defer_processing(session, row.provider, row.merchant_id)
            await events_in.forget(session, self._clock.now())

    async def renew_tokens(self, _job: Job) -> None:
        """Renews the tokens that would expire within a week; one that is refused is shown as an error."""
        soon = self._clock.now() + RENEW_BEFORE
        after: UUID = NOBODY
        while found := await queries.connected(self._database.read(SYSTEM), after, PAGE):
            for row in found:
                if row.token_expires_at is not None and row.token_expires_at < soon:
                    try:
                        await self._syncing.renew(row.restaurant_id)
                    except (ProviderError, Refusal) as error:
                        log.warning("token_not_renewed", restaurant_id=str(row.restaurant_id), reason=str(error))
            after = found[-1].restaurant_id
