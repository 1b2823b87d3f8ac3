"""An owner's first day, as a person would spend it: through the gateway, the mailbox and NATS, nothing else."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import nats
import pytest
from nats.js.api import DeliverPolicy

from tests.support import browser
from tests.support.waiting import eventually
from tools.installation import Site

pytestmark = pytest.mark.e2e

PASSWORD = "Str0ng!pass"
NEW_PASSWORD = "An0ther!pass"


class Visitor:
    """A browser: a base address, and a token once somebody has logged in."""

    def __init__(self, url: str) -> None:
        self._client = browser.client(url)
        self.token = ""

    def close(self) -> None:
        self._client.close()

    def __call__(self, method: str, path: str, status: int, json: Any = None, **options: Any) -> Any:
        headers = options.pop("headers", {})
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        answer = self._client.request(method, path, json=json, headers=headers, **options)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def status(self, method: str, path: str) -> int:
        headers = {"Authorization": f"Bearer {self.token}"}
        return self._client.request(method, path, headers=headers).status_code


@pytest.fixture
def open_browser(installation: Site) -> Any:
    opened: list[Visitor] = []

    def open_one() -> Visitor:
        opened.append(Visitor(installation.url))
        return opened[-1]

    yield open_one
    for visitor in opened:
        visitor.close()


def mail_to(site: Site, address: str) -> dict[str, Any]:
    """The newest mail to an address, as soon as there is one."""
    asked: dict[str, str | int] = {"to": address, "wait": 5}
    newest: dict[str, Any] = eventually(
        lambda: httpx.get(f"{site.mailbox_url}/messages", params=asked, timeout=30).json()
    )[0]
    return newest


def token_in(mail: dict[str, Any], page: str) -> str:
    """The token of the link to a page of the front end."""
    (link,) = {link for link in mail["links"] if urlsplit(link).path == page}
    return parse_qs(urlsplit(link).query)["token"][0]


def test_an_owners_first_day(installation: Site, open_browser: Callable[[], Visitor]) -> None:
    mark = uuid4().hex[:8]
    address = f"amina-{mark}@example.com"
    owner = open_browser()

    registered = owner(
        "POST",
        "/api/register/",
        201,
        {
            "restaurant": {"name": "Dar Amina", "email": address, "address": "", "phone": ""},
            "user": {"email": address, "password": PASSWORD, "first_name": "Amina", "last_name": "Alaoui"},
        },
    )
    restaurant_id = registered["restaurant"]["id"]
    assert registered["user"]["is_verified"] is False

    verification = token_in(mail_to(installation, address), "/verify-email")
    owner("POST", "/api/verify-email/", 200, {"token": verification})
    owner("POST", "/api/verify-email/", 400, {"token": verification})

    opened = owner("POST", "/api/auth/login/", 200, {"email": address, "password": PASSWORD})
    owner.token = opened["tokens"]["access"]
    assert owner("GET", "/api/auth/me/", 200)["is_verified"] is True

    settings = owner("GET", "/api/settings/unified/", 200)
    changed = owner(
        "PUT",
        "/api/settings/unified/",
        200,
        {"settingsVersion": settings["settingsVersion"], "name": "Dar Amina Casablanca", "currency": "MAD"},
    )
    assert changed["name"] == "Dar Amina Casablanca"
    stale = owner("PUT", "/api/settings/unified/", 409, {"settingsVersion": settings["settingsVersion"], "name": "No"})
    assert stale["detail"] == "Settings version conflict"
    owner("POST", "/api/settings/geolocation/", 200, {"latitude": 33.5731, "longitude": -7.5898, "radius": 80})

    people = [("WAITER", "Youssef"), ("CHEF", "Khadija"), ("CASHIER", "Omar")]
    sent = owner(
        "POST",
        "/api/invitations/bulk/",
        201,
        {
            "type": "csv",
            "csv_content": "email,role,first_name,last_name,department\n"
            + "\n".join(f"{name.lower()}-{mark}@example.com,{role},{name},Test,Floor" for role, name in people),
        },
    )
    assert (sent["success"], sent["failed"], sent["errors"]) == (3, 0, [])

    staff: dict[str, Visitor] = {}
    ids: dict[str, str] = {}
    for number, (role, name) in enumerate(people):
        visitor = open_browser()
        invitation = token_in(mail_to(installation, f"{name.lower()}-{mark}@example.com"), "/accept-invitation")
        shown = visitor("GET", "/api/invitations/by-token/", 200, params={"token": invitation})
        assert (shown["role"], shown["restaurant_name"]) == (role, "Dar Amina Casablanca")
        accepted = visitor(
            "POST",
            "/api/staff/accept-invitation/",
            201,
            {"token": invitation, "first_name": name, "last_name": "Test", "pin_code": f"{7100 + number}"},
        )
        visitor.token = accepted["tokens"]["access"]
        staff[role], ids[role] = visitor, accepted["user"]["id"]

    paired = owner("POST", "/api/devices/pair/", 201, {"name": "Door"})
    kiosk = open_browser()
    pin_login = kiosk(
        "POST",
        "/api/auth/pin-login/",
        200,
        {"pin_code": "7100", "email": None},
        headers={"Cookie": f"mizan_device={paired['device_token']}"},
    )
    assert pin_login["user"]["id"] == ids["WAITER"]
    open_browser()("POST", "/api/auth/pin-login/", 400, {"pin_code": "7100", "email": None})

    listed = owner("GET", "/api/staff/", 200)
    assert {row["first_name"] for row in listed} >= {"Youssef", "Khadija", "Omar"}

    waiter = staff["WAITER"]
    assert waiter.status("GET", "/api/auth/me/") == 200
    owner("PUT", f"/api/staff/{ids['WAITER']}/role/", 200, {"role": "CHEF"})
    eventually(lambda: waiter.status("GET", "/api/auth/me/") == 401, seconds=2)

    owner("DELETE", f"/api/staff/{ids['CASHIER']}/", 200)
    eventually(lambda: staff["CASHIER"].status("GET", "/api/auth/me/") == 401, seconds=2)

    def trail() -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = owner("GET", "/api/audit-logs/", 200, params={"page_size": 200})["results"]
        return entries

    def has_all_entries() -> bool:
        return {"LOGIN", "LOGIN_PIN", "PERMISSION_CHANGE"} <= {entry["action"] for entry in trail()}

    eventually(has_all_entries, seconds=15)

    subjects = asyncio.run(events_of(installation, restaurant_id))
    assert subjects.count("evt.identity.restaurant.created.v1") == 1
    assert subjects.count("evt.identity.staff.joined.v1") == 4
    assert subjects.count("evt.identity.staff.invited.v1") == 3
    assert "evt.identity.role.changed.v1" in subjects
    assert "evt.identity.staff.deactivated.v1" in subjects


async def events_of(site: Site, restaurant_id: str) -> list[str]:
    """The subjects of what identity published about one restaurant, oldest first."""
    connection = await nats.connect(site.environment["NATS_URL"])
    try:
        stream = connection.jetstream()
        everything = await stream.subscribe(
            "evt.identity.>", stream="EVENTS", ordered_consumer=True, deliver_policy=DeliverPolicy.ALL
        )
        subjects: list[str] = []
        while True:
            try:
                message = await everything.next_msg(timeout=1.0)
            except nats.errors.TimeoutError:
                return subjects
            if (message.headers or {}).get("mizan-restaurant") == restaurant_id:
                subjects.append(message.subject)
    finally:
        await connection.close()


def test_a_forgotten_password_is_replaced_and_ends_the_sessions(
    installation: Site, open_browser: Callable[[], Visitor]
) -> None:
    address = f"salma-{uuid4().hex[:8]}@example.com"
    visitor = open_browser()
    registered = visitor(
        "POST",
        "/api/register/",
        201,
        {
            "restaurant": {"name": "Chez Salma", "email": address},
            "user": {"email": address, "password": PASSWORD, "first_name": "Salma", "last_name": "B"},
        },
    )
    mail_to(installation, address)
    same_answer = [
        visitor("POST", "/api/password-reset-request/", 200, {"email": email})["message"]
        for email in (address, f"nobody-{uuid4().hex[:8]}@example.com")
    ]
    assert len(set(same_answer)) == 1

    def reset_mail() -> dict[str, Any]:
        return mail_to(installation, address)

    eventually(lambda: any("/reset-password" in link for link in reset_mail()["links"]), seconds=15)
    token = token_in(reset_mail(), "/reset-password")
    weak = visitor("POST", "/api/password-reset-confirm/", 400, {"token": token, "new_password": "weak"})
    assert weak["error"] == weak["message"] == weak["detail"]
    visitor("POST", "/api/password-reset-confirm/", 200, {"token": token, "new_password": NEW_PASSWORD})
    visitor("POST", "/api/auth/login/", 401, {"email": address, "password": PASSWORD})
    visitor("POST", "/api/auth/login/", 200, {"email": address, "password": NEW_PASSWORD})
    visitor.token = registered["tokens"]["access"]
    eventually(lambda: visitor.status("GET", "/api/auth/me/") == 401, seconds=2)


def test_a_used_refresh_token_that_comes_back_ends_the_session(
    installation: Site, open_browser: Callable[[], Visitor]
) -> None:
    address = f"hind-{uuid4().hex[:8]}@example.com"
    visitor = open_browser()
    first = visitor(
        "POST",
        "/api/register/",
        201,
        {
            "restaurant": {"name": "Chez Hind", "email": address},
            "user": {"email": address, "password": PASSWORD, "first_name": "Hind", "last_name": "B"},
        },
    )["tokens"]["refresh"]
    second = visitor("POST", "/api/auth/token/refresh/", 200, {"refresh": first})
    third = visitor("POST", "/api/token/refresh/", 200, {"refresh": second["refresh"]})
    visitor("POST", "/api/token/refresh/", 401, {"refresh": first})
    visitor("POST", "/api/token/refresh/", 401, {"refresh": third["refresh"]})
    visitor.token = third["access"]
    eventually(lambda: visitor.status("GET", "/api/auth/me/") == 401, seconds=2)
