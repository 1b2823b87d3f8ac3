"""Runs every check and names those that failed: `python -m tools.lint`."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tools.lint import buf
from tools.services import ROOT

PROGRAMS = Path(sys.executable).parent
TYPED = (
    "libs/servicekit",
    "libs/refdata",
    "libs/labour",
    "libs/entitlements",
    "libs/credentials",
    "services",
    "gateway",
    "tools",
    "tests",
)


def program(name: str, *arguments: str) -> Callable[[], int]:
    """A check that runs one of the environment's programs."""
    return lambda: subprocess.run([PROGRAMS / name, *arguments], cwd=ROOT, check=False).returncode


def main() -> int:
    """Run all checks, whichever fail; returns the exit status."""
    checks: dict[str, Callable[[], int]] = {
        "ruff check": program("ruff", "check", "."),
        "ruff format": program("ruff", "format", "--check", "--quiet", "."),
        "mypy": program("mypy", *(folder for folder in TYPED if (ROOT / folder).exists())),
        "import-linter": program("lint-imports", "--config", "pyproject.toml"),
        "buf lint": buf.style,
        "buf breaking": buf.compatibility,
        "migration drift": program(sys.executable, "-m", "tools.lint.migration_drift"),
    }
    failed = []
    for name, check in checks.items():
        print(f"== {name}", flush=True)
        start = time.monotonic()
        try:
            status = check()
        except (RuntimeError, subprocess.CalledProcessError) as error:
            print(error)
            status = 1
        if status != 0:
            failed.append(name)
        print(f"-- {name}: {'failed' if status else 'passed'} in {time.monotonic() - start:.1f} s", flush=True)
    print(f"lint: {'failed: ' + ', '.join(failed) if failed else 'passed'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
