"""The OpenAPI document and Swagger UI."""

import re
import subprocess
import sys

import httpx
import orjson
import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway.app import pages
from gateway.middleware import Entry
from gateway.routers import schema
from gateway.transcode import document
from gateway.transcode.catalog import Catalog
from gateway.transcode.models import Models


@pytest.fixture(scope="module")
def described(odd_descriptors):
    catalog = Catalog.load(odd_descriptors, package="odd.")
    return document.document(document.application(catalog, Models(catalog.comments), title="Odd", version="1"))


def test_it_is_valid(described):
    assert described["openapi"].startswith("3.1")
    assert list(OpenAPIV31SpecValidator(described).iter_errors()) == []


def test_every_binding_is_in_it(described, catalog):
    served = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
    mounted = {
        (binding.method, binding.path.replace("=**", "")) for op in catalog.operations for binding in op.bindings
    }
    assert served == mounted
    names = [operation["operationId"] for methods in described["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names))


def operation_of(described, method, path):
    return described["paths"][path][method]


def test_texts_come_from_the_comments(described):
    users = operation_of(described, "get", "/api/users/")
    assert users["summary"] == "Returns the people of the restaurant, by name"
    assert users["description"].endswith("Screens that ask for no page get them all.")
    assert users["tags"] == ["People"]
    assert users["x-permission"] == "staff.view"


def test_parameters_carry_the_rules(described):
    parameters = {p["name"]: p for p in operation_of(described, "get", "/api/users/")["parameters"]}
    assert set(parameters) == {"role", "is_active", "search", "page", "page_size"}
    assert parameters["search"]["schema"]["anyOf"][0]["maxLength"] == 100
    assert parameters["role"]["schema"]["anyOf"][0]["enum"] == ["MANAGER", "KITCHEN_HELP"]
    whatsapp = operation_of(described, "get", "/api/notifications/whatsapp/webhook/")["parameters"]
    assert [parameter["name"] for parameter in whatsapp] == ["hub.mode", "hub.verify_token", "hub.challenge"]
    square = operation_of(described, "post", "/api/pos/webhooks/square/")["parameters"]
    assert ("X-Square-HmacSha256-Signature", "header") in {(p["name"], p["in"]) for p in square}
    by_id = operation_of(described, "get", "/api/staff/{id}/")["parameters"][0]
    assert (by_id["in"], by_id["required"], by_id["schema"]["format"]) == ("path", True, "uuid")


def test_bodies(described):
    change = operation_of(described, "patch", "/api/staff/{id}/")["requestBody"]["content"]["application/json"]
    body = described["components"]["schemas"][change["schema"]["$ref"].rpartition("/")[2]]
    assert set(body["properties"]) == {"email", "phone", "role", "is_active", "profile"}
    upload = operation_of(described, "post", "/api/staff/documents/")["requestBody"]["content"]
    form = described["components"]["schemas"][upload["multipart/form-data"]["schema"]["$ref"].rpartition("/")[2]]
    assert form["properties"]["file"]["format"] == "binary"
    assert set(form["required"]) == {"title", "file"}
    stock = operation_of(described, "put", "/api/inventory/items/")["requestBody"]["content"]["application/json"]
    assert stock["schema"]["anyOf"][0]["type"] == "array"


def test_answers(described):
    def success(method, path, status="200"):
        return operation_of(described, method, path)["responses"][status]

    either = success("get", "/api/users/")["content"]["application/json"]["schema"]["anyOf"]
    assert [part.get("type", "page") for part in either] == ["array", "page"]
    assert "content" not in success("delete", "/api/staff/{id}/", "204")
    assert "Location" in success("get", "/api/settings/square/oauth/callback/", "302")["headers"]
    assert "*/*" in success("get", "/media/{path}")["content"]
    assert success("get", "/api/pos/orders/count/")["content"]["application/json"]["schema"]["type"] == "integer"
    user = described["components"]["schemas"]["User"]
    assert "restaurant_name" not in user["required"]
    assert {"type": "null"} in user["properties"]["phone"]["anyOf"]


def test_refusals_are_documented(described):
    responses = operation_of(described, "post", "/api/staff/products/")["responses"]
    assert set(responses) == {"201", "400", "401", "403", "404", "409", "413", "415", "422", "429", "503", "default"}
    assert responses["400"]["content"]["application/json"]["schema"]["$ref"].endswith("/ErrorBody")
    assert responses["400"]["content"]["application/problem+json"]["schema"]["$ref"].endswith("/Problem")


def test_credentials(described):
    assert operation_of(described, "get", "/api/users/")["security"] == [{"session": []}]
    assert operation_of(described, "get", "/api/invitations/by-token/")["security"] == []
    agents = operation_of(described, "get", "/api/pos/agent/sales-summary/")["security"]
    assert agents == [{"apiKey": []}, {"agentKey": []}, {"session": []}]
    assert set(described["components"]["securitySchemes"]) == {"session", "apiKey", "agentKey"}


@pytest.fixture
async def client(described):
    hand_written = pages([schema.router(schema.Document(lambda: described))], [], title="Odd", version="1")
    app = Entry(hand_written, trusted_proxies=[], access_log=None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        yield client


async def test_it_is_served_as_yaml_and_json(client, described):
    plain = await client.get("/api/schema/")
    assert plain.headers["content-type"].startswith("application/yaml")
    assert yaml.safe_load(plain.text) == described
    for answer in (
        await client.get("/api/schema/?format=json"),
        await client.get("/api/schema/", headers={"accept": "application/json"}),
    ):
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.json() == described
    assert (await client.get("/api/schema/?format=yaml", headers={"accept": "application/json"})).text == plain.text


async def test_swagger_ui_needs_nobody_else(client):
    page = await client.get("/api/swagger-ui/")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "http" not in policy
    assert "http" not in page.text
    assert "<script>" not in page.text
    for name in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        asset = await client.get(f"/api/swagger-ui/{name}")
        assert asset.status_code == 200, name
        assert asset.headers["content-type"].startswith(("text/javascript", "text/css")), name
        assert len(asset.content) > 100


async def test_other_paths_are_not_found_in_json(client):
    answer = await client.get("/api/nowhere/")
    assert (answer.status_code, answer.json()["detail"]) == (404, "Not found.")
    wrong = await client.post("/api/schema/")
    assert (wrong.status_code, wrong.json()["detail"]) == (405, 'Method "POST" not allowed.')
    assert wrong.headers["allow"] == "GET"


def test_the_command_writes_what_is_served(odd_descriptors, tmp_path):
    """On the product's own protos, as the build does."""
    target = tmp_path / "openapi.json"
    subprocess.run([sys.executable, "-m", "gateway.openapi", str(target)], check=True, timeout=50)
    written = orjson.loads(target.read_bytes())
    assert list(OpenAPIV31SpecValidator(written).iter_errors()) == []
    assert "/api/health/" in written["paths"]
