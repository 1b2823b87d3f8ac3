"""Writes the migration that brings a database to its models: `python -m tools.revision scheduling "Adds shifts."`

The database of the newest revision is made on a scratch server and compared with the models, so none has to run.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from servicekit import migrate
from tools.services import ROOT, migrated_services
from tools.stack import Stack, make_stack


def write_revision(stack: Stack, service: str, message: str) -> Path | None:
    """The new revision's file, or None when the newest revision makes what the models say."""
    database = stack.create_database(f"{service}_revision", service)
    migrate.upgrade(database.owner_dsn, service)
    if not migrate.check(database.owner_dsn, service):
        return None
    folder = ROOT / "services" / service / "migrations" / "versions"
    before = set(folder.glob("*.py"))
    migrate.new_revision(database.owner_dsn, service, message)
    (written,) = set(folder.glob("*.py")) - before
    subprocess.run([Path(sys.executable).parent / "ruff", "format", "--quiet", written], cwd=ROOT, check=True)
    return written


def main() -> int:
    """Write and say where; returns the exit status."""
    options = argparse.ArgumentParser(description="Writes the migration that brings a database to its models.")
    options.add_argument("service", choices=migrated_services())
    options.add_argument("message", help="what it changes, in one sentence")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # PostgreSQL's data may belong to another user than the folder.
        Path(folder).chmod(0o711)
        with make_stack(Path(folder) / "stack", durable=False) as stack:
            written = write_revision(stack, chosen.service, chosen.message)
    if written is None:
        print(f"{chosen.service}: the newest revision makes what the models say")
        return 1
    print(f"wrote {written.relative_to(ROOT)}; read it, and put new tables of restaurants under tenant_policies")
    return 0


if __name__ == "__main__":
    sys.exit(main())
