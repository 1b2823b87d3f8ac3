"""A working week at the clock: too early, at the door, on a break, forgotten, corrected, approved and paid."""

import csv
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from datetime import time as of_day
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.support import browser
from tests.support.people import Person, Restaurant, join, register
from tests.support.waiting import eventually
from tools.installation import Site
from tools.services import ROOT

pytestmark = pytest.mark.e2e

ZONE = ZoneInfo("Africa/Casablanca")
# The Koutoubia.
PLACE = {"latitude": 31.624, "longitude": -7.9936}
PICTURE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgAAIAAAUAAeImBZsAAAAASUVORK5CYII="
)


@pytest.fixture(scope="module")
def client(installation: Site) -> Iterator[httpx.Client]:
    with browser.client(installation.url) as client:
        yield client


@pytest.fixture(scope="module")
def restaurant(client: httpx.Client) -> Restaurant:
    made = register(client, "Koutoubia")
    ask(made.owner, "POST", "/api/settings/geolocation/", 200, {**PLACE, "radius": 60})
    join(made, "MANAGER", "4500")
    return made


def ask(person: Person, method: str, path: str, status: int, body: Any = None, **options: Any) -> Any:
    answer = person.request(method, path, json=body, **options)
    assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content and "json" in answer.headers["content-type"] else answer.text


def place_is_known(person: Person) -> bool:
    return person.get("/api/timeclock/restaurant-location/").status_code == 200


def text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat()


def test_a_week_at_the_clock(restaurant: Restaurant, client: httpx.Client) -> None:
    owner, manager = restaurant.owner, restaurant.people["MANAGER"]
    waiter = join(restaurant, "WAITER", "4501")
    eventually(lambda: place_is_known(waiter))
    now = datetime.now(ZONE)
    # A business day that neither begins nor ends within the hour.
    turns = "00:00" if of_day(3) <= now.time() < of_day(6) else "05:00"
    rules = ask(
        manager, "PATCH", "/api/timeclock/settings/", 200, {"day_starts_at": turns, "early_clock_in_minutes": 15}
    )
    assert (rules["early_clock_in_minutes"], rules["labour_rules"]) == (15, "MA")
    wage = {"staff": waiter.id, "effective_from": "2026-01-01", "hourly_rate": 40}
    assert eventually(lambda: owner.post("/api/timeclock/wages/", wage).status_code == 201)

    # The shift begins in 45 minutes; the door opens 15 minutes before.
    begins = now + timedelta(minutes=45)
    shift = eventually(
        lambda: (
            manager.post(
                "/api/scheduling/assigned-shifts-v2/",
                {
                    "staff_members": [waiter.id],
                    "shift_date": f"{begins:%Y-%m-%d}",
                    "start_time": f"{begins:%H:%M}",
                    "end_time": f"{begins + timedelta(hours=4):%H:%M}",
                    "break_duration": "00:30:00",
                },
            )
            .raise_for_status()
            .json()
            if manager.get("/api/scheduling/assigned-shifts-v2/", params={"staff_id": waiter.id}).status_code == 200
            else None
        )
    )
    ask(manager, "POST", f"/api/scheduling/weekly-schedules-v2/{shift['schedule']}/publish/", 200)
    seen = eventually(lambda: ask(waiter, "GET", "/api/timeclock/staff-dashboard/", 200)["todaysShift"])
    assert seen["id"] == shift["id"]
    assert seen["section"] is None
    early = ask(waiter, "POST", "/api/timeclock/web-clock-in/", 400, {**PLACE, "accuracy": 10})
    assert (early["error"], early["code"]) == ("Too early", "too_early")
    assert f"{begins:%H:%M}" in early["message"]
    allowance = {"staff_id": waiter.id, "reason": "The delivery comes early"}
    assert ask(waiter, "POST", "/api/timeclock/early-clock-ins/", 403, allowance)["message"]
    ask(manager, "POST", "/api/timeclock/early-clock-ins/", 201, allowance)

    # In at the door, on a break, and out.
    street = {"latitude": PLACE["latitude"] + 0.01, "longitude": PLACE["longitude"], "accuracy": 10}
    far = ask(waiter, "POST", "/api/timeclock/web-clock-in/", 400, street)
    assert far["error"] == "Location verification failed"
    assert far["within_range"] is False
    assert far["distance"] == pytest.approx(1112, abs=1)
    assert "1.1 km" in far["message"]
    vague = ask(waiter, "POST", "/api/timeclock/web-clock-in/", 400, {**PLACE, "accuracy": 5000})
    assert vague["error"] == "GPS accuracy too weak"
    came = ask(waiter, "POST", "/api/timeclock/web-clock-in/", 200, {**PLACE, "accuracy": 10, "photo": PICTURE})
    assert (came["distance_from_restaurant"], came["location_verified"]) == ("0m", True)
    # As an <img> on a manager's page asks for it: without a token.
    (punch,) = ask(manager, "GET", f"/api/timeclock/attendance/staff/{waiter.id}/", 200)
    picture = client.get(punch["photo"])
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
    shown = ("x-content-type-options", "content-disposition", "cache-control")
    assert [picture.headers[name] for name in shown] == [
        "nosniff",
        "inline; filename=\"punch.png\"; filename*=UTF-8''punch.png",
        "private, max-age=1800",
    ]
    assert client.get(punch["photo"].partition("?")[0]).status_code == 401
    assert client.get(punch["photo"].replace("signature=", "signature=A")).status_code == 403
    assert came["event"]["id"] == came["session_id"]
    twice = ask(waiter, "POST", "/api/timeclock/web-clock-in/", 400, {**PLACE, "accuracy": 10})
    assert (twice["error"], twice["last_clock_in"][:19]) == ("Already clocked in", came["clock_in_time"][:19])
    began = ask(waiter, "POST", "/api/timeclock/start-break/", 201)
    assert (began["event_type"], began["event"]["is_break"]) == ("break_start", True)
    current = ask(waiter, "GET", "/api/timeclock/current-session/", 200)
    assert current["is_clocked_in"]
    assert current["currentSession"]["clock_in_time"] == current["currentSession"]["clock_in"]
    (here,) = ask(manager, "GET", "/api/timeclock/on-now/", 200)["on_now"]
    assert (here["staff_id"], here["is_on_break"], here["shift_id"]) == (waiter.id, True, shift["id"])
    ask(waiter, "POST", "/api/timeclock/break/end/", 201)
    went = ask(waiter, "POST", "/api/timeclock/web-clock-out/", 200)
    assert went["session_id"] == went["event"]["id"] == came["session_id"]
    none = ask(waiter, "POST", "/api/timeclock/web-clock-out/", 400)
    assert none["error"] == "Not clocked in"

    # The manager puts the day right: two hours, of which half an hour was a break.
    log = ask(manager, "GET", "/api/timeclock/punches/", 200, params={"staff_id": waiter.id})
    assert [entry["event_type"] for entry in log] == ["in", "break_start", "break_end", "out"]
    out_at = datetime.fromisoformat(went["clock_out_time"]).replace(microsecond=0)
    for entry, minutes in zip(log, (120, 90, 60, 0), strict=True):
        body = {"timestamp": text(out_at - timedelta(minutes=minutes)), "reason": "The tablet was down"}
        assert ask(waiter, "POST", f"/api/timeclock/punches/{entry['id']}/correct/", 403, body)["message"]
        ask(manager, "POST", f"/api/timeclock/punches/{entry['id']}/correct/", 200, body)
    corrected = ask(manager, "GET", "/api/timeclock/punches/", 200, params={"staff_id": waiter.id})
    assert sorted(entry["revision"] for entry in corrected) == [0, 0, 0, 0, 1, 1, 1, 1]
    assert [entry["in_effect"] for entry in corrected if entry["revision"] == 0] == [False] * 4

    # Two days ago the phone was offline from 06:00 to 18:30; it sends what it kept, twice, and in no order.
    before = (now - timedelta(days=2)).date()
    kept = {
        "web-clock-out": of_day(18, 30),
        "start-break": of_day(12),
        "web-clock-in": of_day(6),
        "end-break": of_day(12, 30),
    }
    for _ in range(2):
        for path, at in kept.items():
            happened = datetime.combine(before, at, ZONE)
            kept_punch: dict[str, Any] = {"occurred_at": text(happened), "client_key": f"{before}-{path}", **PLACE}
            taken = waiter.post(f"/api/timeclock/{path}/", kept_punch)
            assert taken.status_code in (200, 201), taken.text
            assert "OFFLINE" in taken.json()["flags"]
    first, last = f"{now - timedelta(days=7):%Y-%m-%d}", f"{now + timedelta(days=1):%Y-%m-%d}"
    history = ask(
        waiter, "GET", "/api/timeclock/attendance-history/", 200, params={"start_date": first, "end_date": last}
    )
    assert [(one["status"], one["total_hours"]) for one in history] == [("completed", 12), ("completed", 1.5)]
    assert history[0]["breaks"][0]["duration_minutes"] == 30

    # 12 hours of one day: 10 ordinary ones and 2 a quarter dearer; 1.5 of another. At 40 an hour that is
    # 11.5 x 40 + 2 x 50 = 560.
    sheet = ask(
        manager, "POST", "/api/scheduling/timesheets/", 201, {"staff": waiter.id, "start_date": first, "end_date": last}
    )
    assert (sheet["status"], sheet["total_hours"], sheet["total_earnings"]) == ("DRAFT", 13.5, 560)
    assert (sheet["regular_hours"], sheet["overtime_hours"], sheet["hourly_rate"]) == (11.5, 2, 40)
    assert sheet["scheduled_hours"] == 3.5
    (entry,) = sheet["entries"]
    assert (entry["hours_worked"], entry["shift_details"]["id"]) == (1.5, shift["id"])
    lines = [(line["kind"], line["seconds"], line["multiplier"], line["amount"]) for line in sheet["lines"]]
    assert lines == [
        ("REGULAR", 6 * 3600, 1, 240),
        ("REGULAR", 4 * 3600, 1, 160),
        ("DAILY_OVERTIME", 2 * 3600, 1.25, 100),
        ("REGULAR", 1800, 1, 20),
        ("REGULAR", 3600, 1, 40),
    ]
    assert "article 201" in sheet["lines"][2]["rule"]
    assert sheet["lines"][4]["session_id"] == came["session_id"]
    path = f"/api/scheduling/timesheets/{sheet['id']}"
    assert ask(manager, "POST", f"{path}/approve/", 400)["detail"]
    submitted = ask(waiter, "POST", f"{path}/submit/", 200)
    assert submitted["timesheet"]["status"] == "SUBMITTED"
    assert ask(waiter, "POST", f"{path}/approve/", 403)["message"]
    approved = ask(manager, "POST", f"{path}/approve/", 200)["timesheet"]
    assert (approved["status"], approved["approved_by"], approved["total_earnings"]) == ("APPROVED", manager.id, 560)
    assert ask(manager, "POST", f"{path}/recalculate/", 400)["code"] == "wrong_status"

    exported = manager.get("/api/scheduling/timesheets/export/", params={"start_date": first, "end_date": last})
    assert exported.headers["content-type"].startswith("text/csv"), exported.text
    rows = list(csv.DictReader(io.StringIO(exported.text)))
    assert sum(float(row["amount"]) for row in rows) == 560
    assert {row["employee_id"] for row in rows} == {waiter.id}
    assert [(row["kind"], row["hours"]) for row in rows][2] == ("DAILY_OVERTIME", "2.0000")

    # What is corrected now is settled in the next period: half an hour more, at 40.
    (out,) = [one for one in corrected if one["event_type"] == "out" and one["revision"] == 1]
    late = {"timestamp": text(out_at - timedelta(minutes=30)), "reason": "Left half an hour before"}
    ask(manager, "POST", f"/api/timeclock/punches/{out['punch_id']}/correct/", 200, late)
    assert ask(waiter, "GET", f"{path}/", 200)["total_earnings"] == 560
    following = {
        "staff": waiter.id,
        "start_date": f"{now + timedelta(days=2):%Y-%m-%d}",
        "end_date": f"{now + timedelta(days=9):%Y-%m-%d}",
    }
    settled = ask(manager, "POST", "/api/scheduling/timesheets/", 201, following)
    assert (settled["total_hours"], settled["adjustment_hours"], settled["total_earnings"]) == (-0.5, -0.5, -20)
    assert [(line["kind"], line["adjusts"]) for line in settled["lines"]] == [("ADJUSTMENT", sheet["id"])]
    paid = ask(manager, "POST", f"{path}/mark_paid/", 200)["timesheet"]
    assert (paid["status"], paid["total_hours"]) == ("PAID", 13.5)

    # The day in the reports, and the session's review.
    (today, *_) = ask(owner, "GET", "/api/reporting/attendance/", 200)
    assert today["total_staff_hours"] in (1, 12)
    review = {"session_id": came["session_id"], "rating": 5, "tags": ["busy"], "hours_decimal": 1.5}
    assert ask(waiter, "POST", "/api/attendance/shift-reviews/", 201, review)["verified_location"]


def test_a_kiosk_knows_people_by_their_pins(client: httpx.Client, restaurant: Restaurant) -> None:
    manager, waiter = restaurant.people["MANAGER"], join(restaurant, "CASHIER", "4599")
    eventually(lambda: place_is_known(waiter))
    device = ask(restaurant.owner, "POST", "/api/devices/pair/", 201, {"name": "Door"})["device_token"]
    wall = {"X-Device-Token": device}
    nobody = client.post("/api/timeclock/clock-in/", json={"pin_code": "4599", **PLACE})
    assert nobody.status_code == 401
    wrong = client.post("/api/timeclock/clock-in/", json={"pin_code": "999999", **PLACE}, headers=wall)
    assert (wrong.status_code, wrong.json()["non_field_errors"]) == (400, ["Invalid PIN code"])
    came = client.post("/api/timeclock/clock-in/", json={"pin_code": "4599"}, headers=wall)
    assert came.status_code == 200, came.text
    assert (came.json()["staff"], came.json()["event_type"], came.json()["location_verified"]) == (
        waiter.id,
        "in",
        True,
    )
    lent = ask(manager, "POST", "/api/timeclock/clock-in/", 400, {"pin_code": "4599", **PLACE})
    assert lent["error"] == "Already clocked in"
    vague = ask(manager, "POST", "/api/timeclock/clock-in/", 400, {"pin_code": "4599", **PLACE, "accuracy": 60})
    assert "GPS accuracy too weak" in vague["non_field_errors"][0]
    missing = ask(manager, "POST", "/api/timeclock/clock-in/", 400, {"pin_code": "4599"})
    assert set(missing) >= {"latitude", "longitude"}
    went = ask(manager, "POST", "/api/timeclock/clock-out/", 200, {"pin_code": "4599"})
    assert went["event_type"] == "out"
    again = ask(manager, "POST", "/api/timeclock/clock-out/", 400, {"pin_code": "4599"})
    assert again["error"] == "Not clocked in"
    today = ask(manager, "GET", "/api/timeclock/attendance/today/", 200)
    assert [event["event_type"] for event in today if event["staff"] == waiter.id] == ["out", "in"]


def test_the_agent_clocks_for_people_of_its_restaurant(client: httpx.Client, restaurant: Restaurant) -> None:
    waiter = join(restaurant, "BARTENDER", "4588")
    eventually(lambda: place_is_known(waiter))
    created = restaurant.owner.post("/api/api-keys/", {"name": "Agent", "kind": "AGENT", "scopes": ["agent.timeclock"]})
    assert created.status_code == 201, created.text
    key = {"Authorization": f"Bearer {created.json()['key']}"}
    body = {"staff_id": waiter.id, **PLACE, "timestamp": "2026-01-01T00:00:00Z"}
    came = client.post("/api/timeclock/agent/clock-in/", json=body, headers=key)
    assert came.status_code == 200, came.text
    assert (came.json()["success"], came.json()["device_id"]) == (True, "Lua Agent")
    twice = client.post("/api/timeclock/agent/clock-in/", json=body, headers=key)
    assert (twice.status_code, twice.json()["success"], twice.json()["error"]) == (400, False, "Already clocked in")
    incomplete = client.post("/api/timeclock/agent/clock-in/", json={"staff_id": waiter.id}, headers=key)
    assert incomplete.json()["error"] == "staff_id, latitude, and longitude are required"
    stranger = register(client, "Elsewhere").owner
    foreign = client.post("/api/timeclock/agent/clock-in/", json={**body, "staff_id": stranger.id}, headers=key)
    assert (foreign.status_code, foreign.json()["success"]) == (404, False)
    report = client.get(
        "/api/timeclock/agent/attendance-report/", params={"restaurant_id": restaurant.data["id"]}, headers=key
    ).json()
    (line,) = [one for one in report["summary"] if one["staff_id"] == waiter.id]
    assert (line["status"], line["shift_start"], line["lateness_minutes"]) == ("Present", None, 0)
    assert (
        client.get("/api/timeclock/agent/attendance-report/", headers=key).json()["error"]
        == "restaurant_id is required"
    )
    went = client.post("/api/timeclock/agent/clock-out/", json={"staff_id": waiter.id}, headers=key)
    assert (went.status_code, went.json()["event_type"]) == (200, "out")


def mizan(installation: Site, *words: str) -> str:
    """Runs one of timeclock's commands, and returns what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.cli", "timeclock", *words],
        cwd=ROOT,
        env={**os.environ, **installation.environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_a_profile_says_somebody_earns_is_taken_over(installation: Site, restaurant: Restaurant) -> None:
    owner, cleaner = restaurant.owner, join(restaurant, "CLEANER", "4577")
    ask(owner, "PATCH", f"/api/staff/profiles/{cleaner.id}/", 200, {"hourly_rate": "25.00"})
    said = mizan(installation, "take-over-wages", "--restaurant", restaurant.data["id"])
    assert said == "asked for 1 restaurants\n"
    (wage,) = eventually(lambda: ask(cleaner, "GET", "/api/timeclock/wages/", 200))
    assert (wage["hourly_rate"], wage["effective_from"]) == (25, "2000-01-01")


def test_the_log_alone_makes_every_session_again(installation: Site, restaurant: Restaurant) -> None:
    said = mizan(installation, "rebuild", "--dry-run", "--restaurant", restaurant.data["id"])
    assert said == "0 sessions would be different\n"
