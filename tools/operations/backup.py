"""Backs databases up, each in one file of PostgreSQL's custom format: `mizan backup`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import psycopg
import typer
from psycopg import sql
from sqlalchemy.engine import make_url

from tools.operations.choice import chosen, refuse
from tools.operations.manifest import Backup, digest_of
from tools.operations.postgresql import (
    DatabaseProblem,
    connect,
    contents_of,
    program,
    require_visible,
    run_program,
)
from tools.operations.restore import restore_into
from tools.services import ORDER


def main(
    folder: Annotated[Path, typer.Argument(help="A folder that is made, or that holds the backups of other services.")],
    service: Annotated[str, typer.Option(help="A service, or all.")] = "all",
    verify: Annotated[
        bool, typer.Option("--verify", help="Restore each file into a database of its own and compare.")
    ] = False,
) -> None:
    """Write one file per service database, as the owner in <SERVICE>_OWNER_DATABASE_URL, with a manifest of all rows.

    What a file holds is what the database held at one moment; services go on working. --verify makes and drops a
    database beside the others and needs ADMIN_DATABASE_URL. Ends with 1 when a backup fails or does not compare.
    """
    admin = os.environ.get("ADMIN_DATABASE_URL")
    if verify and not admin:
        refuse("ADMIN_DATABASE_URL is not set")
    names = chosen(service, list(ORDER))
    urls = {name: os.environ.get(f"{name.upper()}_OWNER_DATABASE_URL") for name in names}
    if missing := [name for name, url in urls.items() if not url]:
        refuse(f"{missing[0].upper()}_OWNER_DATABASE_URL is not set")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, url in urls.items():
        try:
            made = take(str(url), folder, name)
            rows = sum(held.rows for held in made.contents.values())
            size = (folder / made.file).stat().st_size
            typer.echo(f"{name}: {rows} rows of {len(made.contents)} tables in {made.file}, {size} bytes")
            if admin and verify:
                with scratch(admin, str(url)) as target:
                    restore_into(target, folder, made)
                typer.echo(f"{name}: restored and compared, the same")
        except DatabaseProblem as problem:
            typer.echo(f"{name}: {problem}", err=True)
            raise typer.Exit(1) from problem


def take(url: str, folder: Path, service: str) -> Backup:
    """Writes the file of one database and its entry in the manifest. Raises DatabaseProblem."""
    path = folder / f"{service}.dump"
    unfinished = folder / f"{service}.new"
    with connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        require_visible(connection)
        # The counts and the dump see the same moment.
        (snapshot,) = connection.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone() or ("",)
        dump = program("pg_dump", connection.info.server_version // 10_000)
        run_program(
            [
                dump,
                "--format=custom",
                "--no-owner",
                "--enable-row-security",
                f"--snapshot={snapshot}",
                f"--file={unfinished}",
            ],
            url,
        )
        contents = contents_of(connection)
    unfinished.chmod(0o600)
    unfinished.replace(path)
    made = Backup(path.name, digest_of(path), datetime.now(UTC).isoformat(), revision, contents)
    made.keep(folder, service)
    return made


@contextmanager
def scratch(admin: str, owner: str) -> Iterator[str]:
    """The URL of an empty database of the same owner, which is dropped afterwards. Raises DatabaseProblem."""
    url = make_url(owner)
    name = f"{url.database}_verify_{uuid4().hex[:12]}"
    with connect(admin) as connection:
        connection.autocommit = True
        make = sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(url.username or ""))
        connection.execute(make)
        try:
            yield url.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
