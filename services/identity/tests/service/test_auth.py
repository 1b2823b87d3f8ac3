"""Sessions: opened, renewed, ended, and refused."""

from datetime import timedelta
from uuid import uuid4

import jwt
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.field_mask_pb2 import FieldMask

from mizan.identity.v1 import access_pb2, account_pb2, auth_pb2
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS, Principal
from servicekit.testing.clock import MovableClock
from servicekit.testing.service import Api
from services.identity.tests.conftest import GATEWAY, PASSWORD, register


def unique() -> str:
    return f"r{uuid4().hex[:10]}"


async def login(api: Api, email: str, password: str = PASSWORD) -> auth_pb2.SessionOpened:
    return await api.AuthService.Login(auth_pb2.LoginRequest(email=email, password=password), principal=ANONYMOUS)


async def resolve(api: Api, access_token: str) -> access_pb2.ResolvedPrincipal:
    session_id = jwt.decode(access_token, options={"verify_signature": False})["sid"]
    answer = await api.AccessService.ResolveSession(
        access_pb2.ResolveSessionRequest(session_id=session_id), principal=GATEWAY
    )
    return answer.principal


async def test_registering_makes_an_owner_with_every_right_and_an_open_session(api: Api) -> None:
    owner = await register(api, unique())
    assert owner.user.role == "SUPER_ADMIN"
    assert owner.user.restaurant == owner.restaurant.id
    assert not owner.user.is_verified
    resolved = await resolve(api, owner.tokens.access)
    assert resolved.restaurant_id == owner.restaurant.id
    assert "settings.manage" in resolved.permissions
    assert resolved.time_zone == "Africa/Casablanca"


async def test_an_address_registers_once(api: Api) -> None:
    name = unique()
    await register(api, name)
    with pytest.raises(RemoteRefusal) as refused:
        await register(api, name)
    assert refused.value.fields == {"email": ["restaurant with this email already exists."]}


async def test_login_opens_a_session_whatever_the_case_of_the_address(api: Api) -> None:
    owner = await register(api, unique())
    opened = await login(api, owner.user.email.upper())
    assert opened.user.id == owner.user.id
    assert (await resolve(api, opened.tokens.access)).subject == owner.user.id


async def test_access_tokens_verify_with_the_published_keys(api: Api) -> None:
    owner = await register(api, unique())
    published = await api.AccessService.GetJwks(access_pb2.GetJwksRequest(), principal=GATEWAY)
    keys = jwt.PyJWKSet.from_json(published.jwks_json)
    kid = jwt.get_unverified_header(owner.tokens.access)["kid"]
    claims = jwt.decode(owner.tokens.access, keys[kid].key, ["EdDSA"], issuer="mizan")
    assert claims["user_id"] == owner.user.id
    assert claims["token_type"] == "access"


async def test_five_failures_lock_the_account_even_for_the_right_password_until_time_passes(
    api: Api, clock: MovableClock
) -> None:
    owner = await register(api, unique())
    for _ in range(5):
        with pytest.raises(RemoteRefusal) as refused:
            await login(api, owner.user.email, "wrong")
        assert refused.value.code == "invalid_credentials"
    with pytest.raises(RemoteRefusal) as locked:
        await login(api, owner.user.email)
    assert locked.value.code == "account_locked"
    assert locked.value.http_status == 423
    clock.advance(timedelta(minutes=31))
    assert (await login(api, owner.user.email)).user.id == owner.user.id


async def test_an_unknown_address_locks_like_a_known_one(api: Api) -> None:
    email = f"{unique()}@example.com"
    for _ in range(5):
        with pytest.raises(RemoteRefusal):
            await login(api, email, "wrong")
    with pytest.raises(RemoteRefusal) as locked:
        await login(api, email, "wrong")
    assert locked.value.code == "account_locked"


async def test_a_refresh_token_works_once_and_its_return_ends_the_session(api: Api, clock: MovableClock) -> None:
    owner = await register(api, unique())
    renewed = await refresh(api, owner.tokens.refresh)
    clock.advance(timedelta(minutes=1))
    with pytest.raises(RemoteRefusal) as reused:
        await refresh(api, owner.tokens.refresh)
    assert reused.value.code == "token_not_valid"
    with pytest.raises(RemoteRefusal):
        await refresh(api, renewed.refresh)
    with pytest.raises(RemoteRefusal) as over:
        await resolve(api, renewed.access)
    assert over.value.code == "session_revoked"


async def test_a_repeated_refresh_whose_answer_was_lost_gives_the_same_generation(api: Api) -> None:
    owner = await register(api, unique())
    await refresh(api, owner.tokens.refresh)
    repeated = await refresh(api, owner.tokens.refresh)
    assert (await refresh(api, repeated.refresh)).access


async def refresh(api: Api, token: str) -> account_pb2.Tokens:
    return await api.AuthService.RefreshTokens(auth_pb2.RefreshTokensRequest(refresh=token), principal=ANONYMOUS)


@pytest.mark.parametrize("token", ["", "x", "a.b.c"])
async def test_what_is_no_refresh_token_is_refused(api: Api, token: str) -> None:
    with pytest.raises(RemoteRefusal) as refused:
        await refresh(api, token)
    assert refused.value.code == "token_not_valid"


async def test_an_access_token_does_not_renew(api: Api) -> None:
    owner = await register(api, unique())
    with pytest.raises(RemoteRefusal) as refused:
        await refresh(api, owner.tokens.access)
    assert refused.value.code == "token_not_valid"


async def test_logout_by_refresh_token_ends_the_session_and_never_fails(api: Api) -> None:
    owner = await register(api, unique())
    for _ in range(2):
        await api.AuthService.Logout(auth_pb2.LogoutRequest(refresh_token=owner.tokens.refresh), principal=ANONYMOUS)
    await api.AuthService.Logout(auth_pb2.LogoutRequest(refresh_token="nonsense"), principal=ANONYMOUS)
    with pytest.raises(RemoteRefusal):
        await resolve(api, owner.tokens.access)


async def test_me_is_the_caller_with_restaurant(api: Api) -> None:
    owner = await register(api, unique())
    me = await api.AuthService.GetMe(Empty(), principal=owner.principal)
    assert me.id == owner.user.id
    assert me.role_display == "Super Admin"
    assert me.restaurant_data.name == owner.restaurant.name
    assert not me.HasField("profile")


async def test_changing_oneself_changes_what_was_sent_and_nothing_else(api: Api) -> None:
    owner = await register(api, unique())
    changed = await api.AuthService.UpdateMe(
        auth_pb2.UpdateMeRequest(
            first_name="Zineb",
            profile=account_pb2.ProfileChange(
                hourly_rate="42.50", join_date="2026-01-31", promotion_history='[{"role":"CHEF"}]'
            ),
            update_mask=FieldMask(paths=["first_name", "phone", "profile"]),
        ),
        principal=owner.principal,
    )
    assert (changed.first_name, changed.last_name, changed.role) == ("Zineb", owner.user.last_name, "SUPER_ADMIN")
    assert changed.profile.hourly_rate == "42.50"
    assert changed.profile.join_date == "2026-01-31"


async def test_a_new_password_needs_the_present_one_and_ends_the_other_sessions(api: Api) -> None:
    owner = await register(api, unique())
    here = await login(api, owner.user.email)
    principal = Principal(
        kind="USER",
        subject=owner.user.id,
        restaurant_id=owner.restaurant_id,
        session_id=jwt.decode(here.tokens.access, options={"verify_signature": False})["sid"],
    )

    async def change(current: str) -> account_pb2.User:
        return await api.AuthService.UpdateMe(
            auth_pb2.UpdateMeRequest(current_password=current, new_password="N3w!password"), principal=principal
        )

    with pytest.raises(RemoteRefusal) as refused:
        await change("wrong")
    assert refused.value.code == "current_password_wrong"
    await change(PASSWORD)
    assert (await resolve(api, here.tokens.access)).subject == owner.user.id
    with pytest.raises(RemoteRefusal):
        await resolve(api, owner.tokens.access)
    assert (await login(api, owner.user.email, "N3w!password")).user.id == owner.user.id


async def test_sessions_are_listed_and_revoked_by_their_owner_only(api: Api) -> None:
    owner, other = await register(api, unique()), await register(api, unique())
    listed = await api.AuthService.ListSessions(Empty(), principal=owner.principal)
    (mine,) = listed.results
    with pytest.raises(RemoteRefusal) as foreign:
        await api.AuthService.RevokeSession(auth_pb2.RevokeSessionRequest(id=mine.id), principal=other.principal)
    assert foreign.value.code == "not_found"
    await api.AuthService.RevokeSession(auth_pb2.RevokeSessionRequest(id=mine.id), principal=owner.principal)
    with pytest.raises(RemoteRefusal):
        await resolve(api, owner.tokens.access)


async def test_nobody_without_credentials_gets_past_public_methods(api: Api) -> None:
    with pytest.raises(RemoteRefusal) as refused:
        await api.AuthService.GetMe(Empty(), principal=ANONYMOUS)
    assert refused.value.code == "not_authenticated"


async def test_a_person_may_not_ask_what_only_services_ask(api: Api) -> None:
    owner = await register(api, unique())
    with pytest.raises(RemoteRefusal) as refused:
        await api.AccessService.ResolveSession(
            access_pb2.ResolveSessionRequest(session_id=str(uuid4())), principal=owner.principal
        )
    assert refused.value.code == "permission_denied"
