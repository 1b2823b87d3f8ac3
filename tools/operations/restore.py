"""Restores databases from a backup and compares them with what it held: `mizan restore`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from tools.operations.choice import chosen, refuse
from tools.operations.manifest import Backup, digest_of
from tools.operations.postgresql import DatabaseProblem, connect, contents_of, program, run_program, tables_of
from tools.services import ORDER


def main(
    folder: Annotated[Path, typer.Argument(help="What `mizan backup` wrote.")],
    service: Annotated[str, typer.Option(help="A service, or all.")] = "all",
) -> None:
    """Fill empty databases from a backup, as the owner in <SERVICE>_OWNER_DATABASE_URL, and compare every table.

    Roles must exist, databases must be empty, and the services must not run. Ends with 1 when something is not the
    same; what a database held before is never touched.
    """
    for name in chosen(service, list(ORDER)):
        url = os.environ.get(f"{name.upper()}_OWNER_DATABASE_URL")
        if not url:
            refuse(f"{name.upper()}_OWNER_DATABASE_URL is not set")
        try:
            backup = Backup.read(folder, name)
            restore_into(url, folder, backup)
        except DatabaseProblem as problem:
            typer.echo(f"{name}: {problem}", err=True)
            raise typer.Exit(1) from problem
        typer.echo(
            f"{name}: {sum(held.rows for held in backup.contents.values())} rows restored and compared, the same"
        )


def restore_into(url: str, folder: Path, backup: Backup) -> None:
    """Fills an empty database and compares it. Raises DatabaseProblem; a failed restore leaves the database empty."""
    file = folder / backup.file
    if not file.exists() or digest_of(file) != backup.sha256:
        raise DatabaseProblem(f"{file} is not what the manifest says")
    with connect(url) as connection:
        if found := tables_of(connection):
            raise DatabaseProblem(f"the database is not empty: it has {', '.join(found[:3])} and maybe more")
        restore = program("pg_restore", connection.info.server_version // 10_000)
        database = f"--dbname={connection.info.dbname}"
    run_program([restore, "--single-transaction", "--exit-on-error", "--no-owner", database, str(file)], url)
    with connect(url) as connection:
        restored = contents_of(connection)
    expected = backup.contents
    if wrong := sorted(name for name in {*expected, *restored} if expected.get(name) != restored.get(name)):
        raise DatabaseProblem(f"restored, but not the same: {', '.join(wrong)}")
