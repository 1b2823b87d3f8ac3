"""Users, employees and roles, as the front end sends and reads them."""

from collections.abc import Iterator
from functools import partial
from operator import eq
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support import browser
from tests.support.people import PASSWORD, Person, Restaurant, join, register
from tests.support.waiting import eventually
from tools.installation import Site

USER_SLIM = {
    "id", "email", "first_name", "last_name", "role", "phone", "restaurant", "restaurant_name", "is_verified",
    "created_at", "updated_at", "profile",
}  # fmt: skip
USER_FULL = USER_SLIM | {"role_display", "restaurant_data", "is_active", "preferred_language"}
PROFILE = {
    "hourly_rate", "salary_type", "join_date", "promotion_history", "emergency_contact_name", "emergency_contact_phone",
    "notes", "department",
}  # fmt: skip
STAFF_ROW = {
    "id", "email", "first_name", "last_name", "role", "phone", "is_active", "created_at", "updated_at", "profile",
    "user", "username", "employee_id", "date_joined", "join_date", "department", "role_display", "position",
}  # fmt: skip
STAFF_ACCOUNT = {"id", "first_name", "last_name", "email", "role", "is_active", "phone"}
ROLE = {
    "code", "name", "description", "permissions", "is_standard", "is_customised", "is_administrative", "member_count",
    "is_editable", "is_grantable",
}  # fmt: skip
NOWHERE = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
def client(installation: Site) -> Iterator[httpx.Client]:
    with browser.client(installation.url) as client:
        yield client


@pytest.fixture(scope="module")
def house(client: httpx.Client) -> Restaurant:
    made = register(client, "People")
    join(made, "OWNER", "")
    join(made, "MANAGER", "")
    join(made, "WAITER", "4301")
    return made


@pytest.fixture
def owner(house: Restaurant) -> Person:
    return house.owner


@pytest.fixture
def manager(house: Restaurant) -> Person:
    return house.people["MANAGER"]


def put(person: Person, path: str, body: Any) -> httpx.Response:
    return person.request("PUT", path, json=body)


def ok(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def hire(owner: Person, role: str = "WAITER", **fields: Any) -> dict[str, Any]:
    body = {"email": f"{uuid4().hex[:12]}@example.com", "role": role, "first_name": "Nora", **fields}
    made: dict[str, Any] = ok(owner.post("/api/users/", body), 201)
    return made


def test_users_are_an_array_until_a_page_is_asked_for(owner: Person, manager: Person) -> None:
    everybody = ok(manager.get("/api/users/"))
    assert all(user.keys() == USER_FULL | {"stats"} for user in everybody)
    assert all(user["restaurant"] == user["restaurant_data"]["id"] for user in everybody)
    assert not any("api_key" in name or "oauth" in name for user in everybody for name in user["restaurant_data"])
    page = ok(manager.get("/api/users/?page_size=2"))
    assert page.keys() == {"count", "next", "previous", "results"}
    assert (page["count"], len(page["results"])) == (len(everybody), 2)
    assert "page=2" in page["next"]
    assert ok(manager.get("/api/users/?page=1&page_size=1000"))["results"] == everybody
    assert [user["id"] for user in ok(owner.get("/api/users/?role=MANAGER"))] == [manager.id]
    assert ok(owner.get("/api/users/?is_active=false")) == []
    beyond = owner.get("/api/users/?page=99")
    assert (beyond.status_code, beyond.json()["detail"]) == (404, "Invalid page.")


def test_a_user_is_made_read_changed_and_left(house: Restaurant, owner: Person) -> None:
    made = hire(owner, "head waiter", restaurant=NOWHERE, preferred_language="fr", phone="")
    assert made.keys() == USER_FULL
    assert (made["role"], made["role_display"], made["restaurant"]) == ("HEAD_WAITER", "Head Waiter", house.data["id"])
    assert (made["phone"], made["preferred_language"], made["profile"]) == (None, "fr", None)
    path = f"/api/users/{made['id']}/"
    assert ok(owner.get(path)) == made
    changed = ok(owner.request("PATCH", path, json={"phone": "0612345678", "preferred_language": None, "email": ""}))
    assert (changed["phone"], changed["preferred_language"]) == ("0612345678", None)
    assert changed["email"] == made["email"]
    cleared = ok(owner.request("PATCH", path, json={"phone": None}))
    assert cleared["phone"] is None
    replaced = ok(put(owner, path, {"email": made["email"], "role": "CHEF", "first_name": "Sara"}))
    assert (replaced["role"], replaced["first_name"]) == ("CHEF", "Sara")
    role = ok(put(owner, f"{path}update_role/", {"role": "CASHIER"}))
    assert (role["detail"], role["user"]["role"]) == ("User role updated successfully", "CASHIER")
    assert ok(owner.post(f"{path}deactivate/")) == {"detail": "User deactivated successfully"}
    back = ok(owner.post(f"{path}reactivate/"))
    assert (back["detail"], back["user"]["is_active"]) == ("User reactivated successfully", True)
    assert ok(owner.request("DELETE", path), 204) is None
    assert ok(owner.get(path))["is_active"] is False


def test_managers_reactivate_nobody(owner: Person, manager: Person) -> None:
    made = hire(owner)
    ok(manager.post(f"/api/users/{made['id']}/deactivate/"))
    refused = manager.post(f"/api/users/{made['id']}/reactivate/")
    assert (refused.status_code, refused.json()["detail"]) == (403, "Only admins can reactivate users")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"role": "WAITER"}, "email"),
        ({"email": "nobody", "role": "WAITER"}, "email"),
        ({"email": "a@example.com"}, "role"),
        ({"email": "a@example.com", "role": "<b>"}, "role"),
        ({"email": "a@example.com", "role": "WAITER", "preferred_language": "de"}, "preferred_language"),
        ({"email": "a@example.com", "role": "WAITER", "first_name": "x" * 151}, "first_name"),
        ({"email": "a@example.com", "role": "WAITER", "is_active": "maybe"}, "is_active"),
    ],
)
def test_bad_accounts_are_refused_field_by_field(owner: Person, body: dict[str, Any], field: str) -> None:
    refused = owner.post("/api/users/", body)
    assert refused.status_code == 400
    assert isinstance(refused.json()[field], list)
    assert refused.json()["message"]


def test_staff_rows_are_flat_and_nested_at_once(house: Restaurant, owner: Person, manager: Person) -> None:
    rows = ok(manager.get("/api/staff/"))
    assert all(row.keys() == STAFF_ROW and row["user"].keys() == STAFF_ACCOUNT for row in rows)
    assert all(row["id"] == row["user"]["id"] for row in rows)
    assert "SUPER_ADMIN" not in {row["role"] for row in rows}
    assert "OWNER" in {row["role"] for row in rows}
    assert ok(manager.get("/api/accounts/staff/users/")) == rows
    assert ok(manager.get("/api/staff/?page=1"))["results"] == rows
    for path in ("/api/staff/list", "/api/staff/list/", "/api/staff/staff-list/"):
        assert ok(manager.get(path)) == rows
        seen = ok(house.people["WAITER"].get(path))
        assert {row["id"] for row in seen} == {row["id"] for row in rows}
        assert {row["email"] for row in seen} == {row["phone"] for row in seen} == {None}
    assert owner.id not in {row["id"] for row in rows}


def test_the_edit_screen_saves_account_and_profile(owner: Person) -> None:
    made = hire(owner, phone="0612345678")
    saved = ok(
        put(
            owner,
            f"/api/staff/profile/{made['id']}/update/",
            {
                "first_name": "Salma",
                "email": "",
                "phone": "0622222222",
                "role": "OWNER",
                "restaurant": NOWHERE,
                "profile": {"hourly_rate": 25.5, "department": "Floor", "join_date": "2026-01-31"},
            },
        )
    )
    assert saved.keys() == USER_SLIM
    assert saved["profile"].keys() == PROFILE
    assert (saved["first_name"], saved["role"], saved["email"]) == ("Salma", "OWNER", made["email"])
    assert saved["restaurant"] == made["restaurant"]
    assert (saved["profile"]["hourly_rate"], saved["profile"]["join_date"]) == ("25.50", "2026-01-31")
    assert ok(owner.request("DELETE", f"/api/staff/profile/{made['id']}/update/"), 204) is None
    assert ok(owner.get(f"/api/users/{made['id']}/"))["is_active"] is False


def test_the_staff_management_screen_edits_and_removes(owner: Person) -> None:
    made = hire(owner)
    path = f"/api/staff/{made['id']}/"
    body = {"user": {"first_name": "Hind", "role": "CHEF", "is_active": True, "pin_code": ""}, "employee_id": "E-1"}
    row = ok(put(owner, path, body))
    assert (row["first_name"], row["user"]["role"], row["employee_id"]) == ("Hind", "CHEF", "E-1")
    assert ok(put(owner, f"{path}role/", {"role": "WAITER"})) == {"message": "Role updated successfully"}
    assert ok(owner.request("DELETE", path)).keys() == {"message"}
    assert made["id"] not in {row["id"] for row in ok(owner.get("/api/staff/"))}
    assert made["id"] in {row["id"] for row in ok(owner.get("/api/staff/?is_active=false"))}


def test_a_reset_sets_the_pin_that_logs_in(client: httpx.Client, owner: Person, manager: Person) -> None:
    made, other = hire(owner), hire(owner)
    path = f"/api/staff/profile/{made['id']}/reset-password/"
    for body, text in (
        ({}, "Password is required"),
        ({"password": "abc"}, "Password must be at least 4 characters"),
    ):
        refused = manager.post(path, body)
        assert (refused.status_code, refused.json()["error"]) == (400, text)
    assert ok(manager.post(path, {"password": "864200"})) == {"message": "Password reset successfully"}
    login = client.post("/api/auth/pin-login/", json={"email": made["email"], "pin_code": "864200"})
    assert ok(login)["user"]["id"] == made["id"]
    taken = manager.post(f"/api/staff/profile/{other['id']}/reset-password/", {"password": "864200"})
    assert (taken.status_code, taken.json()["code"]) == (400, "pin_taken")
    above = manager.post(f"/api/staff/profile/{owner.id}/reset-password/", {"password": PASSWORD})
    assert above.status_code == 403


def test_a_reset_ends_the_sessions_within_two_seconds(house: Restaurant, owner: Person) -> None:
    waiter = join(house, "CASHIER", "4302")
    ok(waiter.get("/api/auth/me/"))
    ok(owner.post(f"/api/staff/profile/{waiter.id}/reset-password/", {"password": "4303"}))
    eventually(lambda: waiter.get("/api/auth/me/").status_code == 401, seconds=2)


def test_roles_are_listed_made_redefined_and_given_back(owner: Person, manager: Person) -> None:
    listed = {role["code"]: role for role in ok(manager.get("/api/roles/"))}
    assert all(role.keys() == ROLE for role in listed.values())
    assert listed["WAITER"]["is_editable"] is False
    catalogue = {entry["code"]: entry for entry in ok(owner.get("/api/permissions/"))}
    assert catalogue["staff.manage"].keys() == {"code", "description", "is_grantable"}
    made = ok(owner.post("/api/roles/", {"code": "floor lead", "permissions": ["schedule.view"]}), 201)
    assert (made["code"], made["permissions"]) == ("FLOOR_LEAD", ["schedule.view"])
    again = owner.post("/api/roles/", {"code": "FLOOR_LEAD"})
    assert (again.status_code, again.json()["code"]) == (409, "already_exists")
    changed = ok(owner.request("PATCH", "/api/roles/FLOOR_LEAD/", json={"name": "Floor lead", "permissions": []}))
    assert (changed["name"], changed["permissions"]) == ("Floor lead", [])
    assert ok(owner.request("DELETE", "/api/roles/FLOOR_LEAD/"), 204) is None
    assert owner.get("/api/roles/FLOOR_LEAD/").status_code == 404
    unknown = owner.request("PATCH", "/api/roles/WAITER/", json={"permissions": ["rule.world"]})
    assert unknown.json()["permissions"] == ['"rule.world" is not a valid choice.']
    assert manager.post("/api/roles/", {"code": "MINE"}).status_code == 403


def test_a_redefined_role_is_held_by_open_sessions_within_two_seconds(house: Restaurant, owner: Person) -> None:
    bartender = join(house, "BARTENDER", "4304")
    assert bartender.get("/api/staff/").status_code == 403
    for permissions, expected in ((["staff.view"], 200), ([], 403)):
        ok(owner.request("PATCH", "/api/roles/BARTENDER/", json={"permissions": permissions}))
        eventually(lambda: bartender.get("/api/staff/").status_code, partial(eq, expected), seconds=2)


def test_the_index_names_the_lists(client: httpx.Client, owner: Person) -> None:
    index = ok(owner.get("/api/"))
    assert index["users"].endswith("/api/users/")
    assert index["invitations"].endswith("/api/invitations/")
    assert client.get("/api/").status_code == 401


@pytest.mark.parametrize("path", ["/api/users/{id}/", "/api/users/not-an-id/", "/api/users/" + NOWHERE + "/"])
def test_a_person_elsewhere_is_no_person(client: httpx.Client, owner: Person, path: str) -> None:
    stranger = register(client, "Elsewhere")
    answer = owner.get(path.format(id=stranger.owner.id))
    assert answer.status_code == 404
    assert answer.json()["message"]
