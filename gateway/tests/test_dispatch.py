"""Finding the target of a path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.transcode.catalog import BadAnnotation, parse_path
from gateway.transcode.dispatch import PathTree


def tree_of(*routes: tuple[str, str]) -> PathTree[str]:
    tree: PathTree[str] = PathTree()
    for method, path in routes:
        tree.add(method, parse_path(path), f"{method} {path}")
    return tree


TREE = tree_of(
    ("GET", "/api/staff/"),
    ("POST", "/api/staff/"),
    ("GET", "/api/staff/{id}/"),
    ("PATCH", "/api/staff/{staff_id}/"),
    ("GET", "/api/staff/invitations/"),
    ("GET", "/api/staff/{id}/role/"),
    ("GET", "/api/staff/invitations/{token}/accept/"),
    ("GET", "/api/{kind}/stats/"),
    ("GET", "/media/{path=**}"),
    ("GET", "/media/public/{name}"),
    ("GET", "/healthz"),
)

FOUND = [
    ("GET", "/api/staff/", "GET /api/staff/", {}),
    ("GET", "/api/staff/7/", "GET /api/staff/{id}/", {"id": "7"}),
    ("PATCH", "/api/staff/7/", "PATCH /api/staff/{staff_id}/", {"staff_id": "7"}),
    ("GET", "/api/staff/invitations/", "GET /api/staff/invitations/", {}),
    ("PATCH", "/api/staff/invitations/", "PATCH /api/staff/{staff_id}/", {"staff_id": "invitations"}),
    ("GET", "/api/staff/invitations/role/", "GET /api/staff/{id}/role/", {"id": "invitations"}),
    ("GET", "/api/staff/invitations/t/accept/", "GET /api/staff/invitations/{token}/accept/", {"token": "t"}),
    ("GET", "/api/staff/stats/", "GET /api/staff/{id}/", {"id": "stats"}),
    ("GET", "/api/orders/stats/", "GET /api/{kind}/stats/", {"kind": "orders"}),
    ("GET", "/media/a/b/c.png", "GET /media/{path=**}", {"path": "a/b/c.png"}),
    ("GET", "/media/public/x", "GET /media/public/{name}", {"name": "x"}),
    ("GET", "/media/public/x/y", "GET /media/{path=**}", {"path": "public/x/y"}),
    ("GET", "/healthz", "GET /healthz", {}),
]


@pytest.mark.parametrize(("method", "path", "target", "variables"), FOUND, ids=[f"{m} {p}" for m, p, _, _ in FOUND])
def test_found(method, path, target, variables):
    found = TREE.find(method, path)
    assert found is not None
    assert (found.target, found.variables) == (target, variables)


@pytest.mark.parametrize(
    "path",
    ["/", "/api", "/api/staff", "/api/staff//", "/api//stats/", "/api/staff/7", "/media/", "/healthz/", "//", ""],
)
def test_not_found(path):
    assert TREE.find("GET", path) is None
    assert TREE.methods_of(path) == frozenset()


def test_methods_of_a_path_are_those_of_every_route_that_fits():
    assert TREE.methods_of("/api/staff/") == {"GET", "POST"}
    assert TREE.methods_of("/api/staff/invitations/") == {"GET", "PATCH"}
    assert TREE.find("DELETE", "/api/staff/") is None


def test_one_method_on_one_path_is_mounted_once():
    with pytest.raises(BadAnnotation, match="twice"):
        tree_of(("GET", "/a/{id}/"), ("GET", "/a/{other}/"))


@pytest.mark.parametrize("path", ["a/", "/a/{b", "/a/*/", "/a/{b=c/*}/", "/{a=**}/b/", "/a/{B}/"])
def test_templates_that_are_not_understood(path):
    with pytest.raises(BadAnnotation):
        parse_path(path)


NAMES = st.text("abc", min_size=1, max_size=2)


@given(
    st.lists(st.lists(NAMES | NAMES.map(lambda name: f"{{{name}}}"), min_size=1, max_size=4), min_size=1, max_size=8)
)
def test_every_mounted_path_is_found_with_values_in_its_variables(paths):
    shapes = {tuple("{}" if part.startswith("{") else part for part in parts): parts for parts in paths}
    tree = tree_of(*(("GET", "/" + "/".join(parts)) for parts in shapes.values()))
    for parts in shapes.values():
        filled = ["zzz" if part.startswith("{") else part for part in parts]
        found = tree.find("GET", "/" + "/".join(filled))
        assert found is not None
        assert set(found.variables.values()) <= {"zzz"}
        assert len(found.target.split("/")) == len(parts) + 1
