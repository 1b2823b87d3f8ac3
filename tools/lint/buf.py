"""buf on the compiled protos: style, and compatibility with what main serves. Needs no network."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.protos import DESCRIPTORS, GENERATED, PROTOS, ROOT, write_descriptors

BUF = Path(sys.executable).parent / "buf"
CONFIG = PROTOS / "buf.yaml"
CURRENT = GENERATED / DESCRIPTORS


def base_commit(branch: str) -> str | None:
    """The last commit of a branch that changed the protos; None when the branch or such a commit does not exist."""
    found = subprocess.run(
        ["git", "rev-list", "-1", branch, "--", "protos"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or None


def unpack_protos(commit: str, folder: Path) -> Path:
    """Write the protos of a commit into a folder and return where they are."""
    archive = subprocess.run(["git", "archive", commit, "protos"], cwd=ROOT, capture_output=True, check=True)
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    return folder / "protos"


def style(descriptors: Path = CURRENT) -> int:
    """Run buf lint; returns its exit status."""
    return subprocess.run([BUF, "lint", descriptors, "--config", CONFIG], check=False).returncode


def compare(before: Path, after: Path = CURRENT) -> int:
    """Run buf breaking on two descriptor sets; returns its exit status."""
    command: list[str | Path] = [BUF, "breaking", after, "--against", before, "--config", CONFIG]
    return subprocess.run(command, check=False).returncode


def compatibility() -> int:
    """Compare with the branch in BREAKING_AGAINST, by default main; returns the exit status."""
    branch = os.environ.get("BREAKING_AGAINST", "main")
    commit = base_commit(branch)
    if commit is None:
        print(f"nothing to compare with: the branch {branch} has no commit with protos")
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        before = Path(scratch) / "before.binpb"
        write_descriptors(unpack_protos(commit, Path(scratch)), before)
        print(f"compared with {commit[:12]} on {branch}")
        return compare(before)
