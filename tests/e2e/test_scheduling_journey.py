"""A week of a restaurant, as its manager and its people live it: from a template to a shift that changed hands."""

import base64
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from tests.support import browser
from tests.support.people import Person, Restaurant, join, register
from tests.support.waiting import eventually
from tools.installation import Site

MONDAY = date(2031, 3, 3)
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(scope="module")
def client(installation: Site) -> Iterator[httpx.Client]:
    with browser.client(installation.url) as client:
        yield client


@pytest.fixture(scope="module")
def restaurant(client: httpx.Client) -> Restaurant:
    made = register(client, "Atlas")
    join(made, "MANAGER", "4200")
    join(made, "CHEF", "4201")
    return made


def waiters(restaurant: Restaurant) -> list[Person]:
    return [join(restaurant, "WAITER", f"{4300 + number}") for number in range(2)]


def until_known(manager: Person, people: list[Person]) -> None:
    """Waits, by planning for them, until scheduling has heard of everybody."""
    for number, person in enumerate(people):
        for _ in range(200):
            answer = manager.get(
                "/api/scheduling/assigned-shifts-v2/detect_conflicts/",
                params={
                    "staff_id": person.id,
                    "shift_date": str(MONDAY + timedelta(days=number)),
                    "start_time": "09:00:00",
                    "end_time": "10:00:00",
                },
            )
            if answer.status_code == 200:
                break
        assert answer.status_code == 200, answer.text


def made(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_week_from_template_to_swap(restaurant: Restaurant) -> None:
    manager, chef = restaurant.people["MANAGER"], restaurant.people["CHEF"]
    first, second = waiters(restaurant)
    until_known(manager, [chef, first, second])
    template = made(
        manager.post(
            "/api/schedule/templates/",
            {
                "name": "Winter",
                "is_active": True,
                "shifts": [
                    {
                        "role": "WAITER",
                        "day_of_week": 0,
                        "start_time": "09:00",
                        "end_time": "15:00",
                        "required_staff": 1,
                    },
                    {"role": "CHEF", "day_of_week": 0, "start_time": "09:00", "end_time": "17:00", "required_staff": 1},
                ],
            },
        ),
        201,
    )
    assert [shift["start_time"] for shift in template["shifts"]] == ["09:00:00", "09:00:00"]
    assert [found["id"] for found in made(manager.get("/api/scheduling/templates/"))] == [template["id"]]

    filled = made(
        manager.post(
            "/api/scheduling/generate-weekly-schedule/", {"template_id": template["id"], "week_start": str(MONDAY)}
        )
    )
    assert (filled["shifts_created"], filled["unfilled"]) == (2, 0)
    week = filled["schedule"]
    lunch = next(shift for shift in week["assigned_shifts"] if shift["role"] == "WAITER")
    owner, other = (first, second) if lunch["staff"] == first.id else (second, first)

    evening = made(
        manager.post(
            f"/api/scheduling/weekly-schedules/{week['id']}/assigned-shifts/",
            {
                "staff_members": [other.id],
                "shift_date": str(MONDAY + timedelta(days=1)),
                "start_time": "17:00",
                "end_time": "23:00",
                "break_duration": "00:30:00",
                "notes": "Evening",
                "tasks": [{"title": "Lay tables", "priority": "HIGH", "estimated_duration": 15}],
            },
        ),
        201,
    )
    assert (evening["staff"], evening["actual_hours"], evening["status"]) == (other.id, 5.5, "SCHEDULED")
    assert evening["tasks"][0]["estimated_duration"] == "00:15:00"
    twice = manager.post(
        f"/api/scheduling/weekly-schedules/{week['id']}/assigned-shifts/",
        {"staff": other.id, "shift_date": evening["shift_date"], "start_time": "22:00", "end_time": "23:30"},
    )
    assert twice.status_code == 409
    assert (twice.json()["code"], twice.json()["conflicts"][0]["type"]) == ("double_booking", "OVERLAP")

    published = made(manager.post(f"/api/scheduling/weekly-schedules-v2/{week['id']}/publish/"))
    assert published["notified"] == 3
    assert made(manager.post(f"/api/scheduling/weekly-schedules-v2/{week['id']}/publish/"))["notified"] == 0

    calendar = made(
        other.get(
            "/api/scheduling/calendar/my_shifts/",
            params={"start_date": str(MONDAY), "end_date": str(MONDAY + timedelta(days=6))},
        )
    )
    assert [event["id"] for event in calendar["events"]] == [evening["id"]]
    assert other.get("/api/scheduling/templates/").status_code == 403

    task = evening["tasks"][0]["id"]
    moved = other.request("PATCH", f"/api/scheduling/shift-tasks/{task}/", json={"status": "COMPLETED"})
    assert made(moved)["progress_percentage"] == 100

    swap = made(
        owner.post("/api/schedule/shift-swap-requests/", {"shift_to_swap": lunch["id"], "receiver": other.id}), 201
    )
    assert owner.post("/api/schedule/shift-swap-requests/", {"shift_to_swap": evening["id"]}).status_code == 400
    assert manager.post(f"/api/schedule/shift-swap-requests/{swap['id']}/approve/").status_code == 403
    waiting = made(restaurant.owner.get("/api/schedule/manager-shift-swap-requests/"))
    assert [found["shift_to_swap_info"]["start_time"] for found in waiting] == ["09:00:00"]
    approved = made(restaurant.owner.post(f"/api/schedule/shift-swap-requests/{swap['id']}/approve/"))
    assert (approved["status"], approved["shift_to_swap_details"]["staff"]) == ("APPROVED", other.id)
    told = made(manager.post(f"/api/scheduling/weekly-schedules-v2/{week['id']}/publish/"))
    assert (told["notified"], told["added"], told["removed"]) == (2, 1, 1)

    shown = made(manager.get(f"/api/schedule/weekly-schedules/{MONDAY}/"))
    assert {shift["start_time"] for shift in shown["assigned_shifts"]} == {"09:00:00", "17:00:00"}
    analytics = made(manager.get(f"/api/scheduling/weekly-schedules-v2/{week['id']}/analytics/"))
    assert (analytics["total_shifts"], analytics["by_status"]) == (3, {"SCHEDULED": 3})

    # The work on the floor: a checklist with a photo, on the shift that changed hands.
    checklist = made(
        manager.post(
            "/api/checklists/templates/",
            {
                "name": "Lunch",
                "category": "OPENING",
                "estimated_duration": 20,
                "requires_supervisor_approval": True,
                "steps": [
                    {"title": "Terrace is set", "order": 1},
                    {"title": "Cooler", "order": 2, "step_type": "MEASUREMENT", "min_value": 0, "max_value": 5},
                    {"title": "Counter", "order": 3, "step_type": "PHOTO", "requires_photo": True},
                ],
            },
        ),
        201,
    )
    assert (checklist["template_type"], checklist["estimated_duration"]) == ("OPENING", 20)
    assert [step["max_value"] for step in checklist["steps"]] == [None, 5.0, None]
    listed = made(other.get("/api/checklists/templates/", params={"category": "OPENING"}))
    assert checklist["id"] in [found["id"] for found in listed]
    execution = made(
        other.post("/api/checklists/executions/", {"template_id": checklist["id"], "assigned_shift": lunch["id"]}), 201
    )
    assert (execution["status"], execution["assigned_shift_info"]["role"]) == ("NOT_STARTED", "WAITER")
    work = f"/api/checklists/executions/{execution['id']}"
    assert owner.get(f"{work}/").status_code == 404
    for _ in range(2):
        assert made(other.post(f"{work}/start/"))["status"] == "IN_PROGRESS"
    terrace, cooler, counter = (step["id"] for step in checklist["steps"])
    answers = {
        "execution_id": execution["id"],
        "step_responses": [
            {
                "step_id": terrace,
                "status": "COMPLETED",
                "response": "YES",
                "evidence": [{"type": "note", "note": "Sun"}],
            },
            {"step_id": cooler, "status": "COMPLETED", "measurement_value": 3.5},
            {"step_id": counter, "status": "COMPLETED", "response": "YES"},
        ],
    }
    synced = made(other.post(f"{work}/sync/", answers))
    assert (synced["success"], synced["conflicts"]) == (True, [])
    early = other.post(f"{work}/complete/", {})
    assert early.status_code == 400
    assert [problem["type"] for problem in early.json()["validation_errors"]] == ["missing_photo_evidence"]
    response = next(one for one in made(other.get(f"{work}/"))["step_responses"] if one["step"]["id"] == counter)
    photo = made(
        other.request(
            "POST",
            f"/api/checklists/step-responses/{response['id']}/add-evidence/",
            files={"file": ("counter.png", PIXEL, "application/x-whatever")},
        ),
        201,
    )
    assert (photo["mime_type"], photo["evidence_type"]) == ("image/png", "PHOTO")
    shown = httpx.get(photo["file_path"])
    assert (shown.status_code, shown.content) == (200, PIXEL)
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert httpx.get(photo["file_path"].partition("?")[0]).status_code == 401
    sweep = made(other.post("/api/scheduling/tasks/", {"title": "Sweep"}), 201)
    noted = made(
        other.request(
            "POST",
            f"/api/scheduling/tasks/{sweep['id']}/add-checkpoint/",
            data={"description": "Half of it", "location": "Terrace", "progress_percentage": "50"},
            files={"photo": ("half.png", PIXEL, "application/x-whatever")},
        )
    )
    (checkpoint,) = noted["checkpoints"]
    assert (noted["status"], noted["progress"], checkpoint["location"]) == ("IN_PROGRESS", 50, "Terrace")
    assert httpx.get(checkpoint["photo"]).content == PIXEL
    swept = made(
        other.request(
            "POST",
            f"/api/scheduling/tasks/{sweep['id']}/complete/",
            data={"status": "COMPLETED", "progress_notes": "Spotless", "completion_location": "Terrace"},
            files={"completion_photo": ("after.png", PIXEL, "image/png")},
        )
    )
    assert (swept["status"], swept["completion_notes"]) == ("COMPLETED", "Spotless")
    assert httpx.get(swept["completion_evidence"]).content == PIXEL
    told = made(other.get(f"/api/scheduling/tasks/{sweep['id']}/task_timeline/"))["timeline"]
    assert [moment["event"] for moment in told] == ["created", "started", "checkpoint", "completed"]
    done = made(other.post(f"{work}/complete/", {"completion_notes": "Ready"}))
    assert (done["status"], done["compiled_summary"]["completion_rate"]) == ("COMPLETED", 100)
    assert done["analysis_results"]["anomalies"] == []
    (submitted,) = made(manager.get("/api/checklists/executions/submitted/"))
    assert (submitted["id"], submitted["review_status"]) == (execution["id"], None)
    approved = made(manager.post(f"{work}/manager_review/", {"decision": "approved"}))
    assert (approved["review_status"], approved["supervisor_approved"]) == ("APPROVED", True)
    assert made(manager.get("/api/checklists/analytics/dashboard_stats/"))["average_completion_rate"] == 100.0


def test_an_open_shift_is_bid_for_given_away_and_remembered(client: httpx.Client) -> None:
    place = register(client, "Open")
    owner, chosen, other = place.owner, *(join(place, "WAITER", f"{4400 + number}") for number in range(2))
    until_known(owner, [chosen, other])
    day = MONDAY + timedelta(days=14)
    shift = made(
        owner.post(
            "/api/staff/schedules/",
            {
                "title": "Terrace",
                "role": "WAITER",
                "start_time": f"{day}T17:00:00Z",
                "end_time": f"{day}T22:00:00Z",
                "is_open_for_bidding": True,
                "bidding_deadline": f"{day}T12:00:00Z",
            },
        ),
        201,
    )
    assert (shift["staff"], shift["is_open_for_bidding"], shift["preferred_staff"]) == (None, True, [])
    page = f"/api/staff/schedules/{shift['id']}/"
    for person in (other, chosen):
        open_shifts = made(person.get("/api/staff/schedules/", params={"is_open_for_bidding": "true"}))
        assert [found["id"] for found in open_shifts["results"]] == [shift["id"]]
        assert made(person.post(f"{page}bid_for_shift/")).keys() == {"message", "schedule_id"}
    twice = chosen.post(f"{page}bid_for_shift/")
    assert (twice.status_code, twice.json()["error"]) == (400, "You have already bid for this shift.")
    bids = eventually(
        lambda: owner.get("/api/notifications/", params={"type": "SHIFT_SWAP"}).json()["results"],
        lambda found: len(found) == 2,
    )
    assert {bid["data"]["shift_id"] for bid in bids} == {shift["id"]}
    assert made(owner.get(page))["preferred_staff"] == [other.id, chosen.id]
    assert chosen.post(f"{page}assign_from_bids/", {"staff_id": chosen.id}).status_code == 403
    given = made(owner.post(f"{page}assign_from_bids/", {"staff_id": chosen.id}))
    assert (given["schedule_id"], given["staff"]) == (shift["id"], chosen.id)
    eventually(lambda: other.get("/api/notifications/", params={"type": "SHIFT_SWAP"}).json()["count"] == 1)

    # Everybody sees of the history what concerned them.
    history = made(owner.get("/api/staff/schedule-changes/", params={"schedule_id": shift["id"]}))["results"]
    assert [(change["change_type"], change["new_data"]["staff"]) for change in history] == [
        ("UPDATE", [chosen.id]),
        ("CREATE", []),
    ]
    assert history[0]["changed_by_details"]["id"] == owner.id
    assert made(chosen.get("/api/staff/schedule-changes/"))["count"] == 1
    assert made(other.get("/api/staff/schedule-changes/"))["count"] == 0

    letter = {"schedule": shift["id"], "recipient": chosen.id, "message": "Bring your apron."}
    sent = made(owner.post("/api/staff/notifications/", letter), 201)
    mine = f"/api/staff/notifications/{sent['id']}/"
    assert made(chosen.request("PATCH", mine, json={"is_read": True}))["is_read"] is True
    assert (owner.get(mine).status_code, chosen.request("DELETE", mine).status_code) == (404, 204)


def test_a_library_of_templates_moves_to_another_restaurant(client: httpx.Client) -> None:
    old, new = register(client, "Old").owner, register(client, "New").owner
    monday = {"role": "CHEF", "day_of_week": 0, "start_time": "09:00", "end_time": "17:00"}
    winter = made(old.post("/api/scheduling/templates/", {"name": "Winter", "shifts": [monday]}), 201)
    shifts = f"/api/scheduling/templates/{winter['id']}/shifts/"
    second = made(old.post(shifts, {**monday, "day_of_week": 1, "required_staff": 2}), 201)
    assert made(old.request("PATCH", f"{shifts}{second['id']}/", json={"required_staff": 3}))["required_staff"] == 3
    library = "/api/scheduling/schedule-templates-v2/"
    assert made(old.post(f"{library}{winter['id']}/toggle_favorite/"))["is_favorite"] is True
    states = made(old.get("/api/scheduling/template-versions/", params={"template": winter["id"]}))
    assert [state["version_number"] for state in states] == ["3", "2", "1"]
    compared = made(
        old.get(
            f"/api/scheduling/template-versions/{states[-1]['id']}/compare/", params={"compare_with": states[0]["id"]}
        )
    )
    assert compared["differences"]["shifts_count"] == 1

    file = old.get(f"{library}export/")
    assert file.headers["content-disposition"].startswith('attachment; filename="schedule_templates.csv"')
    upload = {"file": ("library.csv", file.content, "text/csv")}
    taken = made(new.request("POST", f"{library}import_templates/", files=upload))
    assert taken == {"success": 1, "failed": 0, "errors": []}
    (moved,) = made(new.get(library, params={"favorites": "true"}))
    assert [shift["required_staff"] for shift in moved["shifts"]] == [1, 3]
    counted = made(new.get(f"{library}statistics/"))
    assert (counted["total_templates"], counted["avg_labor_hours"], counted["most_used"]) == (1, 30.0, None)
    removed = made(new.post(f"{library}bulk_actions/", {"template_ids": [moved["id"]], "action": "delete"}))
    assert (removed["success"], made(new.get(library))) == (1, [])
    eventually(lambda: new.get("/api/scheduling/audit-logs/").json()["count"] == 2)
    trail = made(new.get("/api/scheduling/audit-logs/export/", params={"format": "json"}))
    assert [entry["object_type"] for entry in trail] == ["ScheduleTemplate"] * 2
