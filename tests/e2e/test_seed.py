"""The demo restaurant is what it says, and seeding it twice changes nothing."""

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tools import demo, demo_house
from tools.installation import Site
from tools.operations.journey import rows_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def seed(site: Site, secrets: Path) -> str:
    environment = {**os.environ, **site.environment, "DEMO_SECRETS_FILE": str(secrets)}
    done = subprocess.run(
        [sys.executable, "-m", "tools.seed"], env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def log_in(client: httpx.Client, path: str, body: dict[str, str], **headers: str) -> dict[str, str]:
    """The headers of somebody who logged in."""
    answer = client.post(path, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['tokens']['access']}"}


def the_house(get: Callable[[str], Any]) -> dict[str, Any]:
    """What is on the menu, on the shelf, in the plan and on the bills."""
    weeks = get("/api/scheduling/weekly-schedules-v2/")
    return {
        "dishes": sorted(row["name"] for row in get("/api/staff/products/")),
        "tables": len(get("/api/staff/tables/")),
        "low": [row["name"] for row in get("/api/inventory/items/") if row["stock_state"] == "LOW"],
        "weeks": [
            (week["is_published"], len(week["assigned_shifts"]))
            for week in sorted(rows_of(weeks), key=lambda week: week["week_start"])
        ],
        "orders": sorted(row["status"] for row in rows_of(get("/api/pos/orders/"))),
    }


def test_the_demo_restaurant_can_be_used_as_printed(installation: Site, tmp_path: Path) -> None:
    secrets = tmp_path / "demo.json"
    printed = seed(installation, secrets)
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    kept = json.loads(secrets.read_text())
    assert kept["complete"]

    with httpx.Client(base_url=installation.url, timeout=30, headers={"X-Forwarded-For": "198.51.100.77"}) as client:
        manager = demo.STAFF[0]
        signed_in = log_in(
            client, "/api/auth/login/", {"email": manager.email, "password": kept["accounts"][manager.email]}
        )

        def get(path: str) -> Any:
            answer = client.get(path, headers=signed_in)
            assert answer.status_code == 200, answer.text
            return answer.json()

        people = {row["email"]: row for row in get("/api/staff/")}
        assert people.keys() == {person.email for person in demo.STAFF}
        chef = people[demo.STAFF[1].email]
        assert (chef["role"], chef["department"], chef["position"]) == ("CHEF", "Kitchen", "Head chef")
        pending = [row["email"] for row in get("/api/staff/invitations/") if row["status"] == "PENDING"]
        assert pending == [demo.INVITED.email]
        asked = get("/api/staff/requests/?page_size=50&page=1")["results"]
        assert {row["subject"]: row["status"] for row in asked} == {
            request.subject: "APPROVED" if request.approved else "PENDING" for request in demo.REQUESTS
        }
        settings = get("/api/settings/unified/")
        assert (settings["currency"], settings["language"], settings["radius"]) == ("MAD", "fr", "60.00")
        assert settings["geolocation_locked"] is True

        house = the_house(get)
        assert house["dishes"] == sorted(dish.name for dish in demo_house.MENU)
        assert (house["tables"], house["low"]) == (len(demo_house.TABLES), ["Huile d'olive"])
        turns = sum(len(weekdays) for _, _, weekdays in demo_house.WEEK)
        assert house["weeks"] == [(True, turns), (False, turns)]
        assert house["orders"] == ["COMPLETED", "COMPLETED", "PENDING"]

        for person in (demo.OWNER, *demo.STAFF):
            (line,) = re.findall(rf"^.*{re.escape(person.email)}.*$", printed, re.MULTILINE)
            assert line.endswith(kept["accounts"][person.email])
        waiter = demo.STAFF[5]
        by_pin = {"pin_code": kept["accounts"][waiter.email]}
        from_tablet = log_in(client, "/api/auth/pin-login/", by_pin, **{"X-Device-Token": kept["device_token"]})
        me = client.get("/api/auth/me/", headers=from_tablet).json()
        assert (me["email"], me["role"]) == (waiter.email, "WAITER")

        versions = (settings["settingsVersion"], len(people), len(asked))
        assert seed(installation, secrets) == printed
        again = get("/api/settings/unified/")["settingsVersion"], len(get("/api/staff/"))
        assert (*again, get("/api/staff/requests/?page=1")["count"]) == versions
        assert the_house(get) == house


def test_the_agent_key_of_an_installation_opens_what_agents_do(installation: Site) -> None:
    key = installation.environment["GATEWAY_AGENT_KEY"]
    wanted = "/api/scheduling/agent/staff-by-phone/?phone=%2B212699999999"
    with httpx.Client(base_url=installation.url, timeout=30) as client:
        refused = client.get(wanted, headers={"Authorization": "Bearer something-else"})
        assert refused.status_code == 401, refused.text
        found = client.get(wanted, headers={"Authorization": f"Bearer {key}"})
        assert (found.status_code, found.json()["found"]) == (404, False)
