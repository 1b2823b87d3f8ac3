"""Internal tokens: what is minted is verified, and nothing else is."""

import time
from pathlib import Path
from uuid import uuid4

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from servicekit.errors import Invalid, Unauthenticated
from servicekit.identity import KeyRing, Principal, TokenMinter, TokenVerifier, service_principal
from tools.devkeys import DevKeys


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = DevKeys(tmp_path_factory.mktemp("keys"))
    made.make_internal_keys(["gateway", "identity"])
    return made.internal_keys


@pytest.fixture
def minter(keys: Path) -> TokenMinter:
    return TokenMinter.from_folder("gateway", keys)


@pytest.fixture
def verifier(keys: Path) -> TokenVerifier:
    return TokenVerifier(KeyRing(keys))


PERSON = Principal(
    kind="USER",
    subject=str(uuid4()),
    restaurant_id=uuid4(),
    role="MANAGER",
    permissions=frozenset({"staff.view", "staff.manage"}),
    session_id=str(uuid4()),
    name="Amina",
    language="ar",
)


def test_a_principal_arrives_as_it_was_sent(minter: TokenMinter, verifier: TokenVerifier) -> None:
    assert verifier.principal_of(minter.token_for(PERSON)) == PERSON


@given(
    name=st.text(max_size=40),
    permissions=st.frozensets(st.from_regex(r"[a-z]{1,8}\.[a-z]{1,8}", fullmatch=True), max_size=30),
    tenant=st.none() | st.uuids(),
)
def test_any_principal_survives_the_journey(keys: Path, name: str, permissions: frozenset[str], tenant: object) -> None:
    sent = Principal(kind="USER", subject=str(uuid4()), restaurant_id=tenant, permissions=permissions, name=name)  # type: ignore[arg-type] # uuids() is typed as object here
    token = TokenMinter.from_folder("gateway", keys).token_for(sent)
    assert TokenVerifier(KeyRing(keys)).principal_of(token) == sent


def test_a_token_is_reused_until_shortly_before_it_expires(minter: TokenMinter) -> None:
    with time_machine.travel(1_800_000_000, tick=False) as now:
        first = minter.token_for(PERSON)
        now.shift(44)
        assert minter.token_for(PERSON) == first
        now.shift(2)
        assert minter.token_for(PERSON) != first


def test_an_expired_token_is_refused_even_when_it_was_verified_before(
    minter: TokenMinter, verifier: TokenVerifier
) -> None:
    with time_machine.travel(1_800_000_000, tick=False) as now:
        token = minter.token_for(PERSON)
        verifier.principal_of(token)
        now.shift(61)
        with pytest.raises(Unauthenticated):
            verifier.principal_of(token)


def test_a_token_of_a_key_that_nobody_published_is_refused(verifier: TokenVerifier) -> None:
    forged = TokenMinter("gateway", Ed25519PrivateKey.generate()).token_for(PERSON)
    with pytest.raises(Unauthenticated):
        verifier.principal_of(forged)


@pytest.mark.parametrize("issuer", ["stranger", "../gateway", ""])
def test_an_unknown_issuer_is_refused(keys: Path, verifier: TokenVerifier, issuer: str) -> None:
    own = TokenMinter.from_folder("gateway", keys)
    forged = TokenMinter(issuer, own._key).token_for(PERSON)
    with pytest.raises(Unauthenticated):
        verifier.principal_of(forged)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é.é.é"])
def test_what_is_no_token_is_refused(verifier: TokenVerifier, token: str) -> None:
    with pytest.raises(Unauthenticated):
        verifier.principal_of(token)


def test_a_service_speaks_for_itself_only(keys: Path, verifier: TokenVerifier) -> None:
    identity = TokenMinter.from_folder("identity", keys)
    assert verifier.principal_of(identity.token_for(service_principal("identity"))).kind == "SERVICE"
    with pytest.raises(Unauthenticated):
        verifier.principal_of(identity.token_for(service_principal("billing")))


def test_an_unsigned_token_is_refused(verifier: TokenVerifier) -> None:
    unsigned = jwt.encode({"iss": "gateway", "sub": "x", "knd": "USER", "exp": time.time() + 60}, "", "none")
    with pytest.raises(Unauthenticated):
        verifier.principal_of(unsigned)


def test_a_caller_without_restaurant_or_body_is_told_so() -> None:
    with pytest.raises(Invalid, match="No restaurant associated"):
        _ = Principal(kind="USER", subject=str(uuid4())).tenant
    with pytest.raises(Invalid):
        _ = service_principal("billing").user_id
