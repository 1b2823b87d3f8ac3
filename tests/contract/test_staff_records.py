"""Profiles, documents, requests and performance, as the front end and the agent send and read them."""

import io
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pypdf import PdfReader

from tests.support import browser
from tests.support.people import Person, Restaurant, join, register
from tools.installation import Site

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489")
USER_SLIM = {
    "id", "email", "first_name", "last_name", "role", "phone", "restaurant", "restaurant_name", "is_verified",
    "created_at", "updated_at", "profile",
}  # fmt: skip
PROFILE = {
    "id", "user_details", "user", "profile_image", "emergency_contact_name", "emergency_contact_phone",
    "date_of_birth", "hire_date", "position", "hourly_rate", "salary_type", "department", "promotion_history",
    "skills", "certifications", "notes",
}  # fmt: skip
DOCUMENT = {"id", "title", "file", "uploaded_at", "staff"}
METRIC = {"id", "staff_details", "metric_type", "value", "date", "notes", "staff"}
REQUEST = {
    "id", "restaurant", "staff", "staff_details", "staff_name", "staff_phone", "category", "priority", "status",
    "subject", "description", "source", "external_id", "metadata", "created_at", "updated_at", "reviewed_by",
    "reviewed_at", "comments",
}  # fmt: skip
COMMENT = {"id", "kind", "body", "metadata", "created_at", "author", "author_details"}


@pytest.fixture(scope="module")
def client(installation: Site) -> Iterator[httpx.Client]:
    with browser.client(installation.url) as client:
        yield client


@pytest.fixture(scope="module")
def house(client: httpx.Client) -> Restaurant:
    made = register(client, "Records")
    join(made, "MANAGER", "4200")
    join(made, "WAITER", "4201")
    return made


@pytest.fixture
def owner(house: Restaurant) -> Person:
    return house.owner


@pytest.fixture
def manager(house: Restaurant) -> Person:
    return house.people["MANAGER"]


@pytest.fixture
def waiter(house: Restaurant) -> Person:
    return house.people["WAITER"]


def ok(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def send_file(person: Person, method: str, path: str, content: bytes, **fields: str) -> httpx.Response:
    files = {"file": ("scan.bin", content, "application/x-msdownload")}
    return person.request(method, path, files=files, data=fields)


def add_document(person: Person, title: str = "Contract", content: bytes = PDF, **fields: str) -> Any:
    return ok(send_file(person, "POST", "/api/staff/documents/", content, title=title, **fields), 201)


def ask(person: Person, **fields: Any) -> Any:
    return ok(person.post("/api/staff/requests/", {"subject": "Leave", "description": "In May", **fields}), 201)


def test_managers_get_everybody_as_an_array_and_a_page_when_they_ask(
    owner: Person, manager: Person, waiter: Person
) -> None:
    for person in (owner, manager):
        rows = ok(person.get("/api/staff/profiles/"))
        assert {row["user"] for row in rows} == {owner.id, manager.id, waiter.id}
        for row in rows:
            assert row.keys() == PROFILE
            assert row["user_details"].keys() == USER_SLIM
            assert isinstance(row["id"], int)
    page = ok(owner.get("/api/staff/profiles/", params={"page": 1, "page_size": 2}))
    assert (page["count"], len(page["results"]), page["previous"]) == (3, 2, None)
    assert page["next"].endswith("/api/staff/profiles/?page_size=2&page=2")
    assert [row["user"] for row in ok(waiter.get("/api/staff/profiles/"))] == [waiter.id]


def test_a_profile_is_read_and_changed_by_the_persons_id_and_by_its_number(owner: Person, waiter: Person) -> None:
    changed = ok(
        owner.request(
            "PATCH",
            f"/api/staff/profiles/{waiter.id}/",
            json={"position": "Runner", "hourly_rate": 31.5, "skills": ["Wine", {"name": "HACCP"}], "unknown": 1},
        )
    )
    assert (changed["position"], changed["hourly_rate"]) == ("Runner", "31.50")
    assert changed["skills"] == ["Wine", {"name": "HACCP"}]
    number = changed["id"]
    replaced = ok(owner.request("PUT", f"/api/staff/profiles/{number}/", json={"position": None, "notes": "Good"}))
    assert (replaced["position"], replaced["notes"], replaced["hourly_rate"]) == (None, "Good", "31.50")
    assert ok(waiter.get(f"/api/staff/profiles/{waiter.id}/")) == ok(waiter.get(f"/api/staff/profiles/{number}/"))
    refused = waiter.request("PATCH", f"/api/staff/profiles/{number}/", json={"hourly_rate": "99"})
    assert (refused.status_code, refused.json()["code"]) == (403, "records_only")
    for bad in ({"hourly_rate": -1}, {"date_of_birth": "yesterday"}, {"salary_type": "DAILY"}, {"skills": {"a": 1}}):
        answer = owner.request("PATCH", f"/api/staff/profiles/{number}/", json=bad)
        assert answer.status_code == 400, answer.text
        assert isinstance(answer.json()[next(iter(bad))], list)
    for missing in ("0", str(uuid4()), "nobody"):
        assert owner.get(f"/api/staff/profiles/{missing}/").status_code == 404


def test_a_picture_is_shown_in_place_by_its_link(client: httpx.Client, waiter: Person) -> None:
    path = f"/api/staff/profiles/{waiter.id}/"
    changed = ok(waiter.request("PATCH", path, files={"profile_image": ("me.gif", PNG, "image/gif")}))
    shown = client.get(changed["profile_image"])
    assert (shown.status_code, shown.content) == (200, PNG)
    assert shown.headers["content-type"] == "image/png"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert shown.headers["content-disposition"].startswith("inline;")
    refused = waiter.request("PATCH", path, files={"profile_image": ("me.png", b"<svg/>", "image/png")})
    assert (refused.status_code, "profile_image" in refused.json()) == (400, True)
    assert client.get(f"{path}image/").status_code == 401
    assert ok(waiter.request("PATCH", path, json={"profile_image": None}))["profile_image"] is None
    assert client.get(changed["profile_image"]).status_code == 403


def test_a_report_is_a_pdf_for_the_manager_and_the_person(manager: Person, waiter: Person, owner: Person) -> None:
    answer = manager.get(f"/api/staff/profiles/{waiter.id}/report/")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert "report.pdf" in answer.headers["content-disposition"]
    assert "Staff report" in PdfReader(io.BytesIO(answer.content)).pages[0].extract_text()
    assert waiter.get(f"/api/staff/profiles/{waiter.id}/report/").status_code == 200
    assert waiter.get(f"/api/staff/profiles/{owner.id}/report/").status_code == 404


def test_documents_are_added_listed_fetched_and_deleted(client: httpx.Client, owner: Person, waiter: Person) -> None:
    made = add_document(owner, staff=waiter.id, expires_on="2030-01-31")
    assert made.keys() >= DOCUMENT
    assert (made["title"], made["staff"], made["expires_on"]) == ("Contract", waiter.id, "2030-01-31")
    page = ok(waiter.get("/api/staff/documents/"))
    assert (page["count"], page["next"], page["previous"]) == (1, None, None)
    assert page["results"][0]["id"] == made["id"]
    assert ok(owner.get("/api/staff/documents/", params={"staff_id": owner.id}))["count"] == 0
    fetched = client.get(made["file"])
    assert (fetched.status_code, fetched.content) == (200, PDF)
    assert fetched.headers["content-type"] == "application/pdf"
    assert fetched.headers["x-content-type-options"] == "nosniff"
    assert 'filename="Contract.pdf"' in fetched.headers["content-disposition"]
    path = f"/api/staff/documents/{made['id']}/"
    assert waiter.get(f"{path}file/").content == PDF
    assert client.get(f"{path}file/").status_code == 401
    assert ok(owner.request("PATCH", path, json={"title": "Renamed", "expires_on": None}))["expires_on"] is None
    replaced = ok(send_file(owner, "PUT", path, PNG, title="Picture"))
    assert (replaced["title"], replaced["content_type"]) == ("Picture", "image/png")
    refused = waiter.request("DELETE", path)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_your_upload")
    assert owner.request("DELETE", path).status_code == 204
    assert owner.get(path).status_code == 404


@pytest.mark.parametrize(
    ("content", "status"), [(b"", 400), (b"MZ" + bytes(200), 400), (PDF + bytes(11 * 1024 * 1024), 413)]
)
def test_files_that_are_not_taken_leave_nothing(owner: Person, content: bytes, status: int) -> None:
    before = ok(owner.get("/api/staff/documents/"))["count"]
    answer = send_file(owner, "POST", "/api/staff/documents/", content, title="x")
    assert answer.status_code == status, answer.text
    assert answer.json()["message"]
    assert ok(owner.get("/api/staff/documents/"))["count"] == before


def test_a_document_needs_a_title_and_a_file(owner: Person) -> None:
    without_file = owner.request("POST", "/api/staff/documents/", data={"title": "x"})
    assert (without_file.status_code, without_file.json()["file"]) == (400, ["No file was submitted."])
    without_title = send_file(owner, "POST", "/api/staff/documents/", PDF)
    assert (without_title.status_code, len(without_title.json()["title"])) == (400, 1)
    unknown = send_file(owner, "POST", "/api/staff/documents/", PDF, title="x", staff=str(uuid4()))
    assert unknown.status_code == 404


def test_a_request_goes_through_the_inbox(owner: Person, manager: Person, waiter: Person) -> None:
    made = ask(waiter, category="hr", priority="HIGH", status="APPROVED", staff_name="Somebody else")
    assert made.keys() >= REQUEST
    assert made["staff_details"].keys() == USER_SLIM
    assert (made["status"], made["category"], made["source"], made["staff"]) == ("PENDING", "HR", "web", waiter.id)
    path = f"/api/staff/requests/{made['id']}/"
    said = ok(waiter.post(f"{path}comment/", {"body": "Please"}))
    assert said["success"] is True
    assert said["request"]["comments"][0].keys() == COMMENT
    for person in (owner, manager):
        page = ok(person.get("/api/staff/requests/", params={"status": "pending", "search": "LEAVE"}))
        assert made["id"] in {row["id"] for row in page["results"]}
        assert page.keys() >= {"count", "next", "previous", "results"}
    counts = ok(manager.get("/api/staff/requests/counts/"))
    assert counts["success"] is True
    assert counts["counts"].keys() == {"PENDING", "APPROVED", "REJECTED", "ESCALATED", "CLOSED"}
    assert counts["counts"]["PENDING"] >= 1
    for action, body, status in (
        ("approve", {}, "APPROVED"),
        ("reject", {"reason": "Too many are away"}, "REJECTED"),
        ("escalate", {"note": "For the owner"}, "ESCALATED"),
        ("close", {}, "CLOSED"),
    ):
        decided = ok(manager.post(f"{path}{action}/", body))
        assert (decided["success"], decided["request"]["status"]) == (True, status)
        assert decided["request"]["reviewed_by"] == manager.id
    last = ok(waiter.get(path))["comments"][2]
    assert (last["kind"], last["body"]) == ("status_change", "Rejected by Manager Test: Too many are away")
    assert last["metadata"] == {"from": "APPROVED", "to": "REJECTED", "reason": "Too many are away"}
    again = manager.post(f"{path}approve/")
    assert (again.status_code, again.json()["success"]) == (409, False)


def test_refusals_of_requests_look_as_their_screens_read_them(manager: Person, waiter: Person) -> None:
    path = f"/api/staff/requests/{ask(waiter)['id']}/"
    blank = waiter.post(f"{path}comment/", {"body": " "})
    assert (blank.status_code, blank.json()["success"], blank.json()["error"]) == (400, False, "body is required")
    forbidden = waiter.post(f"{path}approve/")
    assert (forbidden.status_code, forbidden.json()["success"]) == (403, False)
    assert forbidden.json()["error"]
    assert manager.post(f"/api/staff/requests/{uuid4()}/approve/").status_code == 404
    assert manager.get("/api/staff/requests/", params={"status": "LOST"}).status_code == 400
    assert manager.get("/api/staff/requests/", params={"page": 99}).json()["detail"] == "Invalid page."


def test_authors_change_and_delete_pending_requests(owner: Person, waiter: Person) -> None:
    made = ask(waiter)
    path = f"/api/staff/requests/{made['id']}/"
    reworded = ok(waiter.request("PATCH", path, json={"subject": "Two days"}))
    assert (reworded["subject"], reworded["description"]) == ("Two days", "In May")
    assert ok(waiter.request("PUT", path, json={**reworded, "priority": "LOW"}))["priority"] == "LOW"
    stale = waiter.request("PUT", path, json={**made, "priority": "HIGH"})
    assert (stale.status_code, stale.json()["code"]) == (409, "stale_version")
    assert waiter.request("PATCH", path, json={"status": "APPROVED"}).status_code == 403
    assert ok(owner.post(f"{path}assign/", {"assigned_to": owner.id}))["request"]["assigned_to"] == owner.id
    assert waiter.request("DELETE", path).status_code == 204
    assert owner.get(path).status_code == 404


def test_files_travel_with_a_request(client: httpx.Client, manager: Person, waiter: Person) -> None:
    path = f"/api/staff/requests/{ask(waiter)['id']}/attachments/"
    attached = ok(send_file(waiter, "POST", path, PDF), 201)
    assert ok(manager.get(path)) == [attached]
    assert client.get(attached["file"]).content == PDF
    assert manager.get(f"{path}{attached['id']}/file/").content == PDF
    assert client.get(f"{path}{attached['id']}/file/").status_code == 401


@pytest.mark.parametrize("prefix", ["/api/staff/performance/", "/api/staff/performance-metrics/"])
def test_figures_are_written_by_managers_and_read_by_the_person(manager: Person, waiter: Person, prefix: str) -> None:
    body = {"staff": waiter.id, "metric_type": "punctuality", "value": 9.25, "date": "2026-11-22"}
    made = ok(manager.post(prefix, body), 201)
    assert made.keys() == METRIC
    assert (made["value"], made["date"], made["staff"], made["notes"]) == (9.25, "2026-11-22", waiter.id, None)
    for query in ({"staff": waiter.id}, {"staff_id": waiter.id}):
        page = ok(waiter.get(prefix, params=query))
        assert made["id"] in {row["id"] for row in page["results"]}
    assert waiter.post(prefix, body).status_code == 403
    missing = manager.post(prefix, {"value": 1})
    assert (missing.status_code, set(missing.json()) >= {"staff", "metric_type", "date"}) == (400, True)
    path = f"{prefix}{made['id']}/"
    assert ok(manager.request("PATCH", path, json={"value": 0, "notes": "Typo"}))["value"] == 0
    assert ok(waiter.get(path))["notes"] == "Typo"
    assert manager.request("DELETE", path).status_code == 204


def agent_key(owner: Person) -> str:
    body = {"name": "Agent", "kind": "AGENT", "scopes": ["agent.requests"]}
    return str(ok(owner.post("/api/api-keys/", body), 201)["key"])


@pytest.mark.parametrize("path", ["/api/staff/agent/requests/ingest/", "/api/staff/agent/ingest-request/"])
def test_an_agent_files_a_request_under_any_of_its_names(
    client: httpx.Client, owner: Person, waiter: Person, path: str
) -> None:
    headers = {"Authorization": f"Bearer {agent_key(owner)}"}
    external = uuid4().hex
    body = {
        "message": "The fridge is warm",
        "requestTitle": "Fridge",
        "phoneNumber": 212600000000,
        "ticketId": external,
        "channel": "WhatsApp",
        "sessionId": f"tenant-{owner.user['restaurant']}-user-{waiter.id}",
        "metadata": {"lang": "fr"},
        "priority": "asap",
    }
    answer = client.post(path, json=body, headers=headers)
    made = ok(answer, 201)
    assert (made["success"], made["status"]) == (True, "PENDING")
    assert ok(client.post(path, json=body, headers=headers), 201)["id"] == made["id"]
    filed = ok(owner.get(f"/api/staff/requests/{made['id']}/"))
    assert (filed["subject"], filed["source"], filed["external_id"]) == ("Fridge", "whatsapp", external)
    assert (filed["staff"], filed["priority"], filed["metadata"]) == (waiter.id, "MEDIUM", {"lang": "fr"})
    silent = client.post(path, json={"restaurantId": owner.user["restaurant"]}, headers=headers)
    assert (silent.status_code, silent.json()["success"]) == (400, False)
    assert silent.json()["error"] == "description/message is required"
    without_key = client.post(path, json=body)
    # Without a platform-wide key there is nothing to be authenticated against.
    assert (without_key.status_code in {401, 503}, without_key.json()["success"]) == (True, False)
    foreign = client.post(path, json=body, headers={**headers, "X-Restaurant-ID": str(uuid4())})
    assert foreign.status_code == 404
