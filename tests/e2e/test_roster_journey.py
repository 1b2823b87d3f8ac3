"""A manager has a week planned: with a budget, at once, as a draft that is looked at first, and through an agent."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
import stamina

from tests.support import browser
from tests.support.people import Person, Restaurant, join, register
from tools.installation import Site

MONDAY = date(2031, 3, 3)


@pytest.fixture(scope="module")
def client(installation: Site) -> Iterator[httpx.Client]:
    with browser.client(installation.url) as client:
        yield client


def made(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def until_known(manager: Person, people: list[Person]) -> None:
    """Waits, by asking about shifts for them, until scheduling has heard of everybody."""
    for person in people:
        for _ in range(200):
            answer = manager.get(
                "/api/scheduling/assigned-shifts-v2/detect_conflicts/",
                params={"staff_id": person.id, "shift_date": str(MONDAY), "start_time": "09:00", "end_time": "10:00"},
            )
            if answer.status_code == 200:
                break
        assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def restaurant(client: httpx.Client) -> Restaurant:
    restaurant = register(client, "Roster")
    manager = join(restaurant, "MANAGER", "4200")
    people = [join(restaurant, "WAITER", f"{4400 + number}") for number in range(3)]
    until_known(manager, people)
    for person, rate in zip(people, ("30.00", "10.00", "10.00"), strict=True):
        path = f"/api/staff/profiles/{person.id}/"
        made(restaurant.owner.request("PATCH", path, json={"hourly_rate": rate}))
    return restaurant


def template(manager: Person, name: str, days: int, staff: int) -> str:
    lunches = [
        {"role": "WAITER", "day_of_week": day, "start_time": "11:00", "end_time": "16:00", "required_staff": staff}
        for day in range(days)
    ]
    answer = manager.post("/api/schedule/templates/", {"name": name, "is_active": True, "shifts": lunches})
    return str(made(answer, 201)["id"])


def test_a_week_is_planned_within_its_budget(restaurant: Restaurant) -> None:
    manager = restaurant.people["MANAGER"]
    wanted = {
        "template_id": template(manager, "Lunches", 5, 2),
        "week_start": str(MONDAY),
        # Four and a half paid hours a lunch at 10.00, ten lunches.
        "labor_budget": 450,
        "demand_level": "MEDIUM",
    }
    answer = made(manager.post("/api/schedule/auto-schedule/", wanted))
    assert (answer["success"], answer["status"]) == (True, "success")
    assert (answer["shifts_created"], answer["conflicts_detected"]) == (10, 0)
    assert answer["optimization_metrics"]["coverage"] == "100%"
    run = made(manager.get(f"/api/scheduling/roster-runs/{answer['run_id']}/"))
    assert (run["state"], run["draft"]["cost"]) == ("APPLIED", 450.0)
    week = made(manager.get(f"/api/schedule/weekly-schedules/{MONDAY}/"))
    assert len(week["assigned_shifts"]) == 10
    waiter = restaurant.people["WAITER"]
    assert waiter.post("/api/schedule/auto-schedule/", wanted).status_code == 403


def test_a_draft_is_looked_at_and_applied(restaurant: Restaurant) -> None:
    manager = restaurant.people["MANAGER"]
    week = MONDAY + timedelta(weeks=1)
    wanted = {"week_start": str(week), "template_id": template(manager, "Two", 2, 1), "seconds": 1}
    run = made(manager.post("/api/scheduling/roster-runs/", wanted), 202)
    for attempt in stamina.retry_context(on=AssertionError, timeout=60, attempts=None, wait_max=0.3):
        with attempt:
            run = made(manager.get(f"/api/scheduling/roster-runs/{run['id']}/"))
            assert run["state"] not in ("QUEUED", "RUNNING")
    assert run["state"] == "DRAFT", run
    assert [change["action"] for change in run["draft"]["changes"]] == ["ADD", "ADD"]
    assert made(manager.get(f"/api/schedule/weekly-schedules/{week}/"))["assigned_shifts"] == []
    applied = made(manager.post(f"/api/scheduling/roster-runs/{run['id']}/apply/"))
    assert (applied["shifts_created"], applied["run"]["state"]) == (2, "APPLIED")
    again = manager.post(f"/api/scheduling/roster-runs/{run['id']}/apply/")
    assert (again.status_code, again.json()["code"]) == (409, "no_draft")


def test_an_agent_plans_and_advises_within_its_ten_seconds(restaurant: Restaurant, client: httpx.Client) -> None:
    manager = restaurant.people["MANAGER"]
    body = {"name": "Agent", "kind": "AGENT", "scopes": ["agent.scheduling"]}
    key = made(restaurant.owner.post("/api/api-keys/", body), 201)["key"]
    headers = {"Authorization": f"Bearer {key}"}
    named = {"restaurant_id": restaurant.data["id"], "user_id": manager.id}
    week = MONDAY + timedelta(weeks=2)
    wanted = {**named, "week_start": str(week), "template_id": template(manager, "One", 1, 1), "department": "all"}
    answer = made(client.post("/api/scheduling/agent/optimize-schedule/", json=wanted, headers=headers))
    assert (answer["success"], answer["shifts_created"]) == (True, 1)
    advice = made(client.get("/api/scheduling/agent/operational-advice/", params=named, headers=headers))
    assert (advice["status"], advice["demand_level"]) == ("success", "LOW")
    assert len(advice["best_practices"]) == 3
    missing = client.post("/api/scheduling/agent/optimize-schedule/", json=named, headers=headers)
    assert (missing.status_code, missing.json()["success"]) == (400, False)
    waiter = {**wanted, "user_id": restaurant.people["WAITER"].id}
    refused = client.post("/api/scheduling/agent/optimize-schedule/", json=waiter, headers=headers)
    assert refused.status_code == 403
