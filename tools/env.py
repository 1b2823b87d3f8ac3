"""Makes the virtual environment: `python3 tools/env.py`. Needs nothing but a Python with venv and pip.

The environment is built again when the lock file, pyproject.toml, the Python version or the checkout's place changes.
"""

import argparse
import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / ".stamp"
LOCK = ROOT / "requirements.lock"
OLDEST, TOO_NEW = (3, 11), (3, 14)


def fail(message: str) -> None:
    """Print why the environment cannot be made and exit with status 1."""
    sys.exit(f"env: {message}")


def environment_python() -> Path:
    """The interpreter inside the environment."""
    return VENV / "bin" / "python"


def environment_version() -> tuple[int, int] | None:
    """Major and minor version of the environment's interpreter; None when there is none that runs."""
    if not environment_python().exists():
        return None
    answer = subprocess.run(
        [environment_python(), "-c", "import sys; print(*sys.version_info[:2])"],
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        return None
    major, minor = answer.stdout.split()
    return int(major), int(minor)


def fingerprint(version: tuple[int, int]) -> str:
    """What the environment depends on, as one digest."""
    digest = hashlib.sha256(f"{version} {VENV}".encode())
    for path in (LOCK, ROOT / "pyproject.toml"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def create() -> None:
    """Create an empty environment of the running interpreter in the place of any earlier one."""
    if importlib.util.find_spec("ensurepip") is None:  # Debian and Ubuntu leave it out of the base package
        name = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        fail(f"this Python cannot make virtual environments. On Debian or Ubuntu: sudo apt-get install {name}")
    venv.create(VENV, clear=True, with_pip=True, symlinks=True)


def uv_requirement() -> str:
    """The lock file's lines for uv, which installs the rest in parallel."""
    found = re.search(r"^uv==.*\n(?: +--hash=.*\n)+", LOCK.read_text(), re.MULTILINE)
    if found is None:
        sys.exit("env: requirements.lock does not pin uv")
    return found.group()


def install() -> None:
    """Install the locked packages by hash and the project as an editable package."""
    pip = [str(environment_python()), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    only_uv = VENV / "uv.lock.txt"
    only_uv.write_text(uv_requirement())
    subprocess.run([*pip, "--require-hashes", "-r", str(only_uv)], check=True)
    sync = [str(VENV / "bin" / "uv"), "pip", "sync", "--quiet", "--system-certs", "--require-hashes", str(LOCK)]
    if subprocess.run(sync, check=False, env={**os.environ, "VIRTUAL_ENV": str(VENV)}).returncode != 0:
        # pip knows mirrors and certificates that were configured for it alone.
        print("env: uv could not install; trying pip, which is slower", flush=True)
        # The lock file is complete; of one package it leaves out dependencies on purpose (uv.toml).
        subprocess.run([*pip, "--no-deps", "--require-hashes", "-r", str(LOCK)], check=True)
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)], check=True)


def main() -> None:
    """Bring the environment up to date; a moment's work when it already is."""
    options = argparse.ArgumentParser(description="Make or refresh the virtual environment in .venv.")
    options.add_argument("--exact", action="store_true", help="insist on the version of the running interpreter")
    exact = options.parse_args().exact

    running = sys.version_info[:2]
    present = environment_version()
    keep = present is not None and OLDEST <= present < TOO_NEW and (present == running or not exact)
    if keep and STAMP.exists() and STAMP.read_text() == fingerprint(present or running):
        return
    if not keep and not OLDEST <= running < TOO_NEW:
        wanted = f"{OLDEST[0]}.{OLDEST[1]} to {TOO_NEW[0]}.{TOO_NEW[1] - 1}"
        fail(f"{sys.executable} is Python {running[0]}.{running[1]}; {wanted} is needed (make PYTHON=python3.13 ...)")
    if not keep:
        print(f"env: making .venv with Python {running[0]}.{running[1]}", flush=True)
        create()
    STAMP.unlink(missing_ok=True)
    print("env: installing the locked packages", flush=True)
    try:
        install()
    except subprocess.CalledProcessError as error:
        fail(f"{' '.join(map(str, error.cmd[:6]))} ... failed with status {error.returncode}")
    STAMP.write_text(fingerprint(present if keep and present else running))


if __name__ == "__main__":
    main()
