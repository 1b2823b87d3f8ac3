"""Fails when a service's migrations do not make what its models say: `python -m tools.lint.migration_drift`."""

import sys
import tempfile
from pathlib import Path

from servicekit import migrate
from tools.services import migrated_services
from tools.stack import make_stack


def drift() -> dict[str, list[str]]:
    """The differences by service, each found on a fresh database at the newest revision."""
    services = migrated_services()
    if not services:
        print("no service has migrations")
        return {}
    differences: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder, make_stack(Path(folder) / "stack", durable=False) as stack:
        for service in services:
            database = stack.create_database(f"{service}_drift", service)
            migrate.upgrade(database.owner_dsn, service)
            differences[service] = migrate.check(database.owner_dsn, service)
    return differences


def main() -> int:
    """Print what differs; returns the exit status."""
    found = drift()
    for service, differences in found.items():
        for difference in differences:
            print(f"{service}: {difference}")
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
