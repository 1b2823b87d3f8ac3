"""What the catalog reads, and the annotations that it refuses."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway import routes
from gateway.settings import DESCRIPTORS
from gateway.transcode.catalog import BadAnnotation, Catalog
from gateway.transcode.dispatch import PathTree
from gateway.transcode.models import Models
from servicekit import wire
from servicekit.testing.protos import compile_protos

REPOSITORY_PROTOS = Path(__file__).resolve().parents[2] / "protos"
TEMPLATE = """
syntax = "proto3";
package wrong.{name}.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
import "mizan/options/v1/options.proto";
service WrongService {{
  rpc Do(Request) returns ({returns}) {{
    option (google.api.http) = {{ {http} }};
    option (mizan.options.v1.operation) = {{ {operation} }};
  }}
}}
message Request {{ string id = 1; Request inner = 2; {request} }}
message Response {{ string text = 1; {response} }}
"""
WRONG = [
    ("access", {"operation": ""}, "names no access"),
    ("callers", {"operation": 'permission: "x" callers: [CALLER_KIND_SERVICE]'}, "for services"),
    ("pages", {"operation": "public: true paging: PAGING_ENVELOPE"}, "needs `count` and one list"),
    ("pagers", {"operation": "public: true paging: PAGING_ENVELOPE",
        "response": "int64 count = 2; repeated string rows = 3;"}, "its request has no page"),
    ("redirects", {"operation": 'public: true redirect: "nowhere"'}, "unknown field nowhere"),
    ("variables", {"http": 'get: "/a/{unknown}/"'}, "names unknown"),
    ("messages", {"http": 'get: "/a/{inner}/"'}, "names inner"),
    ("bodies", {"http": 'post: "/a/" body: "nothing"'}, "unknown field nothing"),
    ("answers", {"http": 'get: "/a/" response_body: "nothing"'}, "unknown field nothing"),
    ("gets", {"http": 'get: "/a/" body: "*"'}, "GET has no body"),
    ("streams", {"returns": "stream Response"}, "only google.api.HttpBody can be streamed"),
    ("pathless", {"http": 'body: "*"'}, "without a path"),
]  # fmt: skip


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Catalog]:
    def compile_and_load(name: str, **parts: str) -> Catalog:
        text = TEMPLATE.format(
            name=name,
            **{"returns": "Response", "http": 'get: "/a/"', "operation": "public: true", "request": "", "response": ""}
            | parts,
        )
        root = tmp_path_factory.mktemp(name)
        file = root / "protos" / "wrong" / name / "v1" / "wrong.proto"
        file.parent.mkdir(parents=True)
        file.write_text(text)
        return Catalog.load(
            compile_protos(root / "protos", root / "generated", REPOSITORY_PROTOS), package=f"wrong.{name}."
        )

    return compile_and_load


@pytest.mark.parametrize(("name", "parts", "complaint"), WRONG, ids=[row[0] for row in WRONG])
def test_contradictions_are_refused_at_start_up(load, name, parts, complaint):
    with pytest.raises(BadAnnotation, match=complaint):
        load(name, **parts)


def test_a_sound_method_is_read_as_it_is_declared(catalog):
    users = next(operation for operation in catalog.operations if operation.rpc == "ListUsers")
    assert users.path == "/odd.kitchen.v1.PeopleService/ListUsers"
    assert users.owner == "kitchen"
    assert users.access == "staff.view"
    assert users.callers == {"USER"}
    assert users.reads
    assert [binding.path for binding in users.bindings] == ["/api/users/", "/api/accounts/staff/users/"]
    assert users.comment.startswith("ListUsers returns the people of the restaurant, by name.")
    assert catalog.comments["odd.kitchen.v1.Notice.data"] == "Free-form."


def test_the_table_of_routes(catalog):
    rows = list(routes.rows(catalog))
    assert rows == sorted(rows, key=lambda row: (row[1], row[0]))
    assert (
        "GET", "/api/scheduling/agent/staff-by-phone/", "odd.kitchen.v1.SellingService/FindStaffByPhone",
        "agent.staff (AGENT)",
    ) in rows  # fmt: skip
    assert ("GET", "/media/{path=**}", "odd.kitchen.v1.PeopleService/GetFile", "authenticated") in rows


def test_every_operation_of_the_product_can_be_mounted():
    """No two on one path, and nothing in their messages that the dialect cannot express."""
    catalog = Catalog.load(DESCRIPTORS)
    models = Models(catalog.comments)
    tree: PathTree[str] = PathTree()
    assert catalog.operations
    for operation in catalog.operations:
        for binding in operation.bindings:
            tree.add(binding.method, binding.segments, operation.path)
        assert models.request(operation).adapter is not None
        wire.decoder_of(operation.input)
        wire.encoder_of(operation.output)
        assert operation.comment, f"{operation.path} has no comment"
