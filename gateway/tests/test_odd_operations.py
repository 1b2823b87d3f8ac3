"""The oddest operations of the public API, each shown through the engine."""

import pytest
from google.api import httpbody_pb2

from gateway.tests.harness import AGENT, WAITER, Harness
from gateway.tests.kitchen import ANNA, PNG
from gateway.transcode.answers import file_headers
from mizan.options.v1 import files_pb2
from servicekit.identity import ANONYMOUS

STEP = "0190a000-0000-7000-8000-0000000000b1"


@pytest.fixture
async def api(catalog):
    async with Harness(catalog).running() as harness:
        yield harness


class TestLists:
    async def test_an_array_unless_a_page_is_asked_for(self, api):
        answer = await api.client.get("/api/users/")
        assert answer.status_code == 200
        rows = answer.json()
        assert isinstance(rows, list)
        assert len(rows) == 25
        assert rows[0] == {
            "id": "u0", "email": "u0@example.com", "role": "KITCHEN_HELP", "phone": None, "hourly_rate": "12.50",
            "last_login": None, "profile": None,
        }  # fmt: skip

    async def test_the_same_list_as_a_page(self, api):
        page = (await api.client.get("/api/users/?page=2&page_size=10&role=KITCHEN_HELP")).json()
        assert page["count"] == 25
        assert [row["id"] for row in page["results"]] == [f"u{n}" for n in range(10, 20)]
        assert page["next"] == "https://api.example.com/api/users/?page_size=10&role=KITCHEN_HELP&page=3"
        assert page["previous"] == "https://api.example.com/api/users/?page_size=10&role=KITCHEN_HELP"

    async def test_a_page_size_alone_asks_for_the_first_page_and_is_capped(self, api):
        page = (await api.client.get("/api/users/?page_size=1000")).json()
        assert api.kitchen.last("ListUsers") == {"page": 1, "page_size": 500}
        assert (page["next"], page["previous"]) == (None, None)

    async def test_a_page_beyond_the_last_is_not_found(self, api):
        for query in ("page=9", "page=0", "page=abc"):
            answer = await api.client.get(f"/api/users/?{query}")
            assert answer.status_code == 404, query
            assert answer.json()["detail"] == "Invalid page."

    async def test_an_alias_path(self, api):
        answer = await api.client.get("/api/accounts/staff/users/?page=1&page_size=2")
        assert answer.json()["next"] == "https://api.example.com/api/accounts/staff/users/?page_size=2&page=2"

    async def test_an_envelope_with_further_keys_and_free_json(self, api):
        page = (await api.client.get("/api/notifications/")).json()
        assert api.kitchen.last("ListNotices") == {"page": 1, "page_size": 20}
        assert page["next"] == "https://api.example.com/api/notifications/?page=2"
        assert page["unread_count"] == 3
        assert page["results"][0]["data"] == {"shift": 7, "route": "/x"}
        assert page["results"][1]["data"] is None

    async def test_a_bare_array_on_a_path_that_looks_like_an_id(self, api):
        answer = await api.client.get("/api/staff/invitations/")
        assert answer.json() == [
            {"id": "i1", "email": "a@example.com", "status": "PENDING"},
            {"id": "i2", "email": None, "status": ""},
        ]


class TestChanges:
    async def test_absent_and_null_differ(self, api):
        change = {"email": "New@Example.com", "phone": None, "profile": {"department": None, "skills": ["grill"]}}
        answer = await api.client.patch(f"/api/staff/{ANNA}/", json=change)
        assert answer.status_code == 200
        sent = api.kitchen.messages["ChangeUser"]
        assert sorted(sent.update_mask.paths) == ["email", "phone", "profile.department", "profile.skills"]
        assert not sent.HasField("phone")
        assert sent.email == "New@example.com"

    async def test_null_for_what_cannot_be_cleared(self, api):
        answer = await api.client.patch(f"/api/staff/{ANNA}/", json={"is_active": None})
        assert answer.status_code == 400
        assert answer.json()["is_active"] == ["This field may not be null."]

    async def test_blank_as_absent_and_a_lower_case_enum(self, api):
        await api.client.patch(f"/api/staff/{ANNA}/", json={"email": "", "role": "manager"})
        sent = api.kitchen.messages["ChangeUser"]
        assert list(sent.update_mask.paths) == ["role"]
        assert sent.role == 1

    async def test_field_errors_of_the_service(self, api):
        answer = await api.client.patch(f"/api/staff/{ANNA}/", json={"email": "taken@example.com"})
        assert answer.status_code == 400
        assert answer.json()["email"] == ["A user with this email address already exists."]
        assert answer.json()["message"] == "email: A user with this email address already exists."

    async def test_delete_answers_without_a_body(self, api):
        answer = await api.client.delete(f"/api/staff/{ANNA}/")
        assert (answer.status_code, answer.content) == (204, b"")
        assert "content-type" not in answer.headers

    async def test_an_id_that_is_none_is_not_found(self, api):
        answer = await api.client.get("/api/staff/not-an-id/")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

    async def test_a_list_as_the_body(self, api):
        body = [{"name": "Flour", "quantity": 1.5}, {"name": "Salt", "quantity": "2", "unknown": 1}]
        answer = await api.client.put("/api/inventory/items/", json=body)
        assert answer.json()["items"][1] == {"name": "Salt", "quantity": 2.0, "reorder_level": None}
        refused = await api.client.put("/api/inventory/items/", json=[{"quantity": 1}])
        assert refused.json()["items.0.name"] == ["This field is required."]

    async def test_a_version_lock_under_an_alias(self, api):
        hours = {"Monday": {"open": "09:00", "isClosed": False}}
        saved = await api.client.put(
            "/api/settings/unified/", json={"settingsVersion": 7, "phone_restaurant": "1", "operating_hours": hours}
        )
        assert saved.json() == {"settings_schema_version": 8, "phone": "1", "operating_hours": hours}
        stale = await api.client.put("/api/settings/unified/", json={"settings_schema_version": 6})
        assert stale.status_code == 409
        assert stale.json()["detail"] == "Settings version conflict"
        assert stale.json()["current_version"] == 7


class TestNumbers:
    async def test_decimals_as_numbers(self, api):
        assert (await api.client.get("/api/inventory/items/")).json() == [
            {"name": "Flour", "quantity": 12.346, "reorder_level": 2.0},
            {"name": "Salt", "quantity": None, "reorder_level": None},
        ]

    async def test_coordinates_as_numbers(self, api):
        answer = await api.client.post(
            "/api/settings/geolocation/",
            json={"latitude": 33.57311049999, "longitude": "-7.589843", "geofence_polygon": [[33.5, -7.6], [33, -7]]},
        )
        assert answer.json() == {
            "latitude": 33.57311,
            "longitude": -7.589843,
            "geofence_polygon": [[33.5, -7.6], [33, -7]],
        }
        refused = await api.client.post("/api/settings/geolocation/", json={"latitude": 91})
        assert refused.json()["latitude"] == ["Ensure this value is less than or equal to 90."]

    async def test_a_bare_number(self, api):
        answer = await api.client.get("/api/pos/orders/count/")
        assert answer.text == "9007199254740993"

    async def test_objects_keyed_by_day_with_names_in_camel_case(self, api):
        assert (await api.client.get("/api/pos/analytics/")).json() == {
            "by_day": {"2026-01-01": {"totalRevenue": 10.5}},
            "by_status": {"PAID": 3},
        }


class TestErrors:
    async def test_error_and_message_that_differ(self, api):
        answer = await api.client.post("/api/settings/geolocation/", json={"latitude": 0})
        assert answer.status_code == 403
        body = answer.json()
        assert body["error"] == "Location locked"
        assert body["message"] == body["detail"] == "The location was set before. Ask an administrator to change it."

    async def test_further_keys(self, api):
        answer = await api.client.get("/api/invitations/by-token/?token=old")
        assert answer.status_code == 400
        body = answer.json()
        assert (body["detail"], body["status"], body["is_expired"]) == ("Invitation has expired", "EXPIRED", True)
        assert body["request_id"] == answer.headers["x-request-id"]

    async def test_numbers_among_the_further_keys(self, api):
        answer = await api.client.post("/api/timeclock/web-clock-in/", json={"latitude": 51.5, "longitude": 0})
        assert answer.json()["distance"] == 812.5
        assert answer.json()["within_range"] is False
        missing = await api.client.post("/api/timeclock/web-clock-in/", json={})
        assert missing.json()["error"] == "Geolocation data required"

    async def test_the_success_body_with_an_error_status(self, api):
        answer = await api.client.post("/api/invitations/bulk/", json={"type": "csv", "csv_content": "email,role\n"})
        assert answer.status_code == 400
        body = answer.json()
        assert (body["success"], body["failed"], body["errors"]) == (0, 1, ["Row 2: email is missing"])
        done = await api.client.post(
            "/api/invitations/bulk/", json={"type": "json", "invitations": [{"email": "a@example.com", "role": "CHEF"}]}
        )
        assert (done.status_code, done.json()["success"]) == (201, 1)

    async def test_field_errors_as_plain_texts(self, api):
        answer = await api.client.post("/api/staff/products/", json={"base_price": "0"})
        assert answer.json()["name"] == "This field is required."
        assert answer.json()["base_price"] == "Ensure this value is greater than or equal to 0.01."

    async def test_a_field_called_message(self, api):
        answer = await api.client.post("/api/notifications/announcements/create/", json={"title": "x"})
        body = answer.json()
        assert (answer.status_code, body["success"]) == (400, False)
        assert body["message"] == "message: This field is required."
        assert body["errors"] == {"message": ["This field is required."]}


class TestAgents:
    async def test_aliases_in_the_query(self, api):
        api.caller.principal = AGENT
        for name in ("phone", "phoneNumber", "from"):
            answer = await api.client.get("/api/scheduling/agent/staff-by-phone/", params={name: "+212600000000"})
            assert answer.json()["staff"]["id"] == ANNA

    async def test_success_false(self, api):
        api.caller.principal = AGENT
        answer = await api.client.get("/api/scheduling/agent/staff-by-phone/?phone=1")
        assert answer.status_code == 404
        body = answer.json()
        assert (body["success"], body["found"], body["error"]) == (False, False, "Staff not found")

    async def test_an_unset_agent_key(self, api):
        api.caller.principal, api.caller.agent_key_configured = ANONYMOUS, False
        answer = await api.client.get("/api/scheduling/agent/staff-by-phone/?phone=1")
        assert (answer.status_code, answer.json()["error"]) == (503, "Agent key not configured")

    async def test_a_person_on_an_agents_path(self, api):
        answer = await api.client.post("/api/staff/agent/requests/ingest/", json={"text": "hello"})
        assert answer.status_code == 403

    async def test_aliases_in_the_body(self, api):
        api.caller.principal = AGENT
        answer = await api.client.post(
            "/api/staff/agent/requests/ingest/",
            json={"text": "hello", "ticketId": 17, "metadata": {"n": 1, "x": [2.5]}},
        )
        assert (answer.status_code, answer.json()) == (201, {"success": True, "id": "r1", "status": "PENDING"})
        assert api.kitchen.last("IngestRequest") == {
            "description": "hello", "external_id": "17", "metadata": {"n": 1.0, "x": [2.5]},
        }  # fmt: skip

    async def test_a_failure_with_status_200(self, api):
        api.caller.principal = AGENT
        failed = await api.client.get("/api/pos/agent/sales-summary/?date=2026-01-01")
        assert (failed.status_code, failed.json()) == (200, {"success": False, "error": "Provider not connected"})
        fine = await api.client.get("/api/pos/agent/sales-summary/?date=")
        assert fine.json() == {"success": True, "total_revenue": 1234.5}


class TestWebhooks:
    async def test_the_raw_body_and_its_signature(self, api):
        raw = b'{ "type":"payment.updated",   "caf\xc3\xa9": 1.10 }'
        headers = {"x-square-hmacsha256-signature": "good", "content-type": "application/json"}
        api.caller.principal = ANONYMOUS
        answer = await api.client.post("/api/pos/webhooks/square/", content=raw, headers=headers)
        assert answer.json() == {"status": "received"}
        assert api.kitchen.messages["ReceiveSquareEvent"].payload.data == raw
        refused = await api.client.post("/api/pos/webhooks/square/", content=b"not json at all")
        assert (refused.status_code, refused.json()["error"]) == (401, "Invalid signature")

    async def test_the_raw_body_with_an_id_in_the_path(self, api):
        await api.client.post(f"/api/pos/webhooks/square/{ANNA}/", content=b"{}")
        assert api.kitchen.messages["ReceiveSquareEvent"].restaurant_id == ANNA
        malformed = await api.client.post("/api/pos/webhooks/square/nobody/", content=b"{}")
        assert malformed.status_code == 404

    @pytest.mark.parametrize("path", ["/api/notifications/whatsapp/webhook/", "/api/notifications/whatsapp-webhook/"])
    async def test_two_methods_on_one_path_under_two_spellings(self, api, path):
        query = {"hub.mode": "subscribe", "hub.verify_token": "expected", "hub.challenge": "1158201444"}
        echoed = await api.client.get(path, params=query)
        assert (echoed.text, echoed.headers["content-type"]) == ("1158201444", "text/plain")
        assert (await api.client.get(path, params=query | {"hub.verify_token": "no"})).status_code == 403
        received = await api.client.post(path, content=b'{"entry":[]}', headers={"x-hub-signature-256": "sha256=00"})
        assert received.json() == {"status": "12 bytes"}
        assert api.kitchen.messages["ReceiveWhatsappEvent"].signature == "sha256=00"

    async def test_a_redirect_whatever_happened(self, api):
        answer = await api.client.get("/api/settings/square/oauth/callback/?code=1&state=2")
        assert (answer.status_code, answer.content) == (302, b"")
        assert answer.headers["location"].endswith("?tab=integrations&square=connected")
        refused = await api.client.get(
            "/api/settings/square/oauth/callback/",
            params={"error": "denied", "error_description": "non merci é\r\nx: y"},
        )
        assert refused.headers["location"].endswith("&square=error&message=non%20merci%20%C3%A9%0D%0Ax:%20y")


class TestFiles:
    async def test_a_multipart_upload(self, api):
        answer = await api.client.post(
            "/api/staff/documents/", data={"title": "Contract"}, files={"file": ("../../etc/c.exe", PNG, "text/html")}
        )
        assert answer.status_code == 201
        assert answer.json() == {
            "id": "d1", "title": "Contract", "content_type": "image/png", "size": len(PNG), "filename": "c.exe",
        }  # fmt: skip

    async def test_a_missing_file(self, api):
        form = await api.client.post("/api/staff/documents/", data={"title": "Contract"}, files={"other": b"x"})
        assert form.json()["file"] == ["This field is required."]
        json = await api.client.post("/api/staff/documents/", json={"title": "Contract", "file": "text"})
        assert "not a file" in json.json()["file"][0]

    async def test_a_form_of_texts_with_an_optional_file(self, api):
        form = {"name": "Soup", "base_price": "12.5", "is_active": "false", "category": ""}
        plain = await api.client.post("/api/staff/products/", data=form)
        assert plain.json() == {"id": "p1", "name": "Soup", "base_price": 12.5, "is_active": False, "image": None}
        with_image = await api.client.post("/api/staff/products/", data=form, files={"image": ("a.png", PNG)})
        assert with_image.json()["image"] == "image/png"
        assert not api.kitchen.messages["CreateProduct"].HasField("category")

    async def test_repeated_fields_and_files_and_json_inside_a_form(self, api):
        answer = await api.client.post(
            "/api/notifications/announcements/create/",
            data={
                "title": "Hello",
                "message": "All",
                "tags": ["a", "b"],
                "recipients_staff_ids[]": [ANNA],
                "targeting": '{"roles":["CHEF"]}',
                "expires_at": "",
            },
            files=[("attachments", ("a.png", PNG)), ("attachments", ("b.pdf", b"%PDF-1.4 x"))],
        )
        assert answer.status_code == 201
        assert answer.json()["attachment_types"] == ["image/png", "application/pdf"]
        sent = api.kitchen.last("Announce")
        assert (sent["tags"], sent["recipients_staff_ids"]) == (["a", "b"], [ANNA])
        assert sent["targeting"] == '{"roles":["CHEF"]}'

    async def test_csv_out(self, api):
        answer = await api.client.get("/api/scheduling/schedule-templates-v2/export/")
        assert answer.text == "ID,Name\r\n1,Week\r\n"
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["content-disposition"].startswith('attachment; filename="templates.csv"')

    async def test_csv_in(self, api):
        answer = await api.client.post(
            "/api/scheduling/schedule-templates-v2/import_templates/",
            files={"file": ("t.csv", b"ID,Name\n1,Week\n2,\n", "text/csv")},
        )
        assert answer.json() == {"success": 1, "failed": 1, "errors": ["Row 3: Name is required"]}

    async def test_pdf(self, api):
        answer = await api.client.get(f"/api/staff/profiles/{ANNA}/report/")
        assert answer.content == b"%PDF-1.7 report"
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.headers["x-content-type-options"] == "nosniff"

    async def test_a_stored_file_as_a_stream(self, api):
        answer = await api.client.get("/media/documents/2026/contract.png")
        assert len(answer.content) == len(PNG) + 300_000
        disposition = answer.headers["content-disposition"]
        assert disposition == "inline; filename=\"Contrat _t_.png\"; filename*=UTF-8''Contrat%20%C3%A9t%C3%A9.png"
        missing = await api.client.get("/media/documents/other.png")
        assert (missing.status_code, missing.json()["code"]) == (404, "not_found")

    async def test_a_device_cookie(self, api):
        paired = await api.client.post("/api/devices/pair/", json={})
        assert paired.json() == {"device_token": "d3vice"}
        cookie = paired.headers["set-cookie"]
        assert cookie.startswith("mizan_device=d3vice; ")
        assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
        back = await api.client.get("/api/devices/current/")
        assert back.json() == {"from_cookie": "d3vice", "from_metadata": "d3vice"}


class TestNesting:
    async def test_aliases_and_spellings_inside_a_list(self, api):
        steps = [
            {"step_id": STEP, "status": "in-progress", "measurement_value": 4.256, "attachments": [{"type": "photo"}]},
            {
                "step_id": STEP.upper(),
                "status": "COMPLETED",
                "evidence": [{"type": "note", "url": "https://x.example/a"}],
            },
        ]
        answer = await api.client.post(f"/api/checklists/executions/{ANNA}/sync/", json={"step_responses": steps})
        assert answer.json()["step_responses"] == [
            {
                "step_id": STEP, "status": "in-progress", "measurement_value": 4.26,
                "evidence": [{"type": "photo", "url": None}],
            },
            {
                "step_id": STEP, "status": "COMPLETED", "measurement_value": None,
                "evidence": [{"type": "note", "url": "https://x.example/a"}],
            },
        ]  # fmt: skip

    async def test_where_inside_a_list_something_is_wrong(self, api):
        steps = [{"step_id": STEP}, {"step_id": "x", "status": "DONE", "evidence": [{"url": "ftp:/x"}]}]
        answer = await api.client.post(f"/api/checklists/executions/{ANNA}/sync/", json={"step_responses": steps})
        assert answer.status_code == 400
        assert answer.json()["errors"] == {
            "step_responses.1.step_id": ["Must be a valid UUID."],
            "step_responses.1.status": ['"DONE" is not a valid choice.'],
            "step_responses.1.evidence.0.url": ["Enter a valid URL."],
        }


async def test_a_caller_without_the_permission(api):
    api.caller.principal = WAITER
    answer = await api.client.post("/api/staff/products/", json={"nonsense": 1})
    assert (answer.status_code, answer.json()["detail"]) == (
        403, "You do not have permission to perform this action.",
    )  # fmt: skip
    api.caller.principal = ANONYMOUS
    answer = await api.client.post("/api/staff/products/", json={"nonsense": 1})
    assert answer.status_code == 401
    assert answer.json()["detail"] == "Authentication credentials were not provided."


@pytest.mark.parametrize(
    ("content_type", "filename", "inline", "disposition"),
    [
        ("text/html", "", False, "attachment"),
        ("image/svg+xml", "a.svg", True, "attachment; filename=\"a.svg\"; filename*=UTF-8''a.svg"),
        ("application/pdf", "a.pdf", True, "inline; filename=\"a.pdf\"; filename*=UTF-8''a.pdf"),
        ("text/plain", "", False, None),
        ("application/json", "", False, None),
        ("application/json", 'a"b\\.json', False, "attachment; filename=\"a_b_.json\"; filename*=UTF-8''a%22b%5C.json"),
        ("", "", False, "attachment"),
    ],
)
def test_only_what_is_harmless_is_shown_in_place(content_type, filename, inline, disposition):
    body = httpbody_pb2.HttpBody(content_type=content_type)
    if filename:
        body.extensions.add().Pack(files_pb2.Disposition(filename=filename, inline=inline))
    found = dict(file_headers(body)).get(b"content-disposition")
    assert (found.decode() if found else None) == disposition


@pytest.mark.parametrize(
    ("content_type", "kept"),
    [("image/png", True), ("image/svg+xml", False), ("text/html", False), ("application/pdf", False)],
)
def test_browsers_keep_pictures_for_whom_they_were_shown_to(content_type, kept):
    headers = dict(file_headers(httpbody_pb2.HttpBody(content_type=content_type)))
    assert headers.get(b"cache-control") == (b"private, max-age=1800" if kept else None)
    assert headers.get(b"vary") == (b"authorization" if kept else None)
