"""Restaurant, settings, locations, devices, keys and the audit trail, as the front end sends and reads them."""

import csv
import io
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.people import Person, Restaurant, join, register
from tests.support.waiting import eventually
from tools.installation import Site

UNIFIED = {
    "id", "name", "address", "phone", "phone_restaurant", "email", "latitude", "longitude", "radius",
    "geofence_enabled", "geofence_polygon", "geolocation_locked", "timezone", "currency", "language", "operating_hours",
    "automatic_clock_out", "break_duration", "email_notifications", "push_notifications", "pos_provider",
    "pos_merchant_id", "pos_is_connected", "pos_integration", "ai_config", "pin_login_in_geofence",
    "settings_schema_version", "settingsVersion",
}  # fmt: skip
PLACE = {"latitude": 33.5898861234, "longitude": -7.603869, "radius": 50}


@pytest.fixture(scope="module")
def client(installation: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=installation.url, timeout=30, headers={"X-Forwarded-For": "198.51.100.61"}) as client:
        yield client


@pytest.fixture(scope="module")
def house(client: httpx.Client) -> Restaurant:
    made = register(client, "Settings")
    join(made, "MANAGER", "4200")
    join(made, "WAITER", "4201")
    return made


@pytest.fixture
def owner(house: Restaurant) -> Person:
    return house.owner


def put(person: Person, path: str, body: Any) -> httpx.Response:
    return person.request("PUT", path, json=body)


def unified(person: Person) -> Any:
    answer = person.get("/api/settings/unified/")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_settings_screen_reads_saves_and_reads_again(owner: Person) -> None:
    before = unified(owner)
    assert before.keys() == UNIFIED
    assert before["settingsVersion"] == before["settings_schema_version"]
    assert isinstance(before["settingsVersion"], int)
    hours = {"Monday": {"open": "09:00", "close": "23:00", "isClosed": False}}
    saved = put(
        owner,
        "/api/settings/unified/",
        {
            "settingsVersion": before["settingsVersion"],
            "phone_restaurant": "0522 12 34 56",
            "operating_hours": hours,
            "email_notifications": {"revenue": True},
            "pos_provider": "toast",
            "pos_api_key": "tk-1",
            "ai_enabled": False,
            "ai_provider": "CLAUDE",
            "ai_features_enabled": {"insights": True},
            "radius": 1,
            "latitude": 12,
            "general": {"name": "x"},
        },
    )
    assert saved.status_code == 200, saved.text
    after = saved.json()
    assert after["settingsVersion"] > before["settingsVersion"]
    assert (after["phone"], after["operating_hours"], after["pos_provider"]) == ("0522 12 34 56", hours, "TOAST")
    assert (after["radius"], after["latitude"]) == (before["radius"], before["latitude"])
    assert (after["ai_config"]["enabled"], after["ai_config"]["features_enabled"]) == (False, {"insights": True})
    assert "tk-1" not in saved.text
    assert unified(owner) == after
    assert put(owner, "/api/settings/unified/", {"general": {"theme": "dark"}}).status_code == 200


def test_a_stale_save_is_a_conflict(owner: Person) -> None:
    stale = put(owner, "/api/settings/unified/", {"settings_schema_version": 1, "name": "Late"})
    assert stale.status_code == 409
    assert stale.json()["detail"] == "Settings version conflict"
    assert unified(owner)["name"] != "Late"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"timezone": "Casablanca"}, "timezone"),
        ({"currency": "dirham"}, "currency"),
        ({"language": "es"}, "language"),
        ({"email": "nobody"}, "email"),
        ({"name": ""}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"pos_provider": "ABACUS"}, "pos_provider"),
        ({"ai_provider": "HAL"}, "ai_provider"),
        ({"break_duration": -1}, "break_duration"),
        ({"break_duration": "long"}, "break_duration"),
        ({"automatic_clock_out": "perhaps"}, "automatic_clock_out"),
        ({"operating_hours": "always"}, "operating_hours"),
        ({"operating_hours": {"Monday": {"open": "9"}}}, "operating_hours"),
        ({"push_notifications": {"revenue": "yes"}}, "push_notifications"),
        ({"settings_schema_version": "new"}, "settings_schema_version"),
    ],
)
def test_a_bad_setting_is_named_and_nothing_is_saved(owner: Person, body: dict[str, Any], field: str) -> None:
    before = unified(owner)
    refused = put(owner, "/api/settings/unified/", {"address": "Elsewhere", **body})
    assert refused.status_code == 400, refused.text
    answer = refused.json()
    assert answer["message"]
    assert answer["code"]
    assert field in answer["errors"]
    assert unified(owner) == before


@pytest.mark.parametrize("raw", [b"{", b"[]", b'"x"', b"\xff"])
def test_what_is_no_object_is_refused(owner: Person, raw: bytes) -> None:
    headers = {"content-type": "application/json"}
    assert owner.request("PUT", "/api/settings/unified/", content=raw, headers=headers).status_code == 400


def test_the_location_is_locked_after_it_was_set(house: Restaurant) -> None:
    manager, waiter = house.people["MANAGER"], house.people["WAITER"]
    assert waiter.post("/api/settings/geolocation/", PLACE).status_code == 403
    assert manager.post("/api/settings/geolocation/", {**PLACE, "radius": 500}).status_code == 400
    assert manager.post("/api/settings/geolocation/", {"radius": 50}).status_code == 400
    placed = manager.post("/api/settings/geolocation/", PLACE)
    assert placed.status_code == 200, placed.text
    assert {name: placed.json()[name] for name in ("latitude", "longitude", "radius", "geofence_polygon")} == {
        "latitude": "33.589886",
        "longitude": "-7.603869",
        "radius": "50.00",
        "geofence_polygon": [],
    }
    locked = manager.post("/api/settings/geolocation/", PLACE)
    assert locked.status_code == 403
    assert locked.json()["error"] == "Location locked"
    assert "super admin" in locked.json()["message"]
    assert unified(manager)["geolocation_locked"] is True
    assert house.owner.post("/api/settings/geolocation/", PLACE).status_code == 200

    here = {"latitude": 33.589886, "longitude": -7.603869}
    inside = waiter.post("/api/settings/validate_geolocation/", here).json()
    assert (inside["is_within_geofence"], inside["distance_meters"], inside["radius_meters"]) == (True, 0.0, 50.0)
    missing = waiter.post("/api/settings/validate_geolocation/", {})
    assert (missing.status_code, missing.json()["error"]) == (400, "Missing coordinates")

    unknown = waiter.get("/api/location/get_location/")
    assert (unknown.status_code, unknown.json()["error"]) == (404, "No location data")
    updated = waiter.post("/api/location/update_location/", here)
    assert updated.json() == {"status": "Location updated", "within_geofence": True, "distance_meters": 0.0}
    kept = waiter.get("/api/location/get_location/").json()
    assert (kept["latitude"], kept["longitude"]) == (33.589886, -7.603869)
    assert kept["timestamp"]
    assert waiter.post("/api/location/update_location/", {"latitude": 91, "longitude": 0}).status_code == 400
    assert waiter.get("/api/location/all_staff_locations/").status_code == 403
    everybody = house.owner.get("/api/location/all_staff_locations/").json()
    (seen,) = [row for row in everybody if row["user_id"] == waiter.id]
    assert (seen["last_location_latitude"], seen["hourly_rate"]) == ("33.589886", "0.00")


def test_the_restaurant_is_read_and_changed_under_each_of_its_paths(house: Restaurant) -> None:
    owner, own = house.owner, house.data["id"]
    assert owner.get("/api/restaurant/").json() == owner.get(f"/api/restaurant/{own}/").json()
    for number, path in enumerate(("/api/restaurant/", f"/api/restaurant/{own}/", f"/api/restaurant/{own}/update/")):
        changed = put(owner, path, {"name": f"Dar {number}", "max_weekly_hours": 44})
        assert changed.status_code == 200, changed.text
        assert (changed.json()["name"], changed.json()["max_weekly_hours"]) == (f"Dar {number}", "44.00")
        assert "pos_api_key" not in changed.json()
    assert put(house.people["MANAGER"], "/api/restaurant/", {"name": "Mine"}).status_code == 403
    for foreign in (str(uuid4()), "none"):
        assert owner.get(f"/api/restaurant/{foreign}/").status_code == 404
        assert put(owner, f"/api/restaurant/{foreign}/", {"name": "x"}).status_code == 404
    mine = put(owner, "/api/settings/update_my_restaurant/", {"break_duration": 45}).json()
    assert mine["break_duration"] == 45
    assert house.people["WAITER"].get("/api/settings/my_restaurant/").json()["break_duration"] == 45


def test_the_pos_and_assistant_screens(house: Restaurant) -> None:
    owner, waiter = house.owner, house.people["WAITER"]
    for path in ("pos_integration", "ai_assistant_config", "geolocation", "unified"):
        assert waiter.get(f"/api/settings/{path}/").status_code == 403
    stored = owner.post("/api/settings/pos_integration/", {"pos_provider": "CLOVER", "pos_merchant_id": "M1"})
    assert stored.json() == {"status": "POS configuration updated", "provider": "CLOVER", "merchant_id": "M1"}
    link = owner.get("/api/settings/pos_integration/").json()
    assert (link["restaurant"], link["sync_status"], link["last_sync_time"]) == (
        house.data["id"],
        "DISCONNECTED",
        None,
    )
    assistant = owner.post("/api/settings/ai_assistant_config/", {"enabled": False})
    assert (assistant.json()["enabled"], assistant.json()["ai_provider"]) == (False, "GROQ")
    assert owner.get("/api/settings/ai_assistant_config/").json() == assistant.json()


def test_a_device_is_paired_by_cookie_and_token(house: Restaurant, client: httpx.Client) -> None:
    manager = house.people["MANAGER"]
    paired = manager.post("/api/devices/pair/", {"name": "Bar"})
    assert paired.status_code == 201, paired.text
    cookie = paired.headers["set-cookie"]
    assert cookie.startswith(f"mizan_device={paired.json()['device_token']};")
    assert {"HttpOnly", "Secure", "SameSite=Lax"} <= set(cookie.split("; "))
    client.cookies.clear()
    for headers in (
        {"X-Device-Token": paired.json()["device_token"]},
        {"Cookie": f"mizan_device={paired.json()['device_token']}"},
    ):
        opened = client.post("/api/auth/pin-login/", json={"pin_code": "4201"}, headers=headers)
        assert opened.status_code == 200, opened.text
        assert opened.json()["user"]["id"] == house.people["WAITER"].id
    (listed,) = manager.get("/api/devices/").json()
    assert (listed["name"], listed["paired_by"]) == ("Bar", manager.id)
    assert manager.get("/api/devices/?page=1").json()["count"] == 1
    assert manager.request("DELETE", f"/api/devices/{listed['id']}/").status_code == 204
    assert manager.request("DELETE", f"/api/devices/{listed['id']}/").status_code == 404
    refused = client.post("/api/auth/pin-login/", json={"pin_code": "4201"}, headers=headers)
    assert refused.status_code in (400, 401)


def test_a_key_works_until_it_is_revoked(house: Restaurant, client: httpx.Client) -> None:
    owner = house.owner
    body = {"name": "Books", "kind": "integration", "scopes": ["audit.view"], "expires_at": "2090-01-01T00:00:00Z"}
    created = owner.post("/api/api-keys/", body)
    assert created.status_code == 201, created.text
    assert created.json()["key"].startswith("mzk_")
    faults: list[dict[str, Any]] = [
        {"scopes": []},
        {"scopes": ["everything"]},
        {"kind": "HUMAN"},
        {"name": ""},
        {"expires_at": "soon"},
    ]
    for bad in faults:
        assert owner.post("/api/api-keys/", {**body, **bad}).status_code == 400, bad
    assert house.people["MANAGER"].post("/api/api-keys/", body).status_code == 403
    (listed,) = owner.get("/api/api-keys/").json()
    assert "key" not in listed
    key = {"X-API-Key": created.json()["key"]}
    # Known, and not one of the people this is for.
    assert client.get("/api/audit-logs/", headers=key).status_code == 403
    assert owner.request("DELETE", f"/api/api-keys/{listed['id']}/").status_code == 204
    eventually(lambda: client.get("/api/audit-logs/", headers=key).status_code == 401, seconds=10)


def test_the_trail_is_an_envelope_with_filters_and_a_file(house: Restaurant) -> None:
    owner, waiter = house.owner, house.people["WAITER"]
    told = waiter.post(
        "/api/audits/events/",
        {"event_type": "CHECKLIST_SUBMISSION", "execution_id": "e1", "status": "COMPLETED", "message": "done"},
    )
    assert told.status_code == 201, told.text
    acted = owner.post("/api/audits/admin-actions/", {"task_id": "t1", "action": "APPROVE", "message": "=fine"})
    assert acted.status_code == 201, acted.text
    assert waiter.post("/api/audits/admin-actions/", {"message": "x"}).status_code == 400
    assert waiter.get("/api/audit-logs/").status_code == 403

    found = eventually(lambda: owner.get("/api/audit-logs/?entity_id=t1").json(), lambda trail: trail["count"])
    assert found.keys() == {"count", "next", "previous", "results"}
    (entry,) = found["results"]
    assert (entry["user"], entry["action"], entry["entity_type"]) == (owner.id, "OTHER", "Task")
    assert entry["description"] == "APPROVE: =fine"
    assert owner.get(f"/api/audit-logs/{entry['id']}/").json() == entry
    assert owner.get(f"/api/audit-logs/{uuid4()}/").status_code == 404
    whole = owner.get("/api/audit-logs/?page_size=2").json()
    assert len(whole["results"]) == 2
    assert "page=2" in whole["next"]
    for query in ("?page=9999", "?page=0", "?page=x"):
        assert owner.get(f"/api/audit-logs/{query}").status_code == 404, query
    for query in ("?user=me", "?start_date=yesterday", "?search=" + "x" * 101):
        assert owner.get(f"/api/audit-logs/{query}").status_code == 400, query

    file = owner.get("/api/audit-logs/export/?entity_type=Task")
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert file.headers["content-disposition"].startswith('attachment; filename="audit-trail-')
    (row,) = csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"), newline=""))
    assert (row["entity_id"], row["actor"]) == ("t1", entry["actor"])
