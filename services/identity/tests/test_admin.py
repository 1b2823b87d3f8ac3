"""The administration site over HTTP: who may enter, what is shown, and that access is really taken away."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest

from mizan.identity.v1 import auth_pb2
from servicekit.db import SYSTEM
from servicekit.errors import Refusal
from servicekit.testing.service import Api, RunningService
from services.identity.admin.views import PAGES
from services.identity.commands import operations
from services.identity.settings import Settings
from services.identity.tests.conftest import PASSWORD, Owner, register
from services.identity.vault import build_vault

SECRET_COLUMNS = ("hash", "digest", "encrypted")


async def superuser(identity: RunningService, settings: Settings) -> str:
    """A member of the platform's staff; returns the address."""
    email = f"root{uuid4().hex[:8]}@example.com"

    async def create() -> None:
        async with identity.database.write(SYSTEM) as session:
            await operations.create_superuser(
                session,
                build_vault(settings),
                email=email,
                first_name="Rim",
                last_name="Root",
                password=PASSWORD,
                now=datetime.now(UTC),
            )

    identity.run(create())
    return email


@pytest.fixture
async def browser(identity: RunningService, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at the platform's public address, whose requests the gateway passes on."""
    port = identity.service.http.port

    async def to_site(request: httpx.Request) -> None:
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=port)

    async with httpx.AsyncClient(base_url=settings.public_url, event_hooks={"request": [to_site]}) as client:
        yield client


async def log_in(browser: httpx.AsyncClient, email: str, password: str = PASSWORD) -> httpx.Response:
    return await browser.post("/admin/login", data={"username": email, "password": password})


async def test_strangers_are_led_to_the_login_and_see_nothing(browser: httpx.AsyncClient, api: Api) -> None:
    owner = await register(api, f"a{uuid4().hex[:8]}")
    for path in ("/admin/", "/admin/user/list", f"/admin/user/details/{owner.user.id}", "/admin/audit-entry/list"):
        answer = await browser.get(path)
        assert answer.status_code == 302, path
        assert answer.headers["location"].endswith("/admin/login")
        assert owner.user.email not in answer.text


@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
async def test_owners_and_wrong_passwords_do_not_enter(browser: httpx.AsyncClient, api: Api, password: str) -> None:
    owner = await register(api, f"b{uuid4().hex[:8]}")
    answer = await log_in(browser, owner.user.email, password)
    assert answer.status_code == 400
    assert "Invalid credentials" in answer.text
    assert "mizan_admin" not in browser.cookies
    assert (await browser.get("/admin/user/list")).status_code == 302


async def test_an_owners_own_token_in_the_cookie_does_not_enter(browser: httpx.AsyncClient, api: Api) -> None:
    owner = await register(api, f"c{uuid4().hex[:8]}")
    answer = await browser.get("/admin/user/list", headers={"cookie": f"mizan_admin={owner.tokens.access}"})
    assert answer.status_code == 302


async def test_a_superuser_sees_people_but_no_secret_until_they_log_out(
    browser: httpx.AsyncClient, api: Api, identity: RunningService, settings: Settings
) -> None:
    owner = await register(api, f"d{uuid4().hex[:8]}")
    entered = await log_in(browser, await superuser(identity, settings))
    assert entered.status_code == 303
    cookie = entered.headers["set-cookie"]
    for attribute in ("HttpOnly", "SameSite=strict", "Path=/admin"):
        assert attribute in cookie

    listed = await browser.get("/admin/user/list", params={"search": owner.user.email})
    assert listed.status_code == 200
    assert owner.user.email in listed.text
    details = (await browser.get(f"/admin/user/details/{owner.user.id}")).text
    assert owner.user.email in details
    assert "argon2" not in details

    token = browser.cookies["mizan_admin"]
    await browser.get("/admin/logout")
    again = await browser.get("/admin/user/list", headers={"cookie": f"mizan_admin={token}"})
    assert again.status_code == 302, "the session itself is over, not only the cookie"


async def test_every_page_opens_and_leaves_secret_columns_out(
    browser: httpx.AsyncClient, identity: RunningService, settings: Settings
) -> None:
    await log_in(browser, await superuser(identity, settings))
    for page in PAGES:
        assert (await browser.get(f"/admin/{page.identity}/list")).status_code == 200, page.identity
        shown = [name for name in page()._details_prop_names if any(word in name for word in SECRET_COLUMNS)]
        assert shown == [], page.identity


async def test_nothing_can_be_created_changed_or_deleted_in_place(
    browser: httpx.AsyncClient, api: Api, identity: RunningService, settings: Settings
) -> None:
    owner = await register(api, f"e{uuid4().hex[:8]}")
    await log_in(browser, await superuser(identity, settings))
    for page in PAGES:
        assert (await browser.get(f"/admin/{page.identity}/create")).status_code == 403, page.identity
        assert (await browser.post(f"/admin/{page.identity}/edit/{owner.user.id}")).status_code == 403, page.identity
        gone = await browser.request("DELETE", f"/admin/{page.identity}/delete", params={"pks": owner.user.id})
        assert gone.status_code == 403, page.identity


async def test_access_is_taken_and_given_back_by_the_services_own_operations(
    browser: httpx.AsyncClient, api: Api, identity: RunningService, settings: Settings
) -> None:
    owner: Owner = await register(api, f"f{uuid4().hex[:8]}")
    await log_in(browser, await superuser(identity, settings))
    login = auth_pb2.LoginRequest(email=owner.user.email, password=PASSWORD)
    assert (await api.AuthService.Login(login)).tokens.access

    answer = await browser.get("/admin/user/action/deactivate", params={"pks": owner.user.id})
    assert answer.status_code == 303
    with pytest.raises(Refusal, match="Invalid credentials"):
        await api.AuthService.Login(login)

    await browser.get("/admin/user/action/reactivate", params={"pks": owner.user.id})
    assert (await api.AuthService.Login(login)).user.email == owner.user.email
