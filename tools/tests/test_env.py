"""The lock file and the environment that is made from it."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from tools import env
from tools.services import ROOT

NAME = re.compile(r"^([A-Za-z0-9_.-]+)")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def wanted() -> set[str]:
    lines = [
        line for file in ("requirements.in", "requirements-dev.in") for line in (ROOT / file).read_text().splitlines()
    ]
    return {normal(found.group(1)) for line in lines if (found := NAME.match(line))}


def test_the_lock_holds_what_is_asked_for() -> None:
    locked = {normal(line.split("==")[0]) for line in env.LOCK.read_text().splitlines() if "==" in line}
    assert wanted() <= locked


def test_every_package_is_pinned_by_hash() -> None:
    entries = re.split(r"^(?=[A-Za-z0-9])", env.LOCK.read_text(), flags=re.MULTILINE)[1:]
    assert len(entries) > 100
    for entry in entries:
        assert re.match(r"[A-Za-z0-9_.-]+==[^\s\\]+( ; .*?)? \\\n(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+$", entry), (
            entry
        )


def test_the_lock_names_no_place() -> None:
    text = env.LOCK.read_text()
    for word in ("://", "index", "find-links", "file:", "/"):
        assert word not in text


def test_uv_is_cut_out_with_its_hashes() -> None:
    lines = env.uv_requirement().splitlines()
    assert lines[0].startswith("uv==")
    assert len(lines) > 1
    assert all("--hash=" in line for line in lines[1:])
    assert not lines[-1].endswith("\\")


def test_a_lock_without_uv_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env, "LOCK", tmp_path / "requirements.lock")
    env.LOCK.write_text("uvloop==0.1 \\\n    --hash=sha256:00\n")
    with pytest.raises(SystemExit, match="does not pin uv"):
        env.uv_requirement()


def test_the_fingerprint_follows_python_and_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env, "LOCK", tmp_path / "requirements.lock")
    env.LOCK.write_text("one")
    first = env.fingerprint((3, 11))
    assert env.fingerprint((3, 11)) == first
    assert env.fingerprint((3, 12)) != first
    env.LOCK.write_text("two")
    assert env.fingerprint((3, 11)) != first


def test_the_version_of_an_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env, "VENV", tmp_path)
    assert env.environment_version() is None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    assert env.environment_version() == sys.version_info[:2]
    (tmp_path / "bin" / "python").unlink()
    (tmp_path / "bin" / "python").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bin" / "python").chmod(0o755)
    assert env.environment_version() is None


def test_a_python_without_venv_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(SystemExit, match=r"apt-get install python3\.\d+-venv"):
        env.create()


@pytest.mark.parametrize("version", [(3, 10), (3, 14)])
def test_a_python_of_another_version_is_refused(
    version: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(env, "VENV", tmp_path / "none")
    monkeypatch.setattr(sys, "version_info", (*version, 0, "final", 0))
    monkeypatch.setattr(sys, "argv", ["env.py"])
    with pytest.raises(SystemExit, match=r"3\.11 to 3\.13 is needed"):
        env.main()
