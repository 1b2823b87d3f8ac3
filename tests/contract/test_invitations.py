"""Invitations, as the front end, the agent and the invited send and read them."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support import browser
from tests.support.people import PASSWORD, Person, Restaurant, join, register
from tools.installation import Site

INVITATION = {
    "id", "email", "role", "restaurant", "invited_by", "invitation_token", "token", "status", "is_accepted",
    "is_expired", "sent_at", "created_at", "expires_at", "accepted_at", "first_name", "last_name", "extra_data",
    "phone_number", "department", "is_bulk_invite", "bulk_batch_id",
}  # fmt: skip
CSV = "email,role,firstname,lastname,whatsapp\n"


@pytest.fixture(scope="module")
def client(installation: Site) -> Iterator[httpx.Client]:
    with browser.client(installation.url) as client:
        yield client


@pytest.fixture(scope="module")
def house(client: httpx.Client) -> Restaurant:
    made = register(client, "Inviting")
    join(made, "MANAGER", "")
    join(made, "WAITER", "4401")
    return made


@pytest.fixture
def owner(house: Restaurant) -> Person:
    return house.owner


@pytest.fixture(scope="module")
def agent(client: httpx.Client, house: Restaurant) -> dict[str, str]:
    """The headers of an agent that holds a key of the restaurant."""
    body = {"name": "Agent", "kind": "AGENT", "scopes": ["agent.invitations"]}
    made = house.owner.post("/api/api-keys/", body)
    assert made.status_code == 201, made.text
    return {"Authorization": f"Bearer {made.json()['key']}"}


def ok(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def address() -> str:
    return f"{uuid4().hex[:12]}@example.com"


def number() -> str:
    return f"06{uuid4().int % 10**8:08}"


def invite(owner: Person, **fields: Any) -> dict[str, Any]:
    body = {"role": "WAITER", "email": address(), **fields}
    made: dict[str, Any] = ok(owner.post("/api/invitations/", body), 201)
    return made


def test_invitations_are_an_array_until_a_page_is_asked_for(client: httpx.Client) -> None:
    owner = register(client, "Lists").owner
    made = [invite(owner) for _ in range(3)]
    listed = ok(owner.get("/api/invitations/?is_accepted=false&show_expired=false"))
    assert [one["id"] for one in listed] == [one["id"] for one in reversed(made)]
    assert all(one.keys() == INVITATION for one in listed)
    page = ok(owner.get("/api/invitations/?page=2&page_size=2"))
    assert (page["count"], len(page["results"]), page["next"]) == (3, 1, None)
    assert ok(owner.get("/api/staff/invitations/")) == listed
    assert ok(owner.get("/api/accounts/staff/invitations/")) == listed
    stats = ok(owner.get("/api/invitations/stats/"))
    assert stats.keys() == {"total_invitations", "email_sent", "whatsapp_sent", "whatsapp_failed", "whatsapp_pending"}
    assert stats["total_invitations"] == 3


def test_one_invitation_from_making_to_cancelling(owner: Person) -> None:
    made = invite(owner, phone="0612345678", department="Bar", extra_data={"source": "fair"}, expires_in_days=30)
    assert (made["phone_number"], made["department"], made["extra_data"]["source"]) == ("0612345678", "Bar", "fair")
    assert made["token"] == made["invitation_token"]
    assert made["created_at"] == made["sent_at"]
    path = f"/api/invitations/{made['id']}/"
    assert ok(owner.get(path)) == made
    changed = ok(owner.request("PATCH", path, json={"first_name": "Ali"}))
    assert (changed["first_name"], changed["role"], changed["token"]) == ("Ali", "WAITER", made["token"])
    replaced = ok(owner.request("PUT", path, json={"role": "CHEF", "email": address(), "last_name": "Baba"}))
    assert (replaced["role"], replaced["last_name"]) == ("CHEF", "Baba")
    assert replaced["token"] != made["token"]
    assert ok(owner.post(f"{path}resend/")) == {"detail": "Invitation sent via email, WhatsApp"}
    assert ok(owner.request("DELETE", path), 204) is None
    assert owner.get(path).status_code == 404
    assert owner.request("DELETE", path).status_code == 404


def test_the_refusals_of_invitations(owner: Person) -> None:
    email = address()
    invite(owner, email=email)
    for said, text in (
        ({"role": "WAITER"}, "Either email or phone number must be provided"),
        ({"role": "WAITER", "email": email}, f"Invitation already pending for {email}"),
    ):
        refused = owner.post("/api/invitations/", said)
        assert (refused.status_code, refused.json()["detail"]) == (400, text)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"email": address()}, "role"),
        ({"role": "WAITER", "email": "nobody"}, "email"),
        ({"role": "WAITER", "phone_number": "call me"}, "phone_number"),
        ({"role": "WAITER", "email": address(), "expires_in_days": 91}, "expires_in_days"),
        ({"role": "WAITER", "email": address(), "expires_in_days": 0}, "expires_in_days"),
        ({"role": "WAITER", "email": address(), "extra_data": [1]}, "extra_data"),
    ]
    for body, field in wrong:
        refused = owner.post("/api/invitations/", body)
        assert refused.status_code == 400
        assert isinstance(refused.json()[field], list), refused.text
    for said, text in (
        ({"email": address()}, "Role is required."),
        ({"role": "WAITER"}, "Email is required unless sending via WhatsApp with a phone number."),
        ({"role": "WAITER", "email": owner.user["email"]}, "User with this email already exists."),
        ({"role": "WAITER", "email": email}, "A pending invitation already exists for this email."),
    ):
        refused = owner.post("/api/staff/invite/", said)
        assert (refused.status_code, refused.json()["error"]) == (400, text)


def test_a_bulk_list_reports_in_the_same_body_whether_or_not_somebody_was_invited(owner: Person) -> None:
    content = f"{CSV}{address()},waiter,Ali,Baba,\nnobody,waiter,,,\n,sous-chef,Aziz,,{number()}\n"
    answer = ok(owner.post("/api/invitations/bulk/", {"type": "csv", "csv_content": content}), 201)
    assert answer.keys() == {"detail", "success", "failed", "errors", "invitations"}
    assert (answer["detail"], answer["success"], answer["failed"]) == ("Processed 2 invitations", 2, 1)
    assert answer["errors"] == ["Row 3: Enter a valid email address."]
    assert [one["role"] for one in answer["invitations"]] == ["WAITER", "SOUS_CHEF"]
    nobody = owner.post("/api/invitations/bulk/", {"type": "json", "invitations": [{"email": "x", "role": "WAITER"}]})
    assert nobody.status_code == 400
    body = nobody.json()
    assert (body["success"], body["failed"], body["invitations"]) == (0, 1, [])
    assert body["errors"] == ["Item 1: Enter a valid email address."]
    assert body["message"]
    for wrong in ({}, {"type": "xml"}, {"type": "csv"}, {"type": "json", "invitations": []}):
        assert owner.post("/api/invitations/bulk/", wrong).status_code == 400


def test_rows_that_the_browser_read_are_invited_over_one_channel(owner: Person) -> None:
    rows = [
        {"first_name": "A", "role": "Waiter", "whatsapp_number": number()},
        {"first_name": "B", "role": "kitchen-help", "contact": number()},
        {"first_name": "C", "role": "KING", "phone": number()},
    ]
    answer = ok(owner.post("/api/staff/invite-bulk-csv/", {"staff_list": rows}), 201)
    assert answer.keys() == {"batch_id", "created", "failed", "errors", "invitation_ids"}
    assert (answer["created"], answer["failed"], len(answer["batch_id"])) == (2, 1, 16)
    assert answer["errors"] == ['Row 4: "KING" is not a valid role.']
    mailed = {"staff_list": [{"role": "WAITER", "email_address": address()}], "invitation_method": "email"}
    assert ok(owner.post("/api/staff/invite-bulk-csv/", mailed), 201)["created"] == 1
    for body, text in (
        ({}, "staff_list is required and must be a non-empty list."),
        ({"staff_list": rows, "invitation_method": "sms"}, "invitation_method must be 'whatsapp' or 'email'."),
    ):
        refused = owner.post("/api/staff/invite-bulk-csv/", body)
        assert (refused.status_code, refused.json()["error"]) == (400, text)


def test_a_link_shows_and_accepts_with_a_password(client: httpx.Client, house: Restaurant, owner: Person) -> None:
    token = ok(owner.post("/api/staff/invite/", {"role": "OWNER", "email": address()}), 201)["token"]
    shown = ok(client.get("/api/invitations/by-token/", params={"token": token}))
    assert shown.keys() == {
        "id", "email", "role", "first_name", "last_name", "status", "is_accepted", "has_phone", "restaurant_name",
        "expires_at",
    }  # fmt: skip
    assert (shown["restaurant_name"], shown["has_phone"]) == (house.data["name"], False)
    body = {"token": token, "password": PASSWORD, "first_name": "Ali", "last_name": "Baba"}
    accepted = ok(client.post("/api/invitations/accept/", json=body), 201)
    assert accepted.keys() == {"detail", "user", "tokens"}
    assert accepted["tokens"].keys() == {"access", "refresh"}
    assert (accepted["user"]["role"], accepted["user"]["is_verified"]) == ("OWNER", True)
    assert ok(client.get("/api/invitations/by-token/", params={"token": token}))["is_accepted"] is True
    again = client.post("/api/invitations/accept/", json=body)
    assert (again.status_code, again.json()["detail"]) == (400, "Invitation has already been accepted")
    missing = client.post("/api/invitations/accept/", json={"token": token})
    assert {"password", "first_name", "last_name"} <= missing.json().keys()


def test_the_refusals_of_links(client: httpx.Client) -> None:
    missing = client.get("/api/invitations/by-token/")
    assert (missing.status_code, missing.json()["detail"]) == (400, "token query parameter is required")
    unknown = client.get("/api/invitations/by-token/", params={"token": "nobody-made-this"})
    assert (unknown.status_code, unknown.json()["detail"]) == (404, "Invitation not found")
    body = {"token": "nobody-made-this", "password": PASSWORD, "first_name": "A", "last_name": "B"}
    forged = client.post("/api/invitations/accept/", json=body)
    assert (forged.status_code, forged.json()["detail"]) == (400, "Invalid invitation token")
    pin = client.post("/api/staff/accept-invitation/", json={**body, "pin_code": "4444"})
    assert (pin.status_code, pin.json()["error"]) == (400, "Invalid or expired invitation")
    empty = client.post("/api/staff/accept-invitation/", json={})
    assert empty.status_code == 400
    for field in ("token", "first_name", "last_name", "pin_code"):
        assert empty.json()[field] == "This field is required."


def test_staff_accept_with_a_pin_and_log_in_with_it(client: httpx.Client, owner: Person) -> None:
    made = invite(owner, email=None, phone_number=number())
    body = {"token": made["token"], "first_name": "Ali", "last_name": "Baba", "pin_code": "97531"}
    accepted = ok(client.post("/api/staff/accept-invitation/", json=body), 201)
    assert accepted.keys() == {"user", "tokens"}
    assert accepted["user"]["email"] == f"212{made['phone_number'][1:]}@mizan.ai"
    login = client.post("/api/auth/pin-login/", json={"email": accepted["user"]["email"], "pin_code": "97531"})
    assert ok(login)["user"]["id"] == accepted["user"]["id"]
    other = invite(owner)
    taken = client.post("/api/staff/accept-invitation/", json={**body, "token": other["token"]})
    assert (taken.status_code, taken.json()["code"]) == (400, "pin_taken")
    assert isinstance(taken.json()["pin_code"], str)


def test_an_agent_looks_up_and_accepts(
    client: httpx.Client, house: Restaurant, owner: Person, agent: dict[str, str]
) -> None:
    phone = number()
    made = invite(owner, email=None, phone_number=phone, first_name="Aziz")
    found = ok(client.get("/api/agent/lookup-invitation/", params={"phone": f"+212{phone[1:]}"}, headers=agent))
    assert found["success"] is True
    assert found["invitation"] == {
        "token": made["token"],
        "first_name": "Aziz",
        "last_name": None,
        "role": "WAITER",
        "restaurant_name": house.data["name"],
    }
    body = {"invitation_token": found["invitation"]["token"], "phone": phone, "pin": "1234"}
    answers = [ok(client.post("/api/agent/accept-invitation/", json=body, headers=agent)) for _ in range(2)]
    assert answers[0] == answers[1]
    user = answers[0]["user"]
    assert user.keys() == {"id", "email", "first_name", "last_name", "phone", "role", "restaurant"}
    assert user["restaurant"] == {"id": house.data["id"], "name": house.data["name"]}
    assert (answers[0]["success"], answers[0]["pin_set"], user["first_name"]) == (True, False, "Aziz")


def test_the_refusals_of_agents(client: httpx.Client, owner: Person, agent: dict[str, str]) -> None:
    for phone in ("", "abc", "%"):
        refused = client.get("/api/agent/lookup-invitation/", params={"phone": phone}, headers=agent)
        assert (refused.status_code, refused.json()["error"]) == (400, "phone query parameter is required")
    invite(owner, email=None, phone_number=number())
    nobody = client.get("/api/agent/lookup-invitation/", params={"phone": "0600000001"}, headers=agent)
    assert (nobody.status_code, nobody.json()["error"]) == (404, "No pending invitation found for this number")
    for body, text in (
        ({}, "invitation_token is required"),
        ({"invitation_token": "nobody-made-this"}, "Invalid invitation token"),
    ):
        refused = client.post("/api/agent/accept-invitation/", json=body, headers=agent)
        assert refused.status_code == 400
        assert refused.json()["success"] is False
        assert refused.json()["error"] == text
    for headers in ({}, {"Authorization": "Bearer nobody"}):
        stranger = client.get("/api/agent/lookup-invitation/?phone=0600000001", headers=headers)
        # An installation without a key of the platform's own says so instead.
        assert stranger.status_code in {401, 503}
        assert stranger.json()["success"] is False
    as_person = owner.get("/api/agent/lookup-invitation/?phone=0600000001")
    assert as_person.status_code == 403


def test_what_a_key_says_twice_happens_once(owner: Person) -> None:
    key = {"Idempotency-Key": uuid4().hex}
    body = {"email": f"{uuid4().hex[:10]}@example.com", "role": "WAITER"}
    answers = [ok(owner.post("/api/users/", body, headers=key), 201) for _ in range(2)]
    assert answers[0] == answers[1]
    other = owner.post("/api/users/", {**body, "role": "CHEF"}, headers=key)
    assert other.status_code == 422
