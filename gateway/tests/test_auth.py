"""Who is calling, and how soon somebody stops being it."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import jwt
import nats
import pytest
from nats.aio.client import Client

from credentials import KeySet, Revocations
from credentials.revocations import SILENCE_SECONDS, SUBJECTS
from gateway.auth.authenticator import Authenticator, credential_of
from gateway.auth.cache import PrincipalCache
from gateway.exchange import Exchange
from gateway.tests.fakes import FakeIdentity, Wire, until
from gateway.tests.harness import RESTAURANT
from gateway.transcode.errors import TokenNotValid, body_of
from mizan.identity.events.v1 import events_pb2
from mizan.identity.v1 import access_pb2
from mizan.options.v1 import options_pb2
from servicekit.errors import Unauthenticated, Unavailable
from servicekit.identity import ANONYMOUS, Principal

AGENT_KEY = "the-platform-agent-key"


@pytest.fixture
def identity() -> FakeIdentity:
    return FakeIdentity()


@pytest.fixture
def cache() -> PrincipalCache:
    return PrincipalCache()


class Health:
    """Whether revocations are heard."""

    is_current = True


@pytest.fixture
def health() -> Health:
    return Health()


def authenticator_of(identity: FakeIdentity, cache: PrincipalCache, health: Health, **options: Any) -> Authenticator:
    settings: dict[str, Any] = {"max_age_seconds": 30, "cut_off_max_age_seconds": 0.05} | options
    return Authenticator(
        identity,
        KeySet(identity.jwks, refetch_seconds=settings.pop("refetch_seconds", 0.0)),
        cache,
        is_current=lambda: health.is_current,
        **settings,
    )


@pytest.fixture
def authenticator(identity, cache, health) -> Authenticator:
    return authenticator_of(identity, cache, health)


def exchange_with(**headers: str) -> Exchange:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Exchange({"headers": raw, "path": "/"}, "r", "127.0.0.1", secure=False, host="x")


@pytest.fixture
def operations(catalog) -> dict[str, Any]:
    return {operation.rpc: operation for operation in catalog.operations}


class TestTokens:
    async def test_a_session(self, identity, authenticator):
        token, session_id, user_id = identity.log_in()
        principal = await authenticator.resolve(token)
        assert principal == Principal(
            kind="USER",
            subject=user_id,
            restaurant_id=RESTAURANT,
            role="MANAGER",
            permissions=frozenset({"staff.view"}),
            session_id=session_id,
            time_zone="Europe/Paris",
        )
        assert await authenticator.resolve(token) is principal
        assert identity.asked == ["jwks", session_id]

    async def test_many_requests_at_once_ask_once(self, identity, authenticator):
        token, session_id, _ = identity.log_in()
        principals = await asyncio.gather(*(authenticator.resolve(token) for _ in range(20)))
        assert len(set(principals)) == 1
        assert identity.asked == ["jwks", session_id]

    @pytest.mark.parametrize(
        ("claims", "reason"),
        [({"seconds": -1}, "Token is expired"), ({"token_type": "refresh"}, "Token has wrong type")],
    )
    async def test_expired_or_of_the_wrong_type(self, identity, authenticator, claims, reason):
        token, session_id, _ = identity.log_in(**claims)
        with pytest.raises(TokenNotValid) as refused:
            await authenticator.resolve(token)
        assert body_of(refused.value, "r")["messages"][0]["message"] == reason
        assert session_id not in identity.asked

    async def test_forged(self, identity, authenticator):
        _, session_id, _ = identity.log_in()
        stranger = FakeIdentity()
        unsigned = jwt.encode({"sid": session_id, "exp": time.time() + 60}, "", "none", headers={"kid": "key-1"})
        symmetric = jwt.encode(
            {"sid": session_id, "exp": time.time() + 60}, "k" * 32, "HS256", headers={"kid": "key-1"}
        )
        for token in (stranger.token(session_id), unsigned, symmetric, "a.b.c", "abc", identity.token(session_id)[:-4]):
            with pytest.raises(TokenNotValid):
                await authenticator.resolve(token)
        assert session_id not in identity.asked

    async def test_without_the_claims_it_needs(self, identity, authenticator):
        for claims in ({"sid": "x"}, {"exp": time.time() + 60}):
            token = jwt.encode(claims, identity.signing["key-1"], "EdDSA", headers={"kid": "key-1"})
            with pytest.raises(TokenNotValid):
                await authenticator.resolve(token)

    async def test_a_revoked_session(self, identity, authenticator):
        with pytest.raises(TokenNotValid):
            await authenticator.resolve(identity.token("gone"))

    async def test_an_inactive_user_is_told_so(self, identity, authenticator):
        token, *_ = identity.log_in()
        await authenticator.resolve(token)
        identity.fails_with = Unauthenticated("User is inactive", code="user_inactive")
        with pytest.raises(Unauthenticated) as refused:
            await authenticator.resolve(identity.token("another"))
        assert refused.value.code == "user_inactive"

    async def test_identity_away_is_no_bad_credential(self, identity, authenticator):
        token, *_ = identity.log_in()
        identity.fails_with = Unavailable("away")
        with pytest.raises(Unavailable):
            await authenticator.resolve(token)
        identity.fails_with = None
        assert (await authenticator.resolve(token)).kind == "USER"

    async def test_it_expires_in_the_cache_too(self, identity, authenticator):
        token, *_ = identity.log_in(seconds=1)
        await authenticator.resolve(token)

        async def expired() -> bool:
            try:
                await authenticator.resolve(token)
            except TokenNotValid:
                return True
            return False

        await until(expired, seconds=4)

    async def test_a_hot_request_is_a_look_up(self, identity, authenticator):
        token, *_ = identity.log_in()
        await authenticator.resolve(token)
        started = time.process_time()
        for _ in range(1000):
            await authenticator.resolve(token)
        assert (time.process_time() - started) / 1000 < 0.0001
        assert len(identity.asked) == 2


class TestKeys:
    async def test_rotation(self, identity, cache, health):
        authenticator = authenticator_of(identity, cache, health)
        token, session_id, _ = identity.log_in()
        await authenticator.resolve(token)
        identity.new_key("key-2")
        assert (await authenticator.resolve(identity.token(session_id, key_id="key-2"))).session_id == session_id
        assert identity.asked.count("jwks") == 2

    async def test_a_withdrawn_key_stops_working(self, identity, cache, health):
        authenticator = authenticator_of(identity, cache, health)
        _, session_id, _ = identity.log_in()
        old = identity.token(session_id)
        identity.new_key("key-2")
        del identity.signing["key-1"]
        await authenticator.resolve(identity.token(session_id, key_id="key-2"))
        with pytest.raises(TokenNotValid):
            await authenticator.resolve(old)

    async def test_unknown_keys_do_not_cause_a_flood(self, identity, cache, health):
        authenticator = authenticator_of(identity, cache, health, refetch_seconds=60)
        token, session_id, _ = identity.log_in()
        await authenticator.resolve(token)
        identity.new_key("key-2")
        for _ in range(10):
            with pytest.raises(TokenNotValid):
                await authenticator.resolve(identity.token(session_id, key_id="key-2"))
        assert identity.asked.count("jwks") == 1


class TestOtherCredentials:
    def test_where_a_credential_stands(self):
        assert credential_of({"authorization": "Bearer abc"}) == "abc"
        assert credential_of({"authorization": "bearer  abc "}) == "abc"
        assert credential_of({"authorization": "Basic abc"}) == ""
        assert credential_of({"x-api-key": "mzk_1"}) == "mzk_1"
        assert credential_of({}) == ""

    async def test_an_api_key(self, identity, cache, authenticator):
        identity.api_keys["mzk_1"] = access_pb2.ResolvedPrincipal(
            kind=options_pb2.CALLER_KIND_INTEGRATION, subject="key-id", restaurant_id=str(RESTAURANT)
        )
        for _ in range(3):
            assert (await authenticator.resolve("mzk_1")).kind == "INTEGRATION"
        assert identity.asked == ["mzk_1"]
        cache.drop(subject="key-id")
        del identity.api_keys["mzk_1"]
        with pytest.raises(Unauthenticated):
            await authenticator.resolve("mzk_1")

    async def test_the_agent_key(self, identity, cache, health, operations):
        authenticator = authenticator_of(
            identity,
            cache,
            health,
            agent_key_sha256=hashlib.sha256(AGENT_KEY.encode()).hexdigest(),
            agent_permissions=frozenset({"agent.staff"}),
        )
        exchange = exchange_with(authorization=f"Bearer {AGENT_KEY}")
        principal = await authenticator.principal_of(exchange, operations["FindStaffByPhone"])
        assert (principal.kind, principal.restaurant_id, principal.permissions) == (
            "AGENT",
            None,
            frozenset({"agent.staff"}),
        )
        with pytest.raises(Unauthenticated) as refused:
            await authenticator.principal_of(
                exchange_with(authorization="Bearer another"), operations["FindStaffByPhone"]
            )
        assert refused.value.message == "Unauthorized"
        assert identity.asked == []

    @pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer anything"}], ids=["none", "some"])
    async def test_an_unset_agent_key(self, authenticator, operations, headers):
        with pytest.raises(Unavailable) as refused:
            await authenticator.principal_of(exchange_with(**headers), operations["FindStaffByPhone"])
        assert refused.value.message == "Agent key not configured"

    async def test_public_operations_take_what_is_there(self, identity, authenticator, operations):
        token, _, user_id = identity.log_in()
        operation = operations["WhichDevice"]
        assert await authenticator.principal_of(exchange_with(), operation) is ANONYMOUS
        assert await authenticator.principal_of(exchange_with(authorization="Bearer x"), operation) is ANONYMOUS
        exchange = exchange_with(authorization=f"Bearer {token}")
        assert (await authenticator.principal_of(exchange, operation)).subject == user_id
        assert (exchange.subject, exchange.restaurant) == (user_id, str(RESTAURANT))


class TestCache:
    def principal(self, session: str, subject: str, restaurant: int = 1) -> Principal:
        return Principal("USER", subject, UUID(int=restaurant), session_id=session)

    def filled(self) -> PrincipalCache:
        self.dropped: list[str] = []
        cache = PrincipalCache(on_drop=lambda principal: self.dropped.append(principal.session_id))
        for token, session, subject, restaurant in [
            ("t1", "s1", "u1", 1), ("t2", "s1", "u1", 1), ("t3", "s2", "u1", 1),
            ("t4", "s3", "u2", 1), ("t5", "s4", "u3", 2),
        ]:  # fmt: skip
            cache.put(token, self.principal(session, subject, restaurant), time.time() + 60, cache.generation)
        return cache

    @pytest.mark.parametrize(
        ("what", "left"),
        [
            ({"session_id": "s1"}, {"t3", "t4", "t5"}),
            ({"subject": "u1"}, {"t4", "t5"}),
            ({"restaurant_id": str(UUID(int=1))}, {"t5"}),
            ({"session_id": "unknown"}, {"t1", "t2", "t3", "t4", "t5"}),
        ],
        ids=["session", "person", "restaurant", "nobody"],
    )
    def test_dropping(self, what, left):
        cache = self.filled()
        assert cache.drop(**what) == 5 - len(left)
        assert {token for token in ("t1", "t2", "t3", "t4", "t5") if cache.get(token, 60)} == left
        assert len(self.dropped) == 5 - len(left)
        cache.clear()
        assert len(cache) == 0
        assert cache._credentials == {}

    async def test_an_answer_from_before_a_revocation_is_not_kept(self, identity, cache, authenticator):
        token, session_id, _ = identity.log_in()

        async def revoke_meanwhile() -> None:
            cache.drop(session_id=session_id)
            identity.sessions.clear()

        identity.before_answer = revoke_meanwhile
        await authenticator.resolve(token)
        identity.before_answer = None
        with pytest.raises(TokenNotValid):
            await authenticator.resolve(token)


class TestSilence:
    async def test_while_revocations_are_not_heard_answers_age_quickly(self, identity, authenticator, health):
        token, *_ = identity.log_in()
        await authenticator.resolve(token)
        identity.sessions.clear()
        assert (await authenticator.resolve(token)).kind == "USER"
        health.is_current = False
        await until(lambda: unknown(authenticator, token), seconds=2)


@pytest.fixture
async def nats_client(stack) -> AsyncIterator[Client]:
    client = await nats.connect(stack.nats_url)
    yield client
    await client.close()


@pytest.fixture
async def revocations(stack, cache) -> AsyncIterator[Revocations]:
    revocations = Revocations("test", stack.nats_url, cache)
    await revocations.start()
    await until(lambda: revocations.is_healthy)
    yield revocations
    await revocations.stop()


async def known(authenticator: Authenticator, token: str) -> bool:
    try:
        await authenticator.resolve(token)
    except TokenNotValid:
        return False
    return True


async def unknown(authenticator: Authenticator, token: str) -> bool:
    return not await known(authenticator, token)


class TestRevocation:
    """Through a real NATS."""

    @pytest.mark.parametrize(
        ("subject", "event_of"),
        [
            ("session.revoked", lambda s, u: events_pb2.SessionRevoked(session_id=s, user_id=u)),
            ("session.revoked", lambda s, u: events_pb2.SessionRevoked(user_id=u)),
            ("role.changed", lambda s, u: events_pb2.RoleChanged(user_id=u, restaurant_id=str(RESTAURANT))),
            ("role.changed", lambda s, u: events_pb2.RoleChanged(restaurant_id=str(RESTAURANT), role="CHEF")),
            ("staff.updated", lambda s, u: events_pb2.StaffUpdated(staff=events_pb2.StaffFacts(user_id=u))),
            ("staff.deactivated", lambda s, u: events_pb2.StaffDeactivated(staff=events_pb2.StaffFacts(user_id=u))),
            ("api_key.revoked", lambda s, u: events_pb2.ApiKeyRevoked(api_key_id=u)),
        ],
        ids=["session", "all-sessions", "role", "whole-role", "updated", "deactivated", "api-key"],
    )
    async def test_within_two_seconds(self, identity, cache, revocations, nats_client, subject, event_of):
        authenticator = authenticator_of(identity, cache, revocations_as_health(revocations))
        token, session_id, user_id = identity.log_in()
        assert await known(authenticator, token)
        identity.sessions.clear()
        assert await known(authenticator, token)
        await nats_client.publish(f"evt.identity.{subject}.v1", event_of(session_id, user_id).SerializeToString())
        await until(lambda: unknown(authenticator, token), seconds=2)

    async def test_others_keep_their_sessions(self, identity, cache, revocations, nats_client):
        authenticator = authenticator_of(identity, cache, revocations_as_health(revocations))
        mine, session_id, _ = identity.log_in()
        other, *_ = identity.log_in()
        assert await known(authenticator, mine)
        assert await known(authenticator, other)
        event = events_pb2.SessionRevoked(session_id=session_id, user_id="x")
        await nats_client.publish("evt.identity.session.revoked.v1", event.SerializeToString())
        await until(lambda: len(cache) == 1)
        asked = len(identity.asked)
        assert await known(authenticator, other)
        assert len(identity.asked) == asked

    async def test_an_event_that_cannot_be_read_drops_everything(self, identity, cache, revocations, nats_client):
        authenticator = authenticator_of(identity, cache, revocations_as_health(revocations))
        assert await known(authenticator, identity.log_in()[0])
        await nats_client.publish("evt.identity.session.revoked.v1", b"\xff\xff\xff")
        await until(lambda: len(cache) == 0)

    async def test_a_silent_nats_is_noticed_and_heard_again(self, stack, identity, cache, nats_client):
        async with Wire(stack.nats_url) as wire:
            revocations = Revocations("test", wire.url, cache)
            await revocations.start()
            await until(lambda: revocations.is_healthy)
            authenticator = authenticator_of(identity, cache, revocations_as_health(revocations))
            token, *_ = identity.log_in()
            assert await known(authenticator, token)
            wire.freeze()
            identity.sessions.clear()
            frozen_at = time.monotonic()
            await until(lambda: unknown(authenticator, token), seconds=2)
            assert time.monotonic() - frozen_at >= SILENCE_SECONDS / 2
            assert not revocations.is_healthy
            generation = cache.generation
            wire.thaw()
            await until(lambda: revocations.is_healthy, seconds=15)
            assert cache.generation > generation
            token, session_id, _ = identity.log_in()
            assert await known(authenticator, token)
            event = events_pb2.SessionRevoked(session_id=session_id)
            await nats_client.publish("evt.identity.session.revoked.v1", event.SerializeToString())
            await until(lambda: len(cache) == 0, seconds=2)
            await revocations.stop()

    async def test_it_starts_without_nats(self, cache):
        revocations = Revocations("test", "nats://127.0.0.1:1", cache)
        await revocations.start()
        assert not revocations.is_healthy
        await revocations.stop()

    def test_the_subjects_are_those_of_the_events(self):
        for subject, (event, _) in SUBJECTS.items():
            declared = event.DESCRIPTOR.GetOptions().Extensions[options_pb2.event]
            assert subject == f"evt.identity.{declared.type}.v1"


def revocations_as_health(revocations: Revocations) -> Any:
    class Current:
        @property
        def is_current(self) -> bool:
            return revocations.is_healthy

    return Current()
