"""Code generation and the checks of the protos."""

import os
import shutil
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from tools.lint import buf
from tools.protos import PROTOS, compile_protos, fingerprint, generate, mirror, write_descriptors

PROTO = """
syntax = "proto3";
package mizan.toy.v1;
import "google/api/annotations.proto";

// ToyService plays.
service ToyService {
  // Play plays once.
  rpc Play(PlayRequest) returns (PlayResponse) {
    option (google.api.http) = {get: "/api/toys/"};
  }
}

message PlayRequest {
  string name = 1;
}

message PlayResponse {
  string sound = 1;
}
"""


@pytest.fixture
def protos(tmp_path: Path) -> Path:
    folder = tmp_path / "protos"
    (folder / "mizan/toy/v1").mkdir(parents=True)
    (folder / "mizan/toy/v1/toy.proto").write_text(PROTO)
    return folder


def change(protos: Path, old: str, new: str) -> None:
    file = protos / "mizan/toy/v1/toy.proto"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def test_generates_typed_code_and_descriptors_with_comments(protos: Path, tmp_path: Path) -> None:
    target = tmp_path / "gen"
    target.mkdir()
    generate(protos, target)
    package = target / "mizan/toy/v1"
    assert {path.name for path in package.iterdir()} == {
        "__init__.py",
        "toy_pb2.py",
        "toy_pb2.pyi",
        "toy_pb2_grpc.py",
        "toy_pb2_grpc.pyi",
    }
    assert "class PlayRequest" in (package / "toy_pb2.pyi").read_text()
    assert (target / "mizan/py.typed").exists()
    found = FileDescriptorSet.FromString((target / "mizan/descriptors.binpb").read_bytes())
    files = {file.name: file for file in found.file}
    assert "google/api/annotations.proto" in files
    comments = {one.leading_comments.strip() for one in files["mizan/toy/v1/toy.proto"].source_code_info.location}
    assert "Play plays once." in comments


def test_what_does_not_compile_is_an_error(protos: Path, tmp_path: Path) -> None:
    change(protos, "PlayResponse) {", "Nothing) {")
    with pytest.raises(RuntimeError, match="do not compile"):
        compile_protos(protos, [f"--python_out={tmp_path}"])


def test_the_fingerprint_follows_content_and_names(protos: Path) -> None:
    before = fingerprint(protos)
    assert fingerprint(protos) == before
    (protos / "mizan/toy/v1/toy.proto").rename(protos / "mizan/toy/v1/other.proto")
    renamed = fingerprint(protos)
    (protos / "mizan/toy/v1/other.proto").write_text(PROTO + "\n")
    assert len({before, renamed, fingerprint(protos)}) == 3


def test_mirroring_keeps_what_is_equal_and_drops_what_is_gone(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    for folder, names in ((source, ("a.py", "b/c.py")), (target, ("a.py", "b/c.py", "old/d.py", "b/old.py"))):
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(name)
    (target / "b/__pycache__").mkdir()
    (target / "b/__pycache__/c.pyc").touch()
    (source / "b/c.py").write_text("new")
    os.utime(target / "a.py", (1, 1))
    mirror(source, target)
    assert sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()) == [
        "a.py",
        "b/__pycache__/c.pyc",
        "b/c.py",
    ]
    assert (target / "b/c.py").read_text() == "new"
    assert (target / "a.py").stat().st_mtime == 1
    assert not (target / "old").exists()


class TestBuf:
    @pytest.fixture
    def before(self, protos: Path, tmp_path: Path) -> Path:
        write_descriptors(protos, tmp_path / "before.binpb")
        return tmp_path / "before.binpb"

    def test_style(self, before: Path, protos: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        assert buf.style(before) == 0
        change(protos, "string name", "string Name")
        write_descriptors(protos, tmp_path / "after.binpb")
        assert buf.style(tmp_path / "after.binpb") != 0
        assert "lower_snake_case" in capfd.readouterr().out

    @pytest.mark.parametrize(
        ("old", "new", "complaint"),
        [
            ("string name = 1;", "", 'field "1" with name "name"'),
            ("string name = 1;", "int32 name = 1;", "changed type"),
            ("rpc Play(", "rpc Sing(", 'RPC "Play"'),
        ],
    )
    def test_a_breaking_change_is_found(
        self,
        before: Path,
        protos: Path,
        tmp_path: Path,
        capfd: pytest.CaptureFixture[str],
        old: str,
        new: str,
        complaint: str,
    ) -> None:
        change(protos, old, new)
        write_descriptors(protos, tmp_path / "after.binpb")
        assert buf.compare(before, tmp_path / "after.binpb") != 0
        assert complaint in capfd.readouterr().out

    def test_an_addition_is_none(self, before: Path, protos: Path, tmp_path: Path) -> None:
        change(protos, "string name = 1;", "string name = 1;\n  string colour = 2;")
        write_descriptors(protos, tmp_path / "after.binpb")
        assert buf.compare(before, tmp_path / "after.binpb") == 0

    def test_a_branch_without_protos_is_nothing_to_compare_with(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("BREAKING_AGAINST", "no-such-branch")
        assert buf.compatibility() == 0
        assert "nothing to compare with" in capsys.readouterr().out

    def test_protos_of_a_commit(self, tmp_path: Path) -> None:
        commit = buf.base_commit("HEAD")
        if shutil.which("git") is None or commit is None:
            pytest.skip("not a git checkout with protos")
        assert (buf.unpack_protos(commit, tmp_path) / "buf.yaml").exists()
        assert PROTOS.exists()
