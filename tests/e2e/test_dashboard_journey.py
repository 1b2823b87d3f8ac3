"""The screens that several services make up, as an owner sees them through the gateway, also while a part is away."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stamina

from tests.support import browser
from tests.support.people import Person, join, register
from tools.installation import Site

pytestmark = pytest.mark.e2e

SCREENS = ("summary/", "analytics/staff_insights/")
# The safety pages take these as they come: what would be on a second page is seen by nobody.
WHOLE = ("sops", "safety-checklists", "safety-concerns", "safety-recognitions", "availability", "schedule-tasks")
BOARDS = ("analytics/live_board_metrics/", "analytics/attendance_dashboard/")
LISTS = ("kpis/", "analytics/staff_live_metrics/")


def test_the_screens_of_a_new_restaurant(installation: Site) -> None:
    with browser.client(installation.url) as client:
        owner = register(client, "Screens").owner
        for screen in SCREENS:
            page = owner.get(f"/api/dashboard/{screen}")
            assert page.status_code == 200, page.text
            assert page.json()["warnings"] == []
        for board in BOARDS:
            page = owner.get(f"/api/dashboard/{board}")
            assert page.status_code == 200, page.text
        for listed in LISTS:
            page = owner.get(f"/api/dashboard/{listed}")
            assert page.status_code == 200, page.text
            assert isinstance(page.json(), list)

        for listed in WHOLE:
            assert owner.get(f"/api/staff/{listed}/").json() == []
            assert owner.get(f"/api/staff/{listed}/?page=1").json()["results"] == []

        summary = owner.get("/api/dashboard/summary/").json()
        assert summary["operations"]["next_delivery"] == {"supplier": "None", "date": "None"}
        assert summary["wellbeing"]["new_hires"] == 1
        assert isinstance(summary["operations"]["avg_rating"], float)

        made = owner.post(
            "/api/scheduling/tasks/", {"title": "Sweep", "due_date": summary["date"], "priority": "URGENT"}
        )
        assert made.status_code == 201, made.text
        assert [task["label"] for task in owner.get("/api/dashboard/summary/").json()["tasks_due"]] == ["Sweep"]
        assert owner.get("/api/dashboard/analytics/live_board_metrics/").json()["attention_needed"] == 1

        assert owner.get("/api/staff/dashboard/").json() == {
            "totalStaff": 1,
            "activeShifts": 0,
            "pendingOrders": 0,
            "revenueToday": 0.0,
            "warnings": [],
        }
        assert owner.get("/api/staff/notifications/").json() == []
        read = owner.post("/api/staff/notifications/mark_all_read/", {})
        assert (read.status_code, read.json()) == (200, {"status": "All notifications marked as read"})

        kpis = owner.get("/api/dashboard/kpis/").json()
        assert kpis[0]["date"] == summary["date"]
        assert isinstance(kpis[0]["total_revenue"], float)
        paged = owner.get("/api/dashboard/kpis/?page=1&page_size=2").json()
        assert len(paged["results"]) <= 2
        assert paged["count"] == len(kpis)
        assert owner.get(f"/api/dashboard/analytics/{kpis[1]['id']}/").json() == kpis[1]
        days = f"start_date={kpis[3]['date']}&end_date={kpis[1]['date']}"
        period = owner.get(f"/api/dashboard/analytics/range/?{days}").json()
        assert period["date_range"] == {"start": kpis[3]["date"], "end": kpis[1]["date"]}
        assert (period["daily_data"], period["summary"]["total_revenue"]) == (kpis[1:4], 0.0)
        assert owner.get("/api/dashboard/analytics/range/").status_code == 400
        hints = owner.get("/api/dashboard/analytics/insights/").json()
        assert (hints["insights"], hints["message"]) == ([], "There are no figures to compare yet.")
        assert owner.get("/api/analytics/labor-costs/").json() == []


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("SALES_SUMMARY", "top_products"),
        ("ATTENDANCE_OVERVIEW", "attendance_summary"),
        ("INVENTORY_STATUS", "product_list"),
        ("SHIFT_PERFORMANCE", "shift_performance_summary"),
    ],
    ids=["sales", "attendance", "inventory", "shifts"],
)
def test_a_report_is_made_once_per_key_and_kept(installation: Site, kind: str, key: str) -> None:
    with browser.client(installation.url) as client:
        owner = register(client, "Reports").owner
        wanted = {"report_type": kind, "start_date": "2026-11-01", "end_date": "2026-11-21"}
        headers = {"Idempotency-Key": f"report-{owner.id}"}
        made = [owner.post("/api/reporting/reports/generate/", wanted, headers=headers) for _ in range(2)]
        assert [answer.status_code for answer in made] == [201, 201], made[0].text
        assert key in made[0].json()["data"]
        assert made[0].json()["generated_by_info"] == {"first_name": "Amina", "last_name": "Reports"}
        kept = owner.get("/api/reporting/reports/").json()
        assert [report["id"] for report in kept] == [made[0].json()["id"]]
        turned = owner.post("/api/reporting/reports/generate/", {**wanted, "end_date": "2026-10-01"})
        assert turned.status_code == 400
        assert turned.json()["error"]


def test_a_waiter_sees_neither_figures_nor_attendance_of_others(installation: Site) -> None:
    with browser.client(installation.url) as client:
        restaurant = register(client, "Waiters")
        waiter = join(restaurant, "WAITER", "4821")
        assert waiter.get("/api/dashboard/kpis/").status_code == 403
        assert waiter.get("/api/dashboard/analytics/attendance_dashboard/").status_code == 403
        summary = waiter.get("/api/dashboard/summary/")
        assert summary.status_code == 200
        assert summary.json()["warnings"] == []


def test_who_is_given_a_shift_finds_it_among_their_notifications(installation: Site) -> None:
    with browser.client(installation.url) as client:
        restaurant = register(client, "Notices")
        owner, waiter, chef = restaurant.owner, join(restaurant, "WAITER", "4822"), join(restaurant, "CHEF", "4823")
        day = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()

        def plan(person: Person, role: str) -> dict[str, Any]:
            shift = {"staff": person.id, "shift_date": day, "start_time": "09:00", "end_time": "17:00", "role": role}
            made = owner.post("/api/scheduling/assigned-shifts-v2/", shift)
            assert made.status_code == 201, made.text
            return made.json()

        week = plan(waiter, "WAITER")["schedule"]
        published = owner.post(f"/api/scheduling/weekly-schedules-v2/{week}/publish/")
        assert published.status_code == 200, published.text
        assert chef.get("/api/staff/notifications/").json() == []
        given = plan(chef, "CHEF")
        for attempt in stamina.retry_context(on=AssertionError, timeout=20, attempts=None, wait_max=0.5):
            with attempt:
                rows = chef.get("/api/staff/notifications/").json()
                assert [row["schedule"] for row in rows] == [given["id"]]
        assert (rows[0]["recipient"], rows[0]["is_read"]) == (chef.id, False)
        mark = f"/api/staff/notifications/{rows[0]['id']}/mark_read/"
        assert waiter.post(mark, {}).status_code == 404
        assert chef.post(mark, {}).json() == {"status": "Notification marked as read"}
        assert chef.get("/api/staff/notifications/").json()[0]["is_read"] is True
