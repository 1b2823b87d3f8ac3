"""Makes what an installation needs before its services start: `mizan provision`.

For one PostgreSQL server, as a laptop or a small site has it. Where databases, roles and keys come from elsewhere, as a
Kubernetes cluster's operators make them, `mizan migrate` is all that is needed.
"""

import os
from pathlib import Path

import typer

from servicekit import migrate
from tools.devkeys import DevKeys
from tools.operations.choice import refuse
from tools.services import migrated_services, service_names
from tools.stack.databases import Databases

GATEWAY = "gateway"


def main() -> None:
    """Make the databases with their roles, the key pairs, and the newest schema; what exists is brought in line.

    ADMIN_DATABASE_URL is PostgreSQL's superuser, DATABASES_SECRET what the roles' passwords are derived from, and
    KEYS_DIR the folder for the keys.
    """
    admin, secret, keys_folder = map(_required, ("ADMIN_DATABASE_URL", "DATABASES_SECRET", "KEYS_DIR"))
    keys = DevKeys(Path(keys_folder))
    keys.make_internal_keys([*service_names(), GATEWAY])
    keys.make_jwt_key()
    databases = Databases(admin, secret)
    for name in migrated_services():
        database = databases.create(name)
        changed = migrate.upgrade(database.owner_dsn, name, f"{name}_app")
        typer.echo(f"{name}: {'migrated' if changed else 'at the newest schema'}")


def _required(variable: str) -> str:
    given = os.environ.get(variable)
    return given or refuse(f"{variable} is not set")
