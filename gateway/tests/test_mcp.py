"""What an agent is told of operations, and how its wishes become requests."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from gateway.exchange import KEY, Exchange, exchange_of
from gateway.mcp.calls import perform
from gateway.mcp.manual import Manual
from gateway.tests.harness import AGENT, MANAGER, WAITER
from gateway.transcode import document
from gateway.transcode.catalog import Catalog
from gateway.transcode.models import Models
from servicekit.errors import Invalid, NotFound


@pytest.fixture(scope="module")
def manual(catalog: Catalog) -> Manual:
    app = document.application(catalog, Models(catalog.comments), title="Odd", version="1")
    return Manual(catalog, document.document(app))


def references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from [schema["$ref"]] if isinstance(schema.get("$ref"), str) else []
        schema = list(schema.values())
    for one in schema if isinstance(schema, list) else []:
        yield from references(one)


def test_whatever_a_description_names_is_in_it(manual: Manual) -> None:
    entries = manual.search("", MANAGER, 1_000)
    assert len(entries) > 10
    for entry in entries:
        about = orjson.loads(orjson.dumps(entry.full()))
        assert {f"#/$defs/{name}" for name in about["$defs"]} == set(references(about)), entry.name


def test_everybody_finds_what_they_may_use(manual: Manual) -> None:
    of_manager, of_waiter = (
        {entry.name for entry in manual.search("", principal, 1_000)} for principal in (MANAGER, WAITER)
    )
    assert of_waiter < of_manager
    hidden = sorted(of_manager - of_waiter)[0]
    assert manual.entry(hidden, MANAGER).name == hidden
    with pytest.raises(NotFound):
        manual.entry(hidden, WAITER)
    for entry in manual.search("", AGENT, 1_000):
        assert "AGENT" in entry.operation.callers


def test_a_name_counts_for_more_than_an_explanation(manual: Manual) -> None:
    for wanted in manual.search("", MANAGER, 1_000):
        found = manual.search(wanted.name, MANAGER, 5)
        assert wanted.name in {entry.name for entry in found}
    assert manual.search("xyzzy", MANAGER, 5) == []


class Recorder:
    """An application that keeps what it is asked and answers with it."""

    def __init__(self) -> None:
        self.scope: dict[str, Any] = {}
        self.body = b""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope, self.body = scope, (await receive())["body"]
        await send({"type": "http.response.start", "status": 207, "headers": []})
        await send({"type": "http.response.body", "body": b'{"a":', "more_body": True})
        await send({"type": "http.response.body", "body": b"1}"})


def exchange() -> Exchange:
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/mcp",
        "scheme": "https",
        "client": ("10.0.0.1", 1),
        "headers": [(b"authorization", b"Bearer x"), (b"mcp-protocol-version", b"1"), (b"content-length", b"999")],
    }
    scope[KEY] = Exchange(scope, "request-1", "10.0.0.1", True, "api.example.com")
    return exchange_of(scope)


async def test_a_call_is_a_request_of_the_same_caller(manual: Manual) -> None:
    entry = next(entry for entry in manual.search("", MANAGER, 1_000) if "{" in entry.path)
    (name,) = [part[1:-1].removesuffix(":path") for part in entry.path.split("/") if part.startswith("{")]
    app = Recorder()
    answer = await perform(
        app,
        exchange(),
        entry,
        path_parameters={name: "ü 1"},
        query={"kind": ["a", "b&c"], "open": True, "page": 2, "none": None},
        body={"x": 1},
        idempotency_key="k",
    )
    assert answer.content() == {"status": 207, "body": {"a": 1}}
    assert (app.scope["method"], app.body) == (entry.method, b'{"x":1}')
    assert app.scope["path"] == entry.path.replace("{" + name + "}", "ü 1")
    assert app.scope["query_string"] == b"kind=a&kind=b%26c&open=true&page=2"
    inner = exchange_of(app.scope)
    assert (inner.request_id, inner.client_ip, inner.scope) == ("request-1", "10.0.0.1", app.scope)
    assert inner.headers == {
        "authorization": "Bearer x",
        "accept": "application/json",
        "content-type": "application/json",
        "content-length": "7",
        "idempotency-key": "k",
    }


@pytest.mark.parametrize("value", ["", "a/b", "../x"])
async def test_a_path_is_not_left_by_its_parameters(manual: Manual, value: str) -> None:
    entry = next(
        entry for entry in manual.search("", MANAGER, 1_000) if "{" in entry.path and ":path" not in entry.path
    )
    names = [part[1:-1] for part in entry.path.split("/") if part.startswith("{")]
    with pytest.raises(Invalid) as refused:
        await perform(Recorder(), exchange(), entry, path_parameters=dict.fromkeys(names, value), query={})
    assert set(refused.value.fields) <= set(names)
