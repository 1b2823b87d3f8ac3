"""The error bodies."""

import grpc
import orjson
import pytest

from gateway.tests.harness import Harness
from gateway.tests.kitchen import ANNA
from gateway.transcode import errors
from mizan.options.v1 import options_pb2
from servicekit.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Invalid,
    Locked,
    NotFound,
    Refusal,
    TooMany,
    Unauthenticated,
    Unavailable,
    Unprocessable,
)
from servicekit.identity import ANONYMOUS

STATUSES = [
    (Invalid("x"), 400),
    (Refusal("x"), 400),
    (Unauthenticated("x"), 401),
    (Forbidden(), 403),
    (NotFound(), 404),
    (Conflict("x"), 409),
    (AlreadyExists("x"), 409),
    (Unprocessable("x"), 422),
    (Locked("x"), 423),
    (TooMany("x"), 429),
    (Unavailable("x"), 503),
    (errors.TooLarge(5), 413),
    (errors.UnsupportedMediaType("a/b"), 415),
    (errors.MethodNotAllowed("PUT", ["GET"]), 405),
]


@pytest.mark.parametrize(("refusal", "status"), STATUSES, ids=[type(refusal).__name__ for refusal, _ in STATUSES])
def test_status(refusal, status):
    assert errors.status_of(refusal) == status


def test_every_grpc_code_has_a_status():
    assert set(grpc.StatusCode) - {grpc.StatusCode.OK} == set(errors.HTTP_STATUS)


def test_the_standard_body():
    body = errors.body_of(Invalid("Bad.", code="bad", fields={"email": "Taken."}, extra={"hint": 1}), "r1")
    assert body == {
        "message": "Bad.", "detail": "Bad.", "error": "Bad.", "code": "bad", "request_id": "r1",
        "email": ["Taken."], "errors": {"email": ["Taken."]}, "hint": 1,
    }  # fmt: skip


def test_the_message_of_a_refusal_that_has_only_fields():
    assert errors.body_of(Invalid("", fields={"email": "Taken."}), "r")["message"] == "email: Taken."
    assert errors.body_of(Invalid("", fields={"non_field_errors": "No."}), "r")["message"] == "No."


def test_styles():
    refusal = Invalid("", fields={"email": ["Taken.", "Ugly."]})
    assert errors.body_of(refusal, "r", options_pb2.ERROR_STYLE_SUCCESS_FALSE)["success"] is False
    assert errors.body_of(refusal, "r", options_pb2.ERROR_STYLE_FIELD_STRINGS)["email"] == "Taken. Ugly."


def test_headers():
    status, headers, _ = errors.render(TooMany("Slow down.", retry_after=7), "r")
    assert (status, dict(headers)[b"retry-after"]) == (429, b"7")
    assert dict(errors.render(Unauthenticated("x"), "r")[1])[b"www-authenticate"] == b'Bearer realm="api"'
    assert dict(errors.render(errors.MethodNotAllowed("PUT", ["POST", "GET"]), "r")[1])[b"allow"] == b"GET, POST"


def test_a_token_that_is_not_valid_looks_as_clients_expect():
    body = errors.body_of(errors.TokenNotValid("Token is expired"), "r")
    assert body["detail"] == "Given token not valid for any token type"
    assert body["code"] == "token_not_valid"
    assert body["messages"] == [{"token_class": "AccessToken", "token_type": "access", "message": "Token is expired"}]


def test_problems():
    refusal = Invalid("Bad.", code="bad", fields={"a": ["x", "y"]}, extra={"hint": 1, "status": "KEPT"})
    status, headers, body = errors.render(refusal, "r1", problem=True)
    assert dict(headers)[b"content-type"] == b"application/problem+json"
    assert orjson.loads(body) == {
        "type": "urn:mizan:problem:bad", "title": "Bad Request", "status": status, "detail": "Bad.", "code": "bad",
        "request_id": "r1", "hint": 1, "errors": [{"field": "a", "detail": "x"}, {"field": "a", "detail": "y"}],
    }  # fmt: skip


@pytest.fixture
async def api(catalog):
    async with Harness(catalog).running() as harness:
        yield harness


async def test_problem_when_asked_for(api):
    answer = await api.client.get("/api/staff/x/", headers={"accept": "application/problem+json"})
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code == 404


async def test_a_method_that_the_path_does_not_have(api):
    answer = await api.client.put(f"/api/staff/{ANNA}/", json={})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "DELETE, GET, PATCH"
    assert answer.json()["detail"] == 'Method "PUT" not allowed.'
    assert (await api.client.options("/api/users/")).status_code == 405


async def test_a_path_without_its_slash(api):
    answer = await api.client.get("/api/users?page=2")
    assert (answer.status_code, answer.headers["location"]) == (301, "/api/users/?page=2")
    answer = await api.client.post("/api/staff/products", json={})
    assert (answer.status_code, answer.headers["location"]) == (307, "/api/staff/products/")
    assert (await api.client.get("/nowhere")).text == "elsewhere"
    assert (await api.client.get("//api/users")).status_code == 404


async def test_head_is_get_without_a_body(api):
    answer = await api.client.head("/api/users/")
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) > 100


async def test_a_service_that_is_away(api):
    await api.kitchen.stop()
    api.caller.timeout_seconds = 1
    answer = await api.client.post("/api/devices/pair/", json={})
    assert answer.status_code == 503
    assert answer.json()["message"] == "A part of the platform does not answer. Please try again."


async def test_a_service_that_fails_tells_nothing(api):
    def broken(request, answer):
        raise RuntimeError("secret internals")

    api.kitchen.behaviour["CountToday"] = broken
    answer = await api.client.get("/api/pos/orders/count/")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["code"] == "internal"


async def test_a_service_that_is_slow(catalog):
    harness = Harness(catalog)
    harness.caller.timeout_seconds = 0.2
    harness.kitchen.delay_seconds = 5
    async with harness.running() as api:
        answer = await api.client.get("/api/pos/orders/count/")
        assert (answer.status_code, answer.json()["code"]) == (504, "timeout")


async def test_a_caller_of_nothing(api):
    api.caller.principal = ANONYMOUS
    answer = await api.client.get("/api/users/")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("key", ["", "x" * 256, "clé", "a\tb"], ids=["empty", "long", "not-ascii", "control"])
async def test_an_idempotency_key_that_cannot_be_kept(api, key):
    headers = [("idempotency-key", key.encode("latin-1"))]
    answer = await api.client.post("/api/devices/pair/", json={}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_idempotency_key")
